"""The rehearsal can fail: each wrong program is caught, and its right neighbour passes."""

import json
import re
from dataclasses import dataclass
from textwrap import dedent

import pytest

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

_HEAD = """
import pulumi, pulumi_aws as aws
within = pulumi.ResourceOptions(provider=aws.Provider("aws", region="us-west-2"))
"""
_CLUSTER_HEAD = """
import pulumi, pulumi_kubernetes as k8s
within = pulumi.ResourceOptions(
    provider=k8s.Provider("kubernetes", kubeconfig={kubeconfig!r}),
    custom_timeouts=pulumi.CustomTimeouts(create="60s", update="60s"),
)
"""
_NETWORK = """
vpc = aws.ec2.Vpc("vpc", cidr_block="10.9.0.0/16", opts=within)
subnet = aws.ec2.Subnet("a", vpc_id=vpc.id, cidr_block="10.9.0.0/20",
                        availability_zone="us-west-2a", opts=within)
"""


@dataclass(frozen=True)
class Case:
    """A program with one `WHAT` in it, what makes it wrong, what makes it right, and the error."""

    program: str
    wrong: str
    right: str
    says: str

    def source(self, what: str, head: str) -> str:
        return head + dedent(self.program).replace("WHAT", what)


ON_AWS = {
    "FSx of 1300 GiB": Case(
        _NETWORK + """
aws.fsx.LustreFileSystem("fs", deployment_type="PERSISTENT_2", per_unit_storage_throughput=125,
    file_system_type_version="2.15", storage_capacity=WHAT, subnet_ids=subnet.id, opts=within)
""",
        "1300", "1200", r"1300.*1200",
    ),
    "an FSx throughput that its tier does not have": Case(
        _NETWORK + """
aws.fsx.LustreFileSystem("fs", deployment_type="PERSISTENT_2", per_unit_storage_throughput=WHAT,
    file_system_type_version="2.15", storage_capacity=1200, subnet_ids=subnet.id, opts=within)
""",
        "200", "250", r"200.*250",
    ),
    "a misspelled AMI type": Case(
        """
aws.eks.NodeGroup("nodes", cluster_name="prod-70b", ami_type="WHAT",
    node_role_arn=NODE_ROLE,
    subnet_ids=SUBNETS, instance_types=["m7i.large"],
    scaling_config={"desired_size": 1, "min_size": 1, "max_size": 1}, opts=within)
""",
        "AL2023_x86_64_STANDRAD", "AL2023_x86_64_STANDARD", r"STANDRAD.*AL2023_x86_64_STANDARD",
    ),
    "an instance type that the zone does not offer": Case(
        """
aws.eks.NodeGroup("nodes", cluster_name="prod-70b", ami_type="AL2023_x86_64_NVIDIA",
    node_role_arn=NODE_ROLE,
    subnet_ids=SUBNETS, instance_types=["WHAT"],
    scaling_config={"desired_size": 1, "min_size": 1, "max_size": 1}, opts=within)
""",
        "p6-b999.48xlarge", "g6.2xlarge", r"p6-b999\.48xlarge",
    ),
    "an input that does not exist": Case(
        """
pulumi.CustomResource("aws:ec2/vpc:Vpc", "vpc", {"WHAT": "10.9.0.0/16"}, within)
""",
        "cidrBlok", "cidrBlock", r"cidrBlok.*cidrBlock",
    ),
    "an EKS version that is no longer supported": Case(
        _NETWORK + """
b = aws.ec2.Subnet("b", vpc_id=vpc.id, cidr_block="10.9.16.0/20",
                   availability_zone="us-west-2b", opts=within)
aws.eks.Cluster("c", version="WHAT", role_arn=CLUSTER_ROLE,
    vpc_config={"subnet_ids": [subnet.id, b.id]}, opts=within)
""",
        "1.29", "1.35", r"1\.29.*1\.35",
    ),
    "a subnet for the instances of a managed node group in its launch template": Case(
        """
template = aws.ec2.LaunchTemplate("t", opts=within, network_interfaces=[WHAT])
aws.eks.NodeGroup("nodes", cluster_name="prod-70b", ami_type="AL2023_x86_64_STANDARD",
    node_role_arn=NODE_ROLE,
    subnet_ids=SUBNETS, instance_types=["m7i.large"],
    launch_template={"id": template.id, "version": template.latest_version},
    scaling_config={"desired_size": 1, "min_size": 1, "max_size": 1}, opts=within)
""",
        '{"device_index": 0, "subnet_id": SUBNETS[0]}',
        '{"device_index": 0, "delete_on_termination": "true"}',
        r"template must not contain a subnet",
    ),
    "an idle time-out that an NLB cannot have": Case(
        _NETWORK + """
nlb = aws.lb.LoadBalancer("n", load_balancer_type="network", internal=True,
                          subnets=[subnet.id], opts=within)
group = aws.lb.TargetGroup("g", port=80, protocol="TCP", vpc_id=vpc.id, opts=within)
aws.lb.Listener("l", load_balancer_arn=nlb.arn, port=80, protocol="TCP", opts=within,
    tcp_idle_timeout_seconds=WHAT,
    default_actions=[{"type": "forward", "target_group_arn": group.arn}])
""",
        "36000", "3600", r"36000.*6000",
    ),
    "weights in a bucket that does not exist": Case(
        _NETWORK + """
fs = aws.fsx.LustreFileSystem("fs", deployment_type="PERSISTENT_2",
    per_unit_storage_throughput=125, file_system_type_version="2.15", storage_capacity=1200,
    subnet_ids=subnet.id, opts=within)
aws.fsx.DataRepositoryAssociation("a", file_system_id=fs.id, file_system_path="/weights",
    data_repository_path="s3://WHAT", opts=within)
""",
        "nobodys-bucket", "example-r1-weights", r"nobodys-bucket",
    ),
    "a node group in a public subnet that gives no addresses": Case(
        """
subnet = aws.ec2.Subnet("public", vpc_id=VPC, cidr_block="10.64.250.0/24",
    availability_zone="us-west-2a", map_public_ip_on_launch=WHAT, opts=within)
route = aws.ec2.RouteTableAssociation("public", subnet_id=subnet.id,
    route_table_id=PUBLIC_ROUTES, opts=within)
aws.eks.NodeGroup("nodes", cluster_name="prod-70b", ami_type="AL2023_x86_64_STANDARD",
    node_role_arn=NODE_ROLE,
    subnet_ids=[subnet.id], instance_types=["m7i.large"],
    scaling_config={"desired_size": 1, "min_size": 1, "max_size": 1},
    opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=[route])))
""",
        "False", "True", r"Ec2SubnetInvalidConfiguration.*auto-assign",
    ),
}  # fmt: skip

