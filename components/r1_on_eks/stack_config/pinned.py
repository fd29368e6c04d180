"""What was looked up at AWS, registries and the hub, and stays until somebody looks again."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from r1_on_eks.config_errors import sentences
from r1_on_eks.stack_config.section import Section, pattern

Digest = Annotated[str, pattern(r"^sha256:[0-9a-f]{64}$")]
Revision = Annotated[str, pattern(r"^[0-9a-f]{40}$")]
_Names = Annotated[tuple[str, ...], Field(strict=False)]
_Day = Annotated[str, pattern(r"^\d{4}-\d\d-\d\d$")]


class PinnedVersions(Section):
    """Of one Kubernetes version in one Region."""

    images: dict[str, str] = Field(default_factory=dict)
    """AMI type to release: AL2023_x86_64_NVIDIA."""
    addons: dict[str, str] = Field(default_factory=dict)
    """EKS add-on to version."""
    looked_up: _Day
    """The day."""


class PinnedRegion(Section):
    """One Region, as one account sees it."""

    account: Annotated[str, pattern(r"^\d{12}$")]
    """The account; another one's zones have other ids."""
    zones: dict[str, str] = Field(default_factory=dict)
    """Zone to its id: us-west-2a to usw2-az1, for example."""
    sold: dict[str, _Names] = Field(default_factory=dict)
    """Instance type to the zones that offer it."""
    kubernetes: dict[str, PinnedVersions] = Field(default_factory=dict)
    """By Kubernetes version."""
    looked_up: _Day
    """The day on which zones and offers were looked up."""


class PinnedZones(Section):
    """The zones of one stack, chosen once."""

    zones: Annotated[tuple[str, ...], Field(min_length=2, max_length=4, strict=False)]
    """Of its network."""
    gpu_zone: str
    """Of its GPU nodes and file system."""


class Pinned(Section):
    """The whole of `stacks/pins.yaml`."""

    images: dict[str, Digest] = Field(default_factory=dict)
    """Container image, by name and tag, to its digest."""
    revisions: dict[str, Revision] = Field(default_factory=dict)
    """Repository on the hub to the commit of its weights."""
    regions: dict[str, PinnedRegion] = Field(default_factory=dict)
    """By Region."""
    stacks: dict[str, PinnedZones] = Field(default_factory=dict)
    """By stack, for those whose file names no zones."""


NOTHING_PINNED = Pinned()


def parse_pinned(content: Mapping[str, Any]) -> Pinned:
    """Parses the content of the pins file.

    Raises:
        ValueError: one line for each key that is wrong.
    """
    try:
        return Pinned.model_validate(content)
    except ValidationError as error:
        raise ValueError("\n".join(sentences(error.errors()))) from None
