from pulumi_aws.eks import Cluster
from r1_on_eks.resources.serving_namespace import ServingNamespace, ServingNamespaceArgs


def test_it_admits_restricted_pods_only(engine):
    def program():
        cluster = Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []})
        ServingNamespace("serving", ServingNamespaceArgs(cluster=cluster, policies=()))

    metadata = engine.declare(program).one("Namespace").inputs["metadata"]
    assert metadata["name"] == "r1"
    assert metadata["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
