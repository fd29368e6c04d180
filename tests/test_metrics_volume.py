"""How much a stack measures is told before it is paid for."""

import dataclasses
import re
from pathlib import Path

from r1_on_eks import cli
from r1_on_eks.decisions_files import read_decisions
from r1_on_eks.plan import Plan
from r1_on_eks.plan.monitoring.volume import volume_of
from r1_on_eks.stack_config import parse_stack_config
from r1_on_eks.stack_file import plan_of, settings_of

PROJECT = Path(__file__).parent.parent
PLAN = plan_of("prod-70b", PROJECT / "stacks")


def volume(plan, days=15, replicas=None):
    servers = [
        dataclasses.replace(one.server, replicas=replicas or one.server.replicas)
        for one in plan.models
    ]
    answers = plan.gateway.answers
    return volume_of(servers, plan.gpu_pools, plan.system_pool, answers=answers, days=days)


def test_the_page_says_what_the_plan_has():
    page = (PROJECT / "docs" / "monitoring.md").read_text()
    told = dict(re.findall(r"^\| (series|samples|history|memory) \| ([^|]+) \|", page, re.M))
    found, monitoring = PLAN.monitoring.volume, PLAN.monitoring
    assert told["series"].startswith(f"{found.total:,}: ")
    parts = {"vLLM": "vllm", "DCGM": "dcgm", "kube-state": "kube-state-metrics"}
    said = re.findall(r"([\w-]+) ([\d,]+)", told["series"].partition(": ")[2])
    assert {parts.get(name, name): int(n.replace(",", "")) for name, n in said} == found.series
    assert told["samples"].startswith(f"{found.samples_a_month / 1e6:.0f} million a month")
    assert told["history"].startswith(
        f"{monitoring.retention_days} days: {found.disk_gib:.1f} GiB, of {monitoring.disk_gib} GiB"
    )
    assert told["memory"].startswith(f"{monitoring.memory_mib} MiB asked for")


def test_r1_plan_prints_it_where_something_is_measured(monkeypatch, capsys):
    monkeypatch.chdir(PROJECT)
    assert cli.main(["plan", "prod-70b"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "metrics: 7,180 series, 629 million samples a month; 15 days are 0.9 of 4 GiB" in out
    assert cli.main(["plan", "test-7b"]) == 0
    assert "metrics:" not in capsys.readouterr().out


def test_more_replicas_are_more_series_and_more_days_are_more_disk():
    one = volume(PLAN)
    assert one == PLAN.monitoring.volume
    assert volume(PLAN, replicas=3).series["vllm"] == 3 * one.series["vllm"]
    assert volume(PLAN, days=30).disk_gib == 2 * one.disk_gib
    assert volume(PLAN, days=30).samples_a_month == one.samples_a_month


def test_the_gateway_tells_each_answer_of_each_variant_and_one_more_where_one_sleeps():
    assert PLAN.monitoring.volume.series["gateway"] == 2 * 23 * (len(PLAN.models) + 1)
    settings = {"name": "prod-70b", **settings_of("prod-70b", PROJECT / "stacks")}
    settings |= {"cluster_autoscaler": True, "quality": None}
    sleeps = {"scale": {"min": 0, "wake": True}, "replaceable": True}
    settings["variants"] = {"70b": settings["variants"]["70b"] | sleeps}
    waking = Plan.of(parse_stack_config(settings), read_decisions(PROJECT / "stacks", "prod-70b"))
    assert waking.monitoring.volume.series["gateway"] == 2 * 24 * (len(PLAN.models) + 1)
    (told,) = re.findall(r'set \$statuses "(.+)";', waking.gateway.configuration)
    assert len(told.split()) == 24
