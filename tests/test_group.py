"""Replicas over several nodes: interfaces, pools, command lines and the set of pods."""

import dataclasses

import pytest
from pulumi_aws.eks import Cluster
from r1_on_eks.catalog.images import VLLM
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.plan.autoscaling import node_template
from r1_on_eks.plan.group import group_of
from r1_on_eks.plan.images import ImageSource, in_pods
from r1_on_eks.plan.interfaces import EFA, IP, interfaces_of
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.placement import place
from r1_on_eks.plan.pools import gpu_pools, pools_of
from r1_on_eks.plan.purchase import Purchase
from r1_on_eks.plan.server import server_of
from r1_on_eks.plan.versions import Versions
from r1_on_eks.resources.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from r1_on_eks.resources.interconnect import Interconnect, InterconnectArgs
from r1_on_eks.resources.model_service import ModelService, ModelServiceArgs
from r1_on_eks.stack_config import Weights

WEIGHTS = Weights(bucket="weights-of-ours", storage="fsx")
PAIR = Layout(instance="p5.48xlarge", tensor_parallel=8, stages=2, context=8192, concurrency=8)


def placed(layout=PAIR, **changes):
    return place("671b", dataclasses.replace(layout, **changes))


def grouped(**changes):
    placement = placed(**changes)
    server = server_of(placement, WEIGHTS)
    return placement, server, group_of(placement, server)


# EC2 user guide, efa-acc-inst-types: what AWS lays out for each.
@pytest.mark.parametrize(
    ("name", "interfaces", "fabric"),
    [
        ("p4d.24xlarge", 5, 4),
        ("p5.48xlarge", 33, 32),
        ("p5en.48xlarge", 17, 16),
        ("p6-b200.48xlarge", 9, 8),
        # Its first card has no fabric.
        ("p6-b300.48xlarge", 17, 16),
        ("g6.xlarge", 0, 0),
    ],
)
def test_the_first_card_carries_ip_and_every_adapter_is_used(name, interfaces, fabric):
    found = interfaces_of(INSTANCE_TYPES[name])
    assert len(found) == interfaces
    assert sum(one.kind == EFA for one in found) == fabric
    assert len({(one.card, one.device) for one in found}) == interfaces
    assert [one for one in found if one.kind == IP] == list(found[:1])
    assert all(one.device == 0 for one in found if one.card > 0)


def test_leader_and_workers_run_the_same_but_for_who_answers():
    _, server, group = grouped()
    assert group.worker_arguments == (*group.leader_arguments, "--headless")
    assert group.leader_arguments[: len(server.arguments)] == server.arguments
    said = dict(zip(group.leader_arguments[1::2], group.leader_arguments[2::2], strict=True))
    assert (said["--tensor-parallel-size"], said["--pipeline-parallel-size"]) == ("8", "2")
    assert said["--nnodes"] == str(group.size) == "2"
    assert said["--node-rank"] == "$(LWS_WORKER_INDEX)"
    assert said["--master-addr"] == "$(LWS_LEADER_ADDRESS)"


def test_a_replica_on_one_node_is_no_group():
    placement = placed(instance="p5en.48xlarge", stages=1)
    assert group_of(placement, server_of(placement, WEIGHTS)) is None


def test_the_leader_has_time_until_the_last_node_has_its_image():
    alone = placed(instance="p5en.48xlarge", stages=1)
    one, several = server_of(alone, WEIGHTS).timeline, grouped()[1].timeline
    assert several.start_seconds == one.start_seconds + 900
    group = grouped()[2]
    timeout = group.leader_arguments[
        group.leader_arguments.index("--distributed-timeout-seconds") + 1
    ]
    assert int(timeout) >= several.start_seconds


def test_a_group_asks_for_all_adapters_and_the_pages_that_they_pin():
    assert grouped()[2].devices == {"vpc.amazonaws.com/efa": "32", "hugepages-2Mi": "5120Mi"}


