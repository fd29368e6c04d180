"""Renders the charts whose objects are kept in this repository, and writes docs/upstream.md.

    python tools/upstream_objects.py

The charts come inside Go modules. A test renders them again and finds no difference. It needs Go,
and the Go module proxy once.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from r1_on_eks.catalog import images
from r1_on_eks.catalog.upstream import LWS_NAMESPACE, page
from r1_on_eks.rehearsal.go_tools import CHARTS, KEDA, PROMETHEUS_OPERATOR
from r1_on_eks.rehearsal.toolchain import find_or_build, module_folder

PROJECT = Path(__file__).parent.parent
CATALOG = PROJECT / "components" / "r1_on_eks" / "catalog"
KEPT = CATALOG / "lws_objects.jsonl"
KEPT_OF_PROMETHEUS = CATALOG / "prometheus_objects.jsonl"
KEPT_OF_KEDA = CATALOG / "keda_objects.jsonl"

PAGE = PROJECT / "docs" / "upstream.md"

LWS = "sigs.k8s.io/lws"
_REPOSITORY, _, _TAG = images.LEADER_WORKER_SET.partition(":")
LWS_VALUES = {
    # The chart's own tag is `main`, which moves.
    "image": {"manager": {"repository": _REPOSITORY, "tag": _TAG, "pullPolicy": "IfNotPresent"}},
    "podSecurityContext": {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    # The chart asks for a whole processor, and a node of the system pool has two.
    "resources": {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"memory": "512Mi"},
    },
}
# Rights for an operator of Prometheus that is in no stack here.
_LEFT_OUT = {"lws-prometheus-k8s"}

DEVICE_PLUGIN = "github.com/NVIDIA/k8s-device-plugin"
DEVICE_PLUGIN_VALUES = {"mofedEnabled": False, "failOnInitError": False}

PROMETHEUS = "github.com/prometheus-operator/prometheus-operator"
# The operator watches probes wherever it makes Prometheus of objects; no stack here has one.
PROMETHEUS_KINDS = ("podmonitors", "probes", "prometheuses", "prometheusrules", "servicemonitors")


class _Yaml(yaml.CSafeLoader):
    """Takes the value `=`, which YAML 1.1 has a type of its own for, as text."""


_Yaml.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


def lws_objects() -> list[dict[str, Any]]:
    """The objects of the LeaderWorkerSet chart that a stack declares."""
    rendered = _rendered(LWS, "charts/lws", "lws", LWS_NAMESPACE, LWS_VALUES)
    return [one for one in rendered if one["metadata"]["name"] not in _LEFT_OUT]


def device_plugin_objects() -> list[dict[str, Any]]:
    """The objects of NVIDIA's device plugin, which ours is held against."""
    folder = "deployments/helm/nvidia-device-plugin"
    return _rendered(
        DEVICE_PLUGIN, folder, "nvidia-device-plugin", "kube-system", DEVICE_PLUGIN_VALUES
    )


def prometheus_objects() -> list[dict[str, Any]]:
    """The definitions of the operator's kinds, without the descriptions: a fifth of their size."""
    folder = module_folder(PROMETHEUS, PROMETHEUS_OPERATOR) / "example" / "prometheus-operator-crd"
    files = [folder / f"monitoring.coreos.com_{kind}.yaml" for kind in PROMETHEUS_KINDS]
    return [_without_descriptions(yaml.load(file.read_text(), _Yaml)) for file in files]


def keda_objects() -> list[dict[str, Any]]:
    """The definitions of all kinds that KEDA watches, without the descriptions.

    Of ScaledJobs, which no stack has, without the pod template: nine tenths of everything.
    """
    folder = module_folder(KEDA.stamped, KEDA) / "config" / "crd"
    names = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    read = [_without_descriptions(yaml.load((folder / one).read_text(), _Yaml)) for one in names]
    for definition in read:
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        kind = definition["spec"]["names"]["kind"]
        if kind == "ScaledJob":
            job = schema["spec"]["properties"]["jobTargetRef"]
            job["properties"]["template"] = {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
            }
        if kind == "ScaledObject":
            patch = (folder / "patches" / "scaledobject_patch.yaml").read_text()
            _patch(schema, yaml.safe_load(patch))
    return read


def _patch(properties: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    """Applies upstream's own patch of the definition: additions below `properties`."""
    for step in steps:
        assert step["op"] == "add"
        *path, last = step["path"].partition("/openAPIV3Schema/properties/")[2].split("/")
        found: Any = properties
        for part in path:
            found = found[part]
        found[last] = step["value"]


def _without_descriptions(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_descriptions(one)
            for key, one in value.items()
            # A field of this name has a schema, no text.
            if not (key == "description" and isinstance(one, str))
        }
    if isinstance(value, list):
        return [_without_descriptions(one) for one in value]
    return value


def lines(objects: list[dict[str, Any]]) -> str:
    """One line for each object, as they are kept."""
    return "".join(
        json.dumps(one, sort_keys=True, separators=(",", ":")) + "\n" for one in objects
    )


def _rendered(
    module: str, folder: str, release: str, namespace: str, values: dict[str, Any]
) -> list[dict[str, Any]]:
    chart = module_folder(module) / folder
    program = find_or_build(CHARTS, lambda line: print(line, file=sys.stderr))
    done = subprocess.run(
        [program, chart, release, namespace],
        input=json.dumps(values), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{chart} could not be rendered: {done.stderr.strip()}")
    return json.loads(done.stdout)


def main() -> int:
    """Writes what is kept."""
    PAGE.write_text(page())
    for kept, objects in (
        (KEPT, lws_objects()),
        (KEPT_OF_PROMETHEUS, prometheus_objects()),
        (KEPT_OF_KEDA, keda_objects()),
    ):
        kept.write_text(lines(objects))
        print(f"{kept.relative_to(PROJECT)}: {kept.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
