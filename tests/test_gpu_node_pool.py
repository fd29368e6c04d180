import dataclasses

import pytest
from r1_on_eks.plan.autoscaling import node_template
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.placement import DoesNotFit, place
from r1_on_eks.plan.pools import gpu_pools
from r1_on_eks.plan.purchase import Purchase, purchase_of
from r1_on_eks.plan.versions import Versions
from r1_on_eks.resources.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from r1_on_eks.stack_config import FromReservation

ENTRY = Layout(instance="p4d.24xlarge", tensor_parallel=8, context=8192, concurrency=1, replicas=2)


BLOCK = Purchase(way="capacity block", reservation_id="cr-0123456789abcdef0")


def declared(engine, entry=ENTRY, *, protected=False, autoscaled=False):
    pool = gpu_pools("prod", [place("70b", entry)], protected=protected)[0]

    def program():
        args = GpuNodePoolArgs(
            cluster_name="prod",
            node_role_arn="arn:role",
            subnet_id="subnet-b",
            pool=pool,
            versions=Versions(kubernetes="1.35"),
            node_template=node_template(pool, "prod") if autoscaled else {},
            after=[],
        )
        GpuNodePool("r1-70b", args)

    return engine.declare(program)


def test_its_nodes_are_in_one_zone_and_as_many_as_the_replicas_need(engine):
    group = declared(engine).one("NodeGroup").inputs
    assert group["subnetIds"] == ["subnet-b"]
    assert group["scalingConfig"] == {"minSize": 0, "desiredSize": 2, "maxSize": 2}
    assert group["instanceTypes"] == ["p4d.24xlarge"]


def test_other_pods_are_kept_off_its_gpus(engine):
    group = declared(engine).one("NodeGroup").inputs
    assert group["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]
    assert group["labels"]["r1-on-eks/variant-pool"] == "r1-70b"


def test_an_update_needs_no_spare_gpus(engine):
    group = declared(engine).one("NodeGroup").inputs
    assert group["updateConfig"]["updateStrategy"] == "MINIMAL"
    assert group["nodeRepairConfig"] == {"enabled": True}


def test_its_size_is_declared_since_nothing_else_scales_it(engine):
    assert declared(engine).one("NodeGroup").ignore_changes == ()


def test_its_template_has_what_eks_leaves_to_us_and_nothing_that_eks_forbids(engine):
    template = declared(engine).one("LaunchTemplate").inputs
    assert template["metadataOptions"] == {"httpTokens": "required", "httpPutResponseHopLimit": 1}
    root = template["blockDeviceMappings"][0]["ebs"]
    assert (root["volumeSize"], root["volumeType"], root["encrypted"]) == (100, "gp3", "true")
    assert not {"iamInstanceProfile", "imageId", "networkInterfaces"} & set(template)
    assert template["userData"]


def bought(engine, purchase):
    engine = declared(engine, dataclasses.replace(ENTRY, purchase=purchase))
    return engine.one("NodeGroup").inputs, engine.one("LaunchTemplate").inputs


def test_a_capacity_block_is_named_by_the_template_as_eks_wants_it(engine):
    group, template = bought(engine, BLOCK)
    assert group["capacityType"] == "CAPACITY_BLOCK"
    assert "instanceTypes" not in group
    assert template["instanceType"] == "p4d.24xlarge"
    assert template["instanceMarketOptions"] == {"marketType": "capacity-block"}
    target = template["capacityReservationSpecification"]["capacityReservationTarget"]
    assert target == {"capacityReservationId": "cr-0123456789abcdef0"}


def test_a_reservation_on_demand_is_a_target_and_nothing_else(engine):
    reservation = FromReservation(reservation="cr-0123456789abcdef0")
    group, template = bought(engine, purchase_of(reservation))
    assert (group["capacityType"], group["instanceTypes"]) == ("ON_DEMAND", ["p4d.24xlarge"])
    assert "instanceMarketOptions" not in template
    assert template["capacityReservationSpecification"]


def test_spot_is_the_groups_own_word(engine):
    group, template = bought(engine, purchase_of("spot"))
    assert group["capacityType"] == "SPOT"
    assert not {"instanceMarketOptions", "capacityReservationSpecification"} & set(template)


def test_no_reservation_is_ever_made(engine):
    bought(engine, BLOCK)
    assert not [one for one in engine.registered if "Reservation" in one.type]


def test_a_capacity_block_of_what_is_not_sold_so_is_refused():
    entry = Layout(
        instance="g6.2xlarge", tensor_parallel=1, context=8192, concurrency=1, purchase=BLOCK
    )
    with pytest.raises(DoesNotFit, match=r"purchase: no capacity block of g6\.2xlarge"):
        place("7b", entry)


def test_variants_that_share_a_node_share_its_purchase():
    placed = [
        place("7b", dataclasses.replace(
            ENTRY, tensor_parallel=1, replicas=1, pool="shared", purchase=purchase))
        for purchase in (BLOCK, purchase_of("spot"))
    ]  # fmt: skip
    with pytest.raises(DoesNotFit, match=r"in one way, not cr-0123456789abcdef0 and spot"):
        gpu_pools("prod", placed)


@pytest.mark.parametrize(
    ("changes", "protected", "kept"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"replaceable": True}, True, False),
        ({"purchase": BLOCK}, True, False),
    ],
)
def test_p_nodes_of_a_protected_stack_are_kept_unless_reserved_or_allowed(
    changes, protected, kept
):
    placed = place("70b", dataclasses.replace(ENTRY, **changes))
    (pool,) = gpu_pools("prod", [placed], protected=protected)
    assert pool.kept is kept


