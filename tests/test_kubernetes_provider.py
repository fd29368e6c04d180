"""The Kubernetes provider's stand-in, over real gRPC against a real API server and scheduler."""

import os
import sys
import threading
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2
from r1_on_eks.rehearsal.control_plane import start_control_plane, stop_control_plane
from r1_on_eks.rehearsal.kubernetes_provider.connection import Connection, parse_kubeconfig
from r1_on_eks.rehearsal.nodes import NodeShape, set_nodes
from r1_on_eks.rehearsal.property_values import UNKNOWN, Secret, to_python, to_struct

sys.path.insert(0, str(Path(__file__).parent))
from provider_process import ProviderProcess, kept_by

pytestmark = pytest.mark.rehearsal
TAINT = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
P4D = NodeShape("p4d.24xlarge", 96, 1152, 8, "a100", 4, 0, 8000)
SYSTEM = NodeShape("m7i.large", 2, 8, 0, "", 0, 0, 0)


@pytest.fixture(scope="module")
def admin(tmp_path_factory):
    root = tmp_path_factory.mktemp("kubernetes-provider")
    plane = start_control_plane(
        root,
        "t",
        version="1.35",
        service_cidr="172.20.0.0/16",
        token_webhook_url="http://127.0.0.1:9/none",
    )
    for number, (shape, taints) in enumerate([(P4D, [TAINT]), (SYSTEM, [])]):
        set_nodes(
            plane.admin_kubeconfig,
            group=f"g{number}",
            shape=shape,
            labels={},
            taints=taints,
            instances=[
                {
                    "instance_id": f"i-{number}",
                    "zone": "us-west-2a",
                    "private_dns_name": f"node-{number}",
                    "private_ip": f"10.0.0.{number}",
                }
            ],
        )
    yield plane.admin_kubeconfig
    stop_control_plane(root, "t")


class Engine(ProviderProcess):
    """Plays the engine's part of the protocol for one provider process."""

    def __init__(self, kubeconfig: str, **settings: str):
        patience = {"R1_REHEARSAL_STATE": "/nowhere", "R1_REHEARSAL_PATIENCE": "2"}
        super().__init__("kubernetes_provider", {**os.environ, **patience})
        values = {"kubeconfig": kubeconfig, **settings}
        self.stub.Configure(
            provider_pb2.ConfigureRequest(
                variables={f"kubernetes:config:{k}": v for k, v in values.items()},
                args=to_struct(values),
                acceptSecrets=True,
                acceptResources=True,
            )
        )

    def urn(self, document, name="thing"):
        version = document["apiVersion"]
        token = f"kubernetes:{version if '/' in version else 'core/' + version}:{document['kind']}"
        return f"urn:pulumi:test::r1::{token}::{name}"

    def check(self, document, olds=None):
        answer = self.stub.Check(
            provider_pb2.CheckRequest(
                urn=self.urn(document),
                news=to_struct(document),
                olds=to_struct(olds or {}),
                randomSeed=b"seed",
            )
        )
        return to_python(answer.inputs), [f.reason for f in answer.failures]

    def create(self, document, preview=False, timeout=0.0):
        inputs, failures = self.check(document)
        assert failures == []
        answer = self.stub.Create(
            provider_pb2.CreateRequest(
                urn=self.urn(document),
                properties=to_struct(inputs),
                preview=preview,
                timeout=timeout,
            )
        )
        return answer.id, to_python(answer.properties)

    def diff(self, state, document):
        inputs, _ = self.check(document, state["__inputs"])
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                id="x", urn=self.urn(document), olds=to_struct(state), news=to_struct(inputs)
            )
        )

    def update(self, state, document):
        inputs, _ = self.check(document, state["__inputs"])
        return to_python(
            self.stub.Update(
                provider_pb2.UpdateRequest(
                    id="x", urn=self.urn(document), olds=to_struct(state), news=to_struct(inputs)
                )
            ).properties
        )

    def read(self, object_id, document, state=None):
        inputs = (state or {}).get("__inputs", {})
        return self.stub.Read(
            provider_pb2.ReadRequest(
                id=object_id,
                urn=self.urn(document),
                properties=to_struct(state or {}),
                inputs=to_struct(inputs),
            )
        )

    def delete(self, object_id, document, state):
        self.stub.Delete(
            provider_pb2.DeleteRequest(
                id=object_id, urn=self.urn(document), properties=to_struct(state)
            )
        )


