"""The local cloud's Amazon Managed Service for Prometheus: what it keeps, and what it refuses."""

import json
import sys
import time
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from r1_on_eks.rehearsal.aws_provider.replacements import alias_removed

sys.path.insert(0, str(Path(__file__).parent))
from aws_provider_client import RunningCloud

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
TOPIC = "arn:aws:sns:us-west-2:111122223333:r1-alerts"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "eks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
POD_JOB = {"job_name": "pods", "kubernetes_sd_configs": [{"role": "pod"}]}
SCRAPED = {"global": {"scrape_interval": "30s"}, "scrape_configs": [POD_JOB]}
RULE = {"alert": "Down", "expr": "up == 0"}
SNS = {"topic_arn": TOPIC, "sigv4": {"region": "us-west-2"}}
TOLD = {
    "route": {"receiver": "topic"},
    "receivers": [{"name": "topic", "sns_configs": [SNS]}],
}


def groups(*rules, name="r1"):
    return {"groups": [{"name": name, "rules": list(rules)}]}


def definition(**changed):
    return {"alertmanager_config": json.dumps({**TOLD, **changed})}


def told_by(**changed):
    return definition(receivers=[{"name": "topic", "sns_configs": [{**SNS, **changed}]}])


def job(**changed):
    return {"scrape_configs": [{**POD_JOB, **changed}]}


class Standing:
    """A network with a cluster in two zones."""

    def __init__(self, cloud):
        self._session = boto3.Session("AKIDEXAMPLE", "not-a-secret", region_name="us-west-2")
        self._endpoint = cloud.endpoint
        self.amp = self.client("amp")
        self.ec2 = self.client("ec2")
        self.eks = self.client("eks")
        iam = self.client("iam")
        role = iam.create_role(RoleName="rows", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc,
                AvailabilityZone=f"us-west-2{zone}",
                CidrBlock=f"10.0.{number}.0/24",
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("aab")
        ]
        self._role = role
        self.cluster = self.make_cluster("rows", "API")

    def client(self, service):
        return self._session.client(service, endpoint_url=self._endpoint)

    def make_cluster(self, name, mode, **network):
        within = {"subnetIds": self.subnets, "endpointPrivateAccess": True, **network}
        self.eks.create_cluster(
            name=name,
            roleArn=self._role,
            accessConfig={"authenticationMode": mode},
            resourcesVpcConfig=within,
        )
        self.eks.get_waiter("cluster_active").wait(name=name, WaiterConfig={"Delay": 1})
        return self.eks.describe_cluster(name=name)["cluster"]["arn"]

    def make_workspace(self, **more):
        made = self.amp.create_workspace(alias="r1-rows", **more)
        assert made["status"]["statusCode"] == "CREATING"
        self.amp.get_waiter("workspace_active").wait(
            workspaceId=made["workspaceId"], WaiterConfig={"Delay": 1}
        )
        return made

    def scrape(self, workspace, content=SCRAPED, **source):
        asked = {"clusterArn": self.cluster, "subnetIds": self.subnets[1:], **source}
        return self.amp.create_scraper(
            alias="r1-rows",
            source={"eksConfiguration": asked},
            destination={"ampConfiguration": {"workspaceArn": workspace["arn"]}},
            scrapeConfiguration={"configurationBlob": text(content)},
            tags={"r1:stack": "rows"},
        )["scraperId"]

    def scraping(self, *arguments, **source):
        made = self.scrape(*arguments, **source)
        self.amp.get_waiter("scraper_active").wait(scraperId=made, WaiterConfig={"Delay": 1})
        return self.amp.describe_scraper(scraperId=made)["scraper"]

    def interfaces(self, scraper):
        found = self.ec2.describe_network_interfaces()["NetworkInterfaces"]
        return [one for one in found if scraper["scraperId"] in one["Description"]]

    def end(self, scraper):
        self.amp.delete_scraper(scraperId=scraper["scraperId"])
        self.amp.get_waiter("scraper_deleted").wait(
            scraperId=scraper["scraperId"], WaiterConfig={"Delay": 1}
        )


def text(content):
    return content if isinstance(content, bytes) else json.dumps(content).encode()


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    cloud = RunningCloud(tmp_path_factory.mktemp("cloud"))
    yield Standing(cloud)
    cloud.stop()


@pytest.fixture(scope="module")
def workspace(account):
    return account.make_workspace()


def refused(code, says):
    return pytest.raises(ClientError, match=rf"\({code}\).*{says}")


