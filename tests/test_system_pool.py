import json

import pytest
from r1_on_eks.plan.pools import system_pool
from r1_on_eks.plan.versions import Versions
from r1_on_eks.resources.system_pool import SystemPool, SystemPoolArgs

HEALTH = {"eks-node-monitoring-agent"}


def declared(engine, *, lustre=True):
    def program():
        args = SystemPoolArgs(
            stack="prod",
            cluster_name="prod",
            node_role_arn="arn:role",
            subnet_ids={"a": "subnet-1", "b": "subnet-2"},
            pool=system_pool("prod"),
            versions=Versions(kubernetes="1.35", releases={"AL2023_x86_64_STANDARD": "1.35.0-x"}),
            lustre=lustre,
            after=[],
        )
        SystemPool("system", args)

    return engine.declare(program)


def test_its_nodes_are_spread_over_all_zones_without_a_taint(engine):
    group = declared(engine).one("NodeGroup").inputs
    assert group["subnetIds"] == ["subnet-1", "subnet-2"]
    assert group["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 3}
    assert "taints" not in group


@pytest.mark.parametrize(
    ("lustre", "addons"),
    [(True, {*HEALTH, "coredns", "aws-fsx-csi-driver"}), (False, {*HEALTH, "coredns"})],
)
def test_add_ons_that_need_nodes_come_after_them(engine, lustre, addons):
    found = declared(engine, lustre=lustre).of_type("Addon")
    assert {one.inputs["addonName"] for one in found} == addons
    for one in found:
        assert any(urn.endswith("::system") for urn in one.dependencies)
        assert one.inputs["preserve"] is False


def test_its_machine_image_is_the_one_that_was_looked_up(engine):
    group = declared(engine).one("NodeGroup").inputs
    assert (group["version"], group["releaseVersion"]) == ("1.35", "1.35.0-x")


def test_what_reads_the_health_of_gpus_runs_beside_their_taint(engine):
    addons = {one.inputs["addonName"]: one.inputs for one in declared(engine).of_type("Addon")}
    values = json.loads(addons["eks-node-monitoring-agent"]["configurationValues"])
    assert values["dcgmAgent"]["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
