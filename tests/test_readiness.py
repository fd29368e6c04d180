"""`r1 check`: every situation gives its own line and exit status, and hides no other."""

import http.server
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import botocore.session
import pytest
import yaml
from botocore import xform_name
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    TokenRetrievalError,
)
from r1_on_eks import cli
from r1_on_eks.operations.account import Account
from r1_on_eks.operations.readiness import commands, endpoint
from r1_on_eks.operations.readiness.checks import CHECKS, Check, check
from r1_on_eks.rehearsal.certificates import Authority

sys.path.insert(0, str(Path(__file__).parent))
import ready_account as account
from injected_aws import InjectedAws, refusal

PROJECT = Path(__file__).parent.parent
NO_NETWORK = EndpointConnectionError(endpoint_url="https://ec2.us-west-2.amazonaws.com/")
P4D_QUOTA = "--service-code ec2 --quota-code L-417A185B --desired-value"
RESERVED = {"70b": {"instance": "p4d.24xlarge", "rate": 0.3, "context": 32768,
                    "purchase": {"reservation": "cr-0123456789abcdef0"}}}  # fmt: skip
GIVEN = {
    "zones": None, "network": {
        "vpc": "vpc-0123456789abcdef0", "cidr": "10.0.0.0/16",
        "private_subnets": {"us-west-2a": "subnet-0000000000000000a",
                            "us-west-2b": "subnet-0000000000000000b"},
        "public_subnets": {"us-west-2a": "subnet-0000000000000000c",
                           "us-west-2b": "subnet-0000000000000000d"}},
}  # fmt: skip


def told(kind: str = "prometheus", **notify: Any) -> dict[str, Any]:
    return {"monitoring": {"kind": kind, "notify": notify}}


MANAGED = told("managed-prometheus", sns=account.TOPIC)
ANOMALIES = {"budget": {"usd_per_month": 20000, "anomaly_usd": 200}}
SPOT = {"70b": {**RESERVED["70b"], "purchase": "spot"}}


@pytest.fixture(scope="module")
def aws():
    return InjectedAws()