def test_a_scraper_has_interfaces_in_its_subnets_and_is_let_into_the_cluster(account, workspace):
    scraper = account.scraping(workspace)
    entry = {"clusterName": "rows", "principalArn": scraper["roleArn"]}
    group = account.eks.describe_cluster(name="rows")["cluster"]["resourcesVpcConfig"][
        "clusterSecurityGroupId"
    ]
    held = account.interfaces(scraper)
    assert sorted(one["SubnetId"] for one in held) == sorted(account.subnets[1:])
    assert {one["GroupId"] for each in held for one in each["Groups"]} == {group}
    associated = account.eks.list_associated_access_policies(**entry)["associatedAccessPolicies"]
    assert [one["policyArn"].rpartition("/")[2] for one in associated] == [
        "AmazonPrometheusScraperPolicy"
    ]
    with refused("DependencyViolation", "has dependencies"):
        account.ec2.delete_subnet(SubnetId=account.subnets[1])
    for touched in (account.eks.delete_access_entry, account.eks.update_access_entry,
                    account.eks.create_access_entry):  # fmt: skip
        with refused("InvalidRequestException", "Service Linked Role"):
            touched(**entry)
    account.end(scraper)
    assert account.interfaces(scraper) == []
    assert (
        scraper["roleArn"]
        not in account.eks.list_access_entries(clusterName="rows")["accessEntries"]
    )


def test_a_scraper_outlives_its_cluster_and_keeps_the_subnets(account, workspace):
    gone = account.make_cluster("gone", "API_AND_CONFIG_MAP")
    scraper = account.scraping(workspace, clusterArn=gone)
    account.eks.delete_cluster(name="gone")
    account.eks.get_waiter("cluster_deleted").wait(name="gone", WaiterConfig={"Delay": 1})
    left = account.amp.describe_scraper(scraperId=scraper["scraperId"])["scraper"]
    assert left["status"]["statusCode"] == "ACTIVE"
    assert len(account.interfaces(scraper)) == 2
    account.end(scraper)


def test_a_cluster_without_access_entries_gets_none(account, workspace):
    old = account.make_cluster("old", "CONFIG_MAP")
    scraper = account.scraping(workspace, clusterArn=old)
    assert account.eks.list_access_entries(clusterName="old")["accessEntries"] == []
    account.end(scraper)


def test_scrapers_are_found_by_what_they_are(account, workspace):
    scraper = account.scraping(workspace)
    for filters in (
        {"alias": ["r1-rows"]},
        {"status": ["ACTIVE"], "sourceArn": [account.cluster]},
        {"destinationArn": [workspace["arn"]]},
    ):
        (found,) = account.amp.list_scrapers(filters=filters)["scrapers"]
        assert found["scraperId"] == scraper["scraperId"], filters
        assert found["tags"] == {"r1:stack": "rows"}
    assert account.amp.list_scrapers(filters={"alias": ["r1"]})["scrapers"] == []
    account.end(scraper)


def test_a_scraper_wants_a_cluster_and_a_network_that_it_can_work_in(account, workspace):
    one_zone = account.subnets[:2]
    with refused("ValidationException", "two Availability Zones"):
        account.scrape(workspace, subnetIds=one_zone)
    with refused("ValidationException", "subnet-0none does not exist"):
        account.scrape(workspace, subnetIds=["subnet-0none", account.subnets[0]])
    with refused("ValidationException", "sg-0none does not exist"):
        account.scrape(workspace, securityGroupIds=["sg-0none"])
    with refused("ResourceNotFoundException", "Cluster not found"):
        account.scrape(workspace, clusterArn=account.cluster.replace("rows", "none"))
    with refused("ResourceNotFoundException", "Workspace not found"):
        account.scrape({"arn": f"{workspace['arn']}0"})
    with refused("ValidationException", "does not match"):
        account.scrape(workspace, clusterArn="rows")
    public = account.make_cluster("public", "API", endpointPrivateAccess=False)
    with refused("ValidationException", "no private endpoint access"):
        account.scrape(workspace, clusterArn=public)
    account.ec2.modify_vpc_attribute(VpcId=account.vpc, EnableDnsSupport={"Value": False})
    with refused("ValidationException", "DNS support disabled"):
        account.scrape(workspace)
    account.ec2.modify_vpc_attribute(VpcId=account.vpc, EnableDnsSupport={"Value": True})


def test_a_workspace_with_a_key_of_ones_own_takes_nothing_without_roles(account):
    key = "arn:aws:kms:us-west-2:111122223333:key/0a0a0a0a-1111-2222-3333-444444444444"
    encrypted = account.make_workspace(kmsKeyArn=key)
    with refused("ValidationException", "needs a roleConfiguration"):
        account.scrape(encrypted)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: [", "no YAML"),
        (b"a line", "must be a mapping"),
        ({"scrape_configs": []}, "needs 'scrape_configs'"),
        ({**SCRAPED, "remote_write": []}, "remote_write is not supported"),
        ({**SCRAPED, "global": {"scrape_interval": "15s"}}, "15s is less than 30s"),
        ({**SCRAPED, "global": {"scrape_interval": "often"}}, "no duration"),
        (job(job_name=""), "needs 'job_name'"),
        (job(scrape_interval="1s"), "job pods: scrape_interval 1s"),
        (job(ec2_sd_configs=[{}]), "only kubernetes_sd_configs"),
        (job(static_configs=[{"targets": ["localhost:9090"]}]), "must be an IP address"),
        (job(authorization={"type": "Basic", "credentials_file": TOKEN}), "Bearer"),
        (job(authorization={"credentials_file": "/tmp/token"}), "Bearer"),
    ],
)
def test_a_scrape_configuration_that_is_none_is_refused(account, workspace, content, says):
    with refused("ValidationException", says):
        account.scrape(workspace, content)


