"""Who carries out what is declared: AWS, and the API server of the stack's own cluster."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi import Resource, ResourceOptions

from r1_on_eks.plan import Plan
from r1_on_eks.plan.images import in_pods
from r1_on_eks.plan.names import stack_tags
from r1_on_eks.resources.cluster import Cluster


def account(plan: Plan) -> aws.Provider:
    """AWS, in one account and Region."""
    return aws.Provider(
        "aws",
        region=plan.region,
        # With somebody's other profile a stack would stand up where nobody looks for it.
        allowed_account_ids=[plan.account],
        default_tags={"tags": stack_tags(plan.stack)},
    )


def inside(
    plan: Plan, on_aws: aws.Provider, cluster: Cluster, after: Sequence[Resource]
) -> ResourceOptions:
    """Options of what has objects in the cluster: both providers, and where images come from.

    Args:
        plan: The stack.
        on_aws: AWS.
        cluster: Whose API server is asked.
        after: What must stand before anything is asked of it.
    """
    in_cluster = kubernetes.Provider(
        "kubernetes",
        kubeconfig=cluster.kubeconfig,
        cluster_identifier=cluster.resource.arn,
        # The gateway's ConfigMap has a name that people know; it is changed, not replaced.
        enable_config_map_mutable=True,
        # Its admins must be let in before anything is asked of it.
        opts=ResourceOptions(depends_on=list(after)),
    )
    return ResourceOptions(providers=[on_aws, in_cluster], transformations=[_images_of(plan)])


def _images_of(plan: Plan) -> pulumi.ResourceTransformation:
    """Every pod's images, of our own objects as of any chart's, are named in one place."""

    def named(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        return pulumi.ResourceTransformationResult(in_pods(args.props, plan.images), args.opts)

    return named
