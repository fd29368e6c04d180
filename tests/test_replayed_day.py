"""Names that exist upstream, and a real Prometheus that answers every expression of a stack."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import promql_parser
import pytest
from r1_on_eks.catalog.images import VLLM
from r1_on_eks.plan.monitoring.dashboards import dashboards
from r1_on_eks.plan.monitoring.rules import rule_groups
from r1_on_eks.plan.monitoring.scrapes import INTERVAL_SECONDS
from r1_on_eks.rehearsal.prometheus_package import find_or_unpack_prometheus
from r1_on_eks.stack_config import Usage

sys.path.insert(0, str(Path(__file__).parent))
from alert_cases import PLAN
from replayed_day import STEP_SECONDS, lines, metric_rows

# Added by scraping, as docs/monitoring.md says.
SCRAPED = {"job", "variant", "pod", "node", "namespace", "instance"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
# Prometheus makes them itself, once a rule fires.
OWN = {"ALERTS"}

GROUPS = rule_groups(PLAN)
RULES = [rule for group in GROUPS for rule in group["rules"]]
PANELS = {
    f"{file}: {panel['title']}, {target['refId']}": target["expr"]
    for file, board in dashboards(PLAN).items()
    for panel in board["panels"]
    for target in panel.get("targets", ())
}
EXPRESSIONS = [*(rule["expr"] for rule in RULES), *PANELS.values()]


def selectors(expr):
    found = []

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        for child in ("lhs", "rhs", "expr", "vector_selector", "param"):
            if isinstance(inside := getattr(node, child, None), promql_parser.Expr):
                visit(inside)
        for argument in getattr(node, "args", None) or ():
            visit(argument)

    visit(promql_parser.parse(expr))
    assert found or "vector(" in expr, expr
    return found


def upstream(name):
    """The row of a series that upstream tells, or None."""
    rows = metric_rows()
    if name in rows and rows[name]["type"] not in SUFFIXES:
        return rows[name]
    for suffix in ("_bucket", "_sum", "_count"):
        row = rows.get(name.removesuffix(suffix))
        if name.endswith(suffix) and row and suffix in SUFFIXES.get(row["type"], ()):
            return row
    return None


SELECTED = {selector.prettify(): selector for expr in EXPRESSIONS for selector in selectors(expr)}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}


def matched(selector):
    return {matcher.name for matcher in selector.matchers.matchers}


@pytest.mark.parametrize("told", sorted(SELECTED))
def test_every_series_that_is_read_is_recorded_or_told_by_upstream(told):
    selector = SELECTED[told]
    if selector.name in RECORDED:
        assert matched(selector) <= {"variant", "pool", "pod"}
        return
    row = upstream(selector.name)
    assert row, f"{selector.name} is in no list of upstream's"
    known = {*row["labels"].split(), *SCRAPED, "le"}
    if row["name"] == "kube_node_labels":
        known.add("label_r1_on_eks_variant_pool")
    assert matched(selector) <= known, f"{told}: upstream has {known}"


def test_names_that_are_gone_are_missed():
    # Names of an old vLLM, and one that a published rule has without its ending.
    for name in ("vllm:gpu_cache_usage_perc", "vllm:num_preemptions", "vllm:request_success"):
        assert upstream(name) is None
    assert upstream("vllm:time_to_first_token_seconds") is None
    assert upstream("container_gpu_utilization") is None


def test_the_list_is_that_of_the_pinned_engine():
    versions = {row["version"] for row in metric_rows().values() if row["project"] == "vllm"}
    assert versions == {VLLM.rpartition(":v")[2]}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    found = find_or_unpack_prometheus(print)
    names = {row["name"] for one in SELECTED.values() if (row := upstream(one.name))} - OWN
    with (folder / "day").open("w") as file:
        file.writelines(f"{line}\n" for line in lines(names, time.time()))
    subprocess.run(
        [found.promtool, "tsdb", "create-blocks-from", "openmetrics", "-q", "day", "blocks"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    groups = [{**group, "interval": "1s"} for group in GROUPS]
    (folder / "rules.json").write_text(json.dumps({"groups": groups}))
    (folder / "prometheus.yml").write_text("rule_files: [rules.json]\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [found.server, "--config.file=prometheus.yml", "--storage.tsdb.path=blocks",
             f"--web.listen-address={address}"],
            cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _wait_until_rules_are_evaluated(address, folder / "log")
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _wait_until_rules_are_evaluated(address, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            told = [rule for group in asked(address, "rules")["groups"] for rule in group["rules"]]
            # What is made of others is there after a second round.
            if all(rule["health"] != "unknown" for rule in told) and query(
                address, "r1:usd_per_million_tokens:1h"
            ):
                return
        time.sleep(0.3)
    raise AssertionError(log.read_text())


def asked(address, what, **words):
    told = urllib.parse.urlencode(words)
    with urllib.request.urlopen(f"http://{address}/api/v1/{what}?{told}", timeout=30) as answer:
        return json.load(answer)["data"]


def query(address, expr):
    return asked(address, "query", query=expr)["result"]


@pytest.mark.rehearsal
def test_prometheus_evaluates_every_rule(prometheus):
    told = [rule for group in asked(prometheus, "rules")["groups"] for rule in group["rules"]]
    assert len(told) == len(RULES)
    assert [rule["lastError"] for rule in told if rule.get("lastError")] == []
    assert {rule["health"] for rule in told} == {"ok"}


@pytest.mark.rehearsal
def test_every_recorded_series_has_data(prometheus):
    assert [name for name in sorted(RECORDED) if not query(prometheus, name)] == []


@pytest.mark.rehearsal
def test_every_query_of_every_panel_returns_data(prometheus):
    assert [told for told, expr in PANELS.items() if not query(prometheus, expr)] == []


@pytest.mark.rehearsal
def test_every_selector_of_every_alert_meets_series_of_the_day(prometheus):
    # An alert's whole expression returns nothing while all is well: its parts must.
    read = {one.prettify() for rule in RULES if "alert" in rule for one in selectors(rule["expr"])}
    empty = [one for one in sorted(read) if not query(prometheus, f"last_over_time({one}[1d])")]
    assert empty == []


@pytest.mark.rehearsal
def test_an_alert_of_the_day_reads_as_a_sentence(prometheus):
    alerts = asked(prometheus, "alerts")["alerts"]
    said = {one["labels"]["alertname"]: one["annotations"] for one in alerts}
    assert said["GpuFailed"]["summary"].endswith(": Xid 79, the node has to be replaced")
    for annotations in said.values():
        assert "<no value>" not in " ".join(annotations.values())
        assert "<error" not in " ".join(annotations.values())


@pytest.mark.rehearsal
def test_what_rules_ask_for_in_a_month_is_within_what_bills_assume(prometheus):
    """Amazon bills samples that are asked for, which Prometheus counts by the same name."""
    asked_for = sum(
        asked(prometheus, "query", query=rule["expr"], stats="all")["stats"]["samples"][
            "totalQueryableSamples"
        ]
        for rule in RULES
    )
    # The day has a sample of each series every STEP_SECONDS: of a range, a collector has more.
    denser = STEP_SECONDS / INTERVAL_SECONDS
    month = asked_for * denser * 730 * 3600 / INTERVAL_SECONDS
    assert 0.5 < month / 1e6 / Usage().queried_samples_million < 1
