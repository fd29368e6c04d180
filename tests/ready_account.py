"""What AWS answers in an account that is ready for prod-70b."""

import io
import json
from datetime import UTC, datetime
from typing import Any

from injected_aws import refusal
from r1_on_eks.catalog.checkpoints import CHECKPOINTS
from r1_on_eks.catalog.quotas import (
    ADDRESSES,
    FILE_SYSTEM_QUOTAS,
    INSTANCE_QUOTAS,
    NAT_GATEWAYS,
    VPCS,
)
from r1_on_eks.operations.weights.manifest import Entry, Manifest

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/platform-engineer"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/platform-engineer/somebody"
TOPIC = f"arn:aws:sns:us-west-2:{ACCOUNT}:r1-alerts"
DAY = datetime(2026, 11, 25, 12, tzinfo=UTC)
ZONES = {"us-west-2a": "usw2-az2", "us-west-2b": "usw2-az1", "us-west-2c": "usw2-az3"}
SHARDS = 17
(SEVENTY,) = [one for one in CHECKPOINTS["70b"] if one.precision == "bf16"]


def quotas(**changed: float) -> Any:
    """Service Quotas' answers: plenty, but for the codes given as L_417A185B."""
    values = dict.fromkeys(INSTANCE_QUOTAS, 500.0)
    values |= {VPCS.code: 5.0, ADDRESSES.code: 5.0, NAT_GATEWAYS.code: 5.0}
    for systems, capacity in FILE_SYSTEM_QUOTAS.values():
        values |= {systems.code: 100.0, capacity.code: 100_800.0}
    values |= {code.replace("_", "-"): value for code, value in changed.items()}
    return lambda asked: {
        "Quota": {"QuotaCode": asked["QuotaCode"], "Value": values[asked["QuotaCode"]]}
    }


def offers(**without: str) -> dict[str, Any]:
    """Every zone sells both types, but `without` (p4d="us-west-2b")."""
    return {
        "InstanceTypeOfferings": [
            {"InstanceType": kind, "LocationType": "availability-zone", "Location": zone}
            for kind in ("p4d.24xlarge", "m7i.large")
            for zone in ZONES
            if without.get(kind.partition(".")[0]) not in (zone, "everywhere")
        ]
    }


def running(*types: str, lifecycle: str | None = None, stack: str | None = None) -> dict[str, Any]:
    """Instances that run, 96 vCPU each."""
    return {
        "Reservations": [
            {
                "Instances": [
                    {
                        "InstanceType": kind,
                        "CpuOptions": {"CoreCount": 48, "ThreadsPerCore": 2},
                        "Tags": [{"Key": "r1:stack", "Value": stack}] if stack else [],
                        **({"InstanceLifecycle": lifecycle} if lifecycle else {}),
                    }
                    for kind in types
                ]
            }
        ]
    }


def zones(**ids: str) -> dict[str, Any]:
    """The account's zones, some with other ids (b="use1-az3")."""
    return {
        "AvailabilityZones": [
            {"ZoneName": zone, "ZoneId": ids.get(zone[-1], number), "State": "available"}
            for zone, number in ZONES.items()
            if ids.get(zone[-1]) != "none"
        ]
    }


def listing(**sizes: int | None) -> dict[str, Any]:
    """The folder of the 70b's weights; a shard by its number has another size, or is missing."""
    whole = SEVENTY.weight_bytes // SHARDS + 50_000
    files = {
        f"model-{number:05}-of-{SHARDS:06}.safetensors": sizes.get(f"shard_{number}", whole)
        for number in range(1, SHARDS + 1)
    }
    files |= {"config.json": 700, "tokenizer.json": sizes.get("tokenizer", 9_000_000)}
    return {
        "IsTruncated": False,
        "Contents": [
            {"Key": f"{SEVENTY.folder}/{name}", "Size": size, "ETag": name}
            for name, size in files.items()
            if size is not None
        ],
    }


