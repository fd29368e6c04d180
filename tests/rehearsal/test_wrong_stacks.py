"""Stack files that are wrong, and a cloud that others changed: each is caught, and where."""

import json

import pytest
import yaml

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]


def preview(checkout, change):
    """Previews prod-70b with `change` made to its file; the file is put back."""
    file = checkout.root / "stacks" / "Pulumi.prod-70b.yaml"
    before = file.read_text()
    content = yaml.safe_load(before)
    change(content["config"]["r1-on-eks:stack"])
    file.write_text(yaml.safe_dump(content))
    try:
        return checkout.rehearse("pulumi", "preview", "--stack", "prod-70b")
    finally:
        file.write_text(before)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s["variants"]["70b"].update(tensor_parallel=16), "16 GPUs on one p4d.24xlarge"),
        (lambda s: s["variants"]["70b"].update(replica=2), "did you mean replicas?"),
        (lambda s: s["variants"]["70b"].update(concurrency=16), "at most 14 do"),
        (lambda s: s["weights"].update(fsx={"capacity_gib": 1300}), "nearest are 1200 and 2400"),
        (lambda s: s.update(endpoint={"public_from": ["0.0.0.0/0"]}), "opens it to everybody"),
    ],
    ids=["16 GPUs on one node", "unknown key", "too many requests", "1300 GiB", "open to all"],
)
def test_a_wrong_stack_file_is_refused_before_anything_is_declared(shared_checkout, change, says):
    refused = preview(shared_checkout, change)
    assert refused.returncode != 0
    assert says in refused.stdout, refused.stdout
    assert "Traceback" not in refused.stdout
    assert "aws:ec2" not in refused.stdout


def test_the_same_stack_file_unchanged_is_accepted(shared_checkout):
    accepted = preview(shared_checkout, lambda stack: None)
    assert accepted.returncode == 0, accepted.stdout
    assert "to create" in accepted.stdout


def test_a_stack_that_somebody_meddled_with_is_found_out(shared_checkout):
    checkout = shared_checkout
    up = ("pulumi", "up", "--yes", "--skip-preview", "--stack", "test-7b")
    assert checkout.rehearse(*up).returncode == 0

    subnets = checkout.rehearse(
        "aws", "ec2", "describe-subnets", "--filters", "Name=tag:r1:stack,Values=test-7b"
    )
    subnet = json.loads(subnets.stdout)["Subnets"][0]["SubnetId"]
    in_use = checkout.rehearse("aws", "ec2", "delete-subnet", "--subnet-id", subnet)
    assert in_use.returncode != 0
    assert "DependencyViolation" in in_use.stdout

    fine = checkout.run("r1", "rehearse", "report", "test-7b")
    assert fine.returncode == 0, fine.stdout
    checkout.rehearse("kubectl", "delete", "service", "r1-7b", "-n", "r1")
    dangling = checkout.run("r1", "rehearse", "report", "test-7b")
    assert dangling.returncode == 1
    assert "routes to Service r1-7b in r1, which does not exist" in dangling.stdout
