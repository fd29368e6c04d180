"""AWS's detection of unusual costs: what is declared, found again, and refused."""

import json
import shutil
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from r1_on_eks.operations.account import Account
from r1_on_eks.operations.inventory import KINDS
from r1_on_eks.operations.readiness.actions import actions_of, types_of
from r1_on_eks.plan.monitoring.anomalies import watched_costs
from r1_on_eks.stack_file import plan_of

sys.path.insert(0, str(Path(__file__).parent))
from aws_provider_client import RunningCloud
from injected_aws import InjectedAws, refusal

STACKS = Path(__file__).parent.parent / "stacks"
FILE = STACKS / "Pulumi.prod-70b.yaml"
TOPIC = "arn:aws:sns:us-west-2:111122223333:r1-alerts"
MONITOR = "aws:costexplorer/anomalyMonitor:AnomalyMonitor"
SUBSCRIPTION = "aws:costexplorer/anomalySubscription:AnomalySubscription"


def declared(engine, **changes):
    registered = engine.run(FILE, **changes).registered
    return {one.type: one for one in registered if one.type in (MONITOR, SUBSCRIPTION)}


def test_a_monitor_of_the_stacks_tag_tells_the_topic_of_alerts(engine):
    found = declared(engine, budget={"anomaly_usd": 200})
    monitor, subscription = found[MONITOR].inputs, found[SUBSCRIPTION].inputs
    assert monitor["monitorType"] == "CUSTOM"
    assert json.loads(monitor["monitorSpecification"]) == {
        "And": None, "CostCategories": None, "Dimensions": None, "Not": None, "Or": None,
        "Tags": {"Key": "r1:stack", "MatchOptions": None, "Values": ["prod-70b"]},
    }  # fmt: skip
    assert monitor["name"] == subscription["name"] == "r1-prod-70b"
    assert subscription["frequency"] == "IMMEDIATE"
    assert subscription["subscribers"] == [{"type": "SNS", "address": TOPIC}]
    assert subscription["thresholdExpression"] == {
        "dimension": {
            "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            "matchOptions": ["GREATER_THAN_OR_EQUAL"],
            "values": ["200"],
        }
    }
    assert len(subscription["monitorArnLists"]) == 1


def test_nobody_is_told_of_costs_who_did_not_ask(engine):
    assert declared(engine) == {}


def test_the_rights_are_asked_for_where_it_is_declared_and_nowhere_else(tmp_path):
    without = plan_of("prod-70b", STACKS)
    assert not types_of(without) & {MONITOR, SUBSCRIPTION}
    asked = tmp_path / "stacks"
    shutil.copytree(STACKS, asked)
    with (asked / FILE.name).open("a") as file:
        file.write("    budget: {anomaly_usd: 200}\n")
    plan = plan_of("prod-70b", asked)
    assert types_of(plan) - types_of(without) == {MONITOR, SUBSCRIPTION}
    assert {"ce:CreateAnomalyMonitor", "ce:DeleteAnomalySubscription"} <= {*actions_of(plan)}


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    cloud = RunningCloud(tmp_path_factory.mktemp("cloud"))
    session = boto3.Session("AKIDEXAMPLE", "not-a-secret", region_name="us-west-2")
    yield session.client("ce", endpoint_url=cloud.environment["AWS_ENDPOINT_URL"])
    cloud.stop()


def watch(explorer, stack):
    tags = {"Key": "r1:stack", "Values": [stack]}
    return explorer.create_anomaly_monitor(
        AnomalyMonitor={"MonitorName": stack, "MonitorType": "CUSTOM",
                        "MonitorSpecification": {"Tags": tags}},
        ResourceTags=[{"Key": "r1:stack", "Value": stack}],
    )["MonitorArn"]  # fmt: skip


def tell(explorer, monitor, **changed):
    subscription = {
        "SubscriptionName": "a", "MonitorArnList": [monitor], "Frequency": "IMMEDIATE",
        "Subscribers": [{"Type": "SNS", "Address": TOPIC}], "Threshold": 100.0, **changed,
    }  # fmt: skip
    return explorer.create_anomaly_subscription(
        AnomalySubscription={key: one for key, one in subscription.items() if one is not None},
        ResourceTags=[{"Key": "r1:stack", "Value": "a"}],
    )["SubscriptionArn"]


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        ({"Frequency": "DAILY"}, "ValidationException", "SNS subscribers are not told DAILY"),
        ({"Frequency": "HOURLY"}, "ValidationException", "'HOURLY' is not one of"),
        ({"Threshold": None}, "ValidationException", "One of Threshold"),
        ({"MonitorArnList": ["arn:aws:ce::111122223333:anomalymonitor/none"]},
         "UnknownMonitorException", "is not known"),
        ({"Subscribers": [{"Type": "SNS", "Address": "nobody"}]}, "ValidationException",
         "does not match"),
    ],
)  # fmt: skip
def test_the_local_cloud_refuses_what_aws_refuses(explorer, changed, code, says):
    with pytest.raises(ClientError) as refused:
        tell(explorer, watch(explorer, "refused"), **changed)
    assert refused.value.response["Error"]["Code"] == code
    assert says in str(refused.value)


def test_a_sweep_finds_those_of_the_stack_alone_and_deletes_them(explorer):
    class Asked(Account):
        def client(self, service):
            assert service == "ce"
            return explorer

    account = Asked("us-west-2")
    mine, other = watch(explorer, "a"), watch(explorer, "b")
    told = tell(explorer, mine)
    for kind, arn in ((SUBSCRIPTION, told), (MONITOR, mine)):
        (found,) = KINDS[kind].things(account, "a")
        assert (found.id, found.kind) == (arn, kind)
        KINDS[kind].delete(account, found)
        assert [*KINDS[kind].things(account, "a")] == []
    assert [one.id for one in KINDS[MONITOR].things(account, "b")] == [other]
    # A monitor goes after what names it.
    assert [*KINDS].index(SUBSCRIPTION) < [*KINDS].index(MONITOR)


def monitors(*arns, following=None):
    found = [{"MonitorArn": arn, "MonitorName": "r1", "MonitorType": "CUSTOM"} for arn in arns]
    return {"AnomalyMonitors": found, **({"NextPageToken": following} if following else {})}


def test_every_page_is_read_and_who_may_not_ask_hears_of_all_else():
    aws = InjectedAws()
    one, two = (f"arn:aws:ce::111122223333:anomalymonitor/{name}" for name in ("one", "two"))
    account = Account("us-west-2", session=aws.session)
    aws.answers = {
        "ce.GetAnomalyMonitors": lambda asked: (
            monitors(two) if asked.get("NextPageToken") else monitors(one, following="more")
        ),
        "ce.ListTagsForResource": {"ResourceTags": [{"Key": "r1:stack", "Value": "a"}]},
    }
    assert [thing.id for thing in KINDS[MONITOR].things(account, "a")] == [one, two]
    aws.answers["ce.GetAnomalyMonitors"] = refusal("AccessDeniedException")
    assert [*KINDS[MONITOR].things(account, "a")] == []
    aws.answers["ce.GetAnomalyMonitors"] = refusal("LimitExceededException")
    with pytest.raises(ClientError):
        [*KINDS[MONITOR].things(account, "a")]


def test_every_member_of_the_expression_is_one_that_aws_has():
    members = (
        boto3.client("ce", region_name="us-east-1")
        .meta.service_model.shape_for("Expression")
        .members
    )
    assert watched_costs("a").keys() <= members.keys()
