"""A stack that Amazon's Prometheus watches: it changes nothing twice, and leaves nothing."""

import base64
import json
import re

import pytest
import yaml

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(1200)]

STACK = "test-7b"
TOPIC = "arn:aws:sns:us-west-2:111122223333:r1-alerts"


def write(checkout, first_token_s, dashboards=False):
    file = checkout.root / "stacks" / f"Pulumi.{STACK}.yaml"
    content = yaml.safe_load(file.read_text())
    stack = content["config"]["r1-on-eks:stack"]
    stack["monitoring"] = {
        "kind": "managed-prometheus",
        "retention_days": 150,
        "notify": {"sns": TOPIC},
        "dashboards": dashboards,
    }
    stack["variants"]["7b"]["first_token_s"] = first_token_s
    file.write_text(yaml.safe_dump(content))
    decided = checkout.run("r1", "plan", STACK, "--refresh")
    assert decided.returncode == 0, decided.stdout


def pulumi(checkout, *words):
    done = checkout.rehearse("pulumi", *words, "--yes", "--skip-preview", "--stack", STACK,
                             timeout=600)  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def asked(checkout, *words):
    shown = checkout.rehearse("aws", "amp", *words, "--output", "json").stdout
    return json.loads(shown[shown.index("{") :])


def workspaces(checkout):
    return asked(checkout, "list-workspaces")["workspaces"]


def limit(checkout, workspace):
    """Of the first token, as the rules have it."""
    described = asked(checkout, "describe-rule-groups-namespace", "--name", "r1",
                      "--workspace-id", workspace["workspaceId"])  # fmt: skip
    # The CLI shows what is not text to AWS as base64.
    file = base64.b64decode(described["ruleGroupsNamespace"]["data"])
    groups = yaml.safe_load(file)["groups"]
    (rule,) = (
        rule
        for group in groups
        for rule in group["rules"]
        if rule.get("record") == "r1_plan:first_token_seconds:limit"
    )
    return rule["expr"]


def test_it_is_watched_from_outside_as_long_as_it_stands(checkout):
    write(checkout, 2)
    pulumi(checkout, "up")
    (workspace,) = workspaces(checkout)
    assert workspace["alias"] == f"r1-{STACK}"
    (collector,) = asked(checkout, "list-scrapers")["scrapers"]
    assert collector["status"]["statusCode"] == "ACTIVE"
    assert collector["destination"]["ampConfiguration"]["workspaceArn"] == workspace["arn"]
    status = checkout.rehearse("r1", "status", STACK, "--json").stdout
    found = {one["subject"]: one for one in json.loads(status[status.index("{") :])["findings"]}
    assert found["metrics' collector"]["found"] == f"{collector['scraperId']} is ACTIVE"
    before = limit(checkout, workspace)
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", pulumi(checkout, "refresh"))
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", pulumi(checkout, "up"))

    write(checkout, 1.5)
    changed = pulumi(checkout, "up")
    assert re.search(r"~ 1 updated\s+\d+ unchanged", changed), changed
    assert limit(checkout, workspace) != before

    write(checkout, 1.5, dashboards=True)
    shown = pulumi(checkout, "up")
    assert re.search(r"\+ \d+ created\s+\d+ unchanged", shown), shown
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", pulumi(checkout, "refresh"))

    pulumi(checkout, "destroy")
    assert workspaces(checkout) == []
    assert asked(checkout, "list-scrapers")["scrapers"] == []
    swept = checkout.rehearse("r1", "sweep", STACK)
    assert f"nothing of {STACK} is left" in swept.stdout, swept.stdout
