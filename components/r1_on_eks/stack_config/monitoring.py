"""What is measured of a stack, for how long it is kept, and who is told."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from r1_on_eks.stack_config.section import Section, pattern

# Prometheus keeps its history on the disk of one node.
_MOST_DAYS_ON_A_NODE = 90


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

    kind: Literal["prometheus", "managed"]
    """`prometheus`: in the cluster, with Grafana. `managed`: Amazon Managed Prometheus."""
    retention_days: Annotated[int, Field(ge=1, le=1095)] = 15
    """Days for which metrics are kept: up to 90 in the cluster, up to 1095 by Amazon."""
    notify: Notify | None = None
    """Who is told of alerts; without it they are seen by whoever looks."""
    dashboards: bool | None = None
    """Whether Grafana runs with the stack's dashboards; it does with `prometheus`."""
    cost_anomaly_usd: Annotated[float, Field(gt=0)] | None = None
    """AWS tells `notify.sns` of unusual spending of the stack above so many dollars."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.kind == "prometheus" and self.retention_days > _MOST_DAYS_ON_A_NODE:
            raise ValueError(
                f"retention_days {self.retention_days} is more than a node keeps; write"
                f" {_MOST_DAYS_ON_A_NODE} or less, or kind: managed"
            )
        if self.kind == "managed" and self.dashboards:
            raise ValueError(
                "dashboards of kind managed belong into Amazon Managed Grafana, which is not made"
                " here; leave dashboards out, or write kind: prometheus"
            )
        if self.kind == "managed" and self.notify is not None and self.notify.sns is None:
            raise ValueError(
                "notify.webhook: Amazon's alert manager tells SNS alone; write"
                " notify: {sns: arn:aws:sns:…}"
            )
        if self.cost_anomaly_usd is not None and (self.notify is None or self.notify.sns is None):
            raise ValueError(
                "cost_anomaly_usd needs somebody to tell; write notify: {sns: arn:aws:sns:…}"
            )
        return self

    @property
    def topic(self) -> str | None:
        """ARN of the SNS topic that is told."""
        return self.notify.sns if self.notify else None

    @property
    def with_dashboards(self) -> bool:
        """Whether Grafana runs."""
        return self.kind == "prometheus" and self.dashboards is not False