def verified(name: str = "manifest.json", **etags: str) -> dict[str, Any]:
    """The same folder with a manifest of what was verified; a shard by its number is another."""
    listed = listing()["Contents"]
    files = {
        one["Key"].rpartition("/")[2]: Entry(
            name=one["Key"].rpartition("/")[2], size=one["Size"], sha256=64 * "0",
            source_digest=64 * "0", etag=one["ETag"],
        )
        for one in listed
    }  # fmt: skip
    written = Manifest(
        repository=SEVENTY.repository, revision=40 * "0", licence="mit", source="hub", files=files
    ).written()
    for one in listed:
        for shard, etag in etags.items():
            if f"model-{int(shard.removeprefix('shard_')):05}" in one["Key"]:
                one["ETag"] = etag
    listed.append({"Key": f"{SEVENTY.folder}/{name}", "Size": len(written), "ETag": name})
    return {
        "s3.ListObjectsV2": {"IsTruncated": False, "Contents": listed},
        "s3.GetObject": lambda _: {"Body": io.BytesIO(written.encode())},
    }


def simulated(**decisions: dict[str, Any]) -> Any:
    """IAM's simulation: all allowed, but for actions given as ec2_RunInstances."""

    def answer(asked: Any) -> dict[str, Any]:
        results = []
        for action in asked["ActionNames"]:
            other = decisions.get(action.replace(":", "_"), {})
            results.append({"EvalActionName": action, "EvalDecision": "allowed", **other})
        return {"EvaluationResults": results, "IsTruncated": False}

    return answer


def blocks(*fees: str) -> dict[str, Any]:
    """Capacity blocks of a day that are offered."""
    return {
        "CapacityBlockOfferings": [
            {
                "CapacityBlockOfferingId": "cbo-1",
                "InstanceType": "p4d.24xlarge",
                "AvailabilityZone": "us-west-2b",
                "InstanceCount": 1,
                "StartDate": datetime(2026, 11, 28, 11, 30, tzinfo=UTC),
                "EndDate": datetime(2026, 11, 29, 11, 30, tzinfo=UTC),
                "CapacityBlockDurationHours": 24,
                "UpfrontFee": fee,
                "CurrencyCode": "USD",
            }
            for fee in fees
        ]
    }


def reservation(**other: Any) -> dict[str, Any]:
    """The capacity reservation cr-0123456789abcdef0."""
    return {
        "CapacityReservations": [
            {
                "CapacityReservationId": "cr-0123456789abcdef0",
                "InstanceType": "p4d.24xlarge",
                "AvailabilityZone": "us-west-2b",
                "State": "active",
                "TotalInstanceCount": 1,
                "AvailableInstanceCount": 1,
                **other,
            }
        ]
    }


def cost_tags(*status: str) -> dict[str, Any]:
    """Cost Explorer's view of r1:stack and r1:variant."""
    return {
        "CostAllocationTags": [
            {"TagKey": key, "Type": "UserDefined", "Status": one}
            for key, one in zip(("r1:stack", "r1:variant"), status, strict=False)
        ]
    }


def version(status: str) -> dict[str, Any]:
    """EKS's row of the stack's Kubernetes version."""
    return {
        "clusterVersions": [
            {
                "clusterVersion": "1.35",
                "versionStatus": status,
                "endOfStandardSupportDate": datetime(2027, 3, 27, tzinfo=UTC),
            }
        ]
    }


def topic(**attributes: str) -> dict[str, Any]:
    """A topic that somebody listens to, with some attributes otherwise."""
    return {"Attributes": {"TopicArn": TOPIC, "SubscriptionsConfirmed": "1", **attributes}}


def policy(service: str, *actions: str) -> str:
    """A topic's policy: its owner may do all, and a service may publish, or what is said."""
    return json.dumps({"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["SNS:Publish"],
         "Resource": TOPIC, "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}},
        {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"},
         "Action": [*actions] or "SNS:Publish", "Resource": TOPIC},
    ]})  # fmt: skip


def cluster(**other: Any) -> dict[str, Any]:
    """The stack's cluster, as EKS describes it."""
    return {
        "cluster": {
            "name": "prod-70b",
            "status": "ACTIVE",
            "tags": {"r1:stack": "prod-70b"},
            "resourcesVpcConfig": {
                "endpointPublicAccess": True,
                "publicAccessCidrs": ["203.0.113.0/24"],
            },
            **other,
        }
    }


