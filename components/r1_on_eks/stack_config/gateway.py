"""Who reaches the gateway, who may ask through it, and which model answers."""

import re
from collections import Counter
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from r1_on_eks.stack_config.section import Network, Section, pattern
from r1_on_eks.stack_config.variant import VariantName

# First parts of the gateway's own paths.
_TAKEN = {"chat", "completions", "models"}


def _split_name(value: str) -> str:
    if value in _TAKEN:
        raise ValueError("is a path of its own; write another name, assistant")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", value):
        raise ValueError(
            "is no name of a split; write assistant: a letter, then letters, digits, -"
        )
    return value


KeyName = Annotated[str, pattern(r"^[a-z][a-z0-9-]{0,30}$")]


class Tls(Section):
    """The certificate that the gateway shows."""

    secret: Annotated[str, pattern(r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
    """Kubernetes Secret of type kubernetes.io/tls in the namespace r1; you make and renew it."""


class Limits(Section):
    """What one caller may ask of each gateway pod."""

    per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    """Requests a minute; a sixth of them may come at once."""
    at_a_time: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Requests under way at a time."""


class ApiKey(Section):
    """One key of a caller; the line that `r1 key new NAME` prints."""

    name: KeyName
    """Whose it is, as the access log names it. Two keys of one name are one caller."""
    sha256: Annotated[str, pattern(r"^[0-9a-f]{64}$")]
    """SHA-256 of the key, which is no secret; the key itself is kept by its owner alone."""
    limits: Limits | None = None
    """What this caller may ask, if not what all may."""


class Split(Section):
    """A name that several variants answer to."""

    percent: Annotated[dict[VariantName, Annotated[int, Field(ge=1, le=99)]], Field(min_length=2)]
    """Share of the requests that each variant answers; together 100."""
    sticky: bool = False
    """Whether a caller, by its key and its X-Session-Id, always gets the same variant."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(self.percent.values())
        if total != 100:
            raise ValueError(f"percent is {total} together; make it 100")
        return self


class Gateway(Section):
    """The gateway; inside the network alone unless `public_from` names ranges."""

    public_from: Annotated[tuple[Network, ...], Field(min_length=1, strict=False)] | None = None
    """IPv4 ranges of the internet, 203.0.113.0/24, that may connect; without it, none."""
    tls: Tls | None = None
    """The certificate; a production stack has one."""
    keys: Annotated[tuple[ApiKey, ...], Field(strict=False)] = ()
    """Who may ask. Without any, nobody may."""
    open: bool = False
    """Whether one may ask without a key, within `strangers`; not in production."""
    limits: Limits = Limits()
    """What each caller may ask."""
    strangers: Limits = Limits(per_minute=60, at_a_time=8)
    """What one address may ask without a key, whether it is answered or refused."""
    splits: dict[Annotated[str, AfterValidator(_split_name)], Split] = Field(default={})
    """Names that several variants answer to: A/B, or a canary of few percent."""
    fallback: dict[VariantName, VariantName] = Field(default={})
    """Which variant answers when no server of another can: {70b: 32b}."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for digest, count in Counter(key.sha256 for key in self.keys).items():
            if count > 1:
                raise ValueError(f"the key {digest[:8]}… is listed {count} times; once is enough")
        limits = {key.name: key.limits for key in self.keys}
        for key in self.keys:
            if key.limits != limits[key.name]:
                raise ValueError(f"keys of {key.name} have different limits; give them the same")
        for variant, other in self.fallback.items():
            if variant == other:
                raise ValueError(
                    f"{variant} cannot stand in for itself; write fallback: {{70b: 32b}}"
                )
        return self
