"""The whole of `make up`, a second `pulumi up`, and `make down`, shut off from the network."""

import json
import re

import pytest

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]


def test_make_up_stands_up_prod_70b_answers_and_comes_down_again(shared_checkout):
    checkout = shared_checkout
    up = checkout.run("make", "up", timeout=600)
    assert up.returncode == 0, up.stdout
    assert "p4d.24xlarge" in up.stdout
    assert "streamed: first piece after" in up.stdout
    assert re.search(r"dollars per hour so far as known: \$2\d\.\d\d", up.stdout), up.stdout

    pods = json.loads(
        checkout.rehearse("kubectl", "get", "pods", "-n", "r1", "-o", "json").stdout
    )["items"]
    [model] = [p for p in pods if p["metadata"]["name"].startswith("r1-70b")]
    assert model["status"]["phase"] == "Running"
    assert model["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "8"
    node = json.loads(
        checkout.rehearse("kubectl", "get", "node", model["spec"]["nodeName"], "-o", "json").stdout
    )
    assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "p4d.24xlarge"

    again = checkout.rehearse("pulumi", "up", "--yes", "--stack", "prod-70b")
    assert again.returncode == 0, again.stdout
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", again.stdout), again.stdout

    status = checkout.rehearse("r1", "status", "prod-70b", "--json")
    told = json.loads(status.stdout)["findings"]
    wrong = [one["subject"] for one in told if one["standing"] != "well"]
    # Nobody has filled the rehearsal's bucket.
    assert wrong == ["weights DeepSeek-R1-Distill-Llama-70B"], status.stdout
    well = {one["subject"]: one["found"] for one in told}
    assert well["replicas 70b"] == "1 of 1 ready"
    assert "gave a token" in well["route 70b"]
    # Its pod is made by the operator, which runs with the rights that the stack declares for it.
    assert well["Prometheus"] == "1 of 1 ready"
    [log] = (checkout.root / ".rehearsal" / "logs").glob("prod-70b-pod-prometheus-operator-*.log")
    assert "forbidden" not in log.read_text()
    assert status.returncode == 1

    before = json.loads(checkout.run("r1", "rehearse", "status", "--json").stdout)["resources"]
    refused = checkout.rehearse(
        "pulumi",
        "destroy",
        "--yes",
        "--skip-preview",
        "--continue-on-error",
        "--stack",
        "prod-70b",
    )
    assert refused.returncode != 0
    assert "first-set-deletion_protection-to-false-and-run-pulumi-up" in refused.stdout
    assert not re.search(r"\d deleted", refused.stdout), refused.stdout
    after = json.loads(checkout.run("r1", "rehearse", "status", "--json").stdout)["resources"]
    assert after == before

    down = checkout.run("make", "down", timeout=300)
    assert down.returncode == 0, down.stdout
    assert "local cloud: 0 resources were left" in down.stdout
    status = checkout.run("r1", "rehearse", "status")
    assert "no rehearsal is up" in status.stdout


def test_the_working_tree_stays_clean(shared_checkout):
    assert shared_checkout.run("git", "status", "--porcelain").stdout == ""


def test_neither_the_profile_nor_the_metadata_service_was_asked(shared_checkout):
    assert shared_checkout.metadata_requests.read_text() == ""