_POD = """
k8s.apps.v1.Deployment("d", opts=within, metadata={"namespace": "default"}, spec={
    "selector": {"match_labels": {"app": "d"}},
    "template": {"metadata": {"labels": {"app": "d"}}, "spec": {
        "tolerations": [TOLERATION],
        "nodeSelector": SELECTOR,
        "containers": [{"name": "c", "image": "vllm", "resources": {"limits": LIMITS}}]}}})
"""
_ON_GPU_NODES = '{"nvidia.com/gpu.present": "true"}'
_TOLERATION = '{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}'


def _pod(*, toleration=_TOLERATION, selector=_ON_GPU_NODES, limits="{}"):
    return (
        _POD.replace("TOLERATION", toleration)
        .replace("SELECTOR", selector)
        .replace("LIMITS", limits)
    )


IN_KUBERNETES = {
    "a pod without the toleration for GPU nodes": Case(
        _pod(toleration="WHAT"), "", _TOLERATION, r"(?s)Pending.*nvidia\.com/gpu"
    ),
    "16 GPUs on one node": Case(
        _pod(limits='{"nvidia.com/gpu": "WHAT"}', selector="{}"),
        "16", "0", r"(?s)Pending.*(Insufficient|16) nvidia\.com/gpu",
    ),
    "a pod that the namespace's security standard forbids": Case(
        _pod().replace('"namespace": "default"', '"namespace": "WHAT"'),
        "r1", "default", r"(?s)no pod of .* can be created.*violates PodSecurity",
    ),
    "a node selector that no node has": Case(
        _pod(selector='{"node.kubernetes.io/instance-type": "WHAT"}'),
        "p4d.48xlarge", "p4d.24xlarge", r"(?s)Pending.*(affinity|selector)",
    ),
    "a misspelled field": Case(
        """
pulumi.CustomResource("kubernetes:core/v1:ConfigMap", "d", {"apiVersion": "v1",
    "kind": "ConfigMap", "metadata": {"namespace": "r1"}, "WHAT": {"a": "b"}}, within)
""",
        "dta", "data", r"dta",
    ),
    "a field of the wrong type": Case(
        """
k8s.apiextensions.CustomResource("d", api_version="v1", kind="Service", opts=within,
    metadata={"namespace": "r1"}, spec={"clusterIP": "None", "ports": [{"port": WHAT}]})
""",
        '"http"', "80", r"(?s)port",
    ),
    "a claim that no volume can bind": Case(
        """
volume = k8s.core.v1.PersistentVolume("v", opts=within, metadata={"name": "claim-test"}, spec={
    "capacity": {"storage": "1200Gi"}, "accessModes": ["ReadWriteMany"],
    "storageClassName": "", "persistentVolumeReclaimPolicy": "Retain",
    "csi": {"driver": "fsx.csi.aws.com", "volumeHandle": "fs-1"}})
k8s.core.v1.PersistentVolumeClaim("c", metadata={"name": "claim-test", "namespace": "r1"}, spec={
    "accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": "claim-test",
    "resources": {"requests": {"storage": "WHAT"}}},
    opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=[volume])))
""",
        "9600Gi", "1200Gi", r"(?s)claim.*(9600Gi|small|Pending|bind|bound)",
    ),
    "an object in a namespace that does not exist": Case(
        """
k8s.core.v1.ConfigMap("d", metadata={"namespace": "WHAT"}, data={"a": "b"}, opts=within)
""",
        "r2", "r1", r'namespaces? "?r2"? not found',
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def cloud(shared_checkout):
    """A rehearsal in which prod-70b stands up already."""
    up = shared_checkout.rehearse("pulumi", "up", "--yes", "--skip-preview", "-s", "prod-70b")
    assert up.returncode == 0, up.stdout
    return shared_checkout


def names_of(cloud, stack):
    """Ids of a stack that stands, for programs that are to be put into its network."""
    [checkpoint] = (cloud.root / ".rehearsal/backend/.pulumi/stacks").glob(f"*/{stack}.json")
    resources = json.loads(checkpoint.read_text())["checkpoint"]["latest"]["resources"]
    ids = {tuple(r["urn"].rsplit("::", 2)[1:]): r.get("id") for r in resources if r["custom"]}
    ids = {(types.rpartition(":")[2], name): found for (types, name), found in ids.items()}
    return {
        "VPC": ids["Vpc", "network-vpc"],
        "PUBLIC_ROUTES": ids["RouteTable", "network-public"],
        "NODE_ROLE": "arn:aws:iam::111122223333:role/r1-prod-70b-node",
        "CLUSTER_ROLE": "arn:aws:iam::111122223333:role/r1-prod-70b-cluster",
        "SUBNETS": [ids["Subnet", f"network-private-us-west-2{zone}"] for zone in "ab"],
    }


@dataclass
class Program:
    """A Pulumi project of one file, run inside the rehearsal and taken down afterwards."""

    cloud: object
    folder: str

    def pulumi(self, *words):
        return self.cloud.rehearse("pulumi", *words, "--cwd", self.folder, "--stack", "try")

    def up(self, source):
        (self.path / "__main__.py").write_text(source)
        return self.pulumi("up", "--yes", "--skip-preview")

    def down(self):
        down = self.pulumi("destroy", "--yes", "--skip-preview")
        assert down.returncode == 0, down.stdout

    @property
    def path(self):
        return self.cloud.root / self.folder


@pytest.fixture
def program(cloud, request):
    name = re.sub(r"[^a-z0-9]+", "-", request.node.callspec.id.lower()).strip("-")[:40]
    small = Program(cloud, f"try-{name}")
    small.path.mkdir()
    small.path.joinpath("Pulumi.yaml").write_text(f"name: {small.folder}\nruntime: python\n")
    assert small.cloud.rehearse(
        "pulumi", "stack", "init", "try", "--cwd", small.folder
    ).returncode == 0  # fmt: skip
    yield small
    small.down()


def assert_only_the_wrong_one_fails(program, case, head):
    wrong = program.up(case.source(case.wrong, head))
    assert wrong.returncode != 0, wrong.stdout
    assert re.search(case.says, wrong.stdout), wrong.stdout
    assert "Traceback" not in wrong.stdout
    # Some refusals come after the fact: a node group that failed stays failed, as on AWS.
    program.down()
    right = program.up(case.source(case.right, head))
    assert right.returncode == 0, right.stdout


@pytest.mark.parametrize("case", ON_AWS.values(), ids=ON_AWS.keys())
def test_aws_refuses(case, program, cloud):
    names = names_of(cloud, "prod-70b")
    head = _HEAD + "".join(f"{name} = {value!r}\n" for name, value in names.items())
    assert_only_the_wrong_one_fails(program, case, head)


@pytest.mark.parametrize("case", IN_KUBERNETES.values(), ids=IN_KUBERNETES.keys())
def test_kubernetes_refuses(case, program, cloud):
    kubeconfig = cloud.root / ".rehearsal" / "clusters" / "prod-70b" / "admin.kubeconfig"
    head = _CLUSTER_HEAD.format(kubeconfig=kubeconfig.read_text())
    assert_only_the_wrong_one_fails(program, case, head)
