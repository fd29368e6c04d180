"""How each type of resource is billed: one table, in which whatever a stack declares is found.

A type that isn't in it is unknown, and named in the bill.
"""

from r1_on_eks.cost.charges import (
    FREE,
    NOT_PRICED,
    UNKNOWN,
    Charge,
    Circumstances,
    NoCharge,
    Rule,
    always,
)
from r1_on_eks.cost.cluster_rules import control_plane, node_group
from r1_on_eks.cost.declared import Declared, Secret, Unknown
from r1_on_eks.cost.metrics_rules import CONFIGURATION, SCRAPER, WORKSPACE, scraper, workspace
from r1_on_eks.cost.storage_rules import bucket, lustre, volume
from r1_on_eks.plan.monitoring.cloudwatch import ASKED_A_MONTH, CLOUDWATCH_ACCOUNT

_Charges = list[Charge | NoCharge]


def _nat(_: Declared, now: Circumstances) -> _Charges:
    return [
        Charge(service="VPC", what="NAT gateway", amount=always(1)),
        Charge(service="VPC", what="NAT gateway traffic", amount=always(now.usage.nat_gb),
                assumed=True),
    ]  # fmt: skip


def _address(*_: object) -> _Charges:
    return [Charge(service="VPC", what="public IPv4 address", amount=always(1))]


def _endpoint(resource: Declared, now: Circumstances) -> _Charges:
    kind = resource.get("vpcEndpointType") or "Gateway"
    if kind == "Gateway":
        return [NoCharge(FREE, "gateway endpoints cost nothing")]
    if kind != "Interface":
        return [NoCharge(NOT_PRICED, f"endpoints of kind {kind}")]
    subnets = resource.get("subnetIds")
    if not isinstance(subnets, list):
        return [NoCharge(UNKNOWN, f"subnetIds: {subnets}")]
    every = [
        one
        for one in now.declared
        if one.type == resource.type and one.get("vpcEndpointType") == "Interface"
    ]
    return [
        Charge(service="VPC", what="interface endpoint", amount=always(len(subnets)),
                told=f"interface endpoint in {len(subnets)} zones"),
        Charge(service="VPC", what="interface endpoint traffic", assumed=True,
                amount=always(now.usage.endpoint_gb / len(every))),
    ]  # fmt: skip


def _load_balancer(resource: Declared, now: Circumstances) -> _Charges:
    kind = resource.get("loadBalancerType") or "application"
    names = {
        "network": ("network load balancer", "network load balancer unit"),
        "application": ("application load balancer", "application load balancer unit"),
    }
    if kind not in names:
        return [NoCharge(NOT_PRICED, f"load balancers of kind {kind}")]
    hour, unit = names[kind]
    charges: _Charges = [
        Charge(service="ELB", what=hour, amount=always(1)),
        Charge(service="ELB", what=unit, amount=always(now.usage.load_balancer_units),
                assumed=True),
        Charge(service="VPC", what="traffic between zones, each way", assumed=True,
                amount=always(2 * now.usage.cross_zone_gb)),
    ]  # fmt: skip
    if resource.get("internal") is True:
        return charges
    subnets = resource.get("subnets") or resource.get("subnetMappings")
    if not isinstance(subnets, list):
        return [*charges, NoCharge(UNKNOWN, f"public addresses of subnets: {subnets}")]
    return [
        *charges,
        Charge(service="VPC", what="public IPv4 address", amount=always(len(subnets))),
        Charge(service="VPC", what="traffic to the internet, first 10 TB", assumed=True,
                amount=always(now.usage.internet_gb)),
    ]  # fmt: skip


def _logs(resource: Declared, now: Circumstances) -> _Charges:
    groups = [one for one in now.declared if one.type == resource.type]
    taken_in = now.usage.log_gb / len(groups)
    days = resource.get("retentionInDays")
    if isinstance(days, Unknown | Secret):
        return [NoCharge(UNKNOWN, f"retentionInDays: {days}")]
    # 0 and nothing mean for ever: after a year it would be twelve times as much.
    kept = taken_in * (days or 365) / 30
    return [
        Charge(service="CloudWatch", what="logs, taken in", amount=always(taken_in),
                assumed=True),
        Charge(service="CloudWatch", what="logs, kept", amount=always(kept), assumed=True,
                told=f"logs, kept {int(days)} days" if days else "logs, kept a year of for ever"),
    ]  # fmt: skip


