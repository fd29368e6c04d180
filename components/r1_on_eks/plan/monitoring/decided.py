"""What of monitoring is decided for one stack."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.plan.monitoring.policies import namespace_policies
from r1_on_eks.plan.monitoring.scrapes import Scrape, scrapes_of
from r1_on_eks.plan.monitoring.volume import Volume
from r1_on_eks.plan.pools import Pool
from r1_on_eks.plan.server import ModelServer
from r1_on_eks.plan.traffic import Policy
from r1_on_eks.stack_config.monitoring import Monitoring

# A node that fills evicts pods: twice what is expected, within what its volume spares.
_LEAST_GIB, _MOST_GIB = 4, 20
_LEAST_MIB = 512


@dataclass(frozen=True, kw_only=True)
class MonitoringPlan:
    """What is declared of monitoring.

    Attributes:
        managed: Whether Amazon's Prometheus scrapes, keeps and tells, in place of one in the
            cluster.
        retention_days: For how long metrics are kept.
        topic: ARN of the SNS topic that is told of alerts, or None.
        anomaly_usd: Dollars above what is usual that the topic is told of, or None.
        webhook_secret: Secret with the address that is told, or None.
        dashboards: Whether Grafana runs.
        gpus: Whether any node has one.
        scrapes: What is asked for metrics.
        policies: Who may talk to whom, by namespace.
        volume: How many series there are, and what they weigh.
        memory_mib: Prometheus' own.
        disk_gib: Of its history.
    """

    managed: bool
    retention_days: int
    topic: str | None
    anomaly_usd: float | None
    webhook_secret: str | None
    dashboards: bool
    gpus: bool
    scrapes: tuple[Scrape, ...]
    policies: dict[str, tuple[Policy, ...]]
    volume: Volume
    memory_mib: int
    disk_gib: int


def monitoring_of(
    asked: Monitoring,
    *,
    anomaly_usd: float | None,
    cidr: str,
    servers: Sequence[ModelServer],
    gpu_pools: Sequence[Pool],
    volume: Volume,
    file_system: bool,
    scales: bool = False,
) -> MonitoringPlan:
    """Decides what a stack file asks for.

    Args:
        asked: Section of the stack file.
        anomaly_usd: Dollars above what is usual that people are told of.
        cidr: IPv4 range of the network.
        servers: Its model servers.
        gpu_pools: Pools that serve them.
        volume: How many series there are, and what they weigh.
        file_system: Whether weights lie on one.
        scales: Whether replicas follow what is measured.
    """
    gpus = any(INSTANCE_TYPES[pool.instance_type].gpus for pool in gpu_pools)
    webhook = asked.notify.webhook.secret if asked.notify and asked.notify.webhook else None
    notifies = "sns" if asked.topic else "webhook" if webhook else None
    return MonitoringPlan(
        managed=asked.managed,
        retention_days=asked.retention_days,
        topic=asked.topic,
        anomaly_usd=anomaly_usd,
        webhook_secret=webhook,
        dashboards=asked.dashboards,
        gpus=gpus,
        scrapes=scrapes_of(
            [server.variant for server in servers],
            file_system=file_system,
            gpus=gpus,
        ),
        policies=namespace_policies(
            cidr,
            managed=asked.managed,
            notifies=notifies,
            dashboards=asked.dashboards,
            file_system=file_system,
            gpus=gpus,
            scales=scales,
        ),
        volume=volume,
        memory_mib=max(_LEAST_MIB, volume.memory_mib),
        disk_gib=min(_MOST_GIB, max(_LEAST_GIB, math.ceil(2 * volume.disk_gib))),
    )
