"""What others made: rendered again it is the same, and ours does what theirs does."""

import json
import re
import runpy
from pathlib import Path

import pytest
import yaml
from pulumi_aws.eks import Cluster
from r1_on_eks.catalog.upstream import PARTS, lws_objects, page
from r1_on_eks.rehearsal.go_tools import KEDA
from r1_on_eks.rehearsal.toolchain import module_folder, module_version
from r1_on_eks.resources.accelerators import Accelerators, AcceleratorsArgs
from r1_on_eks.resources.leader_worker_sets import LeaderWorkerSets, LeaderWorkerSetsArgs

RENDERING = runpy.run_path(str(Path(__file__).parent.parent / "tools" / "upstream_objects.py"))


@pytest.mark.rehearsal
def test_the_chart_rendered_again_is_what_is_kept():
    assert RENDERING["lines"](RENDERING["lws_objects"]()) == RENDERING["KEPT"].read_text()


@pytest.mark.rehearsal
def test_kedas_definitions_written_again_are_what_is_kept():
    assert RENDERING["lines"](RENDERING["keda_objects"]()) == RENDERING["KEPT_OF_KEDA"].read_text()


@pytest.mark.rehearsal
def test_our_keda_is_told_what_upstreams_is(engine):
    config = module_folder(KEDA.stamped, KEDA) / "config"
    engine.run(next(file for file in STACKS if file.stem == "Pulumi.office-7b"))
    own = {one.inputs["metadata"]["name"]: one.inputs["spec"] for one in
           engine.of_type("Deployment")}  # fmt: skip
    for name, file in (("keda-operator", "manager/manager.yaml"),
                       ("keda-metrics-apiserver", "metrics-server/deployment.yaml")):  # fmt: skip
        [theirs] = yaml.safe_load((config / file).read_text())["spec"]["template"]["spec"][
            "containers"
        ]
        [mine] = own[name]["template"]["spec"]["containers"]
        assert mine["command"] == theirs["command"]
        flags = {one.partition("=")[0] for one in theirs["args"]}
        # Upstream's reads as text for people.
        assert flags - {"--zap-encoder", "--zap-time-encoding"} <= {
            one.partition("=")[0] for one in mine["args"]
        }
        image = theirs["image"].rpartition(":")[0]
        assert mine["image"].startswith(f"{image}:{module_version(KEDA).removeprefix('v')}")


@pytest.mark.rehearsal
def test_our_device_plugin_runs_as_that_of_nvidias_chart_does(engine):
    def program():
        cluster = Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []})
        Accelerators("gpus", AcceleratorsArgs(cluster=cluster))

    own = engine.declare(program).one("DaemonSet").inputs["spec"]["template"]["spec"]
    found = {one["metadata"]["name"]: one for one in RENDERING["device_plugin_objects"]()
             if one["kind"] == "DaemonSet"}  # fmt: skip
    chart = found["nvidia-device-plugin"]
    theirs = chart["spec"]["template"]["spec"]
    [mine], [upstream] = own["containers"], theirs["containers"]
    assert mine["image"] == upstream["image"]
    assert mine["securityContext"] == upstream["securityContext"]
    assert own["priorityClassName"] == theirs["priorityClassName"]
    assert own["tolerations"][0] in theirs["tolerations"]
    asked = {one["name"]: one["value"] for one in upstream["env"]}
    assert {one["name"]: one["value"] for one in mine["env"]}.items() <= asked.items()
    paths = {one["mountPath"] for one in upstream["volumeMounts"]}
    assert {one["mountPath"] for one in mine["volumeMounts"]} <= paths


def declared(engine):
    def program():
        cluster = Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []})
        LeaderWorkerSets("lws", LeaderWorkerSetsArgs(cluster=cluster, after=[]))

    return engine.declare(program)


def test_every_object_of_the_chart_is_declared_as_it_was_rendered(engine):
    found = {
        (one.type.rpartition(":")[2], one.inputs["metadata"]["name"]): one.inputs
        for one in declared(engine).registered
        if one.type.startswith("kubernetes:") and not one.type.endswith(":Namespace")
    }
    wanted = {(one["kind"], one["metadata"]["name"]): one for one in lws_objects()}
    assert found.keys() == wanted.keys()
    for key, rendered in wanted.items():
        shown = json.loads(json.dumps(found[key]))
        shown["metadata"].pop("annotations", None)
        rendered = json.loads(json.dumps(rendered))
        rendered["metadata"].pop("annotations", None)
        assert shown == rendered, key


def test_the_controller_starts_last_and_its_webhooks_count_when_it_has_signed_them(engine):
    registered = declared(engine)
    controller = registered.one("Deployment")
    needed = {urn.rpartition("::")[2] for urn in controller.dependencies}
    assert sum("customresourcedefinition" in name for name in needed) == 2
    assert any("clusterrolebinding" in name for name in needed)
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        webhooks = registered.one(kind)
        assert any(urn.endswith(f"::{controller.name}") for urn in webhooks.dependencies)
        condition = webhooks.inputs["metadata"]["annotations"]["pulumi.com/waitFor"]
        assert condition == "jsonpath={.webhooks[0].clientConfig.caBundle}"


def test_the_controller_is_admitted_by_its_restricted_namespace_and_names_a_fixed_version():
    [controller] = [one for one in lws_objects() if one["kind"] == "Deployment"]
    pod = controller["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    [manager] = pod["containers"]
    assert manager["image"] == "registry.k8s.io/lws/lws:v0.9.0"
    assert manager["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_page_says_what_the_rows_say():
    assert RENDERING["PAGE"].read_text() == page()


STACKS = sorted((Path(__file__).parent.parent / "stacks").glob("Pulumi.*.yaml"))


@pytest.mark.parametrize("stack", ["all-variants", "prod-671b-p5", "edge-1.5b-cpu", "office-7b"])
def test_every_image_that_runs_is_in_the_table(engine, stack):
    engine.run(next(file for file in STACKS if file.stem == f"Pulumi.{stack}"))
    told = json.dumps([one.inputs for one in engine.registered])
    images = set(re.findall(r'"image": "([^"]+)"', told))
    assert images
    assert images <= {part.image for part in PARTS}