@pytest.fixture(scope="module")
def engine(admin):
    started = Engine(admin.read_text())
    yield started
    started.stop()


@pytest.fixture(scope="module")
def api(admin):
    return Connection(parse_kubeconfig(str(admin)))


@pytest.fixture(scope="module", autouse=True)
def namespace(engine):
    return engine.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "r1"}})


def document(version, kind, name, **rest):
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "r1"},
        **rest,
    }


def deployment(name, tolerations=(), gpus=8, **container):
    labels = {"app": name}
    return document(
        "apps/v1",
        "Deployment",
        name,
        spec={
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "tolerations": list(tolerations),
                    "hostNetwork": False,
                    "containers": [
                        {
                            "name": "vllm",
                            "image": "vllm/vllm-openai",
                            **container,
                            "resources": {
                                "limits": {"nvidia.com/gpu": str(gpus), "memory": "2048Mi"}
                            },
                        }
                    ],
                },
            },
        },
    )


def tolerating(name, **rest):
    return deployment(name, [{**TAINT, "operator": "Equal"}], **rest)


def config_map(name, text="a"):
    return document("v1", "ConfigMap", name, data={"nginx.conf": text})


def test_a_deployment_is_ready_when_its_pod_runs_and_a_second_run_changes_nothing(engine):
    declared = tolerating("ready")
    object_id, state = engine.create(declared)
    assert object_id == "r1/ready"
    assert state["status"]["availableReplicas"] == 1
    assert state["__initialApiVersion"] == "apps/v1"
    found = engine.diff(state, declared)
    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE, found.detailedDiff
    refreshed = to_python(engine.read(object_id, declared, state).properties)
    again = engine.diff(refreshed, declared)
    assert again.changes == provider_pb2.DiffResponse.DIFF_NONE, again.detailedDiff
    engine.delete(object_id, declared, state)
    assert engine.read(object_id, declared, state).id == ""


def test_an_update_rolls_out_and_then_changes_nothing(engine, api):
    object_id, state = engine.create(tolerating("rolled", gpus=4))
    changed = tolerating("rolled", gpus=4, args=["--max-model-len=8192"])
    found = engine.diff(state, changed)
    assert list(found.detailedDiff) == ["spec.template.spec.containers[0].args"]
    assert not found.replaces
    state = engine.update(state, changed)
    assert engine.diff(state, changed).changes == provider_pb2.DiffResponse.DIFF_NONE
    live = api.request("GET", "/apis/apps/v1/namespaces/r1/deployments/rolled")
    owners = {
        (m["manager"], m["operation"])
        for m in live["metadata"]["managedFields"]
        if not m.get("subresource")
    }
    assert (state["__fieldManager"], "Apply") in owners
    assert ("pulumi-kubernetes", "Update") not in owners
    engine.delete(object_id, changed, state)


def test_a_rolling_update_without_room_for_one_more_pod_says_so(engine):
    object_id, state = engine.create(tolerating("full"))
    changed = tolerating("full", args=["--max-model-len=8192"])
    with pytest.raises(grpc.RpcError) as error:
        engine.update(state, changed)
    assert "it would fit on an empty node-0, but other pods hold the room" in error.value.details()
    engine.delete(object_id, changed, to_python(kept_by(error.value).properties))


def test_a_missing_toleration_ends_the_wait_and_names_the_taint(engine):
    declared = deployment("tainted")
    with pytest.raises(grpc.RpcError) as error:
        engine.create(declared)
    message = error.value.details()
    assert "is Pending: 0/2 nodes are available" in message
    assert "add a toleration for nvidia.com/gpu=true:NoSchedule" in message
    kept = kept_by(error.value)
    assert kept.id == "r1/tainted"
    engine.delete(kept.id, declared, to_python(kept.properties))