def test_nodes_of_one_replica_start_in_one_placement_group_and_each_replica_in_its_own():
    placement = placed(replicas=2)
    pools = gpu_pools("prod", [placement])
    assert tuple(pool.name for pool in pools) == pools_of(placement) == ("r1-671b", "r1-671b-2")
    assert [(pool.nodes, pool.most) for pool in pools] == [(2, 2), (2, 2)]
    assert len({pool.placement_group for pool in pools}) == 2
    assert all(pool.labels["vpc.amazonaws.com/efa.present"] == "true" for pool in pools)


def test_a_capacity_block_is_close_together_by_itself():
    block = Purchase(way="capacity block", reservation_id="cr-0123456789abcdef0")
    [pool] = gpu_pools("prod", [placed(purchase=block)])
    assert pool.placement_group is None
    assert pool.interfaces


def test_what_is_reserved_has_its_pool_without_nodes():
    [pool] = gpu_pools("prod", [placed(reserved=True)])
    assert (pool.nodes, pool.most) == (0, 2)


def test_an_autoscaler_knows_what_a_node_of_an_empty_group_offers():
    [pool] = gpu_pools("prod", [placed(reserved=True)])
    tags = node_template(pool, "prod")
    told = {key.rpartition("resources/")[2]: value for key, value in tags.items()}
    assert grouped()[2].devices.items() <= told.items()


def pool_declared(engine, layout):
    def program():
        args = GpuNodePoolArgs(
            cluster_name="prod",
            node_role_arn="arn:role",
            subnet_id="subnet-b",
            pool=gpu_pools("prod", [layout])[0],
            versions=Versions(kubernetes="1.35"),
            node_template={},
            security_group_ids=["sg-cluster", "sg-fabric"],
            after=[],
        )
        GpuNodePool("r1-671b", args)

    return engine.declare(program)


def test_interfaces_carry_both_security_groups_and_end_with_their_instance(engine):
    declared = pool_declared(engine, placed(instance="p4d.24xlarge", stages=4))
    template = declared.one("LaunchTemplate").inputs
    interfaces = template["networkInterfaces"]
    assert len(interfaces) == 5
    for one in interfaces:
        assert one["securityGroups"] == ["sg-cluster", "sg-fabric"]
        assert one["deleteOnTermination"] == "true"
        assert "subnetId" not in one
    # Beside interfaces, EC2 takes no groups for the instance.
    assert "vpcSecurityGroupIds" not in template
    assert template["placement"] == {"groupName": "prod-r1-671b"}
    assert declared.one("PlacementGroup").inputs["strategy"] == "cluster"


def test_one_node_alone_has_neither(engine):
    template = pool_declared(engine, placed(instance="p5en.48xlarge", stages=1))
    assert not {"networkInterfaces", "placement"} & set(template.one("LaunchTemplate").inputs)
    assert engine.of_type("PlacementGroup") == []


def service(engine, **changes):
    _, server, group = grouped(**changes)

    def program():
        args = ModelServiceArgs(
            cluster=Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []}),
            namespace="r1",
            server=server,
            group=group,
            pool="r1-671b",
            claim_name="r1-weights",
            server_key_secret="server-key",
            after=[],
        )
        ModelService("r1-671b", args)

    return engine.declare(program)


def templates(engine, **changes):
    spec = service(engine, **changes).one("LeaderWorkerSet").inputs["spec"]
    both = spec["leaderWorkerTemplate"]
    return both["leaderTemplate"], both["workerTemplate"]