def subnets(blocks: dict[str, str] | None = None, **zones: str) -> dict[str, Any]:
    """The subnets of a given network: a and b private, c and d public, in two zones.

    Some in another zone (b="us-west-2c") or with another block.
    """
    return {
        "Subnets": [
            {
                "SubnetId": f"subnet-0000000000000000{letter}",
                "AvailabilityZone": zones.get(letter, f"us-west-2{'ab'[number % 2]}"),
                "CidrBlock": (blocks or {}).get(letter, f"10.0.{number}.0/24"),
                "AvailableIpAddressCount": 250,
            }
            for number, letter in enumerate("abcd")
        ]
    }


def route_tables(own: str = "rtb-private") -> dict[str, Any]:
    """Of a given network: a main one, and `own`, which one of the private subnets has."""
    return {
        "RouteTables": [
            {"RouteTableId": "rtb-main", "Associations": [{"Main": True}]},
            {
                "RouteTableId": own,
                "Associations": [{"Main": False, "SubnetId": "subnet-0000000000000000a"}],
            },
        ]
    }


def ways_to_s3(*tables: str) -> dict[str, Any]:
    """Its gateway endpoint, in these tables."""
    return {"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "RouteTableIds": [*tables]}]}


def file_system(capacity: int, deployment: str = "PERSISTENT_2", **other: Any) -> dict[str, Any]:
    """A file system of FSx for Lustre."""
    return {
        "FileSystemType": "LUSTRE",
        "StorageCapacity": capacity,
        "LustreConfiguration": {"DeploymentType": deployment},
        **other,
    }


def others(key: str, count: int, **each: Any) -> dict[str, Any]:
    """So many things that are not the stack's."""
    return {key: [dict(each) for _ in range(count)]}


def answers() -> dict[str, Any]:
    """All of them, by service and operation."""
    return {
        "sts.GetCallerIdentity": {"Account": ACCOUNT, "Arn": SESSION, "UserId": "AROA:somebody"},
        "ec2.DescribeRegions": {
            "Regions": [{"RegionName": "us-west-2", "OptInStatus": "opt-in-not-required"}]
        },
        "service-quotas.GetServiceQuota": quotas(),
        "service-quotas.ListRequestedServiceQuotaChangeHistoryByQuota": {"RequestedQuotas": []},
        "ec2.DescribeInstances": {"Reservations": []},
        "ec2.DescribeAvailabilityZones": zones(),
        "ec2.DescribeInstanceTypeOfferings": offers(),
        "ec2.DescribeCapacityBlockOfferings": blocks("283.20"),
        "ec2.DescribeVpcs": others("Vpcs", 1),
        "ec2.DescribeAddresses": others("Addresses", 0),
        "ec2.DescribeNatGateways": others("NatGateways", 0),
        "ec2.DescribeRouteTables": route_tables(),
        "ec2.DescribeVpcEndpoints": ways_to_s3("rtb-private", "rtb-main"),
        "fsx.DescribeFileSystems": {"FileSystems": []},
        "eks.DescribeClusterVersions": version("STANDARD_SUPPORT"),
        "eks.DescribeCluster": refusal("ResourceNotFoundException", 404),
        "ssm.GetParameter": {"Parameter": {"Value": "1.35.0-20261101"}},
        "s3.HeadBucket": {"BucketRegion": "us-west-2"},
        "s3.ListObjectsV2": listing(),
        "iam.GetRole": {
            "Role": {
                "Path": "/", "RoleName": "platform-engineer", "RoleId": "AROAEXAMPLEEXAMPLE",
                "Arn": ROLE, "CreateDate": DAY,
            }
        },
        "iam.SimulatePrincipalPolicy": simulated(),
        "ce.ListCostAllocationTags": cost_tags("Active", "Active"),
        "sns.GetTopicAttributes": topic(Policy=policy("costalerts")),
        "organizations.DescribeOrganization": refusal("AWSOrganizationsNotInUseException"),
    }  # fmt: skip
