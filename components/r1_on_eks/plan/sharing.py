"""The cheapest pools for a whole stack: each variant on its own, or several on one node."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.choice import Option, best, options, replica_on, sites, sustained_rate
from r1_on_eks.plan.layout import OWN
from r1_on_eks.plan.site import Site
from r1_on_eks.plan.speed import closed_loop
from r1_on_eks.stack_config import WantedVariant


class NothingMeets(ValueError):
    """No placement keeps a variant's limits; the message says how near one comes."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Variants of one pool.

    Attributes:
        options: The placement of each.
        pool: Name of a shared pool; None where a variant is alone.
        usd_per_hour: On demand; instances alone.
    """

    options: tuple[Option, ...]
    pool: str | None
    usd_per_hour: float


def cheapest_groups(asked: Mapping[str, WantedVariant]) -> list[Group]:
    """The pools that together cost least.

    A shared pool is one node: there, any order in which pods are scheduled finds them room; over
    several nodes small replicas may leave gaps that a larger one does not fit. Every way to
    divide the variants into such pools is looked at.

    Raises:
        NothingMeets: one line for each variant of which no placement meets what is asked.
    """
    found = {name: options(VARIANTS[name], wanted.workload, fixed=wanted.overrides)
             for name, wanted in asked.items()}  # fmt: skip
    missing = [_nothing_meets(name, asked[name]) for name in asked if not found[name]]
    if missing:
        raise NothingMeets("\n".join(missing))
    named = {wanted.pool for wanted in asked.values()} - {None, OWN}
    groups = []
    for pool in sorted(filter(None, named)):
        members = [name for name in asked if asked[name].pool == pool]
        groups.append(_in_named_pool(pool, members, found))
    alone = [name for name in asked if asked[name].pool == OWN]
    free = [name for name in asked if asked[name].pool is None]
    groups += [group for name in alone if (group := _alone(found[name]))]
    return groups + _divided(free, found, taken=named)


def _alone(ways: Sequence[Option]) -> Group | None:
    option = best(ways)
    return option and Group(options=(option,), pool=None, usd_per_hour=option.usd_per_hour)


def _on_one_node(members: Iterable[str], found: Mapping[str, Sequence[Option]]) -> Group | None:
    """The cheapest type of which one instance holds all members."""
    every = list(members)
    cheapest = None
    for instance in INSTANCE_TYPES.values():
        price = instance.on_demand_usd_per_hour
        if price is None or (cheapest and price >= cheapest.usd_per_hour):
            continue
        smallest = [
            min(
                (one for one in found[name] if one.instance is instance and one.stages == 1),
                key=lambda one: (one.gpus, one.tensor_parallel),
                default=None,
            )
            for name in every
        ]
        held = [option for option in smallest if option]
        if len(held) == len(every) and sum(one.gpus for one in held) <= instance.gpus:
            cheapest = Group(options=tuple(held), pool="", usd_per_hour=price)
    return cheapest


def _in_named_pool(pool: str, members: list[str], found: Mapping[str, Sequence[Option]]) -> Group:
    group = _on_one_node(members, found)
    if group is None:
        raise NothingMeets(
            f"variants: no instance type holds {', '.join(members)} on one node, as pool {pool}"
            " wants; leave pool out and the cheapest pools are chosen"
        )
    return Group(options=group.options, pool=pool, usd_per_hour=group.usd_per_hour)


def _divided(
    names: list[str], found: Mapping[str, Sequence[Option]], taken: set[str | None]
) -> list[Group]:
    """The cheapest division: for each set of variants, the best pool of its first and the rest."""
    known: dict[frozenset[str], tuple[float, list[Group]]] = {frozenset(): (0.0, [])}

    def solve(left: frozenset[str]) -> tuple[float, list[Group]]:
        if left not in known:
            first, *others = sorted(left, key=names.index)
            ways = []
            for size in range(len(others) + 1):
                for more in combinations(others, size):
                    members = (first, *more)
                    group = _on_one_node(members, found) if more else _alone(found[first])
                    if group:
                        cost, rest = solve(left - set(members))
                        ways.append((group.usd_per_hour + cost, [group, *rest]))
            # Of equal cost, the fewest that share: the first found.
            known[left] = min(ways, key=lambda way: way[0])
        return known[left]

    return _named(solve(frozenset(names))[1], taken)


def _named(groups: list[Group], taken: set[str | None]) -> list[Group]:
    free = (name for number in range(1, 99) if (name := f"shared-{number}") not in taken)
    return [
        group if group.pool is None else Group(
            options=group.options, pool=next(free), usd_per_hour=group.usd_per_hour
        )
        for group in groups
    ]  # fmt: skip


def _nothing_meets(name: str, wanted: WantedVariant) -> str:
    """What is asked, and the nearest that there is."""
    workload = wanted.workload
    there = [*sites(VARIANTS[name], workload.context, wanted.overrides)]
    # Over several nodes only where that alone is possible.
    there = [site for site in there if site.layout.stages == 1] or there
    if not there:
        return f"variants.{name}: fits nowhere{_as_fixed(wanted)}; r1 variants shows where it does"
    asked = (
        f"variants.{name}: nothing{_as_fixed(wanted)} answers {workload.rate:g} requests/s with"
        f" the first token in {workload.first_token_s:g} s and {workload.per_token_s * 1e3:g} ms"
        " each"
    )
    rate, site = max(
        ((sustained_rate(replica_on(site), workload, site.layout.concurrency), site)
         for site in there),
        key=lambda way: way[0],
    )  # fmt: skip
    if rate > 0:
        most = rate * (wanted.replicas or 1)
        return f"{asked}; at most {most:.2g} do, on {_split(site)} a replica"
    speed, site = min(
        ((closed_loop(replica_on(site), workload.prompt, workload.output, 1), site)
         for site in there),
        key=lambda way: way[0].per_token,
    )  # fmt: skip
    return (
        f"{asked}; the fastest, {_split(site)}, takes"
        f" {speed.first_token:.2g} s and {speed.per_token * 1e3:.2g} ms alone"
    )


def _split(site: Site) -> str:
    nodes = f"{site.layout.stages} × " if site.layout.stages > 1 else ""
    return f"{nodes}{site.layout.tensor_parallel} GPUs of {site.instance.name}"


def _as_fixed(wanted: WantedVariant) -> str:
    said = wanted.overrides.model_dump(exclude_none=True)
    return f" with {', '.join(f'{key} {value}' for key, value in said.items())}" if said else ""
