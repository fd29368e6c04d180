"""What the gateway listens on, whom it lets in, and which model answers."""

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from r1_on_eks.plan import nginx
from r1_on_eks.plan.names import NAMESPACE, PORT, service_name
from r1_on_eks.plan.nginx import answers
from r1_on_eks.plan.nginx.settings import Allowance, Key, Service, Site, Sleeper, Split
from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.scaling import Scaling
from r1_on_eks.plan.subnets import CLUSTER_DNS, cidr_of
from r1_on_eks.plan.timeline import longest_answer_seconds
from r1_on_eks.plan.traffic import GATEWAY_METRICS_PORT
from r1_on_eks.stack_config import Gateway, Limits, StackConfig

LISTEN_PORT = 8080
STATUS_PORT = 8081
# Of Kubernetes' default range; fixed, so that the target group can name it.
NODE_PORT = 30080
# Load balancer's check: every 10 s, twice.
_UNHEALTHY_SECONDS = 20
# The load balancer looks away from a pod that ends; then some margin.
PRE_STOP_SECONDS = _UNHEALTHY_SECONDS + 15
# AWS: a TCP listener's idle time-out is 60 to 6000 s (pulumi_aws, lb.Listener).
_MOST_IDLE_SECONDS = 6000
_IDLE_MARGIN_SECONDS = 60
_WITH_QUEUE = 2


@dataclass(frozen=True, kw_only=True)
class GatewayPlan:
    """What is declared of the gateway.

    Attributes:
        internal: False where the load balancer has public addresses.
        clients: IPv4 ranges that may connect.
        configuration: Text of nginx.conf.
        script: Text of gateway.js.
        checksum: Of both; the pods roll when it changes.
        tls_secret: Secret that holds certificate and key, or None without TLS.
        port: Where clients connect.
        scheme: `https`, or `http` without TLS.
        nobody: Whether no key is listed, so that nobody gets in.
        idle_seconds: For so long a connection of the load balancer may be silent.
        longest_answer_seconds: For so long a server may be.
        grace_seconds: From the end of a pod's replacement to SIGKILL.
        paths: Public path of each model, by its name.
        status_port: Where an exporter in the same pod reads nginx's state; None for no exporter.
        metrics_port: Where nginx itself tells what it answered; None where nobody asks.
        answers: Series of its answers that each pod tells there.
    """

    internal: bool
    clients: tuple[str, ...]
    configuration: str
    script: str
    checksum: str
    tls_secret: str | None
    port: int
    scheme: str
    nobody: bool
    idle_seconds: int
    longest_answer_seconds: int
    grace_seconds: int
    paths: dict[str, str]
    status_port: int | None
    metrics_port: int | None
    answers: int


def gateway_of(
    config: StackConfig,
    placements: Sequence[Placement],
    scaled: Iterable[Scaling] = (),
) -> GatewayPlan:
    """The gateway in front of the servers of `placements`.

    Args:
        config: What is asked for.
        placements: Of its variants.
        scaled: How its replicas follow the requests, of each variant whose do.
    """
    asked = config.gateway_section
    longest = longest_silence_seconds(placements)
    variants = [placement.variant.name for placement in placements]
    status_port = STATUS_PORT if config.monitoring else None
    metrics_port = GATEWAY_METRICS_PORT if config.monitoring else None
    sleepers = {one.variant: found for one in scaled if (found := _sleeper(one))}
    site = site_of(asked, variants, longest, sleepers)
    site = dataclasses.replace(site, status_port=status_port, metrics_port=metrics_port)
    text, script = nginx.configuration(site), nginx.script()
    return GatewayPlan(
        internal=asked.public_from is None,
        clients=asked.public_from or (cidr_of(config),),
        configuration=text,
        script=script,
        checksum=hashlib.sha256((text + script).encode()).hexdigest(),
        tls_secret=asked.tls.secret if asked.tls else None,
        port=443 if asked.tls else 80,
        scheme="https" if asked.tls else "http",
        nobody=not asked.keys and not asked.open,
        idle_seconds=longest + _IDLE_MARGIN_SECONDS,
        longest_answer_seconds=longest,
        grace_seconds=PRE_STOP_SECONDS + longest + 30,
        paths={name: f"/api/v1/{name}" for name in site.names},
        status_port=status_port,
        metrics_port=metrics_port,
        answers=answers.series(site),
    )


def _sleeper(scaling: Scaling) -> Sleeper | None:
    """What is told of a variant where none stands; None where some always do."""
    if scaling.least:
        return None
    told = "no server of this model stands now; "
    if scaling.wakes:
        minutes = math.ceil(scaling.start_seconds / 60)
        told += (
            f"one is started for requests, and answers in about {minutes} minutes, if a machine"
            " is to be had; ask again then"
        )
    elif hours := scaling.hours:
        told += f"it answers on {hours.days}, {hours.start} to {hours.end} {hours.zone}"
    return Sleeper(told=told, again_in=scaling.start_seconds)


def site_of(
    asked: Gateway,
    variants: Sequence[str],
    longest_answer_seconds: int,
    sleepers: Mapping[str, Sleeper] | None = None,
) -> Site:
    """What nginx is told.

    Args:
        asked: Section of the stack file.
        variants: Those that stand up.
        longest_answer_seconds: See `GatewayPlan`.
        sleepers: What is told of each variant of which nobody may stand.
    """
    return Site(
        services=tuple(
            Service(
                variant=variant,
                name=service_name(variant),
                namespace=NAMESPACE,
                port=PORT,
                instead=service_name(asked.fallback[variant])
                if variant in asked.fallback
                else None,
                sleeper=(sleepers or {}).get(variant),
            )
            for variant in variants
        ),
        splits=tuple(
            Split(
                name=name,
                percent=tuple((service_name(v), share) for v, share in split.percent.items()),
                sticky=split.sticky,
            )
            for name, split in asked.splits.items()
        ),
        keys=tuple(
            Key(name=k.name, sha256=k.sha256, allowance=_allowance(k.limits or asked.limits))
            for k in asked.keys
        ),
        open=asked.open,
        strangers=_allowance(asked.strangers),
        listen_port=LISTEN_PORT,
        tls=asked.tls is not None,
        resolver=CLUSTER_DNS,
        longest_answer_seconds=longest_answer_seconds,
    )


def also_called(variant: str, asked: Gateway) -> tuple[str, ...]:
    """Names under which requests reach a server, beside that of its variant.

    A request keeps the `model` that its client wrote, be it a split's or that of a variant which
    this one stands in for; the answer says the variant, and so who answered.
    """
    replaced = [one for one, other in asked.fallback.items() if other == variant]
    # Of a split, those that are drawn and those that stand in for one that was.
    splits = [
        name for name, split in asked.splits.items() if {variant, *replaced} & set(split.percent)
    ]
    return (*replaced, *splits)


def longest_silence_seconds(placements: Sequence[Placement]) -> int:
    """For how long the slowest model may say nothing: an answer that is not streamed.

    It may wait in the server's queue for as long as it then takes; within what a load balancer's
    idle time-out allows.
    """
    longest = max(longest_answer_seconds(placement) for placement in placements)
    return min(longest * _WITH_QUEUE, _MOST_IDLE_SECONDS - _IDLE_MARGIN_SECONDS)


def _allowance(limits: Limits) -> Allowance:
    return Allowance(per_minute=limits.per_minute, at_a_time=limits.at_a_time)
