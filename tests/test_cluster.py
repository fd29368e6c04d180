import json

import pytest
from r1_on_eks.plan.versions import Versions
from r1_on_eks.resources.cluster import Cluster, ClusterArgs

ADMIN = "arn:aws:iam::111122223333:role/platform-engineer"


def declared(engine, **changes):
    values = {
        "stack": "prod",
        "region": "us-west-2",
        "versions": Versions(kubernetes="1.35"),
        "key_arn": "arn:key",
        "log_days": 365,
        "subnet_ids": {"us-west-2a": "subnet-1", "us-west-2b": "subnet-2"},
        "endpoint_from": ("203.0.113.0/24",),
        "admins": (ADMIN,),
        "protected": True,
    }
    return engine.declare(lambda: Cluster("eks", ClusterArgs(**(values | changes))))


def test_what_cannot_be_changed_later_is_right_from_the_start(engine):
    cluster = _cluster(engine)
    assert cluster["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    assert cluster["bootstrapSelfManagedAddons"] is False
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["encryptionConfig"] == {
        "provider": {"keyArn": "arn:key"}, "resources": ["secrets"],
    }  # fmt: skip
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "172.20.0.0/16"
    assert cluster["name"] == "prod"
    assert cluster["version"] == "1.35"


def _cluster(engine, **changes):
    found = [
        r for r in declared(engine, **changes).registered if r.type.startswith("aws:eks/cluster:")
    ]
    return found[0].inputs


@pytest.mark.parametrize(
    ("ranges", "public"), [((), False), (("203.0.113.0/24", "198.51.100.0/24"), True)]
)
def test_the_api_server_is_reached_from_named_ranges_or_not_at_all(engine, ranges, public):
    access = _cluster(engine, endpoint_from=ranges)["vpcConfig"]
    assert access["endpointPrivateAccess"] is True
    assert access["endpointPublicAccess"] is public
    assert tuple(access.get("publicAccessCidrs", ())) == ranges


@pytest.mark.parametrize("protected", [True, False])
def test_only_production_is_protected_from_deletion(engine, protected):
    assert _cluster(engine, protected=protected)["deletionProtection"] is protected


def test_the_log_group_is_ours_and_there_first(engine):
    logs = declared(engine).one("LogGroup")
    assert logs.inputs["name"] == "/aws/eks/prod/cluster"
    assert (logs.inputs["retentionInDays"], logs.inputs["kmsKeyId"]) == (365, "arn:key")
    cluster = next(r for r in engine.registered if r.type.startswith("aws:eks/cluster:"))
    assert any(urn.endswith("::eks-logs") for urn in cluster.dependencies)
    assert len(cluster.inputs["enabledClusterLogTypes"]) == 5


def test_each_admin_is_let_in_explicitly(engine):
    entry = declared(engine).one("AccessEntry")
    association = engine.one("AccessPolicyAssociation")
    assert entry.inputs["principalArn"] == association.inputs["principalArn"] == ADMIN
    assert association.inputs["policyArn"].endswith("/AmazonEKSClusterAdminPolicy")


def test_network_add_ons_leave_with_the_cluster(engine):
    addons = {one.inputs["addonName"]: one for one in declared(engine).of_type("Addon")}
    assert set(addons) == {"vpc-cni", "kube-proxy", "eks-pod-identity-agent"}
    assert all(one.inputs["preserve"] is False for one in addons.values())
    assert addons["vpc-cni"].inputs["podIdentityAssociations"] == [
        {"serviceAccount": "aws-node", "roleArn": "arn:eks-vpc-cni"}
    ]


def test_the_kubeconfig_asks_for_a_token_and_holds_none(engine):
    declared(engine)
    outputs = next(out for urn, out in engine.outputs.items() if "$r1:index:Cluster::" in urn)
    user = json.loads(outputs["kubeconfig"])["users"][0]["user"]
    assert list(user) == ["exec"]
    assert user["exec"]["args"] == [
        "eks", "get-token", "--cluster-name", "prod", "--region", "us-west-2", "--output", "json",
    ]  # fmt: skip


def test_add_ons_have_the_version_that_was_looked_up_or_none(engine):
    pinned = Versions(kubernetes="1.35", addons={"vpc-cni": "v1.20.0-eksbuild.1"})
    declared(engine, versions=pinned)
    versions = {
        one.inputs["addonName"]: one.inputs.get("addonVersion") for one in engine.of_type("Addon")
    }
    assert versions == {
        "vpc-cni": "v1.20.0-eksbuild.1", "kube-proxy": None, "eks-pod-identity-agent": None,
    }  # fmt: skip


def test_people_reach_nodes_through_systems_manager(engine):
    attached = {one.inputs["policyArn"] for one in
                declared(engine).of_type("RolePolicyAttachment")}  # fmt: skip
    assert "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" in attached