def test_nodes_that_can_be_had_any_day_are_never_kept():
    entry = Layout(instance="g6.2xlarge", tensor_parallel=1, context=8192, concurrency=1)
    (pool,) = gpu_pools("prod", [place("7b", entry)], protected=True)
    assert not pool.kept


def test_kept_nodes_do_not_end_by_an_update_in_place_either(engine):
    assert declared(engine, protected=True).one("NodeGroup").ignore_changes == (
        "version", "releaseVersion", "launchTemplate",
    )  # fmt: skip
    allowed = dataclasses.replace(ENTRY, replaceable=True)
    assert declared(engine, allowed, protected=True).one("NodeGroup").ignore_changes == ()


def test_a_cluster_autoscaler_knows_nodes_that_are_not_there_yet_and_owns_their_number(engine):
    group = declared(engine, autoscaled=True).one("NodeGroup")
    assert group.ignore_changes == ("scalingConfig.desiredSize",)
    tags = {one.inputs["tag"]["key"]: one.inputs["tag"]["value"] for one in engine.of_type("Tag")}
    template = "k8s.io/cluster-autoscaler/node-template"
    assert tags == {
        "r1:autoscaled": "prod",
        f"{template}/label/r1-on-eks/variant-pool": "r1-70b",
        f"{template}/label/k8s.amazonaws.com/accelerator": "a100-40",
        f"{template}/taint/nvidia.com/gpu": "true:NoSchedule",
        f"{template}/resources/nvidia.com/gpu": "8",
    }
    assert {one.inputs["autoscalingGroupName"] for one in engine.of_type("Tag")} == {"asg-r1-70b"}


SMALL = Layout(instance="g6.2xlarge", tensor_parallel=1, context=8192, concurrency=1, warm=1)


def test_warm_instances_wait_stopped_beside_the_pool():
    (pool,) = gpu_pools("prod", [place("7b", SMALL)])
    assert (pool.nodes, pool.most, pool.warm) == (1, 1, 1)


def test_a_warm_pool_is_what_eks_wants_it_to_be(engine):
    def program():
        (pool,) = gpu_pools("prod", [place("7b", SMALL)])
        GpuNodePool("r1-7b", GpuNodePoolArgs(
            cluster_name="prod", node_role_arn="arn:role", subnet_id="subnet-b", pool=pool,
            versions=Versions(kubernetes="1.35"), node_template={}, after=[],
        ))  # fmt: skip

    assert engine.declare(program).one("NodeGroup").inputs["warmPoolConfig"] == {
        "poolState": "STOPPED", "minSize": 1, "maxGroupPreparedCapacity": 2,
        "reuseOnScaleIn": True,
    }  # fmt: skip
    assert "warmPoolConfig" not in declared(engine).one("NodeGroup").inputs


@pytest.mark.parametrize(
    ("variant", "layout", "line"),
    [
        ("7b", dataclasses.replace(SMALL, purchase=purchase_of("spot")),
         r"variants\.7b\.warm: spot instances can't wait stopped"),
        ("70b", dataclasses.replace(ENTRY, warm=1), "gives its GPUs back"),
    ],
)  # fmt: skip
def test_what_would_not_come_back_does_not_wait_stopped(variant, layout, line):
    with pytest.raises(DoesNotFit, match=line):
        place(variant, layout)
