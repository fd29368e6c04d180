"""The program's edges are those of the table, each with its reason."""

import functools
from pathlib import Path

import pytest
from r1_on_eks.plan.order import EDGES, edge_of

STACKS = sorted((Path(__file__).parent.parent / "stacks").glob("Pulumi.*.yaml"))


def called(urn):
    kind, name = urn.split("::")[-2].rpartition("$")[2], urn.rpartition("::")[2]
    return f"{kind.rpartition(':')[2]} {name}"


def edges_of(registered):
    """(later, earlier), without what follows from other edges, and without components."""
    direct = {
        f"{one.type.rpartition(':')[2]} {one.name}": {called(urn) for urn in one.dependencies}
        for one in registered
        if one.custom
    }

    @functools.cache
    def before(name):
        return direct.get(name, set()).union(*(before(one) for one in direct.get(name, ())))

    for later, earlier in direct.items():
        yield from ((later, one) for one in earlier - set().union(*map(before, earlier)))


@pytest.fixture(scope="module")
def used():
    return set()


@pytest.mark.parametrize("stack_file", STACKS, ids=lambda file: file.stem)
def test_each_edge_of_the_program_has_a_reason(engine, stack_file, used):
    edges = set(edges_of(engine.run(stack_file).registered))
    assert len(edges) > 60
    reasons = {edge: edge_of(*edge) for edge in edges}
    assert not sorted(edge for edge, row in reasons.items() if row is None)
    used |= {row for row in EDGES if any(edge_of(*edge, [row]) for edge in edges)}


def test_each_reason_is_of_an_edge_that_a_stack_has(engine, used):
    topic = "arn:aws:sns:us-west-2:111122223333:r1-alerts"
    rare = {
        "private_endpoints": ["ecr", "sts"],
        "monitoring": {"kind": "prometheus", "notify": {"sns": topic}},
        "budget": {"anomaly_usd": 200},
    }
    [on_lustre] = [file for file in STACKS if file.stem == "Pulumi.prod-32b"]
    variant = {"instance": "g6e.12xlarge", "tensor_parallel": 2, "replicas": 2, "rate": 0.1}
    scaled = {"variants": {"32b": variant | {"scale": {"min": 1}}}, "cluster_autoscaler": True,
              "monitoring": {"kind": "prometheus"}}  # fmt: skip
    managed = {"monitoring": {"kind": "managed-prometheus", "notify": {"sns": topic}}}
    for stack_file, changes in ((STACKS[0], rare), (on_lustre, scaled), (STACKS[0], managed)):
        edges = set(edges_of(engine.run(stack_file, **changes).registered))
        assert not sorted(edge for edge in edges if edge_of(*edge) is None)
        used |= {row for row in EDGES if any(edge_of(*edge, [row]) for edge in edges)}
    assert not [(row.later, row.earlier) for row in EDGES if row not in used]


def test_a_scraper_is_gone_before_what_it_stands_in_is_deleted(engine):
    """AWS deletes none with its cluster, and its interfaces keep subnets and groups."""
    registered = engine.run(STACKS[0], monitoring={"kind": "managed-prometheus"}).registered
    [scraper] = [one for one in registered if one.type == "aws:amp/scraper:Scraper"]
    waits = {called(urn).partition(" ")[0] for urn in scraper.dependencies}
    assert waits == {"Cluster", "Subnet", "Workspace"}
    deleted_with = {one.name: one.deleted_with for one in registered if "aws:amp" in one.type}
    assert set(deleted_with.values()) == {""}, deleted_with


def test_an_edge_that_nobody_explained_is_found():
    assert edge_of("Vpc network-vpc", "Cluster cluster") is None