def test_more_gpus_than_a_node_has_end_the_wait_and_say_how_many_there_are(engine):
    declared = tolerating("greedy", gpus=16)
    with pytest.raises(grpc.RpcError) as error:
        engine.create(declared)
    wanted = "it asks for 16 nvidia.com/gpu, the node that fits best has 8"
    assert wanted in error.value.details()
    kept = kept_by(error.value)
    engine.delete(kept.id, declared, to_python(kept.properties))


def refreshed(engine, declared, state):
    metadata = state["metadata"]
    object_id = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    answer = engine.read(object_id, declared, state)
    return {**to_python(answer.properties), "__inputs": to_python(answer.inputs)}


def volume(name, size="1200Gi"):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "csi": {"driver": "fsx.csi.aws.com", "volumeHandle": "fs-1"},
        },
    }


def claim(name, volume_name, size="1200Gi"):
    return document(
        "v1",
        "PersistentVolumeClaim",
        name,
        spec={
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "volumeName": volume_name,
            "resources": {"requests": {"storage": size}},
        },
    )


def test_a_claim_binds_to_its_volume_and_one_that_asks_for_more_says_why_not(engine):
    volume_id, volume_state = engine.create(volume("weights"))
    with pytest.raises(grpc.RpcError) as error:
        engine.create(claim("too-big", "weights", "2400Gi"))
    assert "requested PV is too small" in error.value.details()
    kept = kept_by(error.value)
    too_big = claim("too-big", "weights", "2400Gi")
    engine.delete(kept.id, too_big, to_python(kept.properties))
    claim_id, claim_state = engine.create(claim("weights", "weights"))
    assert claim_state["status"]["phase"] == "Bound"
    for declared, state in (
        (volume("weights"), volume_state),
        (claim("weights", "weights"), claim_state),
    ):
        for known in (state, refreshed(engine, declared, state)):
            found = engine.diff(known, declared)
            assert found.changes == provider_pb2.DiffResponse.DIFF_NONE, found.detailedDiff
    engine.delete(claim_id, claim("weights", "weights"), claim_state)
    engine.delete(volume_id, volume("weights"), volume_state)


def test_a_claim_on_a_volume_that_does_not_exist_says_so(engine):
    with pytest.raises(grpc.RpcError) as error:
        engine.create(claim("nowhere", "no-such"))
    assert "its volume no-such does not exist" in error.value.details()
    kept = kept_by(error.value)
    engine.delete(kept.id, claim("nowhere", "no-such"), to_python(kept.properties))


def test_a_misspelled_field_and_a_wrong_type_fail_the_check_with_their_paths(engine):
    declared = tolerating("wrong", imagee="x")
    declared["spec"]["replicas"] = "1"
    _, failures = engine.check(declared)
    assert failures == [
        "spec.replicas: must be an integer, not '1'",
        "spec.template.spec.containers[0].imagee: unknown field; did you mean image?",
    ]


def test_an_unknown_value_passes_the_check_and_previews_as_it_is(engine):
    declared = config_map("later", UNKNOWN)
    object_id, state = engine.create(declared, preview=True)
    assert (object_id, state["data"]) == ("", {"nginx.conf": UNKNOWN})


def test_a_preview_asks_the_server_and_leaves_nothing(engine):
    declared = document(
        "v1",
        "Service",
        "previewed",
        spec={"clusterIP": "None", "selector": {"app": "x"}, "ports": [{"port": 8000}]},
    )
    object_id, state = engine.create(declared, preview=True)
    assert object_id == ""
    assert state["spec"]["ports"][0]["protocol"] == "TCP"
    assert engine.read("r1/previewed", declared).id == ""