@pytest.fixture(scope="module")
def ambient(aws):
    """One account for all, since making clients takes longer than asking them."""
    return Account("us-west-2", session=aws.session)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the stack files, in which `r1` is run on a fixed day."""
    shutil.copytree(PROJECT / "stacks", tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "_now", lambda: account.DAY)
    monkeypatch.setattr(endpoint, "own_address", lambda: "203.0.113.7")
    return tmp_path


@dataclass
class Checked:
    status: int
    told: dict[str, Any]
    lines: dict[str, dict[str, str]] = field(default_factory=dict)


@pytest.fixture
def run(aws, ambient, project, monkeypatch, capsys):
    """Runs `r1 check prod-70b --json` with some answers and keys of the file changed."""

    def run(answers=None, keys=None, stack="prod-70b", now=None) -> Checked:
        aws.answers = account.answers() | (answers or {})
        aws.asked.clear()
        path = project / "stacks" / f"Pulumi.{stack}.yaml"
        content = yaml.safe_load((PROJECT / path.relative_to(project)).read_text())
        settings = content["config"]["r1-on-eks:stack"]
        settings |= keys or {}
        content["config"]["r1-on-eks:stack"] = {
            key: value for key, value in settings.items() if value is not None
        }
        path.write_text(yaml.safe_dump(content))
        monkeypatch.setattr(
            commands,
            "Account",
            lambda region, _: (
                ambient if region == "us-west-2" else Account(region, session=aws.session)
            ),
        )
        if now:
            monkeypatch.setattr(commands, "_now", lambda: now)
        status = cli.main(["check", stack, "--json"])
        told = json.loads(capsys.readouterr().out)
        lines: dict[str, dict[str, str]] = {}
        for one in told["findings"]:
            while one["subject"] in lines:
                one["subject"] += "'"
            lines[one["subject"]] = one
        return Checked(status, told, lines)

    return run


@dataclass
class Situation:
    """What AWS answers otherwise, and the line that comes of it.

    `alone`: whether every other line is what it is in a ready account, but for `moves`.
    """

    name: str
    subject: str
    standing: str
    found: str
    fix: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    alone: bool = True
    moves: tuple[str, ...] = ()
    status: int = -1


QUOTAS, INSTANCES = "service-quotas.GetServiceQuota", "ec2.DescribeInstances"
FSX = "fsx.DescribeFileSystems"
S3, BLOCKS = "s3.ListObjectsV2", "ec2.DescribeCapacityBlockOfferings"
SIMULATION = "iam.SimulatePrincipalPolicy"

SITUATIONS = [
    # Identity and Region.
    Situation("another account", "identity", "lacking", "of account 999999999999", "AWS_PROFILE",
              {"sts.GetCallerIdentity": {"Account": "999999999999", "UserId": "x",
                                         "Arn": "arn:aws:iam::999999999999:user/me"}},
              alone=False),
    Situation("root", "identity", "unknown", "root user", "role of the stack's admins",
              {"sts.GetCallerIdentity": {"Account": account.ACCOUNT, "UserId": "x",
                                         "Arn": f"arn:aws:iam::{account.ACCOUNT}:root"}},
              alone=False),
    Situation("region not enabled", "region", "lacking", "not enabled",
              "aws account enable-region --region-name us-west-2",
              {"ec2.DescribeRegions": {"Regions": [{"RegionName": "us-west-2",
                                                    "OptInStatus": "not-opted-in"}]}}),
    Situation("misspelt region", "region", "lacking", "no Region us-west-9", "region: us-west-1",
              keys={"region": "us-west-9", "gpu_zone": "us-west-9b",
                    "zones": ["us-west-9a", "us-west-9b"]}, alone=False),
    # Quotas of vCPU.
    Situation("quota 0", "quota L-417A185B", "lacking", "0 vCPU allowed; needs 96",
              f"{P4D_QUOTA} 96 --region us-west-2", {QUOTAS: account.quotas(L_417A185B=0.0)}),
    Situation("quota asked for, and not granted yet", "quota L-417A185B", "lacking",
              "192 were asked for on 2026-11-20: CASE_OPENED", P4D_QUOTA,
              {QUOTAS: account.quotas(L_417A185B=0.0),
               "service-quotas.ListRequestedServiceQuotaChangeHistoryByQuota": {
                   "RequestedQuotas": [
                       {"Status": "CASE_OPENED", "DesiredValue": 192.0,
                        "Created": datetime(2026, 11, 20, tzinfo=UTC)}]}}),
    Situation("may not see what was asked for", "quota L-417A185B", "lacking",
              "0 vCPU allowed", P4D_QUOTA,
              {QUOTAS: account.quotas(L_417A185B=0.0),
               "service-quotas.ListRequestedServiceQuotaChangeHistoryByQuota":
               refusal("AccessDeniedException")}),
    Situation("quota half used", "quota L-417A185B", "lacking",
              "192 vCPU allowed, of which others run 192", f"{P4D_QUOTA} 288",
              {QUOTAS: account.quotas(L_417A185B=192.0),
               INSTANCES: account.running("p4d.24xlarge", "p3.16xlarge")}),
    Situation("quota used by the stack itself", "quota L-417A185B", "ready",
              "96 vCPU allowed; needs 96",
              answers={QUOTAS: account.quotas(L_417A185B=96.0),
                       INSTANCES: account.running("p4d.24xlarge", stack="prod-70b")}),
    Situation("spot and capacity blocks use no on-demand quota", "quota L-417A185B", "ready",
              "96 vCPU allowed; needs 96",
              answers={QUOTAS: account.quotas(L_417A185B=96.0),
                       INSTANCES: account.running("p4d.24xlarge", lifecycle="capacity-block")}),
    Situation("quota holds what stands, not an update", "quota L-1216C47A", "lacking",
              "enough to stand up, not to scale out", "--quota-code L-1216C47A --desired-value 6",
              {QUOTAS: account.quotas(L_1216C47A=5.0)}),
    Situation("quota for spot is another", "quota L-7212CCBC", "lacking",
              "All P4, P3 and P2 Spot Instance Requests: 0 vCPU", "--quota-code L-7212CCBC",
              {QUOTAS: account.quotas(L_7212CCBC=0.0), "ec2.GetSpotPlacementScores": {
                  "SpotPlacementScores": []}}, keys={"variants": SPOT}, alone=False),
    Situation("quota never applied: AWS's default", "quota L-417A185B", "lacking",
              "0 vCPU allowed", P4D_QUOTA,
              {QUOTAS: lambda asked: refusal("NoSuchResourceException")
               if asked["QuotaCode"] == "L-417A185B" else account.quotas()(asked),
               "service-quotas.GetAWSDefaultServiceQuota": {"Quota": {"Value": 0.0}}}),
    Situation("a reservation needs no quota", "capacity r1-70b", "ready",
              "1 of 1 instances free", "",
              {QUOTAS: account.quotas(L_417A185B=0.0),
               "ec2.DescribeCapacityReservations": account.reservation()},
              keys={"variants": RESERVED}, alone=False, status=0),
    # Zones and what they sell.
    Situation("type absent in the zone", "offer p4d.24xlarge", "lacking",
              "us-west-2b has none; sold in us-west-2a, us-west-2c", "gpu_zone: us-west-2a",
              {"ec2.DescribeInstanceTypeOfferings": account.offers(p4d="us-west-2b")}),
    Situation("type absent in the Region", "offer p4d.24xlarge", "lacking",
              "no zone of us-west-2 sells it", "another region or instance",
              {"ec2.DescribeInstanceTypeOfferings": account.offers(p4d="everywhere")}),
    Situation("zone that EKS excludes", "zone us-west-2c", "lacking", "it is use1-az3",
              "r1 pins refresh prod-70b",
              {"ec2.DescribeAvailabilityZones": account.zones(c="use1-az3")}, moves=("zones",)),
    Situation("zone that the account lacks", "zone us-west-2c", "lacking",
              "it has us-west-2a, us-west-2b", "correct zones",
              {"ec2.DescribeAvailabilityZones": account.zones(c="none")}, moves=("zones",)),
    # Capacity.
    Situation("capacity block offered", "capacity r1-70b", "unknown",
              "from 2026-11-28 11:30 UTC for $283.20 in advance ($11.80 an instance hour)",
              "--capacity-block-offering-id cbo-1 --instance-platform Linux/UNIX"),
    Situation("no capacity block offered", "capacity r1-70b", "unknown",
              "no capacity block of 24 h is offered within 8 weeks",
              "describe-capacity-block-offerings --instance-type p4d.24xlarge --instance-count 1",
              {BLOCKS: account.blocks()}),
    Situation("sold as capacity block alone", "capacity r1-671b", "lacking",
              "p5e.48xlarge has no on-demand price", "purchase: {capacity_block: cr-…}",
              {"ec2.DescribeInstanceTypeOfferings": account.offers()},
              keys={"variants": {"671b": {"instance": "p5e.48xlarge", "tensor_parallel": 8,
                                          "precision": "fp8", "stages": 1, "replicas": 1,
                                          "concurrency": 16, "context": 8192}},
                    "weights": {"bucket": "example-r1-weights", "storage": "s3-stream"}},
              alone=False),
    Situation("no such reservation", "capacity r1-70b", "lacking", "is no reservation", "cr-…",
              {"ec2.DescribeCapacityReservations": {"CapacityReservations": []}},
              keys={"variants": RESERVED}, alone=False),
    Situation("reservation in another zone", "capacity r1-70b", "lacking",
              "it is in us-west-2a, not us-west-2b", "another one",
              {"ec2.DescribeCapacityReservations":
               account.reservation(AvailabilityZone="us-west-2a")},
              keys={"variants": RESERVED}, alone=False),
    Situation("reservation that has ended", "capacity r1-70b", "lacking", "it is expired", "cr-…",
              {"ec2.DescribeCapacityReservations": account.reservation(State="expired")},
              keys={"variants": RESERVED}, alone=False),
    Situation("reservation that begins later", "capacity r1-70b", "unknown",
              "is scheduled and begins 2026-12-01 11:30 UTC", "when it is active",
              {"ec2.DescribeCapacityReservations": account.reservation(
                  State="scheduled", StartDate=datetime(2026, 12, 1, 11, 30, tzinfo=UTC))},
              keys={"variants": RESERVED}, alone=False),
    Situation("spot scores", "capacity r1-70b", "unknown", "usw2-az1 1, usw2-az2 3",
              "gpu_zone with the id usw2-az2",
              {"ec2.GetSpotPlacementScores": {"SpotPlacementScores": [
                  {"Region": "us-west-2", "AvailabilityZoneId": "usw2-az1", "Score": 1},
                  {"Region": "us-west-2", "AvailabilityZoneId": "usw2-az2", "Score": 3}]}},
              keys={"variants": SPOT}, alone=False, status=0),
    # Limits of the network.
    Situation("no VPC left", "quota L-F678F1CE", "lacking", "5 allowed, others have 5",
              "--service-code vpc --quota-code L-F678F1CE --desired-value 6",
              {"ec2.DescribeVpcs": account.others("Vpcs", 5)}),
    Situation("no EIP left", "quota L-0263D0A3", "lacking", "5 allowed, others have 5",
              "--service-code ec2 --quota-code L-0263D0A3 --desired-value 6",
              {"ec2.DescribeAddresses": account.others("Addresses", 5)}),
    Situation("its own EIP is no other's", "quota L-0263D0A3", "ready", "others have 4",
              answers={"ec2.DescribeAddresses": {"Addresses": [
                  *({} for _ in range(4)),
                  {"Tags": [{"Key": "r1:stack", "Value": "prod-70b"}]}]}}),
    Situation("no NAT gateway left in the zone", "quota L-FE5A380F", "lacking",
              "others have 5 in us-west-2a", "--quota-code L-FE5A380F --desired-value 6",
              {"ec2.DescribeNatGateways": account.others(
                  "NatGateways", 5, State="available", SubnetId="subnet-a"),
               "ec2.DescribeSubnets": {"Subnets": [{"SubnetId": "subnet-a"}]}}),
    Situation("a given network that is not there", "network vpc-0123456789abcdef0", "lacking",
              "has no such VPC", "network.vpc",
              {"ec2.DescribeVpcs": refusal("InvalidVpcID.NotFound")}, keys=GIVEN, alone=False),
    Situation("a given subnet in another zone", "subnet subnet-0000000000000000b", "lacking",
              "it is in us-west-2c, not us-west-2b", "correct network",
              {"ec2.DescribeSubnets": account.subnets(b="us-west-2c")}, keys=GIVEN, alone=False),
    Situation("a given subnet outside of its range", "subnet subnet-0000000000000000a", "lacking",
              "its 172.16.0.0/24 is not in 10.0.0.0/16", "network.cidr",
              {"ec2.DescribeSubnets": account.subnets(blocks={"a": "172.16.0.0/24"})},
              keys=GIVEN, alone=False),
    Situation("a given subnet that is not there", "subnet subnet-0000000000000000a", "lacking",
              "no such subnet", "correct network",
              {"ec2.DescribeSubnets": {"Subnets": account.subnets()["Subnets"][1:]}},
              keys=GIVEN, alone=False),
    Situation("a given network as it should be", "network vpc-0123456789abcdef0", "ready",
              "subnet-0000000000000000a 250 addresses free",
              answers={"ec2.DescribeSubnets": account.subnets()}, keys=GIVEN, alone=False),
    Situation("a given network with a gateway endpoint of S3", "way to S3", "ready",
              "all private subnets",
              answers={"ec2.DescribeSubnets": account.subnets()}, keys=GIVEN, alone=False),
    Situation("a given network without one", "way to S3", "lacking",
              "subnet-0000000000000000a, subnet-0000000000000000b: weights would pass NAT",
              "aws ec2 create-vpc-endpoint --vpc-id vpc-0123456789abcdef0 --service-name"
              " com.amazonaws.us-west-2.s3 --route-table-ids rtb-main rtb-private",
              {"ec2.DescribeSubnets": account.subnets(),
               "ec2.DescribeVpcEndpoints": {"VpcEndpoints": []}}, keys=GIVEN, alone=False),
    Situation("a given network with one in another route table", "way to S3", "lacking",
              "of subnet-0000000000000000a: weights would pass NAT",
              "modify-vpc-endpoint --vpc-endpoint-id vpce-1 --add-route-table-ids rtb-private",
              {"ec2.DescribeSubnets": account.subnets(),
               "ec2.DescribeVpcEndpoints": account.ways_to_s3("rtb-main")},
              keys=GIVEN, alone=False),
    Situation("a given network whose endpoints may not be asked for", "way to S3", "unknown",
              "no permission to ask", "allow ec2:DescribeVpcEndpoints",
              {"ec2.DescribeSubnets": account.subnets(),
               "ec2.DescribeVpcEndpoints": refusal("UnauthorizedOperation", 403)},
              keys=GIVEN, alone=False, status=0),
    # File systems.
    Situation("no file system left", "quota L-FD6F2F22", "lacking", "1 allowed, others have 1",
              "--service-code fsx --quota-code L-FD6F2F22 --desired-value 2",
              {QUOTAS: account.quotas(L_FD6F2F22=1.0),
               FSX: {"FileSystems": [account.file_system(1200)]}},
              moves=("quota L-8F1B9C74",)),
    Situation("too few GiB of file systems left", "quota L-8F1B9C74", "lacking",
              "100800 allowed, others have 100000 GiB; needs 1200",
              "--service-code fsx --quota-code L-8F1B9C74 --desired-value 101200",
              {FSX: {"FileSystems": [account.file_system(100_000)]}},
              moves=("quota L-FD6F2F22",)),
    Situation("its own file system and scratch ones are no others", "quota L-8F1B9C74", "ready",
              "others have 0 GiB; needs 1200",
              answers={FSX: {"FileSystems": [
                  account.file_system(1200, Tags=[{"Key": "r1:stack", "Value": "prod-70b"}]),
                  account.file_system(100_000, "SCRATCH_2"), {"FileSystemType": "ONTAP"}]}}),
    Situation("FSx may not be asked", "FSx for Lustre", "unknown", "", "fsx:DescribeFileSystems",
              answers={FSX: refusal("AccessDeniedException")},
              moves=("quota L-FD6F2F22", "quota L-8F1B9C74")),
    # Kubernetes and its images.
    Situation("extended support, by the calendar", "Kubernetes support", "lacking",
              "left standard support on 2027-03-27", 'kubernetes: "1.36"',
              now=datetime(2027, 4, 1, tzinfo=UTC)),
    Situation("support ends soon", "Kubernetes support", "unknown", "(51 days)",
              'kubernetes: "1.36"', now=datetime(2027, 2, 4, tzinfo=UTC)),
    Situation("extended support, by EKS", "Kubernetes offered", "lacking", "extended support",
              "a later kubernetes",
              {"eks.DescribeClusterVersions": account.version("EXTENDED_SUPPORT")}),
    Situation("version that EKS lacks", "Kubernetes offered", "lacking", "EKS offers no 1.35",
              "another kubernetes", {"eks.DescribeClusterVersions": {"clusterVersions": []}}),
    Situation("no machine image", "image AL2023_x86_64_NVIDIA", "lacking", "recommends none",
              "another kubernetes",
              {"ssm.GetParameter": lambda asked: refusal("ParameterNotFound")
               if "nvidia" in asked["Name"] else {"Parameter": {"Value": "1.35.0-20261101"}}}),
    # Weights.
    Situation("bucket absent", "bucket", "lacking", "does not exist",
              "aws s3 mb s3://example-r1-weights --region us-west-2",
              {"s3.HeadBucket": refusal("404", 404)},
              moves=("weights DeepSeek-R1-Distill-Llama-70B",)),
    Situation("bucket in another Region", "bucket", "lacking", "is in us-east-1",
              "aws s3 sync s3://example-r1-weights", {"s3.HeadBucket": refusal(
                  "301", 301, {"x-amz-bucket-region": "us-east-1"})}),
    Situation("somebody else's bucket", "bucket", "unknown", "another account's",
              "allow s3:ListBucket", {"s3.HeadBucket": refusal("403", 403)}),
    Situation("missing shard", "weights DeepSeek-R1-Distill-Llama-70B", "lacking",
              "missing model-00007-of-000017.safetensors", "r1 weights sync prod-70b",
              {S3: account.listing(shard_7=None)}),
    Situation("shard of a wrong size", "weights DeepSeek-R1-Distill-Llama-70B", "lacking",
              "bytes too few: some file was cut short", "r1 weights sync prod-70b",
              {S3: account.listing(shard_7=4_000_000_000)}),
    Situation("empty shard", "weights DeepSeek-R1-Distill-Llama-70B", "lacking",
              "empty model-00001-of-000017", "r1 weights sync", {S3: account.listing(shard_1=0)}),
    Situation("another checkpoint below its name", "weights DeepSeek-R1-Distill-Llama-70B",
              "lacking", "bytes too many", "r1 weights sync",
              {S3: account.listing(shard_1=90_000_000_000)}),
    Situation("no tokenizer", "weights DeepSeek-R1-Distill-Llama-70B", "lacking",
              "missing tokenizer.json", "r1 weights sync", {S3: account.listing(tokenizer=None)}),
    Situation("nothing in the bucket", "weights DeepSeek-R1-Distill-Llama-70B", "lacking",
              "nothing below DeepSeek-R1-Distill-Llama-70B/",
              "https://huggingface.co/deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
              {S3: {"IsTruncated": False}}),
    Situation("every file as it was verified", "weights DeepSeek-R1-Distill-Llama-70B", "ready",
              "complete, 19 files", answers=account.verified()),
    Situation("corrupt shard", "weights DeepSeek-R1-Distill-Llama-70B", "lacking",
              "not what was verified model-00007-of-000017.safetensors",
              "r1 weights sync prod-70b", account.verified(shard_7="another")),
    Situation("sync has not ended", "weights DeepSeek-R1-Distill-Llama-70B", "lacking",
              "under way, 19 files verified", "r1 weights sync prod-70b",
              account.verified("manifest.partial.json")),
    Situation("its manifest may not be read", "weights", "unknown", "no permission to ask",
              "s3:GetObject", {**account.verified(), "s3.GetObject": refusal("AccessDenied", 403)},
              moves=("weights DeepSeek-R1-Distill-Llama-70B",)),
    # Permissions.
    Situation("not allowed to launch", "permissions", "lacking",
              "no policy allows ec2:RunInstances", "aws iam put-role-policy --role-name",
              {SIMULATION: account.simulated(ec2_RunInstances={
                  "EvalDecision": "implicitDeny"})}),
    Situation("denied by a policy", "permissions", "lacking", "a policy denies kms:CreateKey",
              "owns that policy",
              {SIMULATION: account.simulated(kms_CreateKey={"EvalDecision": "explicitDeny"})}),
    Situation("denied by the organization", "permissions", "lacking",
              "service control policy denies eks:CreateCluster", "owns that policy",
              {SIMULATION: account.simulated(eks_CreateCluster={
                  "EvalDecision": "implicitDeny",
                  "OrganizationsDecisionDetail": {"AllowedByOrganizations": False}})}),
    Situation("denied by a boundary", "permissions", "lacking",
              "permissions boundary denies iam:CreateRole", "owns that policy",
              {SIMULATION: account.simulated(iam_CreateRole={
                  "EvalDecision": "implicitDeny",
                  "PermissionsBoundaryDecisionDetail": {
                      "AllowedByPermissionsBoundary": False}})}),
    Situation("allowed under conditions", "permissions", "unknown",
              "iam:PassRole depend on conditions", "",
              {SIMULATION: account.simulated(iam_PassRole={
                  "EvalDecision": "implicitDeny",
                  "MissingContextValues": ["iam:PassedToService"]})}, status=0),
    Situation("may not simulate", "permissions", "unknown", "no permission to ask",
              "allow iam:SimulatePrincipalPolicy", {SIMULATION: refusal("AccessDenied", 403)}),
    # One question that is refused.
    Situation("no permission for one API", "zones", "unknown", "no permission to ask",
              "allow ec2:DescribeAvailabilityZones",
              {"ec2.DescribeAvailabilityZones": refusal("UnauthorizedOperation", 403)}),
    Situation("no permission for one quota", "quota L-417A185B", "unknown",
              "no permission to ask", "allow servicequotas:GetServiceQuota",
              {QUOTAS: lambda asked: refusal("AccessDeniedException")
               if asked["QuotaCode"] == "L-417A185B" else account.quotas()(asked)}),
    Situation("throttled", "offers", "unknown", "throttles", "in a minute",
              {"ec2.DescribeInstanceTypeOfferings": refusal("RequestLimitExceeded", 503)},
              moves=("offer p4d.24xlarge", "offer m7i.large")),
    Situation("one service not reached", "FSx for Lustre", "unknown", "was not reached",
              "HTTPS_PROXY", {FSX: ConnectTimeoutError(endpoint_url="x")},
              moves=("quota L-FD6F2F22", "quota L-8F1B9C74")),
    # The rest.
    Situation("pins missing in production", "pins", "lacking", "pulumi up refuses",
              "r1 pins refresh prod-70b",
              # The image of quality checks is refused at the door already.
              keys={"allow_unpinned": False, "quality": None}),
    Situation("a cluster of somebody else", "cluster", "lacking", "not this stack's",
              "rename the stack",
              {"eks.DescribeCluster": account.cluster(tags={"team": "other"})}),
    Situation("a cluster that failed", "cluster", "unknown", "it is FAILED",
              "r1 recover prod-70b", {"eks.DescribeCluster": account.cluster(status="FAILED")}),
    Situation("endpoint unreachable", "endpoint", "lacking", "is not reached",
              "from 203.0.113.0/24 alone",
              {"eks.DescribeCluster": account.cluster(endpoint="https://127.0.0.1:1")},
              moves=("cluster",)),
    Situation("private endpoint unreachable", "endpoint", "lacking", "is not reached",
              "it is private: use a VPN",
              {"eks.DescribeCluster": account.cluster(
                  endpoint="https://127.0.0.1:1",
                  resourcesVpcConfig={"endpointPublicAccess": False})}, moves=("cluster",)),
    Situation("private endpoint, no cluster yet", "endpoint ranges", "unknown",
              "has to run inside", "VPN", keys={"endpoint": "private"}),
    Situation("outside the endpoint's ranges", "endpoint ranges", "lacking",
              "comes from 203.0.113.7", "public_from: [203.0.113.7/32]",
              keys={"endpoint": {"public_from": ["198.51.100.0/24"]}}),
    Situation("tags inactive", "cost-allocation tags", "lacking", "r1:variant not activated",
              "--cost-allocation-tags-status TagKey=r1:variant,Status=Active",
              {"ce.ListCostAllocationTags": account.cost_tags("Active", "Inactive")}),
    Situation("tags never used", "cost-allocation tags", "unknown", "not seen yet",
              "Cost allocation tags", {"ce.ListCostAllocationTags": account.cost_tags()}),
    Situation("budget too small", "budget", "lacking", "nodes and file system cost $16,428",
              "r1 cost prod-70b", keys={"budget": {"usd_per_month": 1000}}),
    Situation("budget holds", "budget", "ready", "$20,000 a month",
              keys={"budget": {"usd_per_month": 20000}}),
    Situation("keys in clear text", "certificate", "lacking", "in clear text", "gateway-tls",
              keys={"production": False, "gateway": {
                  "public_from": ["203.0.113.0/24"],
                  "keys": [{"name": "alice", "sha256": 64 * "a"}]}}, alone=False),
    # Who is told.
    Situation("no such topic", "alerts' topic", "lacking", "no r1-alerts: alerts would reach",
              "aws sns create-topic --name r1-alerts --region us-west-2",
              {"sns.GetTopicAttributes": refusal("NotFound", 404)}),
    Situation("nobody listens", "alerts' topic", "lacking", "nobody has subscribed",
              f"aws sns subscribe --topic-arn {account.TOPIC}",
              {"sns.GetTopicAttributes": account.topic(SubscriptionsConfirmed="0")}),
    Situation("a key that the role may not use", "alerts' topic", "unknown",
              "encrypted with alias/mine", "kms:GenerateDataKey",
              {"sns.GetTopicAttributes": account.topic(KmsMasterKeyId="alias/mine")}),
    Situation("SNS' own key", "alerts' topic", "ready", "1 subscription",
              answers={"sns.GetTopicAttributes": account.topic(KmsMasterKeyId="alias/aws/sns")}),
    Situation("may not ask for the topic", "alerts' topic", "unknown", "no permission to ask",
              "allow sns:GetTopicAttributes",
              {"sns.GetTopicAttributes": refusal("AuthorizationError", 403)}),
    Situation("a topic elsewhere", "alerts' topic", "unknown", "of us-east-1 in account 1111",
              "--region us-east-1",
              # Asked of this Region, SNS would call it invalid.
              {"sns.GetTopicAttributes": refusal("InvalidParameter")},
              keys=told(sns=account.TOPIC.replace("west-2", "east-1"))),
    Situation("a topic of somebody else", "alerts' topic", "unknown", "in account 999999999999",
              "aws sns get-topic-attributes", keys=told(
                  sns=account.TOPIC.replace(account.ACCOUNT, "999999999999"))),
    Situation("costs may not be told", "cost anomalies", "lacking",
              "policy of r1-alerts does not let costalerts", "aws sns set-topic-attributes",
              {"sns.GetTopicAttributes": account.topic(Policy=account.policy("sqs"))},
              keys=ANOMALIES),
    Situation("costs may not be told by who has no use of the key", "cost anomalies", "unknown",
              "encrypted with alias/aws/sns", "a key of yours",
              {"sns.GetTopicAttributes": account.topic(
                  Policy=account.policy("costalerts"), KmsMasterKeyId="alias/aws/sns")},
              keys=ANOMALIES),
    Situation("everybody may publish", "cost anomalies", "ready", "may publish",
              answers={"sns.GetTopicAttributes": account.topic(Policy=json.dumps({"Statement": [
                  {"Effect": "Allow", "Principal": "*", "Action": "sns:*"}]}))}, keys=ANOMALIES),
    Situation("everybody of the account may publish", "cost anomalies", "lacking", "does not let",
              "this statement besides",
              {"sns.GetTopicAttributes": account.topic(Policy=json.dumps({"Statement": [
                  {"Effect": "Allow", "Principal": "*", "Action": "sns:*",
                   "Condition": {"StringEquals": {"AWS:SourceOwner": account.ACCOUNT}}}]}))},
              keys=ANOMALIES),
    Situation("costs may be told", "cost anomalies", "ready", "may publish to r1-alerts",
              answers={"sns.GetTopicAttributes": account.topic(
                  Policy=account.policy("costalerts"))}, keys=ANOMALIES),
    Situation("costs that another account pays", "cost anomalies", "lacking",
              "member of 999999999999's organization", "leave out budget.anomaly_usd",
              {"organizations.DescribeOrganization": {
                  "Organization": {"MasterAccountId": "999999999999"}}}, keys=ANOMALIES),
    Situation("costs that the account itself pays", "cost anomalies", "ready", "may publish",
              answers={"organizations.DescribeOrganization": {
                  "Organization": {"MasterAccountId": account.ACCOUNT}}}, keys=ANOMALIES),
    Situation("may not ask who pays", "cost anomalies", "ready", "may publish",
              answers={"organizations.DescribeOrganization": refusal("AccessDeniedException")},
              keys=ANOMALIES),
    # Alerts of a managed Prometheus, which a service tells by the topic's own policy.
    Situation("alerts that may not be told", "alerts' publisher", "lacking",
              "does not let aps.amazonaws.com call sns:Publish and sns:GetTopicAttributes",
              f'"aws:SourceArn": "arn:aws:aps:us-west-2:{account.ACCOUNT}:workspace/*"',
              keys=MANAGED),
    Situation("alerts that may be told, and the topic not looked at", "alerts' publisher",
              "lacking", "does not let aps.amazonaws.com call", "this statement besides",
              {"sns.GetTopicAttributes": account.topic(Policy=account.policy("aps"))},
              keys=MANAGED),
    Situation("alerts that may be told", "alerts' publisher", "ready", "aps.amazonaws.com may",
              answers={"sns.GetTopicAttributes": account.topic(
                  Policy=account.policy("aps", "SNS:Publish", "SNS:GetTopic*"))}, keys=MANAGED),
    Situation("alerts through a key that the service may not use", "alerts' publisher", "unknown",
              "encrypted with alias/mine", "kms:GenerateDataKey",
              {"sns.GetTopicAttributes": account.topic(
                  Policy=account.policy("aps", "sns:*"), KmsMasterKeyId="alias/mine")},
              keys=MANAGED),
    Situation("a topic that hears, told by a service", "alerts' topic", "ready", "1 subscription",
              answers={"sns.GetTopicAttributes": account.topic(
                  Policy=account.policy("aps", "sns:*"), KmsMasterKeyId="alias/mine")},
              keys=MANAGED, moves=("alerts' publisher",)),
    Situation("a topic of somebody else, told by a service", "alerts' topic", "lacking",
              "of account 999999999999, and managed-prometheus", f"account {account.ACCOUNT}",
              keys=told("managed-prometheus",
                        sns=account.TOPIC.replace(account.ACCOUNT, "999999999999"))),
    Situation("a topic elsewhere, told by a service", "alerts' topic", "unknown",
              "its policy has to let aps.amazonaws.com publish", "--region us-east-1",
              keys=told("managed-prometheus", sns=account.TOPIC.replace("west-2", "east-1"))),
    Situation("a webhook before its cluster", "alerts' webhook", "unknown",
              "there is no cluster yet", "create secret generic pager --from-file=url=/dev/stdin",
              keys=told(webhook={"secret": "pager"})),
    Situation("does not fit", "plan", "lacking", "70b", "r1 plan prod-70b --refresh",
              keys={"variants": {"70b": {"instance": "g6.xlarge", "tensor_parallel": 1,
                                         "precision": "bf16"}}}, alone=False),
]  # fmt: skip


@pytest.mark.parametrize("one", SITUATIONS, ids=lambda one: one.name)
def test_each_situation_has_its_line_and_status_and_hides_no_other(one, run):
    checked = run(one.answers, one.keys, now=one.now)
    line = checked.lines[one.subject]
    assert line["standing"] == one.standing
    assert one.found in line["found"]
    assert one.fix in line["fix"]
    assert bool(line["fix"]) or one.standing != "lacking"
    expected = one.status if one.status >= 0 else int(one.standing == "lacking")
    assert checked.status == expected
    assert checked.told["ready"] == (expected == 0)
    assert not [found for found in checked.told["findings"] if "r1 itself" in found["found"]]
    if one.alone:
        moved = {one.subject, *one.moves}
        baseline = {
            name: row for name, row in run(keys=one.keys).lines.items() if name not in moved
        }
        assert {n: row for n, row in checked.lines.items() if n not in moved} == baseline


def test_every_aws_command_that_it_prints_is_one_that_aws_has(run):
    session, seen = botocore.session.get_session(), set()
    for one in SITUATIONS:
        for line in run(one.answers, one.keys, now=one.now).told["findings"]:
            for words in re.findall(r"(?:^|; |: )(aws [a-z][^;#]*)", line["fix"]):
                command = shlex.split(words)
                if command[1] in ("s3", "sso"):
                    # No operations; the tests of the local cloud run them.
                    continue
                seen.add(command[2])
                operations = session.get_service_model(command[1]).operation_names
                named = {xform_name(name, "-"): name for name in operations}
                model = session.get_service_model(command[1]).operation_model(named[command[2]])
                flags = {xform_name(name, "-") for name in model.input_shape.members} | {"region"}
                # The command line has an --endpoint-url besides, and calls SNS' own otherwise.
                flags |= {"notification-endpoint"} if command[2] == "subscribe" else set()
                given = {word[2:] for word in command if word.startswith("--")}
                assert given <= flags, words
                needed = {xform_name(name, "-") for name in model.input_shape.required_members}
                assert needed <= given, words
    assert len(seen) >= 6


def test_a_ready_account_has_nothing_lacking(run):
    checked = run()
    assert checked.status == 0
    assert [n for n, one in checked.lines.items() if one["standing"] == "unknown"] == [
        # Nobody can know these before, or they are a person's to decide.
        "capacity r1-70b", "FSx for Lustre", "pins", "budget", "certificate", "gateway keys",
    ]  # fmt: skip
    assert checked.told["seconds"] < 6


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (refusal("ExpiredToken", 403), "have expired"),
        (refusal("InvalidClientTokenId", 403), "does not know the credentials"),
        (NoCredentialsError(), "no AWS credentials here"),
        (TokenRetrievalError(provider="sso", error_msg="gone"), "could not be read"),
    ],
)
def test_without_credentials_one_line_says_so_and_what_is_local_is_checked(error, told, run, aws):
    checked = run({"sts.GetCallerIdentity": error}, {"budget": {"usd_per_month": 1000}})
    about_aws = [one for one in checked.told["findings"] if "not asked of AWS" in one["found"]]
    assert [one["subject"] for one in about_aws] == ["identity"]
    assert told in about_aws[0]["found"]
    assert "vCPU quotas" in about_aws[0]["found"]
    assert "aws sso login" in about_aws[0]["fix"]
    assert [name for name, _ in aws.asked] == ["sts.GetCallerIdentity"]
    assert checked.status == 1
    assert [*checked.lines] == [
        "identity", "plan", "Kubernetes support", "pins", "endpoint ranges", "budget",
        "certificate", "gateway keys",
    ]  # fmt: skip
    assert checked.lines["budget"]["standing"] == "lacking"


def test_of_another_account_nothing_more_is_asked(run, aws):
    another = {
        "Account": "999999999999",
        "UserId": "x",
        "Arn": "arn:aws:iam::999999999999:user/me",
    }
    checked = run({"sts.GetCallerIdentity": another})
    assert "not asked of AWS: region, vCPU quotas" in checked.lines["identity"]["found"]
    assert [name for name, _ in aws.asked] == ["sts.GetCallerIdentity"]


def test_with_no_network_every_line_is_unknown_and_none_is_missing(run):
    ready = run().lines
    checked = run(dict.fromkeys(account.answers(), NO_NETWORK))
    asked = [one for one in checked.told["findings"] if "was not reached" in one["found"]]
    assert {one["standing"] for one in asked} == {"unknown"}
    assert len(asked) >= 13
    assert checked.status == 0
    assert {"plan", "pins", "budget", "Kubernetes support"} <= checked.lines.keys()
    assert checked.lines["plan"] == ready["plan"]


def test_a_refused_first_question_stops_none_of_the_others(run):
    checked = run({"sts.GetCallerIdentity": refusal("ThrottlingException")})
    assert checked.lines["identity"]["standing"] == "unknown"
    assert checked.lines["quota L-417A185B"]["standing"] == "ready"


def test_without_a_plan_what_needs_one_is_named_in_one_line(run):
    checked = run(keys={"variants": {"14b": {}}})
    assert checked.lines["plan"]["standing"] == "lacking"
    assert "r1 plan prod-70b --refresh" in checked.lines["plan"]["fix"]
    line = checked.lines["without a plan"]
    assert "vCPU quotas, zones, offers" in line["found"]
    assert checked.lines["Kubernetes offered"]["standing"] == "ready"
    assert checked.status == 1


def test_what_hangs_or_breaks_is_one_line_and_takes_no_other_with_it(aws, ambient, project):
    aws.answers = account.answers()
    ground = commands.ground_of("prod-70b")
    ground.__dict__["account"] = ambient
    never = threading.Event()

    def broken(_: Any) -> Any:
        raise KeyError("ours")

    checks = [
        Check("hangs", lambda _: iter([never.wait(60)])),  # type: ignore[arg-type]
        Check("breaks", broken),
        next(one for one in CHECKS if one.subject == "pins"),
    ]
    found = {one.subject: one for one in check(ground, checks, seconds=0.5)}
    never.set()
    assert "no answer in time" in found["hangs"].found
    assert "KeyError('ours')" in found["breaks"].found
    assert re.match(r"(\d+) of \1 are unpinned", found["pins"].found)


def test_a_first_question_that_hangs_hides_no_other(run):
    never = threading.Event()
    checked = run({"sts.GetCallerIdentity": lambda _: never.wait(60)})
    never.set()
    assert "no answer in time" in checked.lines["identity"]["found"]
    assert checked.lines["quota L-417A185B"]["standing"] == "ready"
    assert checked.told["seconds"] < 6


def test_where_nothing_of_aws_ever_answers_it_still_ends_within_five_seconds(project):
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        port = silent.getsockname()[1]
        ran = subprocess.run(
            [sys.executable, "-m", "r1_on_eks.cli", "check", "prod-70b", "--json"],
            env={"PATH": os.environ["PATH"], "HOME": str(project),
                 "AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
                 "AWS_SECRET_ACCESS_KEY": "not-a-secret",
                 "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    told = json.loads(ran.stdout)
    assert told["seconds"] < 6  # a busy machine
    assert len([one for one in told["findings"] if "no answer in time" in one["found"]]) >= 13
    assert "plan" in {one["subject"] for one in told["findings"]}


def test_the_endpoint_of_a_cluster_is_reached_or_the_reason_is_told(run):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        checked = run({"eks.DescribeCluster": account.cluster(endpoint=url)})
    assert checked.lines["endpoint"]["standing"] == "ready"
    assert checked.lines["cluster"]["standing"] == "ready"


class SecretsOfACluster(http.server.BaseHTTPRequestHandler):
    """Answers for one Secret, whose entries a test changes; None: there is no such Secret."""

    secret: dict[str, Any] | None = None
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        self.send_response(404 if self.secret is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(self.secret).encode())

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def api_server(tmp_path):
    """An API server with a certificate of its own, and EKS's description of its cluster."""
    authority = Authority("cluster")
    own = authority.server(["127.0.0.1"], ["kubernetes"])
    pem = tmp_path / "server.pem"
    pem.write_text(own.certificate + own.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SecretsOfACluster) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        SecretsOfACluster.asked.clear()
        try:
            yield account.cluster(
                endpoint=f"https://127.0.0.1:{server.server_port}",
                certificateAuthority={"data": b64encode(authority.certificate.encode()).decode()},
            )
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize(
    ("secret", "standing", "found", "fix"),
    [
        (
            None,
            "lacking",
            "no Secret pager in namespace monitoring",
            "create secret generic pager",
        ),
        ({}, "lacking", "has no entry url", "delete secret pager; kubectl"),
        ({"data": {"address": "aHR0cA=="}}, "lacking", "has no entry url", "delete secret pager"),
        ({"data": {"url": "aHR0cHM6Ly9wYWdlcg=="}}, "ready", "has its entry url", ""),
    ],
)
def test_the_secret_of_a_webhook_is_asked_of_the_cluster(
    secret, standing, found, fix, api_server, run, monkeypatch
):
    monkeypatch.setattr(SecretsOfACluster, "secret", secret)
    checked = run({"eks.DescribeCluster": api_server}, told(webhook={"secret": "pager"}))
    line = checked.lines["alerts' webhook"]
    assert (line["standing"], found in line["found"]) == (standing, True), line
    assert fix in line["fix"]
    assert "/api/v1/namespaces/monitoring/secrets/pager" in SecretsOfACluster.asked
    assert "alerts' topic" not in checked.lines
    # What is secret is told to nobody.
    assert "aHR0cHM6Ly9wYWdlcg" not in json.dumps(checked.told)


