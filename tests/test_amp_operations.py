"""Amazon's Prometheus of a stack: what is swept, what a killed engine left, which rights."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from r1_on_eks.operations import recovery
from r1_on_eks.operations.account import Account
from r1_on_eks.operations.deployment import Deployment
from r1_on_eks.operations.inventory import KINDS, untagged
from r1_on_eks.operations.readiness.actions import actions_of, types_of
from r1_on_eks.operations.sweeping import delete, leftovers
from r1_on_eks.plan.names import tagged
from r1_on_eks.stack_file import plan_of

sys.path.insert(0, str(Path(__file__).parent))
from amp_account import RULE, SCRAPED, Standing, definition, groups, text
from aws_provider_client import RunningCloud

STACKS = Path(__file__).parent.parent / "stacks"
FILE = STACKS / "Pulumi.prod-70b.yaml"
MANAGED = {
    "kind": "managed-prometheus",
    "notify": {"sns": "arn:aws:sns:us-west-2:111122223333:r1-alerts"},
}
WORKSPACE, SCRAPER = "aws:amp/workspace:Workspace", "aws:amp/scraper:Scraper"
RULES = "aws:amp/ruleGroupNamespace:RuleGroupNamespace"
ALERTS = "aws:amp/alertManagerDefinition:AlertManagerDefinition"
CONFIGURATION = "aws:amp/workspaceConfiguration:WorkspaceConfiguration"
TAGS = {"r1:stack": "rows", "r1:name": "managed-prometheus-workspace"}


class Asked(Account):
    """The operations' account, of the local cloud."""

    def __init__(self, standing):
        super().__init__("us-west-2")
        self._standing = standing

    def client(self, service):
        return self._standing.client(service)


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    cloud = RunningCloud(tmp_path_factory.mktemp("cloud"))
    yield Standing(cloud)
    cloud.stop()


def steps(standing, kind, **inputs):
    """What recovery does about one creation that was not written down."""
    name = {WORKSPACE: "workspace", SCRAPER: "scraper"}.get(kind, "part")
    urn = f"urn:pulumi:rows::r1-on-eks::{kind}::managed-prometheus-{name}"
    resource = {"urn": urn, "type": kind, "custom": True, "inputs": inputs}
    content = {"resources": [], "pending_operations": [{"type": "creating", "resource": resource}]}
    found = recovery.steps_of(Deployment({"deployment": content}), Asked(standing), "rows")
    return [(one.what, one.id) for one in found]


def test_a_sweep_deletes_what_carries_the_stacks_tag_and_nothing_else(standing):
    account = Asked(standing)
    other = standing.make_workspace(tags={"r1:stack": "others"})
    mine = standing.make_workspace(tags=TAGS)
    scraper = standing.scraping(mine, SCRAPED)
    found = [one for one in leftovers(account, "rows", set()) if one.thing.kind in KINDS]
    amp = [one.thing for one in found if "aws:amp/" in one.thing.kind]
    assert [(one.kind, one.id, one.status) for one in amp] == [
        (SCRAPER, scraper["scraperId"], "ACTIVE"),
        (WORKSPACE, mine["workspaceId"], "ACTIVE"),
    ]
    refused = delete([one for one in found if one.thing in amp], account, lambda _: None)
    assert refused == []
    assert [*KINDS[SCRAPER].things(account, "rows")] == []
    assert [*KINDS[WORKSPACE].things(account, "rows")] == []
    assert [one.id for one in KINDS[WORKSPACE].things(account, "others")] == [other["workspaceId"]]


def test_a_scraper_goes_before_its_cluster_and_its_subnets():
    order = [*KINDS]
    for later in ("aws:eks/cluster:Cluster", "aws:ec2/subnet:Subnet", WORKSPACE):
        assert order.index(SCRAPER) < order.index(later)


def test_what_was_made_and_not_written_down_is_adopted(standing):
    assert steps(standing, WORKSPACE) == [("forget", "")]
    assert steps(standing, SCRAPER) == [("forget", "")]
    made = standing.make_workspace(tags=TAGS)
    again = standing.make_workspace(tags=TAGS)
    assert steps(standing, WORKSPACE) == [
        ("adopt", again["workspaceId"]),
        ("delete", made["workspaceId"]),
    ]
    scraper = standing.scraping(made, SCRAPED)
    standing.amp.tag_resource(
        resourceArn=scraper["arn"], tags=tagged({"r1:stack": "rows"}, "managed-prometheus-scraper")
    )
    assert steps(standing, SCRAPER) == [("adopt", scraper["scraperId"])]
    standing.end(scraper)


def test_parts_of_a_workspace_are_adopted_where_they_are(standing):
    inputs = {"workspaceId": standing.make_workspace()["workspaceId"]}
    assert steps(standing, CONFIGURATION, **inputs) == [("adopt", inputs["workspaceId"])]
    rules = {**inputs, "name": "r1"}
    assert steps(standing, RULES, **rules) == [("forget", "")]
    assert steps(standing, ALERTS, **inputs) == [("forget", "")]
    arn = standing.amp.create_rule_groups_namespace(**rules, data=text(groups(RULE)))["arn"]
    standing.amp.create_alert_manager_definition(**inputs, data=text(definition()))
    assert steps(standing, RULES, **rules) == [("adopt", arn)]
    assert steps(standing, ALERTS, **inputs) == [("adopt", inputs["workspaceId"])]
    gone = {"workspaceId": "ws-none", "name": "r1"}
    assert {tuple(steps(standing, kind, **gone)) for kind in (RULES, ALERTS, CONFIGURATION)} == {
        (("forget", ""),)
    }


def plan_with(folder, **monitoring):
    asked = folder / "stacks"
    shutil.copytree(STACKS, asked, dirs_exist_ok=True)
    content = yaml.safe_load(FILE.read_text())
    content["config"]["r1-on-eks:stack"]["monitoring"] = monitoring
    (asked / FILE.name).write_text(yaml.safe_dump(content))
    return plan_of("prod-70b", asked)


def test_rights_are_asked_for_what_is_declared_and_nothing_else(engine, tmp_path):
    declared = {one.type for one in engine.run(FILE, monitoring=MANAGED).registered}
    managed = plan_with(tmp_path, **MANAGED)
    assert types_of(managed) == {one for one in declared if one.startswith("aws:")}
    assert types_of(managed) >= {WORKSPACE, SCRAPER, RULES, ALERTS, CONFIGURATION}
    assert types_of(managed) - {*KINDS, *untagged.PARTS} == set()
    assert {"aps:CreateScraper", "eks:DescribeCluster", "ec2:DescribeSecurityGroups",
            "iam:CreateServiceLinkedRole"} <= {*actions_of(managed)}  # fmt: skip
    silent = plan_with(tmp_path, kind="managed-prometheus")
    assert types_of(managed) - types_of(silent) == {ALERTS}
    own = plan_with(tmp_path, kind="prometheus")
    assert not any(action.startswith("aps:") for action in actions_of(own))
