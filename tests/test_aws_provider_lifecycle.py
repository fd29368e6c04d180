"""Every row of the AWS provider's table against the local cloud: from create to gone."""

import json
import sys
from pathlib import Path

import pytest
from r1_on_eks.plan.monitoring.anomalies import watched_costs
from r1_on_eks.rehearsal.aws_provider.table import ROWS

sys.path.insert(0, str(Path(__file__).parent))
from aws_provider_client import Provider, RunningCloud

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {
                    "Service": [f"{one}.amazonaws.com" for one in ("ec2", "eks", "pods.eks")]
                },
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
)
MANAGED = "arn:aws:iam::aws:policy"
ADMIN = "arn:aws:iam::111122223333:role/platform-engineer"


def program(of):
    """(logical name, type, inputs, changed inputs) in the order in which a stack makes them.

    `of(name)` has the outputs of what was made before.
    """
    yield (
        "vpc",
        "aws:ec2/vpc:Vpc",
        {
            "cidrBlock": "10.0.0.0/16",
            "enableDnsHostnames": True,
            "enableDnsSupport": True,
        },
        {"enableDnsHostnames": False},
    )
    for zone, block in (("a", "10.0.0.0/20"), ("b", "10.0.16.0/20")):
        yield (
            f"subnet-{zone}",
            "aws:ec2/subnet:Subnet",
            {
                "vpcId": of("vpc")["id"],
                "availabilityZone": f"us-west-2{zone}",
                "cidrBlock": block,
                "mapPublicIpOnLaunch": False,
            },
            {"mapPublicIpOnLaunch": True},
        )
    vpc, subnets = of("vpc")["id"], [of("subnet-a")["id"], of("subnet-b")["id"]]
    yield "igw", "aws:ec2/internetGateway:InternetGateway", {"vpcId": vpc}, {}
    yield "table", "aws:ec2/routeTable:RouteTable", {"vpcId": vpc}, {}
    yield (
        "route",
        "aws:ec2/route:Route",
        {
            "routeTableId": of("table")["id"],
            "destinationCidrBlock": "0.0.0.0/0",
            "gatewayId": of("igw")["id"],
        },
        {},
    )
    for zone in "ab":
        yield (
            f"table-{zone}",
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
            {"routeTableId": of("table")["id"], "subnetId": of(f"subnet-{zone}")["id"]},
            {},
        )
    yield "eip", "aws:ec2/eip:Eip", {"domain": "vpc"}, {}
    yield (
        "nat",
        "aws:ec2/natGateway:NatGateway",
        {"subnetId": subnets[0], "allocationId": of("eip")["id"]},
        {},
    )
    yield (
        "s3",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        {
            "vpcId": vpc,
            "vpcEndpointType": "Gateway",
            "serviceName": "com.amazonaws.us-west-2.s3",
            "routeTableIds": [of("table")["id"]],
        },
        {"routeTableIds": []},
    )
    yield from groups(of, vpc)
    yield from permissions(of)
    yield (
        "nobody",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        {"vpcId": vpc},
        {},
    )
    yield (
        "flows",
        "aws:ec2/flowLog:FlowLog",
        {
            "vpcId": vpc,
            "trafficType": "ALL",
            "logDestinationType": "cloud-watch-logs",
            "logDestination": of("logs")["arn"],
            "iamRoleArn": of("role")["arn"],
            "maxAggregationInterval": 600,
        },
        {},
    )
    yield from images(of)
    yield from nodes(of, subnets)
    yield from storage(of, subnets)
    yield from gateway(of, vpc, subnets)


def groups(of, vpc):
    yield (
        "clients",
        "aws:ec2/securityGroup:SecurityGroup",
        {"vpcId": vpc, "description": "clients"},
        {},
    )
    for way, kind in (("in", "Ingress"), ("out", "Egress")):
        yield (
            way,
            f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule",
            {
                "securityGroupId": of("clients")["id"],
                "referencedSecurityGroupId": of("clients")["id"],
                "ipProtocol": "tcp",
                "fromPort": 988,
                "toPort": 988,
            },
            {},
        )
    yield (
        "in-block",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {
            "securityGroupId": of("clients")["id"],
            "cidrIpv4": "10.0.0.0/8",
            "ipProtocol": "tcp",
            "fromPort": 80,
            "toPort": 80,
        },
        {"cidrIpv4": "10.0.0.0/16"},
    )