def test_the_secret_of_a_webhook_in_a_cluster_that_is_not_reached_is_unknown(api_server, run):
    api_server["cluster"]["endpoint"] = "https://127.0.0.1:1"
    checked = run({"eks.DescribeCluster": api_server}, told(webhook={"secret": "pager"}))
    line = checked.lines["alerts' webhook"]
    assert line["standing"] == "unknown"
    assert "was not asked for" in line["found"]


def test_it_only_reads(run, aws):
    run()
    for name, _ in aws.asked:
        operation = name.partition(".")[2]
        assert operation.startswith(("Describe", "Get", "List", "Head", "Simulate")), name


def test_every_question_names_the_permission_that_it_needs(run, aws):
    run(keys={"variants": RESERVED},
        answers={"ec2.DescribeCapacityReservations": account.reservation()})  # fmt: skip
    named = {action for one in CHECKS for action in one.permissions}
    prefixes = {"service-quotas": "servicequotas"}
    for name, _ in aws.asked:
        service, operation = name.split(".")
        asked = {"ListObjectsV2": "ListBucket", "HeadBucket": "ListBucket"}.get(
            operation, operation
        )
        action = f"{prefixes.get(service, service)}:{asked}"
        assert action in named or action == "sts:GetCallerIdentity", action


def test_a_wrong_file_or_stack_is_misuse(project, capsys, monkeypatch):
    assert cli.main(["check", "no-such"]) == 2
    path = project / "stacks" / "Pulumi.prod-70b.yaml"
    path.write_text(path.read_text().replace("region: us-west-2", "region: nowhere"))
    assert cli.main(["check", "prod-70b"]) == 2
    assert "region" in capsys.readouterr().err


def test_the_table_says_what_to_type(run, aws, project, capsys):
    run({QUOTAS: account.quotas(L_417A185B=0.0)})
    assert cli.main(["check", "prod-70b"]) == 1
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if line.startswith("✗")]
    assert "quota L-417A185B" in line
    assert "→ aws service-quotas request-service-quota-increase" in out
    assert "1 lacking" in out.splitlines()[-1]


def test_a_machine_with_nothing_on_it_is_answered(project):
    """The real thing: no credentials, no patched parts; AWS directed to a closed port."""
    ran = subprocess.run(
        [sys.executable, "-m", "r1_on_eks.cli", "check", "prod-70b"],
        env={"PATH": os.environ["PATH"], "HOME": str(project), "AWS_EC2_METADATA_DISABLED": "true",
             "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stdout.count("no AWS credentials here") == 1
    assert "✓ plan" in ran.stdout
    assert ran.stderr.strip() == ""
