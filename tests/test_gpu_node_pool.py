from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.placement import place
from r1_on_eks.plan.pools import gpu_pools
from r1_on_eks.resources.gpu_node_pool import GpuNodePool, GpuNodePoolArgs

ENTRY = Layout(instance="p4d.24xlarge", tensor_parallel=8, context=8192, concurrency=1, replicas=2)


def declared(engine):
    def program():
        args = GpuNodePoolArgs(
            cluster_name="prod",
            node_role_arn="arn:role",
            subnet_id="subnet-b",
            pool=gpu_pools("prod", [place("70b", ENTRY)])[0],
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
    assert (root["volumeSize"], root["volumeType"], root["encrypted"]) == (200, "gp3", "true")
    assert not {"iamInstanceProfile", "imageId", "networkInterfaces"} & set(template)
    assert template["userData"]
