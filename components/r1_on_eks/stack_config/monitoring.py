"""What is measured of a stack, for how long it is kept, and who is told."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from r1_on_eks.stack_config.section import Section, pattern


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

    kind: Literal["prometheus"]
    """`prometheus`: a Prometheus in the cluster, with its operator."""
    # Its history lies on the disk of one node.
    retention_days: Annotated[int, Field(ge=1, le=90)] = 15
    """Days for which metrics are kept, up to 90."""
    notify: Notify | None = None
    """Who is told of alerts; without it they are seen by whoever looks."""
    dashboards: bool = True
    """Whether Grafana runs with the stack's dashboards."""

    @property
    def topic(self) -> str | None:
        """ARN of the SNS topic that is told."""
        return self.notify.sns if self.notify else None