def permissions(of):
    yield (
        "key",
        "aws:kms/key:Key",
        {
            "description": "secrets",
            "enableKeyRotation": True,
            "deletionWindowInDays": 7,
        },
        {"description": "Kubernetes secrets", "enableKeyRotation": False},
    )
    yield (
        "alias",
        "aws:kms/alias:Alias",
        {"name": "alias/secrets", "targetKeyId": of("key")["keyId"]},
        {},
    )
    yield (
        "logs",
        "aws:cloudwatch/logGroup:LogGroup",
        {"name": "/aws/eks/rows/cluster", "retentionInDays": 30},
        {"retentionInDays": 60},
    )
    yield (
        "role",
        "aws:iam/role:Role",
        {"name": "rows", "assumeRolePolicy": TRUST},
        {"description": "of the nodes"},
    )
    for policy in (
        "AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryPullOnly",
    ):  # fmt: skip
        yield (
            policy,
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": of("role")["name"], "policyArn": f"{MANAGED}/{policy}"},
            {},
        )
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    yield (
        "inline",
        "aws:iam/rolePolicy:RolePolicy",
        {
            "role": of("role")["name"],
            "policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
        },
        {"policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed, allowed]})},
    )


def images(of):
    yield (
        "nginx",
        "aws:ecr/repository:Repository",
        {
            "name": "rows/nginx",
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": of("key")["arn"]}],
            "forceDelete": True,
        },
        {"imageScanningConfiguration": {"scanOnPush": False}},
    )
    yield (
        "hub",
        "aws:ecr/pullThroughCacheRule:PullThroughCacheRule",
        {
            "ecrRepositoryPrefix": "rows",
            "upstreamRegistryUrl": "registry.k8s.io",
        },
        {},
    )


def nodes(of, subnets):
    yield (
        "cluster",
        "aws:eks/cluster:Cluster",
        {
            "name": "rows",
            "version": "1.35",
            "roleArn": of("role")["arn"],
            "accessConfig": {
                "authenticationMode": "API",
                "bootstrapClusterCreatorAdminPermissions": False,
            },
            "bootstrapSelfManagedAddons": False,
            "upgradePolicy": {"supportType": "STANDARD"},
            "deletionProtection": False,
            "enabledClusterLogTypes": ["api", "audit"],
            "encryptionConfig": {
                "provider": {"keyArn": of("key")["arn"]},
                "resources": ["secrets"],
            },
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": "172.20.0.0/16",
                "ipFamily": "ipv4",
            },
            "vpcConfig": {
                "subnetIds": subnets,
                "endpointPrivateAccess": True,
                "endpointPublicAccess": True,
                "publicAccessCidrs": ["203.0.113.0/24"],
            },
        },
        {"enabledClusterLogTypes": ["api"]},
    )
    cluster = {"clusterName": of("cluster")["name"]}
    yield (
        "admin",
        "aws:eks/accessEntry:AccessEntry",
        {**cluster, "principalArn": ADMIN, "type": "STANDARD"},
        {"kubernetesGroups": ["viewers"]},
    )
    yield (
        "admin-policy",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        {
            **cluster,
            "principalArn": ADMIN,
            "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            "accessScope": {"type": "cluster"},
        },
        {},
    )
    for addon in ("eks-pod-identity-agent", "kube-proxy", "vpc-cni"):
        yield (
            addon,
            "aws:eks/addon:Addon",
            {**cluster, "addonName": addon, "preserve": False},
            {},
        )
    yield (
        "pods",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        {
            **cluster,
            "namespace": "r1",
            "serviceAccount": "weights",
            "roleArn": of("role")["arn"],
        },
        {"disableSessionTags": True},
    )
    yield (
        "together",
        "aws:ec2/placementGroup:PlacementGroup",
        {"strategy": "cluster"},
        {},
    )
    disk = {"volumeSize": 50, "volumeType": "gp3", "encrypted": "true"}
    yield (
        "template",
        "aws:ec2/launchTemplate:LaunchTemplate",
        {
            "updateDefaultVersion": True,
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": disk}],
            "tagSpecifications": [{"resourceType": "instance", "tags": {"r1:stack": "rows"}}],
            "userData": "IyEvYmluL3NoCg==",
        },
        {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2}},
    )
    yield (
        "nodes",
        "aws:eks/nodeGroup:NodeGroup",
        {
            **cluster,
            "nodeGroupName": "nodes",
            "nodeRoleArn": of("role")["arn"],
            "subnetIds": subnets,
            "amiType": "AL2023_x86_64_STANDARD",
            "instanceTypes": ["m7i.large"],
            "capacityType": "ON_DEMAND",
            "launchTemplate": {
                "id": of("template")["id"],
                "version": str(of("template")["latestVersion"]),
            },
            "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 2},
            "updateConfig": {"maxUnavailable": 1},
            "nodeRepairConfig": {"enabled": True},
            "labels": {"r1": "system"},
            "taints": [{"key": "a", "value": "true", "effect": "NO_SCHEDULE"}],
        },
        {
            "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 3},
            "labels": {"r1": "x"},
        },
    )


