"""What runs in a stack by version: pinned where it was looked up, else *unpinned*."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from r1_on_eks.catalog.eks_parts import ADDONS, AMI_PARAMETERS
from r1_on_eks.plan.images import ImageSource
from r1_on_eks.plan.layout import NotPinned
from r1_on_eks.plan.zones import region_of
from r1_on_eks.stack_config import StackConfig
from r1_on_eks.stack_config.pinned import Pinned

UNPINNED = "unpinned"


@dataclass(frozen=True, kw_only=True)
class Versions:
    """Kubernetes and what AWS publishes for it.

    Attributes:
        kubernetes: Of control plane and nodes.
        releases: AMI type to release; what is missing is AWS's newest on the day of creation.
        addons: EKS add-on to version; what is missing is AWS's default on that day.
    """

    kubernetes: str
    releases: Mapping[str, str] = field(default_factory=dict)
    addons: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: StackConfig, pinned: Pinned) -> Self:
        """Of a stack."""
        seen = region_of(config, pinned)
        known = seen.kubernetes.get(config.kubernetes) if seen else None
        return cls(
            kubernetes=config.kubernetes,
            releases=known.images if known else {},
            addons=known.addons if known else {},
        )

    def release(self, ami_type: str) -> str | None:
        """Release of a node group's machine image, or None where nobody looked it up."""
        return self.releases.get(ami_type)

    def addon(self, name: str) -> str | None:
        """Version of an add-on, or None where nobody looked it up."""
        return self.addons.get(name)


def pins_of(
    versions: Versions, images: ImageSource, named: Iterable[str]
) -> dict[str, str | None]:
    """What runs in a stack by version, and its pin; None where nobody looked it up.

    Args:
        versions: Of the stack.
        images: Where its container images come from.
        named: Those images, by tag.
    """
    return {
        **{f"image {image}": images.digests.get(image) for image in named},
        **{f"machine image {ami}": versions.release(ami) for ami in AMI_PARAMETERS},
        **{f"add-on {name}": versions.addon(name) for name in ADDONS},
    }


def refuse_unpinned(config: StackConfig, pins: Mapping[str, str | None]) -> None:
    """Holds a production stack to what was looked up, unless its file allows otherwise.

    Args:
        config: The stack.
        pins: As `pins_of` answers them.

    Raises:
        NotPinned: one line with what is unpinned.
    """
    missing = [what for what, pin in pins.items() if pin is None]
    if config.production and missing and not config.allow_unpinned:
        raise NotPinned(
            f"{len(missing)} versions are {UNPINNED}: {', '.join(missing[:3])}"
            f"{' …' if len(missing) > 3 else ''}; r1 pins refresh {config.name} looks them up,"
            " or write allow_unpinned: true"
        )