def test_a_scrape_configuration_that_the_guide_allows_is_taken(account, workspace):
    allowed = job(
        authorization={"credentials_file": TOKEN},
        static_configs=[{"targets": ["10.0.0.1:9100"]}],
        scrape_interval="1m30s",
    )
    account.end(account.scraping(workspace, allowed))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"groups": []}, "needs 'groups'"),
        ({**groups(RULE), "more": 1}, "more is not supported"),
        (groups({"alert": "Down"}), "needs 'expr'"),
        (groups({"expr": "up"}), "one of 'record' and 'alert'"),
        (groups({**RULE, "record": "down"}), "one of 'record' and 'alert'"),
        (groups(*[RULE] * 21), "has 21 rules; the limit is 20"),
        (groups(RULE, name="n" * 720), "exceed 721 bytes"),
    ],
)
def test_rules_that_are_none_are_refused(account, workspace, content, says):
    with refused("ValidationException", says):
        account.amp.create_rule_groups_namespace(
            workspaceId=workspace["workspaceId"], name="r1", data=text(content)
        )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (TOLD, "receivers is not supported"),
        ({"alertmanager_config": TOLD}, "is a text"),
        ({"template_files": {}}, "needs 'alertmanager_config'"),
        (definition(receivers=[]), "needs 'receivers'"),
        (definition(route={}), "needs 'route'"),
        (definition(route={"receiver": "pager"}), "undefined receiver 'pager'"),
        (definition(route={"receiver": "topic", "routes": [{"receiver": "pager"}]}), "'pager'"),
        (definition(receivers=[{"name": "topic", "webhook_configs": []}]), "webhook_configs"),
        (told_by(sigv4={}), "needs sigv4.region"),
        (told_by(topic_arn=""), "needs 'topic_arn'"),
        (told_by(api_url="https://sns"), "api_url is not supported"),
    ],
)
def test_a_definition_that_is_none_is_refused(account, workspace, content, says):
    with refused("ValidationException", says):
        account.amp.create_alert_manager_definition(
            workspaceId=workspace["workspaceId"], data=text(content)
        )


def test_a_workspace_keeps_metrics_for_three_years_at_most(account, workspace):
    asked = {"workspaceId": workspace["workspaceId"]}
    before = account.amp.describe_workspace_configuration(**asked)["workspaceConfiguration"]
    assert before["retentionPeriodInDays"] == 150
    with refused("ValidationException", "1096 is more than 1095"):
        account.amp.update_workspace_configuration(**asked, retentionPeriodInDays=1096)
    with refused("ValidationException", "is needed"):
        account.amp.update_workspace_configuration(**asked)


def test_what_exists_is_not_made_twice_and_parts_go_with_their_workspace(account):
    asked = {"workspaceId": account.make_workspace()["workspaceId"]}
    rules = {**asked, "name": "r1", "data": text(groups(RULE))}
    alerts = {**asked, "data": text(definition())}
    for missing, given in (
        (account.amp.put_rule_groups_namespace, rules),
        (account.amp.put_alert_manager_definition, alerts),
        (account.amp.delete_alert_manager_definition, asked),
    ):
        with refused("ResourceNotFoundException", ""):
            missing(**given)
    made = account.amp.create_rule_groups_namespace(**rules)
    assert made["status"]["statusCode"] == "CREATING"
    account.amp.create_alert_manager_definition(**alerts)
    with refused("ConflictException", "exists already"):
        account.amp.create_rule_groups_namespace(**rules)
    with refused("ConflictException", "has an alert manager definition"):
        account.amp.create_alert_manager_definition(**alerts)
    kept = account.amp.describe_rule_groups_namespace(**asked, name="r1")["ruleGroupsNamespace"]
    assert kept["data"] == rules["data"]
    account.amp.delete_workspace(**asked)
    end = time.monotonic() + 10
    with refused("ResourceNotFoundException", "Workspace not found"):
        while time.monotonic() < end:
            account.amp.describe_rule_groups_namespace(**asked, name="r1")


def test_a_workspace_that_has_an_alias_is_never_without_one_again():
    assert [*alias_removed({"alias": "r1"}, {})] == ["alias"]
    assert [*alias_removed({"alias": "r1"}, {"alias": "r2"})] == []
    assert [*alias_removed({}, {"alias": "r2"})] == []
