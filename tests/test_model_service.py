import pulumi
import pytest
from pulumi_aws.eks import Cluster
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.placement import place
from r1_on_eks.plan.server import server_of
from r1_on_eks.resources.model_service import ModelService, ModelServiceArgs
from r1_on_eks.stack_config import Weights

WEIGHTS = Weights(bucket="weights-of-ours", storage="fsx")


class Nodes(pulumi.CustomResource):
    def __init__(self, name):
        super().__init__("test:index:Nodes", name, {})


def declared(
    engine, *, claim_name: str | None = "r1-weights", replicas=1, tensor_parallel=8, scaled=False
):
    entry = Layout(
        instance="p4de.24xlarge",
        tensor_parallel=tensor_parallel,
        context=8192,
        concurrency=4,
        replicas=replicas,
    )

    def program():
        args = ModelServiceArgs(
            cluster=Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []}),
            namespace="r1",
            server=server_of(place("70b", entry), WEIGHTS),
            scaled=scaled,
            pool="r1-70b",
            server_key_secret="server-key",
            claim_name=claim_name,
            after=[Nodes("nodes")],
        )
        ModelService("r1-70b", args)

    return engine.declare(program)


def pod(engine, **changes):
    return declared(engine, **changes).one("Deployment").inputs["spec"]["template"]["spec"]


def container(engine, **changes):
    return pod(engine, **changes)["containers"][0]


def test_its_pods_land_on_their_pool_with_all_its_gpus(engine):
    spec = pod(engine)
    assert spec["nodeSelector"] == {"r1-on-eks/variant-pool": "r1-70b"}
    assert spec["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    resources = spec["containers"][0]["resources"]
    assert resources["limits"] == {"nvidia.com/gpu": "8"}
    assert resources["requests"]["nvidia.com/gpu"] == "8"


def strategy(engine, **changes):
    spec = declared(engine, **changes).one("Deployment").inputs["spec"]
    return spec["strategy"]["rollingUpdate"]


@pytest.mark.parametrize(("scaled", "number"), [(False, 1), (True, None)])
def test_a_number_that_an_autoscaler_decides_is_not_declared(engine, scaled, number):
    spec = declared(engine, scaled=scaled).one("Deployment").inputs["spec"]
    assert spec.get("replicas") == number


def test_a_new_version_does_not_wait_for_a_second_set_of_gpus(engine):
    assert strategy(engine) == {"maxSurge": 0, "maxUnavailable": 1}


def test_where_gpus_are_to_spare_a_new_version_comes_before_the_old_one_goes(engine):
    assert strategy(engine, tensor_parallel=4) == {"maxSurge": 1, "maxUnavailable": 0}
    assert strategy(engine, tensor_parallel=4, replicas=2) == {"maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.parametrize("most", [2, 3, 4, 7, 64])
def test_of_replicas_that_come_and_go_the_only_one_that_stands_stays_till_a_new_one_does(
    engine, most
):
    found = strategy(engine, scaled=True, replicas=most)
    assert found["maxSurge"] == 1
    share = int(found["maxUnavailable"].removesuffix("%"))
    # Kubernetes rounds it down.
    ended = {count: share * count // 100 for count in range(1, most + 1)}
    assert (ended[1], ended[most], max(ended.values())) == (0, 1, 1)


def test_it_is_waited_for_as_long_as_its_weights_take(engine):
    deployment = declared(engine).one("Deployment")
    deadline = deployment.inputs["spec"]["progressDeadlineSeconds"]
    assert deadline > 600
    assert int(deployment.create_timeout.removesuffix("m")) * 60 > deadline


def test_it_is_alive_only_while_its_engine_is(engine):
    vllm = container(engine)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert vllm[probe]["httpGet"] == {"path": "/health", "port": 8000}
    start = vllm["startupProbe"]
    assert start["failureThreshold"] * start["periodSeconds"] > 780


def test_ranks_share_memory_and_weights_are_read_only(engine):
    spec = pod(engine)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["shared-memory"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "18Gi"}
    mounts = {mount["name"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts["shared-memory"]["mountPath"] == "/dev/shm"
    assert mounts["weights"]["readOnly"] is True
    assert mounts["weights"]["subPath"] == "DeepSeek-R1-Distill-Llama-70B"
    assert mounts["weights"]["mountPath"] in spec["containers"][0]["args"]


def test_streamed_weights_need_no_volume(engine):
    spec = pod(engine, claim_name=None)
    assert "weights" not in [volume["name"] for volume in spec["volumes"]]


def test_a_restricted_namespace_admits_it(engine):
    spec = pod(engine)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False
    assert not any("hostPath" in volume for volume in spec["volumes"])


def test_its_service_resolves_to_its_pods(engine):
    service = declared(engine).one("Service").inputs
    template = engine.one("Deployment").inputs["spec"]["template"]
    assert service["metadata"]["name"] == "r1-70b"
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1)])
def test_one_replica_has_no_budget_that_would_block_every_drain(engine, replicas, budgets):
    found = declared(engine, replicas=replicas).of_type("PodDisruptionBudget")
    assert len(found) == budgets


def test_its_pods_wait_for_what_they_need(engine):
    deployment = declared(engine).one("Deployment")
    assert any(urn.endswith("::nodes") for urn in deployment.dependencies)


def test_it_asks_for_a_key_that_a_secret_holds(engine):
    (key,) = [one for one in container(engine)["env"] if one["name"] == "VLLM_API_KEY"]
    assert key["valueFrom"]["secretKeyRef"] == {"name": "server-key", "key": "key"}
    assert "value" not in key
