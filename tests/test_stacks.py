"""Every file in stacks/ runs the whole program under mocks."""

from fnmatch import fnmatchcase
from pathlib import Path

import pulumi
import pytest

PROJECT = Path(__file__).parent.parent
STACKS = sorted((PROJECT / "stacks").glob("Pulumi.*.yaml"))


def name_of(stack_file):
    return stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml")


# Drawn anew each time, the same for every stack, or upstream's and tested elsewhere.
_HIDDEN = (
    ("Secret", "data"),
    ("ConfigMap", "data", "gateway.js"),
    ("ConfigMap", "data", "quality.py"),
    ("ConfigMap", "data", "prod-*.json"),
    ("PrometheusRule", "spec", "groups"),
    ("CustomResourceDefinition", "spec", "versions"),
)


def shown(one):
    inputs = one.inputs
    for kind, *path in _HIDDEN:
        if kind == one.type.rpartition(":")[2]:
            inputs = _without(inputs, path)
    return inputs


def _without(inputs, path):
    first, *rest = path
    return {
        key: (_without(value, rest) if rest else "…") if fnmatchcase(key, first) else value
        for key, value in inputs.items()
    }


@pytest.mark.parametrize("stack_file", STACKS, ids=name_of)
def test_a_stack_file_declares_what_its_snapshot_shows(engine, stack_file, snapshot):
    declared = engine.run(stack_file).registered
    assert [
        {"type": one.type, "name": one.name, "inputs": shown(one)}
        for one in sorted(declared, key=lambda one: (one.type, one.name))
        if one.type != "pulumi:pulumi:Stack"
    ] == snapshot


def test_a_wrong_stack_file_is_refused_by_its_name_and_key(engine):
    production = PROJECT / "stacks" / "Pulumi.prod-70b.yaml"
    with pytest.raises(pulumi.RunError) as refused:
        engine.run(production, gpu_zone="us-west-2d")
    assert str(refused.value).startswith("Pulumi.prod-70b.yaml\ngpu_zone: us-west-2d is none of")


def test_a_variant_that_does_not_fit_is_refused_before_anything_is_declared(engine):
    production = PROJECT / "stacks" / "Pulumi.prod-70b.yaml"
    entry = {"tensor_parallel": 16, "rate": 0.3, "context": 32768}
    with pytest.raises(pulumi.RunError, match=r"16 GPUs on one p4d\.24xlarge, which has 8"):
        engine.run(production, variants={"70b": entry})
    assert engine.registered == []


@pytest.mark.parametrize(
    ("changes", "protected"),
    [
        ({"production": True}, True),
        ({"production": False}, False),
        ({"production": True, "deletion_protection": False}, False),
    ],
)
def test_production_is_protected_from_deletion_unless_the_file_says_otherwise(
    engine, changes, protected
):
    changes |= {"allow_unpinned": True, "lifetime": None}
    changes |= {"gateway": {"tls": {"secret": "gateway-tls"}}}
    engine.run(PROJECT / "stacks" / "Pulumi.test-7b.yaml", **changes)
    assert engine.one("LoadBalancer").inputs["enableDeletionProtection"] is protected


@pytest.mark.parametrize("stack", ["prod-70b", "prod-671b", "all-variants"])
def test_what_only_replicas_over_nodes_need_is_in_no_other_stack(engine, stack):
    engine.run(PROJECT / "stacks" / f"Pulumi.{stack}.yaml")
    kinds = {one.type.rpartition(":")[2] for one in engine.registered}
    absent = {"PlacementGroup", "LeaderWorkerSets", "LeaderWorkerSet", "Interconnect"}
    assert not kinds & absent
    templates = [one.inputs for one in engine.of_type("LaunchTemplate")]
    assert not any("networkInterfaces" in one or "placement" in one for one in templates)


def test_each_replica_over_nodes_has_a_pool_and_a_placement_group_of_its_own(engine):
    entry = {"rate": 0.2, "context": 16384, "replicas": 2}
    weights = {"bucket": "example-r1-weights", "storage": "s3-stream"}
    engine.run(
        PROJECT / "stacks" / "Pulumi.prod-671b-p5.yaml", variants={"671b": entry}, weights=weights
    )
    groups = {one.name: one.inputs for one in engine.of_type("NodeGroup") if one.name != "system"}
    assert sorted(groups) == ["r1-671b", "r1-671b-2"]
    for group in groups.values():
        assert group["scalingConfig"] == {"minSize": 0, "desiredSize": 2, "maxSize": 2}
        assert group["labels"]["r1-on-eks/variant-pool"] == "r1-671b"
    names = [one.inputs["name"] for one in engine.of_type("PlacementGroup")]
    assert len(set(names)) == 2
    groups = engine.one("LeaderWorkerSet")
    assert groups.inputs["spec"]["replicas"] == 2
    waited_for = {urn.rpartition("::")[2] for urn in groups.dependencies}
    assert {"r1-671b", "r1-671b-2"} <= waited_for


def test_variants_that_share_a_pool_are_declared_on_one_node_group(engine):
    entry = {"instance": "p4d.24xlarge", "tensor_parallel": 1, "concurrency": 4, "pool": "small"}
    engine.run(PROJECT / "stacks" / "Pulumi.prod-70b.yaml", variants={"7b": entry, "1.5b": entry})
    groups = [one.name for one in engine.of_type("NodeGroup") if one.name != "system"]
    assert groups == ["r1-small"]
    for server in engine.of_type("Deployment"):
        if server.name.startswith("r1-"):
            pod = server.inputs["spec"]["template"]["spec"]
            assert pod["nodeSelector"] == {"r1-on-eks/variant-pool": "r1-small"}


def test_what_is_reserved_has_everything_but_nodes_and_replicas(engine):
    engine.run(PROJECT / "stacks" / "Pulumi.enterprise.yaml")
    sizes = {one.name: one.inputs["scalingConfig"] for one in engine.of_type("NodeGroup")}
    assert sizes["r1-671b"] == {"minSize": 0, "desiredSize": 0, "maxSize": 1}
    assert sizes["r1-70b"]["desiredSize"] == 1
    replicas = {one.name: one.inputs["spec"]["replicas"] for one in engine.of_type("Deployment")}
    assert (replicas["r1-671b-server"], replicas["r1-70b-server"]) == (0, 1)


def test_a_stack_with_a_dot_in_its_name_has_a_cluster_without(engine):
    engine.run(PROJECT / "stacks" / "Pulumi.edge-1.5b.yaml")
    (cluster,) = [one for one in engine.registered if one.type == "aws:eks/cluster:Cluster"]
    assert cluster.inputs["name"] == "edge-1-5b"
    physical = [one.inputs["nodeGroupName"] for one in engine.of_type("NodeGroup")]
    assert physical == ["edge-1-5b-system", "edge-1-5b-r1-1-5b"]


def test_adding_a_variant_adds_its_resources_and_removing_it_removes_exactly_those(engine):
    stack_file = PROJECT / "stacks" / "Pulumi.prod-70b.yaml"
    before = {(one.type, one.name) for one in engine.run(stack_file).registered}
    one = {"instance": "p4d.24xlarge", "tensor_parallel": 8, "rate": 0.3, "context": 32768}
    two = {"instance": "g6.2xlarge", "tensor_parallel": 1, "concurrency": 4}
    both = engine.run(stack_file, variants={"70b": one, "7b": two}).registered
    added = {(one.type, one.name) for one in both} - before
    assert before < {(one.type, one.name) for one in both}
    assert added
    assert all(name.startswith(("r1-7b", "quality-7b")) for _, name in added)
