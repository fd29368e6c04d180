"""What stands behind a cluster: its security group and interfaces, and the real control plane."""

import base64
import contextlib

from botocore.exceptions import ClientError

from r1_on_eks.rehearsal.aws_cloud.background import client, say
from r1_on_eks.rehearsal.aws_cloud.eks_state import Cluster, Shape
from r1_on_eks.rehearsal.aws_cloud.settings import settings

# Where nothing listens; RFC 2606 keeps the name free.
_NO_ENDPOINT = "https://no-control-plane.invalid"


def start(cluster: Cluster) -> None:
    """From CREATING to ACTIVE, or to FAILED with the reason among the health issues."""
    try:
        _make_network(cluster)
        _make_log_group(cluster)
        if settings().control_planes:
            _run_control_plane(cluster)
        else:
            cluster.shape["endpoint"] = _NO_ENDPOINT
            placeholder = base64.b64encode(b"no control plane").decode()
            cluster.shape["certificateAuthority"] = {"data": placeholder}
        cluster.shape["status"] = "ACTIVE"
    except Exception as failure:
        _fail(cluster, failure)


def upgrade(cluster: Cluster, version: str, update: Shape) -> None:
    """The same cluster at another version; where that fails, AWS stays with the old one."""
    try:
        if settings().control_planes:
            from r1_on_eks.rehearsal.upgrade import upgrade_control_plane

            upgrade_control_plane(settings().state_root, cluster.name, version)
        cluster.shape["version"] = version
        update["status"] = "Successful"
    except Exception as failure:
        say(f"cluster {cluster.name} stays at {cluster.shape['version']}: {failure}")
        update["status"] = "Failed"
        update["errors"] = [
            {"errorCode": "Unknown", "errorMessage": str(failure), "resourceIds": []}
        ]
    finally:
        cluster.shape["status"] = "ACTIVE"


def stop(cluster: Cluster) -> bool:
    """Ends the processes and removes what `start` made. The log group stays, as on AWS.

    Returns False, and the cluster is FAILED with the reason, when that was not possible.
    """
    try:
        _remove(cluster)
    except Exception as failure:
        _fail(cluster, failure)
        return False
    return True


def _fail(cluster: Cluster, failure: Exception) -> None:
    say(f"cluster {cluster.name} failed: {failure}")
    issue = {"code": "InternalFailure", "message": str(failure), "resourceIds": []}
    cluster.shape["health"] = {"issues": [issue]}
    cluster.shape["status"] = "FAILED"


def _remove(cluster: Cluster) -> None:
    # A control plane writes to the end: a group that was deleted before is there again.
    _make_log_group(cluster)
    if settings().control_planes:
        from r1_on_eks.rehearsal.control_plane import stop_control_plane

        stop_control_plane(settings().state_root, cluster.name)
    ec2 = client("ec2")
    mine = ec2.describe_network_interfaces(
        Filters=[{"Name": "description", "Values": [_interface_name(cluster)]}]
    )
    for interface in mine["NetworkInterfaces"]:
        ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    group = cluster.shape["resourcesVpcConfig"]["clusterSecurityGroupId"]
    if group:
        # EKS leaves its group behind, too, when something still uses it.
        with contextlib.suppress(ClientError):
            ec2.delete_security_group(GroupId=group)


def _run_control_plane(cluster: Cluster) -> None:
    from r1_on_eks.rehearsal.control_plane import start_control_plane

    running = start_control_plane(
        settings().state_root,
        cluster.name,
        version=cluster.shape["version"],
        service_cidr=cluster.shape["kubernetesNetworkConfig"]["serviceIpv4Cidr"],
        # In the path: an API server drops the query of its webhook's address.
        token_webhook_url=f"{settings().endpoint}/r1/token-review/{cluster.name}",
    )
    cluster.admin_kubeconfig = running.admin_kubeconfig
    cluster.shape["endpoint"] = running.endpoint
    authority = base64.b64encode(running.certificate_authority.encode()).decode()
    cluster.shape["certificateAuthority"] = {"data": authority}


def _make_network(cluster: Cluster) -> None:
    ec2, vpc = client("ec2"), cluster.shape["resourcesVpcConfig"]
    suffix = cluster.shape["arn"].rpartition("/")[2]
    name = f"eks-cluster-sg-{suffix}"
    group = ec2.create_security_group(
        GroupName=name,
        VpcId=vpc["vpcId"],
        Description="EKS created security group applied to ENI that is attached to EKS Control "
        "Plane master nodes, as well as any managed workloads.",
        TagSpecifications=[
            {
                "ResourceType": "security-group",
                "Tags": [
                    {"Key": "Name", "Value": name},
                    {"Key": f"kubernetes.io/cluster/{cluster.name}", "Value": "owned"},
                ],
            }
        ],
    )["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}],
    )
    for subnet_id in vpc["subnetIds"]:
        ec2.create_network_interface(
            SubnetId=subnet_id,
            Description=_interface_name(cluster),
            Groups=[group, *vpc["securityGroupIds"]],
        )
    vpc["clusterSecurityGroupId"] = group


def _make_log_group(cluster: Cluster) -> None:
    if any(setup["enabled"] for setup in cluster.shape["logging"]["clusterLogging"]):
        logs = client("logs")
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=f"/aws/eks/{cluster.name}/cluster")


def _interface_name(cluster: Cluster) -> str:
    return f"Amazon EKS {cluster.name}"
