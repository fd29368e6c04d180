"""A fault that did not happen is told: nothing passes as rehearsed by mistake."""

import pytest

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(300)]

ASK = ("--", "aws", "ec2", "describe-vpcs", "--query", "length(Vpcs)")


def test_a_fault_that_did_not_happen_is_told_and_is_no_success(checkout):
    met = checkout.run("r1", "rehearse", "--fault", "throttle:DescribeVpcs:1", *ASK)
    assert met.returncode == 0, met.stdout

    missed = checkout.run("r1", "rehearse", "--fault", "throttle:CreateVpc", *ASK)
    assert missed.returncode == 2
    assert "--fault throttle:CreateVpc: it did not happen, nothing matched it" in missed.stdout

    missed = checkout.run("r1", "rehearse", "--fault", "node-group-fails:r1-7b", *ASK)
    assert missed.returncode == 2
    assert "nothing matched it; there are no node groups" in missed.stdout

    # A command that failed keeps its own status.
    failed = checkout.run("r1", "rehearse", "--fault", "api-server-lost", "--", "false")
    assert failed.returncode == 1
    assert "--fault api-server-lost: it did not happen" in failed.stdout


def test_a_name_that_aws_does_not_have_is_refused_before_anything_starts(checkout):
    refused = checkout.run("r1", "rehearse", "--fault", "throttle:CreateVPC", *ASK)
    assert refused.returncode == 2
    assert "no operation CreateVPC (did you mean CreateVpc" in refused.stdout
    assert not checkout.state.root.exists()
