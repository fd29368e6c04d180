import json

from r1_on_eks.resources.weights_reader import WeightsReader, WeightsReaderArgs


def test_one_service_account_reads_one_bucket_and_cannot_write(engine):
    args = WeightsReaderArgs(
        stack="test-7b",
        cluster_name="test-7b",
        bucket="weights-of-ours",
        namespace="r1",
        service_account="r1-7b",
        tags={"r1:variant": "7b"},
    )
    policy = engine.declare(lambda: WeightsReader("reader", args)).one("RolePolicy").inputs
    statements = json.loads(policy["policy"])["Statement"]
    assert {tuple(one["Action"]): one["Resource"] for one in statements} == {
        ("s3:ListBucket",): "arn:aws:s3:::weights-of-ours",
        ("s3:GetObject",): "arn:aws:s3:::weights-of-ours/*",
    }
    association = engine.one("PodIdentityAssociation").inputs
    assert (association["namespace"], association["serviceAccount"]) == ("r1", "r1-7b")
    trust = json.loads(engine.one("Role").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
