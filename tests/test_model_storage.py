import pytest
from pulumi_aws.eks import Cluster
from r1_on_eks.resources.model_storage import ModelStorage, ModelStorageArgs
from r1_on_eks.stack_config import FileSystem

LASTING = FileSystem(deployment="PERSISTENT_2", capacity_gib=2400, mbps_per_tib=500)
FOR_A_TEST = FileSystem(deployment="SCRATCH_2", capacity_gib=1200)


def declared(engine, file_system=LASTING):
    def program():
        args = ModelStorageArgs(
            cluster=Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []}),
            vpc_id="vpc",
            subnet_id="subnet-b",
            client_security_group_id="sg-nodes",
            bucket="weights-of-ours",
            key_arn="arn:key",
            file_system=file_system,
            namespace="r1",
            protected=False,
        )
        ModelStorage("storage", args)

    return engine.declare(program)


def test_a_lasting_file_system_has_the_version_that_al2023_mounts(engine):
    lustre = declared(engine).one("LustreFileSystem").inputs
    assert lustre["fileSystemTypeVersion"] == "2.15"
    assert lustre["deploymentType"] == "PERSISTENT_2"
    assert lustre["storageCapacity"] == 2400
    assert lustre["perUnitStorageThroughput"] == 500
    assert lustre["subnetIds"] == "subnet-b"
    assert lustre["kmsKeyId"] == "arn:key"


def test_a_scratch_file_system_names_no_throughput(engine):
    lustre = declared(engine, FOR_A_TEST).one("LustreFileSystem").inputs
    assert lustre["deploymentType"] == "SCRATCH_2"
    assert "perUnitStorageThroughput" not in lustre
    assert "kmsKeyId" not in lustre


@pytest.mark.parametrize("way", ["Ingress", "Egress"])
def test_lustre_passes_between_servers_and_with_clients_and_nothing_else(engine, way):
    rules = [one.inputs for one in declared(engine).of_type(f"SecurityGroup{way}Rule")]
    assert {
        (rule["referencedSecurityGroupId"], rule["fromPort"], rule["toPort"]) for rule in rules
    } == {
        (peer, first, last)
        for peer in ("sg-nodes", "storage-lustre-id")
        for first, last in ((988, 988), (1018, 1023))
    }
    assert all(rule["ipProtocol"] == "tcp" for rule in rules)


def test_its_rules_are_there_before_its_servers(engine):
    lustre = declared(engine).one("LustreFileSystem")
    rules = [urn for urn in lustre.dependencies if "securityGroup" in urn and "Rule" in urn]
    assert len(rules) == 8


def test_it_imports_from_the_bucket_and_never_exports(engine):
    link = declared(engine).one("DataRepositoryAssociation").inputs
    assert link["dataRepositoryPath"] == "s3://weights-of-ours"
    assert list(link["s3"]) == ["autoImportPolicy"]


def test_the_claim_binds_to_the_volume_of_the_file_system(engine):
    volume = declared(engine).one("PersistentVolume")
    claim = engine.one("PersistentVolumeClaim").inputs["spec"]
    spec = volume.inputs["spec"]
    assert spec["csi"]["volumeHandle"] == "storage-lustre-id"
    assert spec["csi"]["volumeAttributes"] == {"dnsname": "fs.example", "mountname": "abcdef"}
    assert spec["persistentVolumeReclaimPolicy"] == "Retain"
    assert claim["volumeName"] == volume.inputs["metadata"]["name"]
    assert claim["storageClassName"] == spec["storageClassName"] == ""
    assert claim["accessModes"] == spec["accessModes"] == ["ReadWriteMany"]
    assert claim["resources"]["requests"] == spec["capacity"]


def test_pods_do_not_mount_it_before_the_import_has_listed_the_files(engine):
    volume = declared(engine).one("PersistentVolume")
    assert any(urn.endswith("::storage-bucket") for urn in volume.dependencies)
