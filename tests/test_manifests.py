"""tools/manifests.py writes what the program declares, as YAML that other tools read."""

import subprocess
import sys
from pathlib import Path

import yaml

PROJECT = Path(__file__).parent.parent


def test_every_kubernetes_object_of_a_stack_is_written_with_whole_numbers(engine):
    done = subprocess.run(
        [sys.executable, "tools/manifests.py", "test-7b"],
        cwd=PROJECT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    written = list(yaml.safe_load_all(done.stdout))
    engine.run(PROJECT / "stacks" / "Pulumi.test-7b.yaml")
    declared = [one for one in engine.registered if one.type.startswith("kubernetes:")]
    assert sorted((one["kind"], one["metadata"]["name"]) for one in written) == sorted(
        (one.type.rpartition(":")[2], one.inputs["metadata"]["name"]) for one in declared
    )
    by_kind = {one["kind"]: one for one in written}
    assert by_kind["NetworkPolicy"]["apiVersion"] == "networking.k8s.io/v1"
    assert by_kind["Namespace"]["apiVersion"] == "v1"
    assert isinstance(by_kind["Deployment"]["spec"]["replicas"], int)