def _key(resource: Declared, now: Circumstances) -> _Charges:
    keys = [one for one in now.declared if one.type == resource.type]
    return [
        Charge(service="KMS", what="key", amount=always(1),
                note="each of its first two yearly rotations adds a dollar a month"
                if resource.get("enableKeyRotation") else ""),
        Charge(service="KMS", what="10,000 requests", assumed=True,
                amount=always(now.usage.kms_requests / 10_000 / len(keys))),
    ]  # fmt: skip


def _pod_role(resource: Declared, _: Circumstances) -> _Charges:
    if resource.get("serviceAccount") != CLOUDWATCH_ACCOUNT:
        return [NoCharge(FREE, "part of the cluster's price")]
    return [
        Charge(service="CloudWatch", what="1,000 figures that are asked for",
                amount=always(ASKED_A_MONTH / 1000), told="figures of the file system, asked for"),
    ]  # fmt: skip


def _alarm(*_: object) -> _Charges:
    return [Charge(service="CloudWatch", what="alarm", amount=always(1))]


def _flow_log(resource: Declared, _: Circumstances) -> _Charges:
    if (resource.get("logDestinationType") or "cloud-watch-logs") == "cloud-watch-logs":
        return [NoCharge(FREE, "its log group is billed for what it takes in")]
    return [NoCharge(NOT_PRICED, "flow logs by use: what their destination takes in")]


def _service(resource: Declared, _: Circumstances) -> _Charges:
    if resource.get("spec", "type") == "LoadBalancer":
        return [NoCharge(NOT_PRICED, "a load balancer that Kubernetes makes behind Pulumi's back")]
    return [NoCharge(FREE, "inside the cluster")]


def _claim(resource: Declared, _: Circumstances) -> _Charges:
    if resource.get("spec", "storageClassName") == "" or resource.get("spec", "volumeName"):
        return [NoCharge(FREE, "of a volume that is declared itself")]
    return [NoCharge(NOT_PRICED, "a volume that Kubernetes makes behind Pulumi's back")]


def _free(why: str) -> Rule:
    return lambda *_: [NoCharge(FREE, why)]


def _not_priced(why: str) -> Rule:
    return lambda *_: [NoCharge(NOT_PRICED, why)]


_NETWORK, _RIGHTS = _free("parts of a network"), _free("permissions")
_LISTED, _CLUSTER = _free("billed where it is used"), _free("part of the cluster's price")

