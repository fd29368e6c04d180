"""The file system that holds weights, and the volume through which pods read it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.names import tagged
from r1_on_eks.stack_config import FileSystem

# FSx for Lustre user guide, limit-access-security-groups.
_LUSTRE_PORTS = ((988, 988), (1018, 1023))
# Kubernetes matches volume and claim by it and enforces nothing. The least that FSx sells, for a
# claim that followed the file system could neither grow with it nor shrink: the API server resizes
# dynamically provisioned claims alone.
_CLAIMED = "1200Gi"


@dataclass(frozen=True, kw_only=True)
class ModelStorageArgs:
    """Inputs of `ModelStorage`.

    Attributes:
        cluster: The cluster that volume and claim vanish with.
        vpc_id: The VPC of the nodes.
        subnet_id: The private subnet of one zone, the GPU nodes'.
        client_security_group_id: Security group of the nodes.
        bucket: S3 bucket whose files appear in it.
        key_arn: KMS key that encrypts it, where it is to last.
        file_system: Deployment type, capacity and throughput.
        namespace: Kubernetes namespace of the claim.
        protected: Whether Pulumi refuses to delete the file system.
    """

    cluster: pulumi.Resource
    vpc_id: pulumi.Input[str]
    subnet_id: pulumi.Input[str]
    client_security_group_id: pulumi.Input[str]
    bucket: str
    key_arn: pulumi.Input[str]
    file_system: FileSystem
    namespace: pulumi.Input[str]
    protected: bool


class ModelStorage(pulumi.ComponentResource):
    """FSx for Lustre that imports from a bucket, as one claim that many pods may mount."""

    claim_name: pulumi.Output[str]
    """Claim by which pods mount it; known once it is bound."""
    file_system_id: pulumi.Output[str]
    """The file system, as CloudWatch tells of it."""

    def __init__(
        self, name: str, args: ModelStorageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:ModelStorage", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        group = aws.ec2.SecurityGroup(
            f"{name}-lustre",
            vpc_id=args.vpc_id,
            description="Lustre from the nodes",
            tags=tagged({}, f"{name}-lustre"),
            opts=within,
        )
        rules = _rules(name, group, args.client_security_group_id, within)
        lustre = _lustre(name, args, group, rules, within)
        link = aws.fsx.DataRepositoryAssociation(
            f"{name}-bucket",
            file_system_id=lustre.id,
            file_system_path="/",
            data_repository_path=f"s3://{args.bucket}",
            batch_import_meta_data_on_create=True,
            # Into the file system only: nothing that a pod does reaches the bucket.
            s3={"auto_import_policy": {"events": ["NEW", "CHANGED", "DELETED"]}},
            tags=tagged({}, f"{name}-bucket"),
            opts=within,
        )
        claim = _claim(name, args, lustre, link, self)
        self.claim_name = claim.metadata.name
        self.file_system_id = lustre.id
        self.register_outputs(
            {"claim_name": self.claim_name, "file_system_id": self.file_system_id}
        )


def _rules(
    name: str,
    group: aws.ec2.SecurityGroup,
    clients: pulumi.Input[str],
    within: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    peers: Mapping[str, pulumi.Input[str]] = {"clients": clients, "self": group.id}
    rules: list[pulumi.Resource] = []
    for peer, peer_id in peers.items():
        for first, last in _LUSTRE_PORTS:
            for rule, way in (
                (aws.vpc.SecurityGroupIngressRule, "from"),
                (aws.vpc.SecurityGroupEgressRule, "to"),
            ):
                logical = f"{name}-{way}-{peer}-{first}"
                rules.append(
                    rule(
                        logical,
                        security_group_id=group.id,
                        referenced_security_group_id=peer_id,
                        ip_protocol="tcp",
                        from_port=first,
                        to_port=last,
                        tags=tagged({}, logical),
                        opts=within,
                    )
                )
    return rules


def _lustre(
    name: str,
    args: ModelStorageArgs,
    group: aws.ec2.SecurityGroup,
    rules: list[pulumi.Resource],
    within: pulumi.ResourceOptions,
) -> aws.fsx.LustreFileSystem:
    # It cannot be changed later; scratch file systems take none.
    key_arn = None if args.file_system.deployment.startswith("SCRATCH") else args.key_arn
    return aws.fsx.LustreFileSystem(
        f"{name}-lustre",
        kms_key_id=key_arn,
        deployment_type=args.file_system.deployment,
        # The default, 2.10, does not mount on Amazon Linux 2023.
        file_system_type_version="2.15",
        storage_type="SSD",
        storage_capacity=args.file_system.capacity_gib,
        per_unit_storage_throughput=args.file_system.mbps_per_tib,
        subnet_ids=args.subnet_id,
        security_group_ids=[group.id],
        # It is a copy of the bucket; FSx takes no backups of linked file systems.
        skip_final_backup=True,
        tags=tagged({}, f"{name}-lustre"),
        # Rules that come later do not reach its servers.
        opts=pulumi.ResourceOptions.merge(
            within, pulumi.ResourceOptions(depends_on=rules, protect=args.protected)
        ),
    )


def _claim(
    name: str,
    args: ModelStorageArgs,
    lustre: aws.fsx.LustreFileSystem,
    link: aws.fsx.DataRepositoryAssociation,
    parent: pulumi.Resource,
) -> kubernetes.core.v1.PersistentVolumeClaim:
    within = pulumi.ResourceOptions(parent=parent, deleted_with=args.cluster)
    volume = kubernetes.core.v1.PersistentVolume(
        f"{name}-volume",
        metadata={"name": "r1-weights"},
        spec={
            "capacity": {"storage": _CLAIMED},
            "access_modes": ["ReadWriteMany"],
            "storage_class_name": "",
            # Pulumi deletes the file system, Kubernetes never.
            "persistent_volume_reclaim_policy": "Retain",
            "mount_options": ["flock"],
            "csi": {
                "driver": "fsx.csi.aws.com",
                "volume_handle": lustre.id,
                "volume_attributes": {
                    "dnsname": lustre.dns_name,
                    "mountname": lustre.mount_name,
                },
            },
        },
        # Before the import has listed the files, a pod would find an empty folder.
        opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=[link])),
    )
    return kubernetes.core.v1.PersistentVolumeClaim(
        f"{name}-claim",
        metadata={"name": "r1-weights", "namespace": args.namespace},
        spec={
            "access_modes": ["ReadWriteMany"],
            "storage_class_name": "",
            "volume_name": volume.metadata.name,
            "resources": {"requests": {"storage": _CLAIMED}},
        },
        opts=within,
    )