def test_a_config_map_with_a_new_text_is_replaced_and_in_place_only_where_that_is_allowed(
    engine, admin
):
    object_id, state = engine.create(config_map("conf"))
    found = engine.diff(state, config_map("conf", "b"))
    assert list(found.replaces) == ['data["nginx.conf"]']
    assert found.deleteBeforeReplace
    mutable = Engine(admin.read_text(), enableConfigMapMutable="true")
    try:
        assert list(mutable.diff(state, config_map("conf", "b")).replaces) == []
    finally:
        mutable.stop()
    engine.delete(object_id, config_map("conf"), state)


def test_an_unnamed_object_gets_a_name_that_its_replacement_needs_not_wait_for(engine):
    declared = config_map("x")
    del declared["metadata"]["name"]
    inputs, _ = engine.check(declared)
    assert inputs["metadata"]["name"].startswith("thing-")
    assert inputs["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    object_id, state = engine.create(declared)
    assert engine.diff(state, declared).changes == provider_pb2.DiffResponse.DIFF_NONE
    declared["data"] = {"nginx.conf": "b"}
    found = engine.diff(state, declared)
    assert found.replaces
    assert not found.deleteBeforeReplace
    engine.delete(object_id, declared, state)


def test_a_secret_stays_secret_in_the_state_and_its_plain_text_is_stored_encoded(engine):
    declared = document("v1", "Secret", "key", stringData={"token": Secret("hf_x")})
    object_id, state = engine.create(declared)
    assert state["data"] == Secret({"token": "aGZfeA=="})
    assert state["__inputs"]["data"] == Secret({"token": "aGZfeA=="})
    assert engine.diff(state, declared).changes == provider_pb2.DiffResponse.DIFF_NONE
    engine.delete(object_id, declared, state)


def test_what_exists_already_is_not_taken_over(engine):
    object_id, state = engine.create(config_map("twice"))
    with pytest.raises(grpc.RpcError) as error:
        engine.create(config_map("twice"))
    assert "already exists" in error.value.details()
    assert "pulumi import" in error.value.details()
    engine.delete(object_id, config_map("twice"), state)


def test_an_object_is_imported_by_namespace_and_name(engine):
    object_id, state = engine.create(config_map("found"))
    answer = engine.read("r1/found", config_map("found"))
    assert to_python(answer.inputs) == config_map("found")
    engine.delete(object_id, config_map("found"), state)


def test_cancel_ends_a_wait_and_keeps_the_object(admin):
    slow = Engine(admin.read_text())
    declared = config_map("cancelled")
    declared["metadata"]["annotations"] = {"pulumi.com/waitFor": "jsonpath={.data.never}"}
    cancel = threading.Timer(1.5, lambda: slow.stub.Cancel(empty_pb2.Empty()))
    cancel.start()
    began = time.monotonic()
    with pytest.raises(grpc.RpcError) as error:
        slow.create(declared)
    cancel.join()
    assert time.monotonic() - began < 10
    assert 'Resource operation was cancelled for "cancelled"' in error.value.details()
    kept = kept_by(error.value)
    slow.stop()
    other = Engine(admin.read_text())
    other.delete(kept.id, declared, to_python(kept.properties))
    other.stop()


def test_without_a_cluster_a_preview_passes_and_an_update_says_what_is_missing():
    lost = Engine('{"apiVersion": "v1", "kind": "Config"}')
    try:
        assert lost.create(config_map("x"), preview=True)[0] == ""
        with pytest.raises(grpc.RpcError, match="unreachable"):
            lost.create(config_map("x"))
    finally:
        lost.stop()


@pytest.mark.parametrize(
    "token", ["kubernetes:helm.sh/v3:Release", "kubernetes:core/v1:ServicePatch"]
)
def test_what_the_stand_in_does_not_do_is_refused_in_words(engine, token):
    with pytest.raises(grpc.RpcError, match="install the official Kubernetes provider"):
        engine.stub.Check(
            provider_pb2.CheckRequest(
                urn=f"urn:pulumi:test::r1::{token}::x", news=to_struct({}), olds=to_struct({})
            )
        )
