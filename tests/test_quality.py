"""Quality checks: what is asked, what a fall is, what its pod may do.

tests/lm_eval_results.json is what lm-eval 0.4.13 wrote of examples/quality/tasks, asked of a
stand-in, less its configuration.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from r1_on_eks.benchmarking import quality
from r1_on_eks.benchmarking.quality import Figure, NotHeld, judged, parsed, read, written
from r1_on_eks.catalog.images import PYTHON_WITH_BOTO3, VLLM
from r1_on_eks.plan import Plan
from r1_on_eks.plan import quality as planned
from r1_on_eks.plan.images import images_in
from r1_on_eks.plan.monitoring.rules import alert_groups
from r1_on_eks.stack_config import StackConfigError, parse_stack_config
from r1_on_eks.stack_file import plan_of, settings_of

PROJECT = Path(__file__).parent.parent
STACKS = PROJECT / "stacks"
RESULTS = json.loads((Path(__file__).parent / "lm_eval_results.json").read_text())
ABOUT = {"at": "2026-11-22T03:00:00Z", "checkpoint": "ours", "server": VLLM}
F1 = {"task": "answers", "metric": "f1", "filter": "none"}
FIGURE = replace(read(RESULTS, F1, **ABOUT), value=0.9, error=0.01)


def history(*values, **changes):
    return [replace(FIGURE, value=value, **changes) for value in values]


def fell(value, before, tolerance=0.02, **changes):
    return judged(replace(FIGURE, value=value, **changes), before, tolerance)[0].fell


def test_the_harness_own_results_are_read():
    found = read(RESULTS, F1, **ABOUT)
    assert (found.value, found.error) == pytest.approx((0.0588, 0.0588), abs=1e-4)
    assert (found.questions, found.shots, found.version) == (4, 0, "1")
    assert found.higher_is_better
    assert read(RESULTS, {**F1, "metric": "bleu"}, **ABOUT).value == pytest.approx(
        0.4566, abs=1e-4
    )


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"task": "gsm8k"}, "gsm8k: the harness has no result of it, but of answers"),
        ({"metric": "acc"}, "no figure acc of filter none, but bleu,none, .*exact_match,none"),
        ({"filter": "strict"}, "no figure f1 of filter strict"),
    ],
)
def test_a_figure_that_is_not_there_is_named_with_those_that_are(wanted, says):
    with pytest.raises(NotHeld, match=says):
        read(RESULTS, F1 | wanted, **ABOUT)


def test_an_error_that_the_harness_cannot_say_is_none():
    results = {**RESULTS, "results": {"answers": {"f1,none": 0.5, "f1_stderr,none": "N/A"}}}
    assert read(results, F1, **ABOUT).error == 0


def test_the_first_of_its_kind_falls_not():
    assert not fell(0.1, [])
    other = [replace(FIGURE, task="gsm8k"), replace(FIGURE, questions=8), replace(FIGURE, shots=5),
             replace(FIGURE, metric="bleu"), replace(FIGURE, version="2")]  # fmt: skip
    assert not fell(0.1, other)


def test_it_falls_by_more_than_tolerance_and_chance_allow():
    exact = {"error": 0.0}
    before = history(0.9, 0.9, 0.9, **exact)
    assert not fell(0.883, before, **exact)
    assert fell(0.881, before, **exact)
    # Two standard errors of the new and of those before: 2 × √(0.02² + 0.02²/3) = 0.046.
    noisy = history(0.9, 0.9, 0.9, error=0.02)
    assert not fell(0.855, noisy, error=0.02)
    assert fell(0.853, noisy, error=0.02)


def test_what_is_better_lower_falls_by_rising():
    before = history(10.0, 10.0, error=0.0, higher_is_better=False)
    assert fell(10.3, before, error=0.0, higher_is_better=False)
    assert not fell(9.0, before, error=0.0, higher_is_better=False)


def test_it_is_held_against_the_usual_and_not_against_the_luckiest():
    lucky = history(0.9, 0.9, 0.9, 0.96, error=0.0)
    assert not fell(0.89, lucky, error=0.0)
    assert fell(0.87, lucky, error=0.0)


def test_what_fell_is_no_measure_for_the_next():
    before = [*history(0.9, error=0.0), *history(0.7, 0.7, 0.7, error=0.0, fell=True)]
    assert fell(0.7, before, error=0.0)
    assert not fell(0.9, before, error=0.0)


def test_a_sentence_says_from_where_to_where():
    _, told = judged(replace(FIGURE, value=0.7), history(0.9), 0.02)
    assert told == ("answers f1 0.7, 0.9 in 1 checks before, 0.028 worse is allowed: FELL")


def test_the_history_keeps_its_newest():
    many = history(*(one / 1000 for one in range(300)))
    kept = parsed(written(many))
    assert kept == many[100:]
    # Seven variants within what a ConfigMap may hold.
    assert 7 * len(written(many)) < 2**20


class Api(ThreadingHTTPServer):
    """An API server with one ConfigMap: as much of its protocol as is spoken."""

    def __init__(self, data=None, status=200):
        super().__init__(("127.0.0.1", 0), _Asked)
        self.data, self.status, self.asked = data, status, []


class _Asked(BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer(None)

    def do_PATCH(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        self._answer(body)

    def _answer(self, body):
        self.server.asked.append((self.command, self.path, self.headers["Authorization"]))
        if self.server.status == 200 and body:
            self.server.data = {**(self.server.data or {}), **body["data"]}
        content = {"data": self.server.data} if self.server.data else {}
        text = json.dumps(content).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def api(request):
    server = Api()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def stack(**changes):
    settings = {"name": "test-7b", **settings_of("test-7b", STACKS)}
    asks = {
        "image": "registry.example.com/quality:1",
        "tasks": [{"task": "answers", "metric": "f1"}],
    }
    return parse_stack_config(settings | {"quality": asks} | changes)


def compare(tmp_path, api, value):
    """What the pod's second container runs, as the plan says it, on what the first one wrote."""
    (check,) = Plan.of(stack(), _decided()).quality
    wanted = json.loads(check.wanted)
    wanted["results"] = str(tmp_path / "results")
    folder = tmp_path / "results" / "answers" / "7b"
    folder.mkdir(parents=True, exist_ok=True)
    scored = {"f1,none": value, "f1_stderr,none": 0.01}
    (folder / "results_2026-11-22T03-00-00.json").write_text(
        json.dumps({**RESULTS, "results": {"answers": scored}})
    )
    (tmp_path / "token").write_text("sesame\n")
    (tmp_path / planned.CODE_FILE).write_text(planned.check_code()[planned.CODE_FILE])
    environment = {
        "R1_QUALITY": json.dumps(wanted),
        "R1_API_SERVER": f"http://127.0.0.1:{api.server_port}",
        "R1_ACCOUNT": str(tmp_path),
    }
    return subprocess.run(
        # No package of ours, and none of others.
        [sys.executable, "-I", "-S", str(tmp_path / planned.CODE_FILE)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _decided(name="test-7b"):
    from r1_on_eks.decisions_files import read_decisions

    return read_decisions(STACKS, name)


def test_three_checks_as_the_pod_runs_them(tmp_path, api):
    first = compare(tmp_path, api, 0.9)
    assert (first.returncode, first.stderr) == (0, "")
    assert "the first of its kind" in first.stdout
    assert compare(tmp_path, api, 0.89).returncode == 0
    fallen = compare(tmp_path, api, 0.8)
    assert fallen.returncode == planned.FELL
    assert "FELL" in fallen.stdout
    kept = parsed(api.data["7b"])
    assert [(one.value, one.fell) for one in kept] == [(0.9, False), (0.89, False), (0.8, True)]
    assert kept[0].checkpoint == "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"
    assert kept[0].server == VLLM
    path = "/api/v1/namespaces/r1/configmaps/quality-history"
    assert api.asked[:2] == [("GET", path, "Bearer sesame"), ("PATCH", path, "Bearer sesame")]


def test_other_variants_entries_stay(tmp_path, api):
    api.data = {"70b": "theirs"}
    compare(tmp_path, api, 0.9)
    assert api.data["70b"] == "theirs"


def test_a_refusal_of_the_api_server_is_no_fall(tmp_path, api):
    api.status = 403
    refused = compare(tmp_path, api, 0.9)
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith("quality-history: HTTP 403")


def test_a_task_without_results_is_no_fall(tmp_path, api):
    (check,) = Plan.of(stack(), _decided()).quality
    kept = quality.ConfigMap(
        f"http://127.0.0.1:{api.server_port}", "r1", "quality-history", tmp_path
    )
    (tmp_path / "token").write_text("sesame")
    with pytest.raises(NotHeld, match="answers: the harness wrote no results"):
        quality.hold(tmp_path / "nothing", json.loads(check.wanted), kept, "now")


def test_both_sides_say_the_same_exit_status():
    assert quality.FELL == planned.FELL


def test_a_question_has_the_context_of_its_server_and_a_share_of_its_places():
    (check,) = plan_of("prod-70b", STACKS).quality
    (model,) = plan_of("prod-70b", STACKS).models
    words = check.script
    context = int(model.arguments[model.arguments.index("--max-model-len") + 1])
    assert f"max_gen_toks={context - 1024}" in words
    (at_a_time,) = set(re.findall(r"num_concurrent=(\d+)", words))
    assert 1 <= int(at_a_time) <= model.placement.concurrency // 2
    assert words.count("lm-eval run") == 2
    assert "--tasks gsm8k_cot_zeroshot --limit 200 --num_fewshot 0" in words
    assert "base_url=http://r1-70b:8000/v1/chat/completions" in words
    # The slowest answers, one after another, still end before the Job does.
    rounds = 2 * -(-200 // int(at_a_time))
    assert check.limit_seconds > rounds * model.server.timeline.drain_seconds


def test_two_figures_of_a_task_are_of_the_same_answers():
    tasks = [{"task": "answers", "metric": one} for one in ("f1", "bleu", "exact_match")]
    asks = {"image": "registry.example.com/quality:1", "tasks": tasks}
    (check,) = Plan.of(stack(quality=asks), _decided()).quality
    assert check.script.count("lm-eval run") == 1
    assert [one["metric"] for one in json.loads(check.wanted)["figures"]] == [
        "f1",
        "bleu",
        "exact_match",
    ]


def test_a_stack_that_asks_for_none_has_none(engine):
    engine.run(STACKS / "Pulumi.test-7b.yaml")
    assert not engine.of_type("CronJob")
    assert not engine.of_type("QualityChecks")
    assert alert_groups(plan_of("test-7b", STACKS))["r1-quality"] == ()


def test_its_python_is_pinned_only_where_it_runs():
    assert {*images_in(stack())} - {*images_in(stack(quality=None))} == {PYTHON_WITH_BOTO3}


def test_an_image_of_ones_own_comes_from_where_its_owner_says(engine):
    own = "111122223333.dkr.ecr.us-west-2.amazonaws.com/quality:1"
    mirror = {
        "docker_hub_secret": "arn:aws:secretsmanager:us-west-2:111122223333:secret:"
        "ecr-pullthroughcache/docker-hub-AbCdEf",
        "copied": "111122223333.dkr.ecr.us-west-2.amazonaws.com/mirror",
    }
    engine.run(STACKS / "Pulumi.prod-70b.yaml", image_mirror=mirror)
    pod = pod_of(engine)
    assert pod["initContainers"][0]["image"] == own
    assert pod["containers"][0]["image"].endswith("/prod-70b/ecr-public/lambda/python:3.13")


def pod_of(engine):
    job = engine.one("CronJob").inputs["spec"]["jobTemplate"]["spec"]
    return job["template"]["spec"]


def test_a_restricted_namespace_admits_it_and_it_costs_no_gpu(engine):
    engine.run(STACKS / "Pulumi.prod-70b.yaml")
    pod = pod_of(engine)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "tolerations" not in pod
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert {*container["resources"]["requests"]} == {"cpu", "memory"}


def test_the_harness_has_no_token_and_what_compares_has_no_key(engine):
    engine.run(STACKS / "Pulumi.prod-70b.yaml")
    pod = pod_of(engine)
    (asks,), (compares,) = pod["initContainers"], pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    (token,) = [one["name"] for one in pod["volumes"] if "projected" in one]
    assert token not in {one["name"] for one in asks["volumeMounts"]}
    assert token in {one["name"] for one in compares["volumeMounts"]}
    assert "secretKeyRef" in str(asks["env"])
    assert "secretKeyRef" not in str(compares["env"])
    secret = engine.one("Secret", "serving-server-key").inputs["metadata"]["name"]
    assert secret in str(asks["env"])


def test_it_may_change_one_config_map_and_nothing_else(engine):
    engine.run(STACKS / "Pulumi.prod-70b.yaml")
    (rule,) = engine.one("Role", "quality-history").inputs["rules"]
    assert rule == {
        "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"],
        "resourceNames": ["quality-history"],
    }  # fmt: skip
    assert engine.one("ConfigMap", "quality-history").ignore_changes == ("data",)
    (subject,) = engine.one("RoleBinding", "quality-history").inputs["subjects"]
    assert subject["name"] == pod_of(engine)["serviceAccountName"]


def test_one_runs_at_a_time_and_what_fell_is_not_asked_again(engine):
    engine.run(STACKS / "Pulumi.prod-70b.yaml")
    spec = engine.one("CronJob").inputs["spec"]
    assert (spec["concurrencyPolicy"], spec["timeZone"]) == ("Forbid", "Etc/UTC")
    job = spec["jobTemplate"]["spec"]
    (rule,) = job["podFailurePolicy"]["rules"]
    (container,) = job["template"]["spec"]["containers"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"] == {
        "containerName": container["name"], "operator": "In", "values": [planned.FELL]
    }  # fmt: skip
    # Kubernetes takes such a policy with this alone.
    assert job["template"]["spec"]["restartPolicy"] == "Never"


def test_of_replicas_that_come_and_go_those_that_always_stand_are_asked():
    settings = {"name": "office-7b", **settings_of("office-7b", STACKS)}
    variant = {**settings["variants"]["7b"], "scale": {"min": 1}}
    asks = {
        "image": "registry.example.com/quality:1",
        "tasks": [{"task": "answers", "metric": "f1"}],
    }
    asked = {**settings, "variants": {"7b": variant}, "quality": asks}
    plan = Plan.of(parse_stack_config(asked), _decided("office-7b"))
    (check,), (model,) = plan.quality, plan.models
    # A quarter of one replica's places, as docs/benchmarking.md says, and not of all four's.
    assert f"num_concurrent={model.placement.concurrency // 4}," in check.script
    assert model.placement.concurrency // 4 < model.scaling.under_way


def test_variants_that_do_not_always_stand_are_asked_only_by_mistake():
    asks = {
        "image": "registry.example.com/quality:1",
        "tasks": [{"task": "answers", "metric": "f1"}],
    }
    settings = {"name": "enterprise", **settings_of("enterprise", STACKS), "quality": asks}
    assert parse_stack_config(settings).checked == ("70b",)
    with pytest.raises(StackConfigError, match=r"quality.variants: of 671b no replica always"):
        parse_stack_config({**settings, "quality": {**asks, "variants": ["671b"]}})


@pytest.mark.parametrize(
    "said",
    ["0 3 * * 0", "*/15 0-6 1,15 jan-mar mon-fri", "0 3 * * SUN", "0 3 29 2 *", "0 3 31 feb,Mar *",
     "0 3 30 2 0", "0 3 30 2/3 *", "0 3 28,30 2 *"],
)  # fmt: skip
def test_schedules_that_cron_knows(said):
    asks = {
        "image": "registry.example.com/quality:1",
        "tasks": [{"task": "answers", "metric": "f1"}],
    }
    assert stack(quality={**asks, "schedule": said}).quality.schedule == said


def answers():
    file = PROJECT / "examples" / "quality" / "tasks" / "answers.py"
    spec = importlib.util.spec_from_file_location("answers", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("said", "right", "exact", "f1"),
    [
        (r"So it is \boxed{9.9}.", "9.9", 1, 1),
        ("9.11", "9.9", 0, 0),
        (r"\boxed{1} no, \boxed{\frac{1}{2}}", r"\frac{1}{2}", 1, 1),
        ("the cat sat", "the cat lay", 0, 2 / 3),
        ("模型部署", "模型部件", 0, 3 / 4),
        ("", "9.9", 0, 0),
    ],
)
def test_an_answer_is_scored_by_its_last_box_and_its_words(said, right, exact, f1):
    found = answers().scores({"answer": right}, [said])
    assert (found["exact_match"], found["f1"]) == (exact, pytest.approx(f1))


def test_the_recipe_installs_what_the_tests_ran():
    lock = (PROJECT / "examples" / "quality" / "requirements.lock").read_text()
    assert f"\nlm-eval=={RESULTS['lm_eval_version']} " in f"\n{lock}"
    assert re.findall(r"^[a-z0-9].*==", lock, re.M)
    # Every package has its hashes.
    named = re.split(r"\n(?=\S)", lock.strip())
    assert all("--hash=sha256:" in one for one in named)


def test_an_interpreter_with_nothing_else_runs_what_is_carried():
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", planned.check_code()[planned.CODE_FILE]],
        env={k: v for k, v in os.environ.items() if k != "R1_QUALITY"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "KeyError: 'R1_QUALITY'" in done.stderr
    assert isinstance(FIGURE, Figure)
