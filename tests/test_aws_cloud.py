"""The local cloud as a client sees it: boto3 with the credentials that the cloud wrote."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import nullcontext
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.signers import RequestSigner
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.rehearsal.processes import free_port

PROJECT = Path(__file__).parent.parent
REGION, ACCOUNT = "us-west-2", "111122223333"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/platform-engineer"
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


class Cloud:
    """One running local cloud."""

    def __init__(self, state):
        self.home, self.log = state / "home", state / "server.log"
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        argv = [
            sys.executable, "-W", "error", "-m", "r1_on_eks.rehearsal.aws_cloud",
            "--port", self.endpoint.rpartition(":")[2], "--state", str(state),
            "--no-control-plane", "--patience", "0.5",
        ]  # fmt: skip
        with self.log.open("wb") as log:
            user = os.environ | {"AWS_PROFILE": "nobody-has-this", "AWS_REGION": "eu-west-3"}
            self.process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, env=user)
        deadline = time.monotonic() + 30
        while "AWS account" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        lines = (self.home / ".aws" / "credentials").read_text().splitlines()
        keys = dict(line.split(" = ") for line in lines if " = " in line)
        self.session = boto3.Session(region_name=REGION, **keys)
        self._clients = {}

    def client(self, service):
        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 1})
            self._clients[service] = self.session.client(
                service, endpoint_url=self.endpoint, config=config
            )
        return self._clients[service]

    def __getattr__(self, service):
        return self.client(service)

    def get(self, path, body=None):
        content = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.endpoint + path, data=content, timeout=20) as answer:
            return json.load(answer)

    def token(self, cluster, session=None):
        sts = (session or self.session).client("sts", endpoint_url=self.endpoint)
        signer = RequestSigner(
            sts.meta.service_model.service_id, REGION, "sts", "v4",
            (session or self.session).get_credentials(), sts.meta.events,
        )  # fmt: skip
        request = {
            "method": "GET",
            "url": f"{self.endpoint}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": cluster},
            "context": {},
        }
        url = signer.generate_presigned_url(
            request, region_name=REGION, expires_in=60, operation_name=""
        )
        return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")

    def review(self, token, cluster):
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
        return self.get(f"/r1/token-review/{cluster}", body)["status"]


def until(ask, wanted=lambda answer: answer, timeout=15.0):
    deadline = time.monotonic() + timeout
    while True:
        answer = ask()
        if wanted(answer):
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)


def gone(ask):
    def is_gone():
        try:
            ask()
        except ClientError as error:
            return "NotFound" in error.response["Error"]["Code"]
        return False

    return until(is_gone)


def refused(code):
    return pytest.raises(ClientError, match=code)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    running = Cloud(tmp_path_factory.mktemp("cloud"))
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(timeout=10) == 0
    for session in running._clients.values():
        session.close()
    assert "Traceback" not in running.log.read_text()


class Network:
    """A VPC with a public and a private subnet in two zones, and a NAT gateway."""

    def __init__(self, cloud, number):
        ec2 = self.ec2 = cloud.ec2
        self.vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.tables, self.subnets = [], {}
        public = self.table()
        ec2.create_route(
            RouteTableId=public, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.gateway
        )
        self.private_table = self.table()
        for index, zone in enumerate("ab"):
            for kind, table, third in (
                ("public", public, index),
                ("private", self.private_table, index + 10),
            ):
                subnet = ec2.create_subnet(
                    VpcId=self.vpc,
                    CidrBlock=f"10.{number}.{third}.0/24",
                    AvailabilityZone=REGION + zone,
                )["Subnet"]["SubnetId"]
                ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
                self.subnets[kind, zone] = subnet
        self.address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        self.nat = ec2.create_nat_gateway(
            SubnetId=self.subnets["public", "a"], AllocationId=self.address
        )["NatGateway"]["NatGatewayId"]

    def table(self):
        made = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.tables.append(made)
        return made

    @property
    def private(self):
        return [self.subnets["private", zone] for zone in "ab"]

    def open(self):
        self.ec2.create_route(
            RouteTableId=self.private_table,
            DestinationCidrBlock="0.0.0.0/0",
            NatGatewayId=self.nat,
        )

    def remove(self):
        ec2 = self.ec2
        ec2.delete_nat_gateway(NatGatewayId=self.nat)
        ec2.release_address(AllocationId=self.address)
        for subnet in self.subnets.values():
            ec2.delete_subnet(SubnetId=subnet)
        for table in self.tables:
            ec2.delete_route_table(RouteTableId=table)
        ec2.detach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        ec2.delete_internet_gateway(InternetGatewayId=self.gateway)
        ec2.delete_vpc(VpcId=self.vpc)


@pytest.fixture(scope="module")
def network(cloud):
    made = Network(cloud, 20)
    made.open()
    return made


def role(cloud, name, *services):
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": list(services)},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
    return cloud.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))[
        "Role"
    ]["Arn"]


@pytest.fixture(scope="module")
def roles(cloud):
    return {
        "cluster": role(cloud, "cluster", "eks.amazonaws.com"),
        "node": role(cloud, "node", "ec2.amazonaws.com"),
        "pod": role(cloud, "pod", "pods.eks.amazonaws.com"),
    }


def make_cluster(cloud, name, subnets, roles, **more):
    cloud.eks.create_cluster(
        name=name,
        roleArn=roles["cluster"],
        resourcesVpcConfig={"subnetIds": subnets, "endpointPrivateAccess": True},
        accessConfig={
            "authenticationMode": "API",
            "bootstrapClusterCreatorAdminPermissions": False,
        },
        bootstrapSelfManagedAddons=False,
        **more,
    )
    describe = lambda: cloud.eks.describe_cluster(name=name)["cluster"]  # noqa: E731
    return until(describe, lambda cluster: cluster["status"] != "CREATING")


@pytest.fixture(scope="module")
def cluster(cloud, network, roles):
    made = make_cluster(
        cloud,
        "first",
        network.private,
        roles,
        version="1.35",
        upgradePolicy={"supportType": "STANDARD"},
        kubernetesNetworkConfig={"serviceIpv4Cidr": "172.20.0.0/16"},
        logging={"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]},
        tags={"r1:stack": "test"},
    )
    cloud.eks.create_addon(clusterName="first", addonName="vpc-cni")
    return made


def group(cloud, cluster, name, network, roles, subnets=None, **more):
    arguments = {
        "clusterName": cluster,
        "nodegroupName": name,
        "subnets": subnets or network.private,
        "nodeRole": roles["node"],
        "instanceTypes": ["m7i.large"],
        "scalingConfig": {"minSize": 1, "maxSize": 4, "desiredSize": 2},
        **more,
    }
    cloud.eks.create_nodegroup(**arguments)
    describe = lambda: cloud.eks.describe_nodegroup(  # noqa: E731
        clusterName=cluster, nodegroupName=name
    )["nodegroup"]
    return until(describe, lambda found: found["status"] != "CREATING")


def node_instances(cloud):
    found = cloud.ec2.describe_instances(
        Filters=[
            {"Name": "tag:eks:nodegroup-name", "Values": ["nodes"]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
    )
    return [each for one in found["Reservations"] for each in one["Instances"]]


def drop_group(cloud, cluster, name):
    cloud.eks.delete_nodegroup(clusterName=cluster, nodegroupName=name)
    gone(lambda: cloud.eks.describe_nodegroup(clusterName=cluster, nodegroupName=name))


def test_the_caller_is_the_platform_engineer(cloud):
    assert cloud.sts.get_caller_identity()["Arn"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/platform-engineer/rehearsal"
    )
    assert cloud.get("/r1/health")["started"].endswith("+00:00")


def test_a_cluster_describes_what_was_created(cloud, cluster):
    assert cluster["status"] == "ACTIVE"
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "172.20.0.0/16"
    assert cluster["logging"]["clusterLogging"][0] == {"types": ["api", "audit"], "enabled": True}
    assert cluster["deletionProtection"] is False
    assert cluster["tags"] == {"r1:stack": "test"}
    tagged = cloud.resourcegroupstaggingapi.get_resources(TagFilters=[{"Key": "r1:stack"}])
    assert cluster["arn"] in [row["ResourceARN"] for row in tagged["ResourceTagMappingList"]]
    groups = cloud.ec2.describe_security_groups(
        GroupIds=[cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]]
    )
    assert groups["SecurityGroups"][0]["VpcId"] == cluster["resourcesVpcConfig"]["vpcId"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": "1.99"}, "unsupported Kubernetes version"),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "could not be assumed"),
        ({"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.20.128.0/20"}}, "overlaps"),
        ({"upgradePolicy": {"supportType": "FOREVER"}}, "supportType"),
        ({"name": "first"}, "ResourceInUseException"),
    ],
)
def test_a_wrong_cluster_is_refused(cloud, cluster, network, roles, change, code):
    arguments = {
        "name": "wrong",
        "roleArn": roles["cluster"],
        "resourcesVpcConfig": {"subnetIds": network.private},
    } | change
    with refused(code):
        cloud.eks.create_cluster(**arguments)


def test_one_zone_is_not_enough_for_a_cluster(cloud, network, roles):
    with refused("two different AZs"):
        cloud.eks.create_cluster(
            name="wrong",
            roleArn=roles["cluster"],
            resourcesVpcConfig={"subnetIds": network.private[:1]},
        )


def test_versions_carry_their_support_dates(cloud):
    rows = cloud.eks.describe_cluster_versions(includeAll=True)["clusterVersions"]
    assert [row["clusterVersion"] for row in rows] == ["1.36", "1.35", "1.34", "1.33"]
    assert f"{rows[1]['endOfStandardSupportDate']:%Y-%m-%d}" == "2027-03-27"


def test_a_token_opens_the_cluster_only_with_an_access_entry(cloud, cluster):
    token = cloud.token("first")
    assert "no access entry" in cloud.review(token, "first")["error"]
    cloud.eks.create_access_entry(clusterName="first", principalArn=ADMIN)
    assert cloud.review(token, "first")["user"]["groups"] == []
    cloud.eks.associate_access_policy(
        clusterName="first",
        principalArn=ADMIN,
        policyArn=ADMIN_POLICY,
        accessScope={"type": "cluster"},
    )
    status = cloud.review(token, "first")
    assert status["authenticated"]
    assert status["user"]["groups"] == ["system:masters"]
    assert status["user"]["username"].endswith("assumed-role/platform-engineer/rehearsal")
    assert "signature" in cloud.review(cloud.token("second"), "first")["error"]
    forged = boto3.Session(
        cloud.session.get_credentials().access_key, "forged", region_name=REGION
    )
    assert "signature" in cloud.review(cloud.token("first", forged), "first")["error"]
    unknown = boto3.Session("AKIAUNKNOWNUNKNOWN00", "any", region_name=REGION)
    assert "no one is signed in" in cloud.review(cloud.token("first", unknown), "first")["error"]
    assert not cloud.review("nonsense", "first")["authenticated"]
    listed = cloud.eks.list_associated_access_policies(clusterName="first", principalArn=ADMIN)
    assert [row["policyArn"] for row in listed["associatedAccessPolicies"]] == [ADMIN_POLICY]
    cloud.eks.disassociate_access_policy(
        clusterName="first", principalArn=ADMIN, policyArn=ADMIN_POLICY
    )
    cloud.eks.delete_access_entry(clusterName="first", principalArn=ADMIN)
    assert not cloud.review(token, "first")["authenticated"]


def test_the_aws_cli_makes_a_token_that_opens_the_cluster(cloud, cluster):
    cloud.eks.create_access_entry(clusterName="first", principalArn=ADMIN)
    environment = {
        "HOME": str(cloud.home),
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    printed = subprocess.run(
        [sys.executable, "-m", "awscli", "eks", "get-token", "--cluster-name", "first"],
        env=environment, capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    token = json.loads(printed.stdout)["status"]["token"]
    assert cloud.review(token, "first")["authenticated"]
    cloud.eks.delete_access_entry(clusterName="first", principalArn=ADMIN)


def test_a_node_group_is_instances_in_a_scaling_group(cloud, cluster, network, roles):
    template = cloud.ec2.create_launch_template(
        LaunchTemplateName="nodes",
        LaunchTemplateData={
            "MetadataOptions": {"HttpTokens": "required"},
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 200, "VolumeType": "gp3"}}
            ],
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": [{"Key": "r1:stack", "Value": "test"}]}
            ],
        },
    )["LaunchTemplate"]["LaunchTemplateId"]
    made = group(
        cloud, "first", "nodes", network, roles,
        amiType="AL2023_x86_64_NVIDIA", instanceTypes=["g5.xlarge"],
        launchTemplate={"id": template, "version": "1"},
        labels={"pool": "one"},
        taints=[{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}],
        nodeRepairConfig={"enabled": True},
        updateConfig={"maxUnavailable": 1, "updateStrategy": "MINIMAL"},
    )  # fmt: skip
    assert (made["status"], made["health"]["issues"]) == ("ACTIVE", [])
    assert made["launchTemplate"] == {"id": template, "name": "nodes", "version": "1"}
    assert made["nodeRepairConfig"] == {"enabled": True}
    assert made["updateConfig"]["updateStrategy"] == "MINIMAL"
    assert made["taints"][0]["effect"] == "NO_SCHEDULE"

    first = node_instances(cloud)
    assert {each["Placement"]["AvailabilityZone"] for each in first} == {
        "us-west-2a",
        "us-west-2b",
    }
    assert {each["SubnetId"] for each in first} == set(network.private)
    assert {each["InstanceType"] for each in first} == {"g5.xlarge"}
    address = first[0]["PrivateIpAddress"].replace(".", "-")
    assert first[0]["PrivateDnsName"] == f"ip-{address}.us-west-2.compute.internal"
    own = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    assert [each["GroupId"] for each in first[0]["SecurityGroups"]] == [own]
    tags = {tag["Key"]: tag["Value"] for tag in first[0]["Tags"]}
    assert tags["r1:stack"] == "test"
    assert tags["eks:cluster-name"] == "first"
    scaling = made["resources"]["autoScalingGroups"][0]["name"]
    assert scaling.startswith("eks-nodes-")
    with refused("ResourceInUseException"):
        cloud.eks.delete_cluster(name="first")
    with refused("DependencyViolation"):
        cloud.ec2.delete_security_group(GroupId=own)
    with refused("DependencyViolation"):
        cloud.ec2.delete_subnet(SubnetId=network.private[0])

    drop_group(cloud, "first", "nodes")
    assert node_instances(cloud) == []
    left = cloud.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[scaling])
    assert left["AutoScalingGroups"] == []
    templates = cloud.ec2.describe_launch_templates()["LaunchTemplates"]
    assert [each["LaunchTemplateId"] for each in templates] == [template]
    cloud.ec2.delete_launch_template(LaunchTemplateId=template)


def test_a_node_group_is_scaled_and_rolled(cloud, cluster, network, roles):
    group(
        cloud, "first", "nodes", network, roles,
        labels={"pool": "one"}, taints=[{"key": "gpu", "value": "true", "effect": "NO_SCHEDULE"}],
    )  # fmt: skip
    update = cloud.eks.update_nodegroup_config(
        clusterName="first",
        nodegroupName="nodes",
        scalingConfig={"desiredSize": 3},
        labels={"addOrUpdateLabels": {"pool": "two"}},
        taints={"removeTaints": [{"key": "gpu", "effect": "NO_SCHEDULE"}]},
    )["update"]["id"]
    ask = lambda: cloud.eks.describe_update(  # noqa: E731
        name="first", updateId=update, nodegroupName="nodes"
    )["update"]["status"]
    assert until(ask, lambda status: status != "InProgress") == "Successful"
    assert len(node_instances(cloud)) == 3
    after = cloud.eks.describe_nodegroup(clusterName="first", nodegroupName="nodes")["nodegroup"]
    assert (after["labels"], after["taints"]) == ({"pool": "two"}, [])
    until(lambda: cloud.eks.describe_nodegroup(clusterName="first", nodegroupName="nodes"),
          lambda found: found["nodegroup"]["status"] == "ACTIVE")  # fmt: skip
    before = {each["InstanceId"] for each in node_instances(cloud)}
    cloud.eks.update_nodegroup_version(clusterName="first", nodegroupName="nodes")
    until(lambda: cloud.eks.describe_nodegroup(clusterName="first", nodegroupName="nodes"),
          lambda found: found["nodegroup"]["status"] == "ACTIVE")  # fmt: skip
    rolled = {each["InstanceId"] for each in node_instances(cloud)}
    assert len(rolled) == 3
    assert not rolled & before

    drop_group(cloud, "first", "nodes")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amiType": "AL2023_x86_64_NVIDEA"}, "InvalidParameterException.*NVIDEA"),
        ({"amiType": "AL2023_x86_64_NVIDIA"}, "not a valid instance type for requested amiType"),
        ({"instanceTypes": ["p4d.25xlarge"]}, "do not exist"),
        ({"nodeRole": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "could not be assumed"),
        ({"scalingConfig": {"minSize": 3, "maxSize": 4, "desiredSize": 2}}, "Minimum capacity"),
        ({"launchTemplate": {"name": "missing"}}, "launch template"),
        ({"taints": [{"key": "gpu", "effect": "NoSchedule"}]}, "NoSchedule"),
        ({"clusterName": "missing"}, "ResourceNotFoundException"),
    ],
)
def test_a_wrong_node_group_is_refused(cloud, cluster, network, roles, change, code):
    arguments = {
        "clusterName": "first",
        "nodegroupName": "wrong",
        "subnets": network.private,
        "nodeRole": roles["node"],
        "instanceTypes": ["m7i.large"],
    } | change
    with refused(code):
        cloud.eks.create_nodegroup(**arguments)


def test_a_launch_template_may_not_name_a_subnet(cloud, cluster, network, roles):
    cloud.ec2.create_launch_template(
        LaunchTemplateName="with-subnet",
        LaunchTemplateData={
            "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": network.private[0]}]
        },
    )
    with refused("must not specify a subnet"):
        cloud.eks.create_nodegroup(
            clusterName="first",
            nodegroupName="wrong",
            subnets=network.private,
            nodeRole=roles["node"],
            launchTemplate={"name": "with-subnet"},
        )
    cloud.ec2.delete_launch_template(LaunchTemplateName="with-subnet")


def test_nodes_without_a_way_out_do_not_join(cloud, cluster, network, roles):
    closed = Network(cloud, 21)
    name = "closed"
    make_cluster(cloud, name, closed.private, roles)
    cloud.eks.create_addon(clusterName=name, addonName="vpc-cni")
    failed = group(cloud, name, "no-nat", closed, roles)
    assert failed["status"] == "CREATE_FAILED"
    assert failed["health"]["issues"][0]["code"] == "NodeCreationFailure"
    assert "Instances failed to join" in failed["health"]["issues"][0]["message"]
    drop_group(cloud, name, "no-nat")
    public = [closed.subnets["public", zone] for zone in "ab"]
    failed = group(cloud, name, "public", closed, roles, subnets=public)
    assert failed["health"]["issues"][0]["code"] == "Ec2SubnetInvalidConfiguration"
    assert "automatically assign public IP" in failed["health"]["issues"][0]["message"]
    drop_group(cloud, name, "public")
    closed.open()
    assert group(cloud, name, "with-nat", closed, roles)["status"] == "ACTIVE"
    drop_group(cloud, name, "with-nat")
    cloud.eks.delete_cluster(name=name)
    gone(lambda: cloud.eks.describe_cluster(name=name))
    closed.remove()


def test_a_zone_that_lacks_the_instance_type_fails_the_launch(cloud, cluster, network, roles):
    pages = cloud.ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [*INSTANCE_TYPES]}],
    )
    offered = {
        (row["InstanceType"], row["Location"][-1])
        for page in pages
        for row in page["InstanceTypeOfferings"]
    }
    lacking = [
        (name, zone)
        for name, row in INSTANCE_TYPES.items()
        for zone in "abcd"
        if row.gpus and (name, zone) not in offered
    ]
    name, zone = lacking[0]
    subnet = cloud.ec2.create_subnet(
        VpcId=network.vpc, CidrBlock="10.20.99.0/24", AvailabilityZone=REGION + zone
    )["Subnet"]["SubnetId"]
    failed = group(
        cloud, "first", "far", network, roles, subnets=[subnet],
        instanceTypes=[name], amiType="AL2023_x86_64_NVIDIA",
    )  # fmt: skip
    issue = failed["health"]["issues"][0]
    assert (failed["status"], issue["code"]) == ("CREATE_FAILED", "AsgInstanceLaunchFailures")
    assert "not supported in your requested Availability Zone" in issue["message"]
    drop_group(cloud, "first", "far")
    cloud.ec2.delete_subnet(SubnetId=subnet)


def test_nodes_stay_unhealthy_without_a_network_addon(cloud, network, roles):
    made = make_cluster(cloud, "bare", network.private, roles)
    assert made["status"] == "ACTIVE"
    failed = group(cloud, "bare", "nodes", network, roles)
    assert failed["status"] == "CREATE_FAILED"
    assert "Unhealthy nodes" in failed["health"]["issues"][0]["message"]
    drop_group(cloud, "bare", "nodes")
    own = made["resourcesVpcConfig"]["clusterSecurityGroupId"]
    cloud.eks.delete_cluster(name="bare")
    gone(lambda: cloud.eks.describe_cluster(name="bare"))
    with refused("InvalidGroup.NotFound"):
        cloud.ec2.describe_security_groups(GroupIds=[own])


def test_addons_live_and_go(cloud, cluster, roles):
    eks = cloud.eks
    with refused("InvalidParameterException"):
        eks.create_addon(clusterName="first", addonName="kube-proxy", addonVersion="latest")
    with refused("not supported"):
        eks.create_addon(clusterName="first", addonName="kube-proxi")
    eks.create_addon(clusterName="first", addonName="eks-pod-identity-agent")
    made = eks.create_addon(
        clusterName="first",
        addonName="aws-fsx-csi-driver",
        addonVersion="v1.9.0-eksbuild.1",
        configurationValues='{"controller": {"replicaCount": 2}}',
        podIdentityAssociations=[
            {"serviceAccount": "fsx-csi-controller-sa", "roleArn": roles["pod"]}
        ],
    )["addon"]
    describe = lambda: eks.describe_addon(  # noqa: E731
        clusterName="first", addonName="aws-fsx-csi-driver"
    )["addon"]
    made = until(describe, lambda addon: addon["status"] != "CREATING")
    assert made["status"] == "ACTIVE"
    assert made["addonVersion"] == "v1.9.0-eksbuild.1"
    owned = eks.list_pod_identity_associations(clusterName="first")["associations"]
    assert [row["ownerArn"] for row in owned] == [made["addonArn"]]
    with refused("owned by"):
        eks.delete_pod_identity_association(
            clusterName="first", associationId=owned[0]["associationId"]
        )
    assert eks.describe_addon(clusterName="first", addonName="vpc-cni")["addon"][
        "addonVersion"
    ] == "rehearsal-default"  # fmt: skip
    assert set(eks.list_addons(clusterName="first")["addons"]) == {
        "vpc-cni", "eks-pod-identity-agent", "aws-fsx-csi-driver",
    }  # fmt: skip
    eks.update_addon(clusterName="first", addonName="aws-fsx-csi-driver",
                     addonVersion="v1.9.1-eksbuild.1")  # fmt: skip
    assert until(describe, lambda addon: addon["status"] == "ACTIVE")["addonVersion"] == (
        "v1.9.1-eksbuild.1"
    )
    for name in ("aws-fsx-csi-driver", "eks-pod-identity-agent"):
        eks.delete_addon(clusterName="first", addonName=name)
    gone(describe)
    assert eks.list_pod_identity_associations(clusterName="first")["associations"] == []
    offered = eks.describe_addon_versions(kubernetesVersion="1.35")["addons"]
    assert "metrics-server" in [row["addonName"] for row in offered]


def test_pod_identity_needs_its_agent_and_a_role_that_trusts_pods(cloud, cluster, roles):
    eks = cloud.eks
    asked = {"clusterName": "first", "namespace": "r1", "serviceAccount": "gateway"}
    with refused("Trust relationship"):
        eks.create_pod_identity_association(**asked, roleArn=roles["node"])
    made = eks.create_pod_identity_association(**asked, roleArn=roles["pod"])["association"]
    with refused("ResourceInUseException"):
        eks.create_pod_identity_association(**asked, roleArn=roles["pod"])
    eks.delete_pod_identity_association(clusterName="first", associationId=made["associationId"])
    eks.create_addon(
        clusterName="first",
        addonName="eks-node-monitoring-agent",
        podIdentityAssociations=[{"serviceAccount": "agent", "roleArn": roles["pod"]}],
    )
    found = until(
        lambda: eks.describe_addon(clusterName="first", addonName="eks-node-monitoring-agent"),
        lambda answer: answer["addon"]["status"] != "CREATING",
    )["addon"]
    assert found["status"] == "CREATE_FAILED"
    assert "eks-pod-identity-agent" in found["health"]["issues"][0]["message"]
    eks.delete_addon(clusterName="first", addonName="eks-node-monitoring-agent")


def test_coredns_without_nodes_is_degraded(cloud, cluster):
    cloud.eks.create_addon(clusterName="first", addonName="coredns")
    found = until(
        lambda: cloud.eks.describe_addon(clusterName="first", addonName="coredns")["addon"],
        lambda addon: addon["status"] != "CREATING",
    )
    assert found["status"] == "DEGRADED"
    cloud.eks.delete_addon(clusterName="first", addonName="coredns")


def lustre(cloud, subnet, group, capacity=1200, version="2.15", **more):
    return cloud.fsx.create_file_system(
        FileSystemType="LUSTRE",
        StorageCapacity=capacity,
        SubnetIds=[subnet],
        SecurityGroupIds=[group],
        FileSystemTypeVersion=version,
        LustreConfiguration={
            "DeploymentType": "PERSISTENT_2",
            "PerUnitStorageThroughput": 125,
            **more,
        },
        Tags=[{"Key": "r1:stack", "Value": "test"}],
    )["FileSystem"]["FileSystemId"]


def test_a_file_system_imports_from_a_bucket_that_exists(cloud, network):
    own = cloud.ec2.create_security_group(
        GroupName="lustre", Description="lustre", VpcId=network.vpc
    )["GroupId"]
    with refused("1300"):
        lustre(cloud, network.private[0], own, capacity=1300)
    with refused("InvalidPerUnitStorageThroughput"):
        lustre(cloud, network.private[0], own, PerUnitStorageThroughput=300)
    identifier = lustre(cloud, network.private[0], own)
    describe = lambda: cloud.fsx.describe_file_systems(  # noqa: E731
        FileSystemIds=[identifier]
    )["FileSystems"][0]
    made = until(describe, lambda found: found["Lifecycle"] == "AVAILABLE")
    assert made["FileSystemTypeVersion"] == "2.15"
    assert made["DNSName"] == f"{identifier}.fsx.us-west-2.amazonaws.com"
    assert made["LustreConfiguration"]["PerUnitStorageThroughput"] == 125
    assert made["LustreConfiguration"]["MountName"].isalpha()
    with refused("DependencyViolation"):
        cloud.ec2.delete_security_group(GroupId=own)
    with refused("can't be decreased"):
        cloud.fsx.update_file_system(FileSystemId=identifier, StorageCapacity=1100)

    link = {
        "FileSystemId": identifier,
        "FileSystemPath": "/weights",
        "DataRepositoryPath": "s3://r1-weights/models/",
        "BatchImportMetaDataOnCreate": True,
        "S3": {"AutoImportPolicy": {"Events": ["NEW", "CHANGED", "DELETED"]}},
    }
    with refused("r1-weights"):
        cloud.fsx.create_data_repository_association(**link)
    cloud.s3.create_bucket(
        Bucket="r1-weights", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    association = cloud.fsx.create_data_repository_association(**link)["Association"]
    assert association["Lifecycle"] == "CREATING"
    ask = lambda: cloud.fsx.describe_data_repository_associations(  # noqa: E731
        AssociationIds=[association["AssociationId"]]
    )["Associations"][0]
    found = until(ask, lambda each: each["Lifecycle"] == "AVAILABLE")
    assert found["S3"] == link["S3"]
    with refused("overlaps"):
        cloud.fsx.create_data_repository_association(**link | {"FileSystemPath": "/weights/70b"})
    cloud.fsx.update_data_repository_association(
        AssociationId=association["AssociationId"], ImportedFileChunkSize=2048
    )
    assert ask()["ImportedFileChunkSize"] == 2048
    cloud.fsx.delete_data_repository_association(AssociationId=association["AssociationId"])
    gone(ask)
    cloud.fsx.delete_file_system(FileSystemId=identifier)
    gone(describe)
    cloud.ec2.delete_security_group(GroupId=own)
    cloud.s3.delete_bucket(Bucket="r1-weights")


def test_placement_groups_are_kept_while_in_use(cloud, cluster, network, roles):
    made = cloud.ec2.create_placement_group(GroupName="near", Strategy="cluster")["PlacementGroup"]
    assert made["State"] == "available"
    with refused("InvalidPlacementGroup.Duplicate"):
        cloud.ec2.create_placement_group(GroupName="near", Strategy="cluster")
    cloud.ec2.create_launch_template(
        LaunchTemplateName="near", LaunchTemplateData={"Placement": {"GroupName": "near"}}
    )
    group(cloud, "first", "near", network, roles, launchTemplate={"name": "near"})
    with refused("InvalidPlacementGroup.InUse"):
        cloud.ec2.delete_placement_group(GroupName="near")
    drop_group(cloud, "first", "near")
    cloud.ec2.delete_placement_group(GroupName="near")
    with refused("InvalidPlacementGroup.Unknown"):
        cloud.ec2.describe_placement_groups(GroupNames=["near"])
    failed = group(cloud, "first", "near", network, roles, launchTemplate={"name": "near"})
    assert "near' is unknown" in failed["health"]["issues"][0]["message"]
    drop_group(cloud, "first", "near")
    cloud.ec2.delete_launch_template(LaunchTemplateName="near")


def test_what_is_in_use_cannot_be_deleted(cloud):
    other = Network(cloud, 22)
    ec2 = cloud.ec2
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=other.subnets["public", "a"])
    with refused("DependencyViolation"):
        ec2.detach_internet_gateway(InternetGatewayId=other.gateway, VpcId=other.vpc)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=other.vpc)
    with refused("InvalidIPAddress.InUse"):
        ec2.release_address(AllocationId=other.address)
    one, two = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=other.vpc)["GroupId"]
        for name in ("one", "two")
    )
    rule = [
        {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": one}]}
    ]
    ec2.authorize_security_group_ingress(GroupId=two, IpPermissions=rule)
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=one)
    ec2.revoke_security_group_ingress(GroupId=two, IpPermissions=rule)
    ec2.delete_security_group(GroupId=one)
    with refused("DependencyViolation.*has dependencies"):
        other.remove()
    ec2.delete_security_group(GroupId=two)
    ec2.delete_vpc(VpcId=other.vpc)


def test_a_load_balancer_serves_the_nodes_of_a_group(cloud, cluster, network, roles):
    elbv2, scaling = cloud.elbv2, cloud.autoscaling
    own = cloud.ec2.create_security_group(
        GroupName="gateway", Description="gateway", VpcId=network.vpc
    )["GroupId"]
    balancer = elbv2.create_load_balancer(
        Name="gateway",
        Type="network",
        Scheme="internal",
        Subnets=network.private,
        SecurityGroups=[own],
    )["LoadBalancers"][0]
    assert balancer["SecurityGroups"] == [own]
    target = elbv2.create_target_group(
        Name="gateway", Protocol="TCP", Port=30080, VpcId=network.vpc, TargetType="instance"
    )["TargetGroups"][0]["TargetGroupArn"]
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TCP",
        Port=443,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target}],
    )["Listeners"][0]["ListenerArn"]
    wanted = [{"Key": "tcp.idle_timeout.seconds", "Value": "3600"}]
    elbv2.modify_listener_attributes(ListenerArn=listener, Attributes=wanted)
    assert elbv2.describe_listener_attributes(ListenerArn=listener)["Attributes"] == wanted
    elbv2.modify_target_group_attributes(
        TargetGroupArn=target,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
    )
    made = group(cloud, "first", "system", network, roles)
    name = made["resources"]["autoScalingGroups"][0]["name"]
    scaling.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[target])
    # To the whole hour, and not a second more (API reference, TargetGroupAttribute).
    for seconds, too_long in (("3600", False), ("3601", True)):
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": seconds}]
        with pytest.raises(ClientError, match="0-3600") if too_long else nullcontext():
            elbv2.modify_target_group_attributes(TargetGroupArn=target, Attributes=delay)
    attributes = elbv2.describe_target_group_attributes(TargetGroupArn=target)["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "3600"} in attributes
    healths = lambda: elbv2.describe_target_health(TargetGroupArn=target)[  # noqa: E731
        "TargetHealthDescriptions"
    ]
    assert len(healths()) == 2
    attached = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    assert attached["AutoScalingGroups"][0]["TargetGroupARNs"] == [target]
    with refused("DependencyViolation"):
        cloud.ec2.delete_security_group(GroupId=own)
    with refused("ResourceInUse"):
        elbv2.delete_target_group(TargetGroupArn=target)
    scaling.detach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[target])
    assert healths() == []
    drop_group(cloud, "first", "system")
    elbv2.delete_listener(ListenerArn=listener)
    elbv2.delete_target_group(TargetGroupArn=target)
    elbv2.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    cloud.ec2.delete_security_group(GroupId=own)


def test_a_role_with_policies_cannot_be_deleted(cloud, roles):
    policy = {"RoleName": "cluster", "PolicyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}
    cloud.iam.attach_role_policy(**policy)
    with refused("DeleteConflict"):
        cloud.iam.delete_role(RoleName="cluster")
    cloud.iam.detach_role_policy(**policy)


def test_what_is_not_rehearsed_says_so(cloud, cluster):
    with refused("not been implemented"):
        cloud.eks.create_fargate_profile(
            fargateProfileName="f", clusterName="first",
            podExecutionRoleArn="arn:aws:iam::111122223333:role/pods",
        )  # fmt: skip


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.37"])
def test_a_cluster_is_upgraded_by_one_version_and_never_back(cloud, cluster, version):
    with refused("nsupported Kubernetes"):
        cloud.eks.update_cluster_version(name="first", version=version)


def test_without_a_spare_instance_only_a_minimal_update_goes_through(
    cloud, cluster, network, roles
):
    # Of the second version of EKS's own template, the user data is read too.
    own = cloud.ec2.create_launch_template(
        LaunchTemplateName="with-user-data", LaunchTemplateData={"UserData": "c2FsdmU="}
    )["LaunchTemplate"]["LaunchTemplateId"]
    faults = cloud.home.parent / "faults.json"
    faults.write_text('["no-spare:m7i.large"]')
    try:
        for strategy, status in (("DEFAULT", "Failed"), ("MINIMAL", "Successful")):
            group(cloud, "first", "nodes", network, roles,
                  launchTemplate={"id": own},
                  scalingConfig={"minSize": 0, "maxSize": 2, "desiredSize": 2},
                  updateConfig={"maxUnavailable": 1, "updateStrategy": strategy})  # fmt: skip
            before = {each["InstanceId"] for each in node_instances(cloud)}
            update = cloud.eks.update_nodegroup_version(
                clusterName="first", nodegroupName="nodes"
            )["update"]["id"]
            ask = lambda: cloud.eks.describe_update(  # noqa: E731
                name="first", updateId=update, nodegroupName="nodes"  # noqa: B023
            )["update"]  # fmt: skip
            ended = until(ask, lambda found: found["status"] != "InProgress")
            assert ended["status"] == status, ended
            after = {each["InstanceId"] for each in node_instances(cloud)}
            assert len(after) == len(before)
            assert (after & before == set()) == (status == "Successful")
            drop_group(cloud, "first", "nodes")
    finally:
        faults.unlink()
    cloud.ec2.delete_launch_template(LaunchTemplateId=own)


def test_a_cluster_whose_control_plane_cannot_start_has_failed(tmp_path, monkeypatch):
    from r1_on_eks.rehearsal.aws_cloud import eks_control_plane
    from r1_on_eks.rehearsal.aws_cloud.eks_state import Cluster

    def no_network(cluster):
        raise OSError("no port is free")

    monkeypatch.setattr(eks_control_plane, "_make_network", no_network)
    cluster = Cluster({"name": "unlucky", "status": "CREATING"})
    eks_control_plane.start(cluster)
    assert cluster.shape["status"] == "FAILED"
    assert cluster.shape["health"]["issues"][0]["message"] == "no port is free"


def test_after_everything_is_deleted_nothing_is_listed(cloud, cluster, network, roles):
    """Last in this file: it takes down what the others shared."""
    found = cloud.get("/r1/resources")
    assert set(found) == {
        "vpcs", "subnets", "internet-gateways", "route-tables", "security-groups", "addresses",
        "nat-gateways", "network-interfaces", "eks", "iam-roles", "log-groups",
    }  # fmt: skip
    key = cloud.kms.create_key()["KeyMetadata"]
    cloud.eks.delete_addon(clusterName="first", addonName="vpc-cni")
    cloud.eks.delete_cluster(name="first")
    gone(lambda: cloud.eks.describe_cluster(name="first"))
    network.remove()
    for name in ("cluster", "node", "pod"):
        cloud.iam.delete_role(RoleName=name)
    assert cloud.get("/r1/resources") == {
        "kms-keys": [key["Arn"]],
        "log-groups": ["/aws/eks/first/cluster"],
    }
    cloud.logs.delete_log_group(logGroupName="/aws/eks/first/cluster")
    cloud.kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    assert cloud.get("/r1/resources") == {"kms-keys-pending-deletion": [key["Arn"]]}


def test_every_request_came_to_this_machine(cloud):
    lines = [line for line in cloud.log.read_text().splitlines() if line[:2].isdigit()]
    assert len(lines) > 100
    assert {line.split()[1].partition(":")[0] for line in lines} == {"127.0.0.1"}


def test_what_r1_check_says_to_type_mends_what_it_names(cloud, tmp_path):
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path), "AWS_ENDPOINT_URL": cloud.endpoint, "AWS_REGION": REGION,
        "AWS_SHARED_CREDENTIALS_FILE": str(cloud.home / ".aws" / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
    }  # fmt: skip

    def lacking():
        ran = subprocess.run(
            ["r1", "check", "prod-70b", "--json"], env=environment, capture_output=True,
            text=True, timeout=60, check=False, cwd=PROJECT,
        )  # fmt: skip
        told = json.loads(ran.stdout)
        assert ran.returncode == (0 if told["ready"] else 1)
        assert not [one for one in told["findings"] if "AWS answered" in one["found"]]
        page = (PROJECT / "docs" / "checks.md").read_text()
        assert not [one for one in told["findings"] if f" {one['subject']} " not in page]
        return {
            one["subject"]: one["fix"] for one in told["findings"] if one["standing"] == "lacking"
        }

    before = lacking()
    mended = {"quota L-417A185B", "quota L-1216C47A", "bucket", "alerts' topic"}
    assert before.keys() == mended
    for subject in mended:
        subprocess.run(before[subject], shell=True, env=environment, check=True, timeout=60,
                       stdout=subprocess.DEVNULL)  # fmt: skip
    after = lacking()
    assert after.keys() == {"weights DeepSeek-R1-Distill-Llama-70B", "alerts' topic"}
    subscribe = after["alerts' topic"].replace("ADDRESS", "somebody@example.com")
    # Somebody has to follow the link in the e-mail, which nobody is sent here.
    subprocess.run(subscribe, shell=True, env=environment, check=True, timeout=60,
                   stdout=subprocess.DEVNULL)  # fmt: skip
