import pytest
from r1_on_eks.plan.pools import system_pool
from r1_on_eks.resources.system_pool import SystemPool, SystemPoolArgs


def declared(engine, *, lustre=True):
    def program():
        args = SystemPoolArgs(
            stack="prod",
            cluster_name="prod",
            node_role_arn="arn:role",
            subnet_ids={"a": "subnet-1", "b": "subnet-2"},
            pool=system_pool("prod"),
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
    ("lustre", "addons"), [(True, {"coredns", "aws-fsx-csi-driver"}), (False, {"coredns"})]
)
def test_add_ons_that_need_nodes_come_after_them(engine, lustre, addons):
    found = declared(engine, lustre=lustre).of_type("Addon")
    assert {one.inputs["addonName"] for one in found} == addons
    for one in found:
        assert any(urn.endswith("::system") for urn in one.dependencies)
        assert one.inputs["preserve"] is False
