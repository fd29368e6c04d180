"""Every alert fires when it should and not otherwise, by Prometheus' own tool."""

import json
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore import xform_name
from r1_on_eks.cli import parser
from r1_on_eks.decisions_files import read_decisions
from r1_on_eks.plan import Plan
from r1_on_eks.plan.monitoring.rules import alert_groups, rule_groups
from r1_on_eks.rehearsal.prometheus_package import find_or_unpack_prometheus
from r1_on_eks.stack_config import parse_stack_config

sys.path.insert(0, str(Path(__file__).parent))
from alert_case_table import CASES
from alert_cases import PLAN, STATE, constant, plan_of, replicas
from plan_figures import FIGURE_VALUES
from promtool_files import (
    ALERTS,
    RECORDS,
    RULES,
    Trial,
    closure,
    failed,
    of_alert,
    of_figure,
    of_record,
    stripped,
)
from record_case_table import RECORDED
from rule_mutants import mutants

STACKS = Path(__file__).parent.parent / "stacks"
NAMES = sorted(file.name[7:-5] for file in STACKS.glob("Pulumi.*.yaml"))
# The same result whatever is told: of this sum only its zero counts, and only where the whole,
# which selects the job itself, has a series.
EQUIVALENT = {
    f'r1:errors:ratio{window}: job="vllm" dropped at {place}'
    for window, place in (("5m", 105), ("30m", 106), ("1h", 105), ("6h", 105))
}
# In each run of the default tests; `pytest -m slow` takes all.
SAMPLED = 60


def plan_of_stack(name):
    stack = yaml.safe_load((STACKS / f"Pulumi.{name}.yaml").read_text())["config"]
    config = parse_stack_config({"name": name, **stack["r1-on-eks:stack"]})
    return Plan.of(config, read_decisions(STACKS, name))


COMMANDS = set(re.findall(r"^    ([a-z-]+)\b", parser().format_help(), re.M))
PLANS = {name: plan_of_stack(name) for name in NAMES}


