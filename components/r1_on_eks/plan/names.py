"""Names that somebody must type or that must not double, and the tags that say whose it is."""

from collections.abc import Mapping

NAMESPACE = "r1"
MONITORING_NAMESPACE = "monitoring"
# Apart from it: these pods read the node, which no restricted namespace admits.
EXPORTERS_NAMESPACE = "node-metrics"
PORT = 8000
# Entry of the Secret that opens the model servers.
SERVER_KEY = "key"

STACK_TAG = "r1:stack"
VARIANT_TAG = "r1:variant"
POOL_TAG = "r1:pool"
NAME_TAG = "r1:name"

# A resource's name, since what the engine prints of a refused destroy is that name.
HOW_TO_LIFT_PROTECTION = "first-set-deletion_protection-to-false-and-run-pulumi-up"

POOL_LABEL = "r1-on-eks/variant-pool"
VARIANT_LABEL = "r1-on-eks/variant"
GPU_LABEL = "k8s.amazonaws.com/accelerator"
EFA_LABEL = "vpc.amazonaws.com/efa.present"
GPU_TAINT = "nvidia.com/gpu"
# Of nodes without GPU that serve a model: they are kept as free of other pods.
SERVER_TAINT = "r1-on-eks/model-server"


def cluster_name(stack: str) -> str:
    """`edge-1-5b` of `edge-1.5b`: EKS and IAM take no dots."""
    return stack.replace(".", "-")


def service_name(variant: str) -> str:
    """`r1-1-5b` of `1.5b`: a DNS label that starts with a letter."""
    return f"r1-{variant.replace('.', '-')}"


def role_name(stack: str, purpose: str) -> str:
    """A deterministic IAM role name, so that a second create fails instead of doubling it.

    Raises:
        ValueError: it is longer than the 64 characters that IAM allows.
    """
    return _within(64, f"r1-{cluster_name(stack)}-{purpose}")


def node_group_name(stack: str, pool: str) -> str:
    """A deterministic node group name.

    Raises:
        ValueError: it is longer than the 63 characters that EKS allows.
    """
    return _within(63, f"{cluster_name(stack)}-{pool}")


def cluster_log_group(stack: str) -> str:
    """Where EKS writes the control plane's logs."""
    return f"/aws/eks/{cluster_name(stack)}/cluster"


def flow_log_group(stack: str) -> str:
    """Where the network's flow logs go."""
    return f"/r1/{cluster_name(stack)}/flows"


def stack_tags(stack: str) -> dict[str, str]:
    """What every resource of a stack carries."""
    return {STACK_TAG: stack}


def variant_tags(stack: str, variant: str) -> dict[str, str]:
    """What every resource of one variant carries."""
    return {STACK_TAG: stack, VARIANT_TAG: variant}


def pool_name(pool: str) -> str:
    """`r1-shared-1` of `shared-1`: how node group and label of a shared pool are called."""
    return f"r1-{pool}"


def pool_tags(stack: str, pool: str) -> dict[str, str]:
    """What every resource of a shared pool carries.

    Not whose variants it has: a tag that changed with them would replace the instances.
    """
    return {STACK_TAG: stack, POOL_TAG: pool}


def tagged(tags: Mapping[str, str], logical_name: str) -> dict[str, str]:
    """`tags`, with the logical name under which the program knows the resource."""
    return {**tags, NAME_TAG: logical_name}


def _within(limit: int, name: str) -> str:
    if len(name) > limit:
        raise ValueError(f"{name} has {len(name)} characters; AWS allows {limit}")
    return name
