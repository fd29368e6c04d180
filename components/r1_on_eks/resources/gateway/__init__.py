"""The Nginx that owns all routes, and the load balancer in front of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.gateway import LISTEN_PORT, NODE_PORT, PRE_STOP_SECONDS, GatewayPlan
from r1_on_eks.plan.names import tagged
from r1_on_eks.plan.nginx import SCRIPT
from r1_on_eks.plan.traffic import GATEWAY_PODS
from r1_on_eks.resources.gateway.pod import CONFIGURATION, pod_spec


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """Inputs of `Gateway`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: Kubernetes namespace.
        gateway: Configuration text, clients, internal or not.
        server_key_secret: Secret with the header that opens the model servers.
        vpc_id: The VPC of the nodes.
        subnet_ids: One subnet per zone; public ones where the gateway is.
        node_security_group_id: Security group of the nodes.
        autoscaling_group_name: Auto Scaling group of the nodes that it runs on.
        protected: Whether AWS and Pulumi refuse to delete the load balancer.
        after: The nodes that its pods run on.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    gateway: GatewayPlan
    server_key_secret: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    node_security_group_id: pulumi.Input[str]
    autoscaling_group_name: pulumi.Input[str]
    protected: bool
    after: Sequence[pulumi.Resource]


class Gateway(pulumi.ComponentResource):
    """Two Nginx pods behind a Network Load Balancer, by one NodePort."""

    url: pulumi.Output[str]
    """Where clients begin, without a route's path."""

    def __init__(
        self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Gateway", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        in_cluster = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        _nginx(name, args, in_cluster)
        group = _security_group(name, args, within)
        balancer = aws.lb.LoadBalancer(
            f"{name}-nlb",
            load_balancer_type="network",
            internal=args.gateway.internal,
            # Given at the start: a load balancer made without can never have one.
            security_groups=[group.id],
            subnets=list(args.subnet_ids.values()),
            enable_cross_zone_load_balancing=True,
            enable_deletion_protection=args.protected,
            tags=tagged({}, f"{name}-nlb"),
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(protect=args.protected)
            ),
        )
        _listener(name, args, balancer, within)
        self.url = pulumi.Output.format(args.gateway.scheme + "://{0}", balancer.dns_name)
        self.register_outputs({"url": self.url})


def _security_group(
    name: str, args: GatewayArgs, within: pulumi.ResourceOptions
) -> aws.ec2.SecurityGroup:
    group = aws.ec2.SecurityGroup(
        f"{name}-nlb",
        vpc_id=args.vpc_id,
        description="Load balancer of the gateway",
        tags=tagged({}, f"{name}-nlb"),
        opts=within,
    )
    for number, clients in enumerate(args.gateway.clients, start=1):
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-clients-{number}",
            security_group_id=group.id,
            cidr_ipv4=clients,
            ip_protocol="tcp",
            from_port=args.gateway.port,
            to_port=args.gateway.port,
            tags=tagged({}, f"{name}-clients-{number}"),
            opts=within,
        )
    for rule, logical, owner, peer in (
        (aws.vpc.SecurityGroupEgressRule, "to-nodes", group.id, args.node_security_group_id),
        (aws.vpc.SecurityGroupIngressRule, "from-nlb", args.node_security_group_id, group.id),
    ):
        rule(
            f"{name}-{logical}",
            security_group_id=owner,
            referenced_security_group_id=peer,
            ip_protocol="tcp",
            from_port=NODE_PORT,
            to_port=NODE_PORT,
            tags=tagged({}, f"{name}-{logical}"),
            opts=within,
        )
    return group


def _listener(
    name: str,
    args: GatewayArgs,
    balancer: aws.lb.LoadBalancer,
    within: pulumi.ResourceOptions,
) -> None:
    targets = aws.lb.TargetGroup(
        f"{name}-nodes",
        vpc_id=args.vpc_id,
        target_type="instance",
        protocol="TCP",
        port=NODE_PORT,
        # nginx sees who asks; a target by instance keeps it by default, and says so here.
        preserve_client_ip="true",
        deregistration_delay=min(args.gateway.longest_answer_seconds, 3600),
        # A pod that ends is called unhealthy at once and still has answers to give.
        target_health_states=[
            {
                "enable_unhealthy_connection_termination": False,
                "unhealthy_draining_interval": args.gateway.longest_answer_seconds,
            }
        ],
        # Only nodes with a pod answer, since the Service is local to its node.
        health_check={
            "protocol": args.gateway.scheme.upper(),
            "path": "/healthz",
            "port": "traffic-port",
            "interval": 10,
            "timeout": 6,
            "healthy_threshold": 2,
            "unhealthy_threshold": 2,
        },
        tags=tagged({}, f"{name}-nodes"),
        opts=within,
    )
    aws.lb.Listener(
        f"{name}-listener",
        load_balancer_arn=balancer.arn,
        protocol="TCP",
        port=args.gateway.port,
        # TLS ends in nginx: a TLS listener's idle time-out stays at 350 s.
        tcp_idle_timeout_seconds=args.gateway.idle_seconds,
        default_actions=[{"type": "forward", "target_group_arn": targets.arn}],
        tags=tagged({}, f"{name}-listener"),
        opts=within,
    )
    aws.autoscaling.Attachment(
        f"{name}-nodes",
        autoscaling_group_name=args.autoscaling_group_name,
        lb_target_group_arn=targets.arn,
        opts=within,
    )


def _nginx(name: str, args: GatewayArgs, within: pulumi.ResourceOptions) -> None:
    gateway = args.gateway
    configuration = kubernetes.core.v1.ConfigMap(
        f"{name}-nginx",
        metadata={"name": "gateway-nginx", "namespace": args.namespace},
        data={CONFIGURATION: gateway.configuration, SCRIPT: gateway.script},
        opts=within,
    )
    metadata: Any = {"name": "gateway", "namespace": args.namespace, "labels": GATEWAY_PODS}
    deployment = kubernetes.apps.v1.Deployment(
        f"{name}-nginx",
        metadata=metadata,
        spec={
            "replicas": 2,
            "strategy": {
                "type": "RollingUpdate",
                "rolling_update": {"max_surge": 1, "max_unavailable": 0},
            },
            # The load balancer takes this long to find a new pod well.
            "min_ready_seconds": PRE_STOP_SECONDS,
            "selector": {"match_labels": GATEWAY_PODS},
            "template": {
                "metadata": {
                    "labels": GATEWAY_PODS,
                    "annotations": {"r1-on-eks/configuration": gateway.checksum},
                },
                "spec": pod_spec(gateway, configuration.metadata.name, args.server_key_secret),
            },
        },
        opts=pulumi.ResourceOptions.merge(
            within, pulumi.ResourceOptions(depends_on=list(args.after))
        ),
    )
    kubernetes.core.v1.Service(
        f"{name}-service",
        metadata=metadata,
        spec={
            "type": "NodePort",
            "external_traffic_policy": "Local",
            "selector": GATEWAY_PODS,
            "ports": [
                {
                    "name": gateway.scheme,
                    "port": gateway.port,
                    "target_port": LISTEN_PORT,
                    "node_port": NODE_PORT,
                }
            ],
        },
        opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=[deployment])),
    )
    kubernetes.policy.v1.PodDisruptionBudget(
        f"{name}-budget",
        metadata=metadata,
        spec={"max_unavailable": 1, "selector": {"match_labels": GATEWAY_PODS}},
        opts=within,
    )