@pytest.mark.rehearsal
def test_prometheus_takes_the_rules_of_every_stack(tmp_path):
    for name, plan in PLANS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"groups": rule_groups(plan)}))
    done = subprocess.run(
        [find_or_unpack_prometheus(print).promtool, "check", "rules", "--lint=all",
         "--lint-fatal", *sorted(tmp_path.glob("*.json"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_says_what_it_means_and_what_to_type_first(name):
    for group in alert_groups(PLANS[name]).values():
        for alert in group:
            said = alert.rule(name)["annotations"]
            steps = re.findall(r"^(\d)\. \S", said["runbook"], re.M)
            assert steps == ["1", "2", "3"], alert.name
            assert len(said["summary"]) < 110, alert.name
            assert alert.severity in ("critical", "warning", "info")
            for command in re.findall(r"(?<!-n )\br1 ([a-z]+)", said["runbook"]):
                assert command in COMMANDS, f"{alert.name}: there is no r1 {command}"
            assert "STACK" not in said["runbook"]


ALL_ALERTS = {
    alert.name: alert
    for plan in PLANS.values()
    for group in alert_groups(plan).values()
    for alert in group
}
# What is on the path of who is on call; the others are the shell's.
PROGRAMS = {"kubectl", "aws", "r1", "pulumi"}
FILTERS = {"cut", "date", "grep", "head", "sort", "tail", "uniq", "xargs"}
# Of objects that are in no namespace, or of a whole path.
CLUSTERS_OWN = {"node", "nodes", "drain", "uncordon", "--raw"}
# Of aws itself, whatever the service.
OF_AWS = {"query", "output", "max-items"}


def pieces(command):
    """The single commands of a line, those in $(…) too, each as its words."""
    inner = re.findall(r"\$\(([^()]*)\)", command)
    for text in (re.sub(r"\$\([^()]*\)", "i-0", command), *inner):
        lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = []
        for word in lexer:
            if word in ("|", "&&", ";"):
                yield words
                words = []
            else:
                words.append(word)
        yield words


@pytest.mark.parametrize("name", sorted(ALL_ALERTS))
def test_what_is_to_be_typed_can_be_pasted(name):
    typed = [step.run for step in ALL_ALERTS[name].first if step.run]
    assert typed, "there is nothing to type"
    for step in ALL_ALERTS[name].first:
        # A command in the middle of a sentence can't be taken whole.
        assert not re.search(r"\b(kubectl|aws|pulumi|crictl) [a-z]", step.look), step.look
        assert not re.search(r"\br1 (check|cost|pins|plan|recommend)\b", step.look), step.look
    runbook = ALL_ALERTS[name].rule("edge-1.5b-cpu")["annotations"]["runbook"]
    filled = re.sub(r"{{ \$labels\.(\w+) }}", r"a-\1", runbook)
    lines = [line.strip() for line in filled.splitlines() if line.startswith("   ")]
    assert len(lines) == len(typed)
    for line in lines:
        assert subprocess.run(["bash", "-nc", line], check=False).returncode == 0, line
        assert "STACK" not in line
        assert "CLUSTER" not in line
        for words in pieces(line):
            exists(words)


def exists(words):
    """Whether a command is one of its program's, as far as the program says without a cluster."""
    program, *rest = words
    assert program in PROGRAMS | FILTERS, words
    if program == "xargs":
        exists([one for one in rest if one != "-n1"])
    elif program == "r1":
        parser().parse_args(rest)
    elif program == "kubectl":
        assert "top" not in rest, "no stack has the metrics server that it asks"
        assert CLUSTERS_OWN & set(rest) or {"-n", "--all-namespaces"} & set(rest), words
    elif program == "aws":
        service, operation, *flags = rest
        model = botocore.session.get_session().get_service_model(service)
        names = {xform_name(one, "-"): one for one in model.operation_names}
        members = model.operation_model(names[operation]).input_shape.members
        known = {xform_name(one, "-") for one in members} | OF_AWS
        assert {one[2:] for one in flags if one.startswith("--")} <= known, words


def test_the_page_sets_all_that_its_commands_take():
    page = (STACKS.parent / "docs" / "runbooks.md").read_text()
    (given,) = re.findall(r"```sh account\n(export .*?)```", page, re.S)
    taken = {one for text in re.findall(r"```sh account\n(.*?)```", page, re.S)
             for one in re.findall(r"\$\{?([A-Z]+)", text)}  # fmt: skip
    assert taken <= set(re.findall(r"\b([A-Z_]+)=", given))


def test_an_alert_speaks_of_labels_that_it_has():
    for group in rule_groups(PLAN):
        for rule in group["rules"]:
            if "alert" in rule:
                spoken = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
                for fires in CASES[rule["alert"]].fires:
                    assert all(spoken <= labels.keys() for labels in fires.labels), rule["alert"]


def test_the_page_about_monitoring_lists_every_alert_as_it_is():
    page = (STACKS.parent / "docs" / "monitoring.md").read_text()
    listed = re.findall(r"^\| (\w+) \| (critical|warning|info) \| (\w+) \|", page, re.M)
    known = {
        (alert.name, alert.severity, alert.hold): None
        for name in ("prod-70b", "office-7b")
        for group in alert_groups(PLANS[name]).values()
        for alert in group
    }
    assert listed == [*known]


def test_without_gpus_or_a_file_system_nothing_is_alerted_of_them():
    assert alert_groups(PLANS["edge-1.5b-cpu"])["r1-gpus"] == ()
    assert alert_groups(PLANS["edge-1.5b-cpu"])["r1-storage"] == ()


def test_of_a_group_over_nodes_the_leaders_are_counted():
    rules = [rule for group in rule_groups(PLANS["prod-671b-p4d"]) for rule in group["rules"]]
    (wanted,) = (rule for rule in rules if rule.get("record") == "r1:replicas:wanted")
    assert wanted["expr"] == (
        'sum(kube_statefulset_replicas{job="kube-state-metrics",namespace="r1",'
        'statefulset="r1-671b"})'
    )


def test_two_groups_of_a_variant_are_counted_by_the_label_that_their_nodes_share():
    group = {"instance": "p5.48xlarge", "precision": "fp8", "tensor_parallel": 8, "stages": 2,
             "replicas": 2, "concurrency": 8, "gpu_memory_utilization": 0.92}  # fmt: skip
    weights = {"bucket": "example-r1-weights", "storage": "s3-stream"}
    plan = plan_of(variants={"671b": group}, weights=weights)
    assert len(plan.gpu_pools) == 2
    figures = [rule for rule in rule_groups(plan)[0]["rules"] if "pool" in rule.get("labels", {})]
    assert [(rule["record"], rule["labels"]["pool"]) for rule in figures] == [
        ("r1_plan:usd_per_node_hour", "r1-671b"),
        ("r1_plan:nodes:wanted", "r1-671b"),
    ]
    assert figures[1]["expr"] == "vector(4)"


def of_office(name, series, at, expected):
    """An alert of the stack whose replicas and nodes come and go."""
    rules = [stripped(rule) for group in rule_groups(PLANS["office-7b"])
             for rule in group["rules"]]  # fmt: skip
    alert = next(rule for rule in rules if rule.get("alert") == name)
    fires = [
        {"labels": f"ALERTS{{alertname='{name}',alertstate='firing',{labels}}}", "value": 1}
        for labels in expected
    ]
    document = {
        "interval": "1m",
        "input_series": [one.told for one in series],
        "promql_expr_test": [
            {"expr": "ALERTS{alertstate='firing'}", "eval_time": f"{at}m", "exp_samples": fires}
        ],
    }
    return Trial(name, [*closure(alert, rules), alert], [document])


@pytest.mark.rehearsal
@pytest.mark.parametrize(("at", "down"), [(5, False), (25, False), (40, True)])
def test_a_wait_for_a_node_is_part_of_a_start_where_nodes_come_and_go(tmp_path, at, down):
    # Of a pod without a node kube-state-metrics knows neither a start nor whether it is ready.
    pod = {**STATE, "namespace": "r1", "pod": "r1-7b-77f4-9k2lm"}
    series = [
        *replicas(1, 0, "7b"),
        constant("kube_pod_created", 0, pod),
        constant("kube_pod_status_phase", 1, pod, phase="Pending"),
    ]
    expected = ["severity='critical',variant='7b'"] if down else []
    assert failed([of_office("ModelDown", series, at, expected)], tmp_path) == set()


@pytest.mark.rehearsal
@pytest.mark.parametrize(
    ("labels", "available", "at", "down"),
    [
        ({}, 0, 20, True),
        ({}, 0, 10, False),
        ({}, 1, 20, False),
        ({"namespace": "r1"}, 0, 20, False),
        ({"job": "another"}, 0, 20, False),
    ],
)
def test_somebody_is_told_when_what_scales_does_not_run(tmp_path, labels, available, at, down):
    about = {**STATE, "namespace": "autoscaling", "deployment": "keda-operator"} | labels
    series = [constant("kube_deployment_status_replicas_available", available, about)]
    told = ",".join(f"{key}='{value}'" for key, value in {**about, "severity": "warning"}.items())
    trial = of_office("ScalingDown", series, at, [told] if down else [])
    assert failed([trial], tmp_path) == set()


def test_what_scales_is_alerted_of_where_it_is_declared():
    assert alert_groups(PLANS["office-7b"])["r1-scaling"]
    assert alert_groups(PLANS["prod-70b"])["r1-scaling"] == ()


def test_every_alert_and_every_recorded_series_has_its_cases():
    assert CASES.keys() == ALERTS.keys()
    assert RECORDED.keys() == {rule["record"] for rule in RECORDS}
    assert all(case.fires for case in CASES.values())
    assert len(RULES) == len(ALERTS) + len(RECORDS) + len(FIGURE_VALUES)


@pytest.mark.rehearsal
def test_alerts_fire_and_stay_quiet_and_series_say_what_their_cases_say(tmp_path):
    figures = (of_figure(rule, value) for rule, value in FIGURE_VALUES)
    assert failed([*map(of_alert, ALERTS), *map(of_record, RECORDS), *figures], tmp_path) == set()


def all_mutants():
    for name, rule in ALERTS.items():
        for done, changed in mutants(rule):
            yield _named(of_alert(name, changed), done)
    for rule in RECORDS:
        for done, changed in mutants(rule):
            yield _named(of_record(rule, changed), done)
    for rule, value in FIGURE_VALUES:
        for done, changed in mutants(rule):
            yield _named(of_figure(rule, value, changed), done)


def _named(trial: Trial, done: str) -> Trial:
    return Trial(f"{trial.name}: {done}", trial.rules, trial.tests)


def survivors(trials: list[Trial], folder: Path) -> set[str]:
    assert len({trial.name for trial in trials}) == len(trials)
    return {trial.name for trial in trials} - failed(trials, folder)


@pytest.mark.rehearsal
def test_of_the_rules_that_are_made_wrong_a_sample_is_found(tmp_path):
    known = [trial for trial in all_mutants() if trial.name not in EQUIVALENT]
    assert survivors(random.Random(9).sample(known, SAMPLED), tmp_path) == set()


@pytest.mark.parametrize("page", ["README.md", "docs/monitoring.md"])
def test_the_pages_say_how_many_rules_are_made_wrong(page):
    told = (Path(__file__).parent.parent / page).read_text()
    assert f"{len([*all_mutants()])} rules" in told


@pytest.mark.slow
@pytest.mark.rehearsal
def test_every_rule_that_is_made_wrong_is_found(tmp_path):
    trials = [*all_mutants()]
    print(f"{len(trials)} mutants")
    assert survivors(trials, tmp_path) == EQUIVALENT