def storage(of, subnets):
    yield (
        "lustre",
        "aws:fsx/lustreFileSystem:LustreFileSystem",
        {
            "deploymentType": "PERSISTENT_2",
            "fileSystemTypeVersion": "2.15",
            "storageType": "SSD",
            "storageCapacity": 1200,
            "perUnitStorageThroughput": 125,
            "subnetIds": subnets[0],
            "securityGroupIds": [of("clients")["id"]],
            "skipFinalBackup": True,
        },
        {"storageCapacity": 2400},
    )
    yield (
        "bucket",
        "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
        {
            "fileSystemId": of("lustre")["id"],
            "fileSystemPath": "/",
            "dataRepositoryPath": "s3://weights",
            "batchImportMetaDataOnCreate": True,
            "s3": {"autoImportPolicy": {"events": ["NEW", "CHANGED", "DELETED"]}},
        },
        {"s3": {"autoImportPolicy": {"events": ["NEW", "CHANGED"]}}},
    )


def gateway(of, vpc, subnets):
    yield (
        "nlb",
        "aws:lb/loadBalancer:LoadBalancer",
        {
            "loadBalancerType": "network",
            "internal": True,
            "securityGroups": [of("clients")["id"]],
            "subnets": subnets,
            "enableCrossZoneLoadBalancing": True,
            "enableDeletionProtection": False,
        },
        {"enableCrossZoneLoadBalancing": False},
    )
    check = {
        "protocol": "HTTP", "path": "/healthz", "port": "traffic-port", "interval": 10,
        "timeout": 6, "healthyThreshold": 2, "unhealthyThreshold": 2,
    }  # fmt: skip
    yield (
        "targets",
        "aws:lb/targetGroup:TargetGroup",
        {
            "vpcId": vpc,
            "targetType": "instance",
            "protocol": "TCP",
            "port": 30080,
            "deregistrationDelay": 120,
            "targetHealthStates": [
                {"enableUnhealthyConnectionTermination": False, "unhealthyDrainingInterval": 1200}
            ],
            "healthCheck": check,
        },
        {
            "deregistrationDelay": 60,
            "targetHealthStates": [
                {"enableUnhealthyConnectionTermination": False, "unhealthyDrainingInterval": 60}
            ],
            "healthCheck": {**check, "interval": 30},
        },
    )
    yield (
        "listener",
        "aws:lb/listener:Listener",
        {
            "loadBalancerArn": of("nlb")["arn"],
            "protocol": "TCP",
            "port": 80,
            "tcpIdleTimeoutSeconds": 3600,
            "defaultActions": [{"type": "forward", "targetGroupArn": of("targets")["arn"]}],
        },
        {"tcpIdleTimeoutSeconds": 350},
    )
    group = of("nodes")["resources"][0]["autoscalingGroups"][0]["name"]
    yield (
        "attachment",
        "aws:autoscaling/attachment:Attachment",
        {"autoscalingGroupName": group, "lbTargetGroupArn": of("targets")["arn"]},
        {},
    )
    tag = {"key": "k8s.io/cluster-autoscaler/rows", "value": "owned", "propagateAtLaunch": False}
    yield (
        "node-template",
        "aws:autoscaling/tag:Tag",
        {"autoscalingGroupName": group, "tag": tag},
        {"tag": {**tag, "value": "shared"}},
    )

    yield (
        "anomalies",
        "aws:costexplorer/anomalyMonitor:AnomalyMonitor",
        {
            "name": "r1-rows",
            "monitorType": "CUSTOM",
            "monitorSpecification": json.dumps(watched_costs("rows")),
        },
        {"name": "r1-others"},
    )
    yield (
        "told-of-anomalies",
        "aws:costexplorer/anomalySubscription:AnomalySubscription",
        {
            "name": "r1-rows",
            "frequency": "IMMEDIATE",
            "monitorArnLists": [of("anomalies")["arn"]],
            "subscribers": [
                {"type": "SNS", "address": "arn:aws:sns:us-west-2:111122223333:r1-alerts"}
            ],
            "thresholdExpression": anomalies_from("200"),
        },
        {"thresholdExpression": anomalies_from("300")},
    )

    yield from prometheus(of, subnets)


