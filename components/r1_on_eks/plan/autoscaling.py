"""The cluster autoscaler: what it reads of an empty group, what it is told, what it may do."""

from collections.abc import Sequence
from typing import Any

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.plan.group import EFA_RESOURCE, HUGE_PAGES
from r1_on_eks.plan.interfaces import EFA
from r1_on_eks.plan.names import AUTOSCALED_TAG, AUTOSCALING_NAMESPACE
from r1_on_eks.plan.pools import Pool
from r1_on_eks.plan.scaling import NODE_SECONDS

AUTOSCALER = "cluster-autoscaler"
AUTOSCALER_PODS = {"app.kubernetes.io/name": AUTOSCALER}
AUTOSCALER_PORT = 8085
_TEMPLATE = "k8s.io/cluster-autoscaler/node-template"
# Nothing of a replica may be moved: its requests would be lost, and a start is minutes.
_NOBODY = 0.01


def node_template(pool: Pool, cluster: str) -> dict[str, str]:
    """Tags of its Auto Scaling group: that it is scaled, and what a node would have.

    Those are labels, taint, GPUs and adapters. Source: kubernetes/autoscaler
    cluster-autoscaler/cloudprovider/aws/README.md, "Auto-Discovery Setup", 2026-11.
    """
    labels = {f"{_TEMPLATE}/label/{key}": value for key, value in pool.labels.items()}
    taints = {f"{_TEMPLATE}/taint/{key}": "true:NoSchedule" for key in pool.taints}
    gpus = INSTANCE_TYPES[pool.instance_type].gpus
    resources = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    if adapters := [one for one in pool.interfaces if one.kind == EFA]:
        resources |= {EFA_RESOURCE: str(len(adapters)), **HUGE_PAGES}
    offered = {f"{_TEMPLATE}/resources/{key}": value for key, value in resources.items()}
    # EKS's own tags are on the group of the system's nodes too, which has a size of its own.
    return {AUTOSCALED_TAG: cluster, **labels, **taints, **offered}


def autoscaler_arguments(cluster: str, pools: Sequence[Pool], system: Pool) -> tuple[str, ...]:
    """Command line of the cluster autoscaler.

    Args:
        cluster: Value of the tag by which it finds the groups.
        pools: The groups that it sizes.
        system: The nodes that it leaves alone, which count as well.
    """
    return (
        "--cloud-provider=aws",
        f"--namespace={AUTOSCALING_NAMESPACE}",
        f"--node-group-auto-discovery=asg:tag={AUTOSCALED_TAG}={cluster}",
        # Beside each group's own limit.
        f"--max-nodes-total={system.most + sum(pool.most for pool in pools)}",
        # A pod names its pool: no two groups suit it, and nothing is to be weighed.
        "--expander=least-waste",
        f"--scale-down-utilization-threshold={_NOBODY}",
        f"--scale-down-gpu-utilization-threshold={_NOBODY}",
        "--ignore-daemonsets-utilization=true",
        # For as long as another one would take to come.
        f"--scale-down-unneeded-time={NODE_SECONDS}s",
        f"--scale-down-delay-after-add={2 * NODE_SECONDS}s",
        # What EC2 has none of is asked for again, in a while.
        "--max-node-provision-time=15m",
        f"--address=:{AUTOSCALER_PORT}",
        "--logtostderr=true",
        "--v=2",
    )


def sizes_groups(account: str, region: str, cluster: str) -> dict[str, Any]:
    """IAM: looks at all groups, for which AWS knows no narrower resource, and sizes its own.

    Source: the same README, "IAM Policy"; service authorization reference of Amazon EC2 Auto
    Scaling, 2026-11.
    """
    groups = f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*"
    node_groups = f"arn:aws:eks:{region}:{account}:nodegroup/{cluster}/*"
    looks = [
        *(f"autoscaling:Describe{one}" for one in ("AutoScalingGroups", "AutoScalingInstances")),
        *(f"autoscaling:Describe{one}" for one in ("ScalingActivities", "Tags")),
        *("ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions"),
    ]
    sizes = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": looks, "Resource": "*"},
            {"Effect": "Allow", "Action": ["eks:DescribeNodegroup"], "Resource": node_groups},
            {
                "Effect": "Allow",
                "Action": sizes,
                "Resource": groups,
                "Condition": {"StringEquals": {f"aws:ResourceTag/{AUTOSCALED_TAG}": cluster}},
            },
        ],
    }


_READ = ["get", "list", "watch"]
# After examples/cluster-autoscaler-autodiscover.yaml of the same folder. It taints nodes that it
# is about to end, evicts what is on them, and simulates the scheduler, which reads the rest.
AUTOSCALER_CLUSTER_RULES: list[Any] = [
    {"api_groups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    {"api_groups": [""], "resources": ["nodes"], "verbs": [*_READ, "update"]},
    {"api_groups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
    {"api_groups": [""], "resources": ["pods/status"], "verbs": ["update"]},
    {
        "api_groups": [""],
        "resources": [
            *("namespaces", "persistentvolumeclaims", "persistentvolumes", "pods"),
            *("replicationcontrollers", "services"),
        ],
        "verbs": _READ,
    },
    {
        "api_groups": ["apps"],
        "resources": ["daemonsets", "replicasets", "statefulsets"],
        "verbs": _READ,
    },
    {"api_groups": ["batch"], "resources": ["jobs"], "verbs": _READ},
    {"api_groups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list", "watch"]},
    {
        "api_groups": ["storage.k8s.io"],
        "resources": [
            *("csidrivers", "csinodes", "csistoragecapacities", "storageclasses"),
            "volumeattachments",
        ],
        "verbs": _READ,
    },
    # Devices that are claimed: none here, and it lists them all the same from 1.34 on.
    {
        "api_groups": ["resource.k8s.io"],
        "resources": ["deviceclasses", "resourceclaims", "resourceslices"],
        "verbs": _READ,
    },
]
# In its own namespace: its status, and the lease by which one of them decides.
AUTOSCALER_RULES: list[Any] = [
    {"api_groups": [""], "resources": ["configmaps"], "verbs": ["create", "list", "watch"]},
    {
        "api_groups": [""],
        "resources": ["configmaps"],
        "resource_names": [f"{AUTOSCALER}-status"],
        "verbs": ["delete", "get", "update"],
    },
    {"api_groups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    {
        "api_groups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resource_names": [AUTOSCALER],
        "verbs": ["get", "update"],
    },
]
