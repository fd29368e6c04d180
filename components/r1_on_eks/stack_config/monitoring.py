"""What is measured of a stack, for how long it is kept, and who is told."""

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from r1_on_eks.stack_config.section import Section, pattern

# Of the cluster's own, the history lies on the disk of one node; AWS keeps three years at most
# (Amazon Managed Service for Prometheus user guide, AMP-ingest-methods, 2026-11).
_MOST_DAYS = 90
_MOST_DAYS_AT_AWS = 1095


class Webhook(Section):
    """Where alerts are posted to."""

    secret: Annotated[str, pattern(r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
    """Kubernetes Secret in the namespace monitoring; its entry `url` is the address."""


class Notify(Section):
    """Who is told of an alert: one of the two."""

    sns: Annotated[str, pattern(r"^arn:aws(-cn)?:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$")] | (
        None
    ) = None
    """ARN of an SNS topic of yours."""
    webhook: Webhook | None = None
    """An address that takes Alertmanager's JSON: a chat, a pager, a script."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.sns is None) == (self.webhook is None):
            raise ValueError("names one of sns and webhook; write notify: {sns: arn:aws:sns:…}")
        return self


class Monitoring(Section):
    """Metrics, alerts and dashboards of a stack; none unless this section is there."""

    kind: Literal["prometheus", "managed-prometheus"]
    """`prometheus`: in the cluster, with its operator; `managed-prometheus`: Amazon's service."""
    retention_days: Annotated[int, Field(ge=1, le=_MOST_DAYS_AT_AWS)] = 15
    """Days for which metrics are kept: up to 90 in the cluster, up to 1095 at AWS."""
    notify: Notify | None = None
    """Who is told of alerts; without it they are seen by whoever looks."""
    dashboards: bool = True
    """Whether Grafana runs with the stack's dashboards."""

    @field_validator("retention_days")
    @classmethod
    def _has_room(cls, days: int, info: ValidationInfo) -> int:
        if info.data.get("kind") == "prometheus" and days > _MOST_DAYS:
            raise ValueError(
                f"{days}: the disk of a node keeps no more than {_MOST_DAYS}; write that, or"
                " kind: managed-prometheus"
            )
        return days

    @field_validator("notify")
    @classmethod
    def _can_be_told(cls, notify: Notify | None, info: ValidationInfo) -> Notify | None:
        if info.data.get("kind") == "managed-prometheus" and notify and notify.webhook:
            raise ValueError(
                "managed-prometheus tells an SNS topic alone; write notify: {sns: arn:aws:sns:…},"
                " or kind: prometheus"
            )
        return notify

    @property
    def managed(self) -> bool:
        """Whether Amazon's Prometheus is meant, and not one in the cluster."""
        return self.kind == "managed-prometheus"

    @property
    def topic(self) -> str | None:
        """ARN of the SNS topic that is told."""
        return self.notify.sns if self.notify else None


def check_served(
    monitoring: Monitoring | None,
    *,
    anomaly_usd: float | None,
    scaled: str | None,
    outbound: str,
) -> None:
    """Refuses what is asked for elsewhere in the file, and no monitoring of it serves.

    Args:
        monitoring: Section of the file, or None.
        anomaly_usd: Of `budget`.
        scaled: A variant whose replicas follow the requests, or None.
        outbound: How nodes reach the internet.

    Raises:
        ValueError: names the key and what to write.
    """
    if anomaly_usd is not None and not (monitoring and monitoring.topic):
        raise ValueError(
            "budget.anomaly_usd: AWS tells it to an SNS topic alone, and the file names none;"
            " write monitoring: {kind: prometheus, notify: {sns: arn:aws:sns:…}}"
        )
    if scaled and monitoring is None:
        raise ValueError(
            f"variants.{scaled}.scale: replicas follow what Prometheus counts; write"
            " monitoring: {kind: prometheus}"
        )
    if monitoring is None or not monitoring.managed:
        return
    if scaled:
        raise ValueError(
            f"variants.{scaled}.scale: replicas follow a Prometheus in the cluster, which"
            " managed-prometheus is not; write monitoring: {kind: prometheus}"
        )
    if monitoring.dashboards and outbound == "none":
        raise ValueError(
            "monitoring.dashboards: outbound: none leaves Grafana no way to Amazon's service;"
            " write dashboards: false, or kind: prometheus"
        )