def prometheus(of, subnets):
    """A workspace of the managed service, its parts, and the scraper that writes to it."""
    yield (
        "workspace",
        "aws:amp/workspace:Workspace",
        {"alias": "r1-rows"},
        {"alias": "r1-others"},
    )
    workspace = of("workspace")
    yield (
        "retention",
        "aws:amp/workspaceConfiguration:WorkspaceConfiguration",
        {"workspaceId": workspace["id"], "retentionPeriodInDays": 90},
        {"retentionPeriodInDays": 400},
    )
    yield (
        "rules",
        "aws:amp/ruleGroupNamespace:RuleGroupNamespace",
        {"workspaceId": workspace["id"], "name": "r1", "data": rules("up == 0")},
        {"data": rules("up == 1")},
    )
    yield (
        "alerts",
        "aws:amp/alertManagerDefinition:AlertManagerDefinition",
        {"workspaceId": workspace["id"], "definition": definition("r1-alerts")},
        {"definition": definition("r1-others")},
    )
    yield (
        "scraper",
        "aws:amp/scraper:Scraper",
        {
            "alias": "r1-rows",
            "source": {
                "eks": {
                    "clusterArn": of("cluster")["arn"],
                    "subnetIds": subnets,
                    "securityGroupIds": [of("cluster")["vpcConfig"]["clusterSecurityGroupId"]],
                }
            },
            "destination": {"amp": {"workspaceArn": workspace["arn"]}},
            "scrapeConfiguration": scraped("30s"),
        },
        {"alias": "r1-others", "scrapeConfiguration": scraped("1m")},
    )


def rules(expression):
    return f"groups: [{{name: r1, rules: [{{alert: Down, expr: {expression}}}]}}]"


def definition(topic):
    told = {
        "route": {"receiver": "topic"},
        "receivers": [
            {
                "name": "topic",
                "sns_configs": [
                    {
                        "topic_arn": f"arn:aws:sns:us-west-2:111122223333:{topic}",
                        "sigv4": {"region": "us-west-2"},
                    }
                ],
            }
        ],
    }
    return json.dumps({"alertmanager_config": json.dumps(told)})


def scraped(every):
    jobs = [{"job_name": "pods", "kubernetes_sd_configs": [{"role": "pod"}]}]
    return json.dumps({"global": {"scrape_interval": every}, "scrape_configs": jobs})


