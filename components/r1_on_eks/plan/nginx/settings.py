"""What a gateway is made of, as its text needs it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sleeper:
    """What is told of a variant of which nobody may stand.

    Attributes:
        told: A sentence without quotes, for whoever asks then.
        again_in: Seconds after which to ask again.
    """

    told: str
    again_in: int


@dataclass(frozen=True, kw_only=True)
class Service:
    """The pods that serve one variant.

    Attributes:
        variant: The word of paths, `70b`.
        name: Name of the headless Service, and of the upstream.
        namespace: Its namespace.
        port: Port of its pods.
        instead: Upstream that answers when no pod of this one can; None for none.
        sleeper: What is told where nobody stands; None where somebody always does.
    """

    variant: str
    name: str
    namespace: str
    port: int
    instead: str | None = None
    sleeper: Sleeper | None = None

    @property
    def host(self) -> str:
        """What the cluster's DNS knows the pods by."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"


@dataclass(frozen=True, kw_only=True)
class Split:
    """A path that several variants share.

    Attributes:
        name: The word of its path.
        percent: Share of each upstream, of 100.
        sticky: Whether a caller stays with one of them.
    """

    name: str
    percent: tuple[tuple[str, int], ...]
    sticky: bool

    @property
    def variable(self) -> str:
        """Holds the upstream that was drawn."""
        return f"$drawn_{self.name.replace('-', '_').replace('.', '_')}"


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How much one caller may ask of one gateway pod.

    Attributes:
        per_minute: Requests a minute; a sixth of them may come at once.
        at_a_time: Requests under way.
    """

    per_minute: int
    at_a_time: int


@dataclass(frozen=True, kw_only=True)
class Key:
    """One accepted API key.

    Attributes:
        name: Whose it is; two keys of a name are one caller.
        sha256: 64 hexadecimal digits.
        allowance: What its caller may ask.
    """

    name: str
    sha256: str
    allowance: Allowance


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything that the gateway is told.

    Attributes:
        services: One per variant.
        splits: Paths that several of them share.
        keys: Who may ask.
        open: Whether one may ask without a key.
        strangers: What one address may ask without a key: be answered, or be refused.
        listen_port: Port of the gateway's pods.
        tls: Whether it speaks TLS there.
        resolver: Address of the cluster's DNS.
        longest_answer_seconds: Longest silence of a server: an answer that is not streamed sends
            nothing until it is complete, and a reasoning model thinks for minutes.
        body_mib: Longest request to a variant's own path; kept on disk beyond 128 KiB.
        routed_body_kib: Longest request whose `model` is looked up: it is held in memory.
        status_port: Where the pod itself reads how many connections there are; None for nowhere.
        metrics_port: Where Prometheus reads what was answered; None for nowhere, uncounted.
    """

    services: tuple[Service, ...]
    splits: tuple[Split, ...] = ()
    keys: tuple[Key, ...] = ()
    open: bool = False
    strangers: Allowance = Allowance(per_minute=60, at_a_time=8)
    listen_port: int = 8080
    tls: bool = False
    resolver: str = "127.0.0.1"
    longest_answer_seconds: int = 3600
    body_mib: int = 16
    routed_body_kib: int = 1024
    status_port: int | None = None
    metrics_port: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What a client may call a model."""
        return (*(s.variant for s in self.services), *(s.name for s in self.splits))
