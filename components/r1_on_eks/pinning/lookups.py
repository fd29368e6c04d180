"""What there is to look up for some stacks, and where it goes in the pins file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from r1_on_eks.catalog.eks_parts import ADDONS, AMI_PARAMETERS
from r1_on_eks.catalog.images import every_image
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.layout import Layout, NotPinned
from r1_on_eks.stack_config import Pin, StackConfig


class LookupFailed(LookupError):
    """A source did not answer, or answered something else; one line."""


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """One value of the pins file.

    Attributes:
        what: How it is told of.
        path: Its keys in the file, from the outside in.
        look: Asks the source; raises `LookupFailed`.
    """

    what: str
    path: tuple[str, ...]
    look: Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What some stacks need to have looked up.

    Attributes:
        places: (account, Region) to the Kubernetes versions there.
        types: Region to instance types.
        repositories: On the hub.
    """

    places: Mapping[tuple[str, str], set[str]] = field(default_factory=dict)
    types: Mapping[str, set[str]] = field(default_factory=dict)
    repositories: frozenset[str] = frozenset()

    @classmethod
    def of(cls, stacks: Iterable[tuple[StackConfig, Mapping[str, Pin]]]) -> "Needs":
        """Of these stacks and their pinned placements."""
        places: dict[tuple[str, str], set[str]] = {}
        types: dict[str, set[str]] = {}
        repositories = set()
        for config, pins in stacks:
            places.setdefault((config.owner, config.region), set()).add(config.kubernetes)
            kinds = types.setdefault(config.region, set())
            for variant, layout in layouts_of(config, pins).items():
                kinds.add(layout.instance)
                repositories.add(_repository(variant, layout.precision))
        return cls(places=places, types=types, repositories=frozenset(repositories))


def layouts_of(config: StackConfig, pins: Mapping[str, Pin]) -> dict[str, Layout]:
    """The decided placements of a stack; a variant that nobody has placed is left out."""
    found = {}
    for variant, wanted in config.variants.items():
        try:
            found[variant] = Layout.of(variant, wanted, pins.get(variant))
        except NotPinned:
            continue
    return found


def _repository(variant: str, precision: str | None) -> str:
    row = VARIANTS[variant]
    wanted = precision or row.published.precision
    return next(one.repository for one in row.checkpoints if one.precision == wanted)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Who is asked.

    Attributes:
        digest: Image by tag to digest.
        revision: Repository on the hub to its newest commit.
        region: What AWS knows of (account, Region).
    """

    digest: Callable[[str], str]
    revision: Callable[[str], str]
    region: Callable[[str, str], Any]


def lookups(needs: Needs, sources: Sources, today: str) -> list[Lookup]:
    """All lookups, in the order in which they are told."""
    found = []
    for (account, region), versions in sorted(needs.places.items()):
        at = ("regions", region)
        aws = sources.region(account, region)
        types = sorted(needs.types[region])
        found += [
            Lookup(what=f"{region}: account", path=(*at, "account"), look=aws.account),
            Lookup(what=f"{region}: zones", path=(*at, "zones"), look=aws.zones),
            Lookup(what=f"{region}: offers of {', '.join(types)}", path=(*at, "sold"),
                   look=lambda aws=aws, types=types: aws.sold(types)),
            Lookup(what=f"{region}: day", path=(*at, "looked_up"), look=lambda: today),
        ]  # fmt: skip
        for version in sorted(versions):
            found += _of_version(aws, at, version, today)
    for image in every_image():
        found.append(
            Lookup(
                what=f"digest of {image}",
                path=("images", image),
                look=lambda image=image: sources.digest(image),
            )
        )
    for repository in sorted(needs.repositories):
        found.append(
            Lookup(
                what=f"revision of {repository}",
                path=("revisions", repository),
                look=lambda repository=repository: sources.revision(repository),
            )
        )
    return found


def _of_version(aws: Any, at: tuple[str, ...], version: str, today: str) -> list[Lookup]:
    at = (*at, "kubernetes", version)
    told = f"{at[1]}: Kubernetes {version}"
    return [
        *(
            Lookup(
                what=f"{told}, machine image {ami}",
                path=(*at, "images", ami),
                look=lambda path=path: aws.release(version, path),
            )
            for ami, path in AMI_PARAMETERS.items()
        ),
        *(
            Lookup(
                what=f"{told}, add-on {addon}",
                path=(*at, "addons", addon),
                look=lambda addon=addon: aws.addon(version, addon),
            )
            for addon in ADDONS
        ),
        Lookup(what=f"{told}, day", path=(*at, "looked_up"), look=lambda: today),
    ]