def anomalies_from(usd):
    return {
        "dimension": {
            "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            "matchOptions": ["GREATER_THAN_OR_EQUAL"],
            "values": [usd],
        }
    }


# A type that needs more than its id to be found is imported by another.
IMPORTED_AS = {
    "aws:ec2/route:Route": lambda made: f"{made['routeTableId']}_{made['destinationCidrBlock']}",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": lambda made: (
        f"{made['clusterName']},{made['associationId']}"
    ),
}
# The local cloud refuses tags on one that exists.
TAGGED_ONCE = ("aws:ec2/placementGroup:PlacementGroup",)
# A VPC or a workspace makes it, and takes it with it.
GOES_WITH_ANOTHER = (
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration",
)
NOT_IMPORTED = ("aws:autoscaling/attachment:Attachment",)


@pytest.fixture
def provider(tmp_path):
    cloud = RunningCloud(tmp_path)
    cloud.make_bucket("weights")
    running = Provider(cloud.environment).configure({"r1:stack": "rows"})
    yield running
    running.stop()
    cloud.stop()


def tagged(kind, name, inputs):
    return {**inputs, "tags": {"Name": name}} if ROWS[kind].tagging else inputs


def test_every_row_goes_from_create_to_gone_and_a_second_up_changes_nothing(provider):
    made, order = {}, []
    for name, kind, inputs, changed in program(lambda name: made[name][1]):
        wanted = tagged(kind, name, inputs)
        checked = provider.check(kind, name, wanted)
        made_id, state = provider.create(kind, name, checked)
        made[name] = (kind, {**state, "id": made_id})
        order.append((name, kind, made_id, checked))

        read = provider.read(kind, name, made_id, state, checked)
        assert read.id == made_id, name
        assert read.inputs == checked, (
            f"refreshing {name} would show a change: {read.inputs} for {checked}"
        )
        assert read.state == state, name
        again = provider.check(kind, name, wanted, checked)
        assert provider.diff(kind, name, made_id, state, checked, again) == {}, name

        if kind in NOT_IMPORTED:
            pass
        else:
            by = IMPORTED_AS.get(kind, lambda _, made_id=made_id: made_id)(state)
            imported = provider.read(kind, name, by, {}, {})
            missing = set(inputs) - set(imported.inputs) - not_told(kind, inputs)
            assert not missing, f"importing {name} loses {missing}"

        if changed or (ROWS[kind].tagging and kind not in TAGGED_ONCE):
            new = {**checked, **changed}
            if ROWS[kind].tagging:
                new["tags"] = {"Name": name, "changed": "yes"}
            found = provider.diff(kind, name, made_id, state, checked, new)
            assert found, name
            assert not any(change.endswith("-replace") for change in found.values()), (
                name,
                found,
            )
            state = provider.update(kind, name, made_id, state, checked, new)
            after = provider.read(kind, name, made_id, state, new)
            assert after.inputs == new, f"{name} did not take its change"
            made[name] = (kind, {**state, "id": made_id})
            order[-1] = (name, kind, made_id, new)
    assert {kind for kind, _ in made.values()} == set(ROWS), "a row without a lifecycle"

    for name, kind, made_id, inputs in reversed(order):
        state = made[name][1]
        provider.delete(kind, name, made_id, state, inputs)
        if kind not in GOES_WITH_ANOTHER:
            left = provider.read(kind, name, made_id, state, inputs).id
            assert left == "", f"{name} is still there"


def not_told(kind, inputs):
    """Inputs that AWS doesn't tell, and those that are as if they were not given."""
    silent = {
        *ROWS[kind].elsewhere, "healthCheck", "securityGroupIds", "bootstrapSelfManagedAddons",
        "launchTemplate", "userData", "blockDeviceMappings", "metadataOptions",
        "tagSpecifications", "routeTableIds",
    }  # fmt: skip
    return silent | {key for key, value in inputs.items() if value in (False, [], {})}
