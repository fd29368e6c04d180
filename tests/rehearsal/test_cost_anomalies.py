"""A stack that AWS watches the costs of: it stands, changes nothing twice, and leaves nothing."""

import json
import re

import pytest
import yaml

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(1200)]

STACK = "test-7b"
TOPIC = "arn:aws:sns:us-west-2:111122223333:r1-alerts"


def write(checkout, usd):
    file = checkout.root / "stacks" / f"Pulumi.{STACK}.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["r1-on-eks:stack"] |= {
        "monitoring": {"kind": "prometheus", "notify": {"sns": TOPIC}, "dashboards": False},
        "budget": {"anomaly_usd": usd},
    }
    file.write_text(yaml.safe_dump(content))


def pulumi(checkout, *words):
    done = checkout.rehearse("pulumi", *words, "--yes", "--skip-preview", "--stack", STACK,
                             timeout=600)  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def subscriptions(checkout):
    shown = checkout.rehearse("aws", "ce", "get-anomaly-subscriptions", "--output", "json").stdout
    return json.loads(shown[shown.index("{") :])["AnomalySubscriptions"]


def test_its_costs_are_watched_as_long_as_it_stands(checkout):
    write(checkout, 100)
    pulumi(checkout, "up")
    (told,) = subscriptions(checkout)
    assert told["Subscribers"] == [{"Address": TOPIC, "Type": "SNS"}]
    assert told["ThresholdExpression"]["Dimensions"]["Values"] == ["100"]
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", pulumi(checkout, "refresh"))
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", pulumi(checkout, "up"))

    write(checkout, 250)
    changed = pulumi(checkout, "up")
    assert re.search(r"~ 1 updated\s+\d+ unchanged", changed), changed
    (told,) = subscriptions(checkout)
    assert told["ThresholdExpression"]["Dimensions"]["Values"] == ["250"]

    pulumi(checkout, "destroy")
    assert subscriptions(checkout) == []
    swept = checkout.rehearse("r1", "sweep", STACK)
    assert f"nothing of {STACK} is left" in swept.stdout, swept.stdout
