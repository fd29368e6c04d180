"""The policy pack under the real engine: a wrong program fails with the rule's line, ours pass."""

import json

import pytest

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

WRONG = """
import pulumi, pulumi_aws as aws
within = pulumi.ResourceOptions(provider=aws.Provider("aws", region="us-west-2"))
aws.cloudwatch.LogGroup("kept", name="/kept", opts=within)
aws.ec2.LaunchTemplate("open", opts=within, metadata_options={"http_tokens": "optional"})
vpc = aws.ec2.Vpc("theirs", cidr_block="10.0.0.0/16", opts=within)
public = aws.ec2.Subnet("public", vpc_id=vpc.id, cidr_block="10.0.0.0/24",
    map_public_ip_on_launch=True, opts=within)
aws.eks.NodeGroup("nodes", cluster_name="theirs", instance_types=["p4d.24xlarge"],
    node_role_arn="arn:aws:iam::111122223333:role/nodes", subnet_ids=[public.id],
    scaling_config={"desired_size": 1, "min_size": 1, "max_size": 2}, opts=within)
"""
SETTINGS = {
    # A resource that breaks a mandatory rule ends a preview before the stack is looked at whole.
    "imds-v2": "advisory",
    "max-dollars-per-hour": {"most": 30},
    "allowed-instance-types": {"enforcementLevel": "advisory", "types": ["g6.*"]},
    "log-retention": "disabled",
    "no-privileged-container": {"but": {"tuned/sysctl": "sets what no pod may"}},
}
AFFORDED = ["g6.*", "m7i.*", "t3.*"]


def preview(checkout, stack, *words):
    return checkout.rehearse(
        "pulumi", "preview", "--stack", stack, "--policy-pack", "policies", *words
    )


@pytest.fixture
def program(checkout):
    def of(text):
        (checkout.root / "infra" / "__main__.py").write_text(text)

    return of


def test_one_of_our_stacks_passes(shared_checkout):
    settings = {"max-dollars-per-hour": {"most": 3}, "allowed-instance-types": {"types": AFFORDED}}
    (shared_checkout.root / "settings.json").write_text(json.dumps(settings))
    passed = preview(shared_checkout, "test-7b", "--policy-pack-config", "settings.json")
    assert passed.returncode == 0, passed.stdout
    assert "r1-on-eks@v0.1.0" in passed.stdout
    assert "[mandatory]" not in passed.stdout
    # Digests are the user's to look up.
    assert "[advisory]" in passed.stdout
    assert "image-digests" in passed.stdout


def test_a_wrong_program_fails_by_the_settings_of_its_user(checkout, program):
    program(WRONG)
    refused = preview(checkout, "test-7b")
    assert refused.returncode != 0
    assert "[mandatory]  imds-v2" in refused.stdout
    assert 'metadataOptions.httpTokens is not "required"' in refused.stdout
    assert "[mandatory]  log-retention" in refused.stdout

    (checkout.root / "settings.json").write_text(json.dumps(SETTINGS))
    file = checkout.root / "stacks" / "Pulumi.test-7b.yaml"
    file.write_text(file.read_text().replace("    lifetime: 8h\n", ""))
    set_otherwise = preview(checkout, "test-7b", "--policy-pack-config", "settings.json")
    assert set_otherwise.returncode != 0
    assert "[mandatory]  max-dollars-per-hour" in set_otherwise.stdout
    assert "over $30: nodes $43." in set_otherwise.stdout
    assert "[mandatory]  no-address-from-subnet" in set_otherwise.stdout
    assert "nodes gets public addresses, for public map them" in set_otherwise.stdout
    assert "[advisory]  public-subnets" in set_otherwise.stdout
    assert "[advisory]  allowed-instance-types" in set_otherwise.stdout
    assert "test-7b is a test stack without lifetime" in set_otherwise.stdout
    assert "log-retention" not in set_otherwise.stdout


def test_a_new_project_is_rehearsed_with_its_own_policies(shared_checkout):
    project = shared_checkout.root / "build" / "own"
    assert shared_checkout.run("r1", "new", str(project)).returncode == 0
    words = "r1 rehearse -- pulumi preview --stack dev --policy-pack policies; s=$?"
    previewed = shared_checkout.run(
        "sh", "-c", f"cd {project} && {words}; r1 rehearse stop; exit $s"
    )
    assert previewed.returncode == 0, previewed.stdout
    assert "r1-on-eks@v0.1.0" in previewed.stdout
    assert "eks:NodeGroup r1-7b create" in previewed.stdout
