"""prod-32b beside the manifest that the 2025 guide prints: what is kept, what is not, and why."""

from pathlib import Path

import pytest

STACK = Path(__file__).parent.parent / "stacks" / "Pulumi.prod-32b.yaml"
# The guide's scene 2, as printed there.
GUIDE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "deepseek-32b"},
    "spec": {
        "replicas": 2,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "model",
                        "image": "deepseek/r1-32b:latest",
                        "resources": {"limits": {"nvidia.com/gpu": 2}},
                    }
                ]
            }
        },
    },
}
# Its Nginx sends /api/v1/32b there.
GUIDE_SERVICE = "32b-service"


@pytest.fixture
def ours(engine):
    return engine.run(STACK).one("Deployment", "r1-32b-server").inputs


def containers(deployment):
    return deployment["spec"]["template"]["spec"]["containers"]


def test_two_replicas_of_two_gpus_are_kept(ours):
    (guide,), (container,) = containers(GUIDE), containers(ours)
    assert ours["spec"]["replicas"] == GUIDE["spec"]["replicas"]
    gpus = container["resources"]["limits"]["nvidia.com/gpu"]
    assert int(gpus) == guide["resources"]["limits"]["nvidia.com/gpu"]


def test_what_the_guide_leaves_out_is_there(ours):
    # apps/v1 refuses a Deployment without a selector and labels that match it.
    assert "selector" not in GUIDE["spec"]
    selector = ours["spec"]["selector"]["matchLabels"]
    assert selector.items() <= ours["spec"]["template"]["metadata"]["labels"].items()
    # Without a probe, traffic reaches a server that still reads 61 GiB of weights.
    (container,) = containers(ours)
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
    # Two GPUs talk through /dev/shm, of which a container has 64 MB by default.
    assert any(mount["mountPath"] == "/dev/shm" for mount in container["volumeMounts"])


def test_the_image_is_a_published_engine_with_a_fixed_version(ours):
    (guide,), (container,) = containers(GUIDE), containers(ours)
    # No image of that name was found published; and `latest` is another one at each start.
    assert guide["image"].endswith(":latest")
    assert container["image"].partition("/")[2].startswith("vllm/vllm-openai:v")


def test_a_second_replica_never_waits_for_gpus_that_nobody_has(ours):
    # The default starts new pods before old ones end.
    assert "strategy" not in GUIDE["spec"]
    assert ours["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_the_service_has_a_name_that_dns_allows(engine):
    assert not GUIDE_SERVICE[0].isalpha()
    service = engine.run(STACK).one("Service", "r1-32b-service").inputs
    assert service["metadata"]["name"] == "r1-32b"


def test_its_two_gpus_are_l40s_where_the_guide_says_a100(engine):
    # 2 × 40 GB hold it with short contexts, and a p4d has eight of them for $21.96 an hour.
    group = engine.run(STACK).one("NodeGroup", "r1-32b").inputs
    assert group["instanceTypes"] == ["g6e.12xlarge"]
