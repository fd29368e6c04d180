"""KEDA's own definitions, in a real API server, take the objects that it is given."""

import subprocess

import pytest
import yaml
from r1_on_eks.catalog.upstream import keda_objects
from r1_on_eks.plan.names import NAMESPACE
from r1_on_eks.plan.scaled_objects import scaled_object
from r1_on_eks.plan.scaling import Scaling
from r1_on_eks.rehearsal.control_plane import start_control_plane, stop_control_plane
from r1_on_eks.rehearsal.nginx_package import find_or_unpack_kubectl
from r1_on_eks.rehearsal.processes import Processes
from r1_on_eks.stack_config import Hours

pytestmark = pytest.mark.rehearsal

SCALING = Scaling(
    variant="7b", least=0, most=4, wakes=True,
    hours=Hours(start="07:30", end="19:00", zone="Europe/Berlin"),
    under_way=7, first_token_s=2.0, start_seconds=930, limit_seconds=1560, mean_seconds=310,
    up_seconds=186, down_seconds=3600,
)  # fmt: skip


@pytest.fixture(scope="module")
def apply(tmp_path_factory):
    root = tmp_path_factory.mktemp("keda")
    running = start_control_plane(
        root, "one", version="1.35", service_cidr="172.20.0.0/16",
        token_webhook_url="http://127.0.0.1:9/",
    )  # fmt: skip
    kubectl = find_or_unpack_kubectl(print)

    def run(*words, text):
        return subprocess.run(
            [kubectl, "--kubeconfig", running.admin_kubeconfig, *words],
            input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def apply(*objects):
        words = ("apply", "--server-side", "--validate=strict", "-f", "-")
        return run(*words, text=yaml.safe_dump_all(objects))

    done = apply(
        *keda_objects(), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    )
    assert done.returncode == 0, done.stderr
    known = run("wait", "--for=condition=established", "crd/scaledobjects.keda.sh", text="")
    assert known.returncode == 0, known.stderr
    yield apply
    stop_control_plane(root, "one")
    Processes(root).stop_all()


def test_what_is_decided_is_taken(apply):
    done = apply(scaled_object(SCALING, "http://prometheus:9090"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("key", ["minReplicas", "polling"])
def test_a_field_that_keda_does_not_know_is_refused(apply, key):
    wrong = scaled_object(SCALING, "http://prometheus:9090")
    wrong["spec"][key] = 1
    assert key in apply(wrong).stderr