def test_a_group_ends_and_starts_as_one_without_spare_gpus(engine):
    spec = service(engine).one("LeaderWorkerSet").inputs["spec"]
    assert spec["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupOnPodRestart"
    assert spec["leaderWorkerTemplate"]["size"] == 2
    assert spec["rolloutStrategy"]["rollingUpdateConfiguration"]["maxSurge"] == 0
    assert engine.of_type("Deployment") == []


def test_pulumi_waits_for_the_whole_group_as_long_as_its_weights_take(engine):
    groups = service(engine).one("LeaderWorkerSet")
    annotations = groups.inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/waitFor"] == "condition=Available"
    limit = grouped()[1].timeline
    assert int(groups.create_timeout.removesuffix("m")) * 60 > limit.progress_deadline_seconds


def test_requests_reach_the_leader_alone(engine):
    leader, worker = templates(engine)
    selector = engine.one("Service").inputs["spec"]["selector"]
    assert selector.items() <= leader["metadata"]["labels"].items()
    assert not selector.items() <= worker["metadata"]["labels"].items()
    [answering] = leader["spec"]["containers"]
    assert answering["startupProbe"]["httpGet"]["path"] == "/health"
    [silent] = worker["spec"]["containers"]
    assert not {"ports", "startupProbe", "readinessProbe", "livenessProbe"} & set(silent)


def test_the_leader_alone_asks_for_the_key(engine):
    leader, worker = templates(engine)
    asked = [
        {one["name"]: one for one in template["spec"]["containers"][0]["env"]}
        for template in (leader, worker)
    ]
    key = asked[0]["VLLM_API_KEY"]["valueFrom"]["secretKeyRef"]
    assert key["name"] == "server-key"
    assert "VLLM_API_KEY" not in asked[1]


def test_its_own_headless_service_does_not_take_the_name_that_the_gateway_asks_for(engine):
    declared = service(engine)
    assert declared.one("Service").inputs["metadata"]["name"] == "r1-671b"
    assert declared.one("LeaderWorkerSet").inputs["metadata"]["name"] != "r1-671b"


def test_workers_stay_until_the_leader_has_answered(engine):
    _, worker = templates(engine)
    [silent] = worker["spec"]["containers"]
    assert "29501" in silent["lifecycle"]["preStop"]["exec"]["command"][-1]
    longest_answer = grouped()[1].timeline.drain_seconds
    assert worker["spec"]["terminationGracePeriodSeconds"] > longest_answer


def test_both_are_as_restricted_and_as_large_as_a_pod_of_one_node(engine):
    for template in templates(engine):
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        [vllm] = spec["containers"]
        # Of another user than root it would not hold: what may be pinned is the runtime's limit.
        assert vllm["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        limits = vllm["resources"]["limits"]
        assert limits == {
            "nvidia.com/gpu": "8", "vpc.amazonaws.com/efa": "32", "hugepages-2Mi": "5120Mi",
        }  # fmt: skip
        assert limits.items() <= vllm["resources"]["requests"].items()
        assert {one["name"] for one in spec["volumes"]} >= {"weights", "shared-memory"}


def test_its_images_are_named_where_all_images_are(engine):
    for template in templates(engine):
        renamed = in_pods(template, ImageSource(digests={VLLM: "sha256:of-ours"}))
        assert renamed["spec"]["containers"][0]["image"] == f"{VLLM}@sha256:of-ours"


def test_one_group_has_no_budget_and_of_two_one_stays(engine):
    assert service(engine).of_type("PodDisruptionBudget") == []
    budget = service(engine, replicas=2).one("PodDisruptionBudget").inputs["spec"]
    assert budget["maxUnavailable"] == 1
    for template in templates(engine, replicas=2):
        chosen = budget["selector"]["matchLabels"].items()
        assert chosen <= template["metadata"]["labels"].items()


def interconnected(engine):
    def program():
        cluster = Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []})
        args = InterconnectArgs(cluster=cluster, vpc_id="vpc-1", tags={"r1:stack": "prod"})
        Interconnect("interconnect", args)

    return engine.declare(program)


def test_the_fabric_is_open_to_itself_both_ways(engine):
    declared = interconnected(engine)
    for kind in ("SecurityGroupIngressRule", "SecurityGroupEgressRule"):
        rule = declared.one(kind).inputs
        assert rule["ipProtocol"] == "-1"
        assert rule["securityGroupId"] == rule["referencedSecurityGroupId"]
        assert "cidrIpv4" not in rule


def test_the_adapters_plugin_reaches_tainted_nodes_with_adapters_and_no_other(engine):
    pod = interconnected(engine).one("DaemonSet").inputs["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"vpc.amazonaws.com/efa.present": "true"}
    assert pod["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
