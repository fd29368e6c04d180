"""What a stack may cost, at whose prices, and how much of what is billed by use it uses."""

from typing import Annotated, Literal

from pydantic import Field

from r1_on_eks.stack_config.section import Section

_Amount = Annotated[float, Field(ge=0)]
Service = Literal["EC2", "EKS", "EBS", "FSx", "VPC", "ELB", "S3", "CloudWatch", "KMS", "AMP"]


class Usage(Section):
    """A month's use of what has no price by the hour; what isn't said is assumed."""

    nat_gb: _Amount = 100
    """GB through the NAT gateway: images, calls of AWS services; weights never pass it."""
    internet_gb: _Amount = 10
    """GB of answers to the internet, of a public gateway."""
    cross_zone_gb: _Amount = 20
    """GB between zones: gateway and nodes lie in several."""
    endpoint_gb: _Amount = 50
    """GB through interfaces of AWS services, where private_endpoints asks for them."""
    log_gb: _Amount = 10
    """GB of logs taken in by CloudWatch."""
    load_balancer_units: _Amount = 0.1
    """NLCUs of the load balancer, on average."""
    kms_requests: _Amount = 10000
    """Requests of the keys."""
    metric_samples_million: _Amount | None = None
    """Millions of samples of a managed Prometheus; if not said, as many as `r1 plan` counts."""
    # The rules of four replicas asked for 8,300 on a made-up day (tests/test_replayed_day.py).
    queried_samples_million: _Amount = 10000
    """Millions of samples that its rules, and whoever looks, ask for."""
    # 629 million samples at 100 bytes of text, two thirds of it from other zones, and a margin.
    scrape_gb: _Amount = 50
    """GB that its collector reads from other zones."""


class Budget(Section):
    """Limits that `r1 cost` holds the stack to; it exits with 1 above one."""

    usd_per_month: Annotated[float, Field(gt=0)] | None = None
    """Dollars a month for the whole stack."""
    increase_usd: Annotated[float, Field(gt=0)] | None = None
    """Dollars a month that one change may add."""
    increase_percent: Annotated[float, Field(gt=0)] | None = None
    """The same in percent of what it was before."""
    anomaly_usd: Annotated[float, Field(gt=0)] | None = None
    """Dollars above what is usual, from which AWS itself tells monitoring's SNS topic."""


class ApiPrice(Section):
    """What somebody else's API takes for the same model, in dollars per million tokens."""

    input_usd: Annotated[float, Field(gt=0)]
    """Dollars per million tokens of prompts."""
    output_usd: Annotated[float, Field(gt=0)]
    """Dollars per million tokens of answers."""


Discounts = dict[Service, Annotated[float, Field(gt=0, lt=100)]]
