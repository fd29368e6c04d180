"""Everything that is ours in moto's server, in one place.

moto itself stays unchanged on disk; `apply()` runs once, before the first request.
"""

import importlib
from collections.abc import Callable
from typing import Any

from moto.autoscaling.models import FakeAutoScalingGroup
from moto.ce.responses import CostExplorerResponse
from moto.ec2.models import EC2Backend
from moto.ec2.models.instances import Instance
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses import EC2Response
from moto.ecr.responses import ECRResponse
from moto.elbv2.models import ELBv2Backend
from moto.iam.responses import IamResponse
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse
from moto.ssm.models import SimpleSystemManagerBackend

from r1_on_eks.rehearsal.aws_cloud import (
    account_limits,
    # These three give their backends a response class.
    amp_service,  # noqa: F401
    autoscaling_zones,
    ec2_dependencies,
    ec2_template_versions,
    eks_service,  # noqa: F401
    elbv2_attributes,
    elbv2_interfaces,
    fsx_service,  # noqa: F401
)
from r1_on_eks.rehearsal.aws_cloud.amp_state import amp_backends
from r1_on_eks.rehearsal.aws_cloud.cost_anomalies import CostAnomalies
from r1_on_eks.rehearsal.aws_cloud.ec2_placement_groups import PlacementGroups
from r1_on_eks.rehearsal.aws_cloud.ecr_pull_through import PullThroughCacheRules
from r1_on_eks.rehearsal.aws_cloud.eks_state import eks_backends
from r1_on_eks.rehearsal.aws_cloud.fsx_state import fsx_backends

# Services that are wholly ours: moto's module, the name of its backends, ours instead.
OWN_SERVICES: tuple[tuple[str, str, Any], ...] = (
    ("moto.amp", "amp_backends", amp_backends),
    ("moto.eks", "eks_backends", eks_backends),
    ("moto.fsx", "fsx_backends", fsx_backends),
)
# Operations that moto's response class lacks.
NEW_OPERATIONS: tuple[tuple[type, type], ...] = (
    (EC2Response, PlacementGroups),
    (EC2Response, account_limits.CapacityOffers),
    (ServiceQuotasResponse, account_limits.QuotaIncreases),
    (IamResponse, account_limits.Simulation),
    (CostExplorerResponse, account_limits.CostTags),
    (CostExplorerResponse, CostAnomalies),
    (ECRResponse, PullThroughCacheRules),
)
# Methods that moto has and that must do more: class, method, what wraps it.
WRAPPED: tuple[tuple[type, str, Callable[[Callable[..., Any]], Callable[..., Any]]], ...] = (
    (EC2Backend, "delete_subnet", ec2_dependencies.delete_subnet),
    (EC2Backend, "delete_security_group", ec2_dependencies.delete_security_group),
    (EC2Backend, "delete_vpc", ec2_dependencies.delete_vpc),
    (EC2Backend, "detach_internet_gateway", ec2_dependencies.detach_internet_gateway),
    (EC2Backend, "release_address", ec2_dependencies.release_address),
    (EC2Backend, "delete_nat_gateway", ec2_dependencies.delete_nat_gateway),
    (Instance, "terminate", ec2_dependencies.terminate),
    (ServiceQuotasBackend, "get_service_quota", account_limits.get_service_quota),
    (SimpleSystemManagerBackend, "get_parameter", account_limits.get_parameter),
    (LaunchTemplate, "create_version", ec2_template_versions.create_version),
    (ELBv2Backend, "create_load_balancer", elbv2_interfaces.create_load_balancer),
    (ELBv2Backend, "delete_load_balancer", elbv2_interfaces.delete_load_balancer),
    (ELBv2Backend, "set_security_groups", elbv2_interfaces.renew_interfaces),
    (ELBv2Backend, "set_subnets", elbv2_interfaces.renew_interfaces),
    (
        ELBv2Backend,
        "modify_target_group_attributes",
        elbv2_attributes.modify_target_group_attributes,
    ),
    (
        FakeAutoScalingGroup,
        "replace_autoscaling_group_instances",
        autoscaling_zones.replace_autoscaling_group_instances,
    ),
)
_applied: list[bool] = []


def apply() -> None:
    """Puts the tables into effect; a second call does nothing."""
    if _applied:
        return
    _applied.append(True)
    for module, name, backends in OWN_SERVICES:
        setattr(importlib.import_module(module), name, backends)
        setattr(importlib.import_module(f"{module}.models"), name, backends)
    for target, source in NEW_OPERATIONS:
        for name, operation in vars(source).items():
            if callable(operation) and not name.startswith("_"):
                setattr(target, name, operation)
    for target, name, wrap in WRAPPED:
        setattr(target, name, wrap(getattr(target, name)))