RULES: dict[str, Rule] = {
    "aws:eks/cluster:Cluster": control_plane,
    "aws:eks/nodeGroup:NodeGroup": node_group,
    "aws:fsx/lustreFileSystem:LustreFileSystem": lustre,
    "aws:ebs/volume:Volume": volume,
    "aws:s3/bucket:Bucket": bucket,
    "aws:s3/bucketV2:BucketV2": bucket,
    "aws:ec2/natGateway:NatGateway": _nat,
    "aws:ec2/eip:Eip": _address,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:cloudwatch/logGroup:LogGroup": _logs,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:kms/key:Key": _key,
    "aws:ec2/flowLog:FlowLog": _flow_log,
    WORKSPACE: workspace,
    SCRAPER: scraper,
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace": _free(
        "its workspace is billed for the samples that rules ask for, and for those they record"
    ),
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": _free(
        "part of the workspace's price"
    ),
    CONFIGURATION: _free("its workspace is billed for what it keeps"),
    "aws:ecr/repository:Repository": _not_priced("images by use: GB kept"),
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": _not_priced(
        "images by use: GB kept of what is pulled through it"
    ),
    "aws:sns/topic:Topic": _not_priced("messages by use; the first million are free"),
    "aws:sqs/queue:Queue": _not_priced("messages by use; the first million are free"),
    "aws:secretsmanager/secret:Secret": _not_priced("secrets by the month"),
    "aws:scheduler/schedule:Schedule": _not_priced("calls by use; the first 14 million are free"),
    "aws:ec2/capacityReservation:CapacityReservation": _not_priced(
        "billed as its instances are, whether they run or not"
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": _LISTED,
    "aws:ec2/placementGroup:PlacementGroup": _free("placement groups cost nothing"),
    "aws:autoscaling/attachment:Attachment": _free("auto scaling costs nothing"),
    "aws:autoscaling/tag:Tag": _free("auto scaling costs nothing"),
    "aws:autoscaling/schedule:Schedule": _free("auto scaling costs nothing"),
    "aws:autoscaling/policy:Policy": _free("auto scaling costs nothing"),
    "aws:autoscaling/lifecycleHook:LifecycleHook": _free("auto scaling costs nothing"),
    "aws:cloudwatch/eventRule:EventRule": _free("events of AWS services cost nothing"),
    "aws:cloudwatch/eventTarget:EventTarget": _free("events of AWS services cost nothing"),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _RIGHTS,
    "aws:kms/alias:Alias": _free("part of the key's price"),
    "aws:kms/keyPolicy:KeyPolicy": _RIGHTS,
    **{f"aws:costexplorer/{kind[0].lower()}{kind[1:]}:{kind}": _free(
        "anomaly detection has no price on AWS's pages (2026-11)"
    ) for kind in ("AnomalyMonitor", "AnomalySubscription")},
    "aws:budgets/budget:Budget": _free("budgets without actions cost nothing"),
    "aws:sns/topicPolicy:TopicPolicy": _RIGHTS,
    "aws:sns/topicSubscription:TopicSubscription": _LISTED,
    "aws:sqs/queuePolicy:QueuePolicy": _RIGHTS,
    "aws:ssm/parameter:Parameter": _free("standard parameters cost nothing"),
    "aws:lb/listener:Listener": _free("part of the load balancer's price"),
    "aws:lb/targetGroup:TargetGroup": _free("part of the load balancer's price"),
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": _free(
        "part of the load balancer's price"
    ),
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": _free(
        "part of the file system's price"
    ),
    **{f"aws:ec2/{kind[0].lower()}{kind[1:]}:{kind}": _NETWORK for kind in (
        "Vpc", "Subnet", "RouteTable", "Route", "RouteTableAssociation", "InternetGateway",
        "SecurityGroup", "SecurityGroupRule", "NetworkAcl", "VpcDhcpOptions",
        "DefaultSecurityGroup", "VpcEndpointRouteTableAssociation", "VpcEndpointPolicy",
        "EgressOnlyInternetGateway",
    )},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _NETWORK,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _NETWORK,
    **{f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}": _RIGHTS for kind in (
        "Role", "RolePolicy", "RolePolicyAttachment", "Policy", "InstanceProfile",
        "OpenIdConnectProvider", "ServiceLinkedRole",
    )},
    **{f"aws:eks/{kind[0].lower()}{kind[1:]}:{kind}": _CLUSTER for kind in (
        "Addon", "AccessEntry", "AccessPolicyAssociation",
    )},
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _pod_role,
    **{f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}": _RIGHTS for kind in (
        "BucketPolicy", "BucketPublicAccessBlock", "BucketVersioning", "BucketOwnershipControls",
        "BucketServerSideEncryptionConfiguration", "BucketLifecycleConfiguration",
    )},
    "kubernetes:core/v1:Service": _service,
    "kubernetes:core/v1:PersistentVolumeClaim": _claim,
    "kubernetes:helm.sh/v3:Release": _not_priced("a chart, whose objects aren't told"),
}  # fmt: skip

# Of any version. What Kubernetes runs is paid for with its nodes.
_IN_CLUSTER = frozenset({
    "APIService", "Alertmanager", "CSIDriver", "Certificate", "ClusterRole", "ClusterRoleBinding",
    "ConfigMap", "ControllerRevision", "CronJob", "CustomResourceDefinition", "DaemonSet",
    "Deployment", "EndpointSlice", "Endpoints", "HorizontalPodAutoscaler", "Issuer", "Job",
    "Lease", "LeaderWorkerSet", "LimitRange", "MutatingWebhookConfiguration", "Namespace",
    "NetworkPolicy", "PersistentVolume", "Pod", "PodDisruptionBudget", "PodMonitor",
    "PriorityClass", "Prometheus", "PrometheusRule", "ReplicaSet", "ResourceQuota", "Role",
    "RoleBinding", "RuntimeClass", "ScaledObject", "Secret", "ServiceAccount", "ServiceMonitor",
    "StatefulSet", "StorageClass", "TriggerAuthentication", "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
})  # fmt: skip
_INSIDE = _free("runs on nodes that are priced")
_PROVIDER = _free("providers cost nothing")


def rule_of(resource_type: str) -> Rule | None:
    """How a type is billed; None for one that nobody has looked at."""
    if resource_type.startswith("pulumi:providers:"):
        return _PROVIDER
    found = RULES.get(resource_type)
    if found is None and resource_type.startswith("kubernetes:"):
        kind = resource_type.rpartition(":")[2].removesuffix("Patch")
        return _INSIDE if kind in _IN_CLUSTER else None
    return found
