"""The table: one row per resource type."""

from r1_on_eks.rehearsal.aws_provider.problems import Refused, near
from r1_on_eks.rehearsal.aws_provider.resources import (
    amp,
    autoscaling,
    costexplorer,
    ec2,
    ec2_gateways,
    ec2_instances,
    ec2_routes,
    ecr,
    eks,
    eks_nodes,
    elbv2,
    fsx,
    iam,
    kms,
    logs,
    security_groups,
)
from r1_on_eks.rehearsal.aws_provider.row import Row

_PARTS = (
    ec2,
    ec2_gateways,
    ec2_instances,
    ec2_routes,
    security_groups,
    iam,
    kms,
    logs,
    eks,
    eks_nodes,
    fsx,
    elbv2,
    autoscaling,
    ecr,
    costexplorer,
    amp,
)
ROWS: dict[str, Row] = {row.token: row for part in _PARTS for row in part.ROWS}


def row_of(token: str) -> Row:
    """The row of a type.

    Raises:
        Refused: there is none.
    """
    if token not in ROWS:
        raise Refused(f"the rehearsal does not model {token} yet{near(token, ROWS)}")
    return ROWS[token]
