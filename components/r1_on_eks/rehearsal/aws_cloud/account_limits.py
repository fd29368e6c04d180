"""What an account may have and do, for `r1 check`: questions that moto has no answer to. All ours.

Every answer is held to botocore's model before it is sent. The account is a new one: quotas are
AWS's defaults, an increase is granted at once, nothing is forbidden, and no tag is active yet.
"""

import json
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from itertools import chain
from typing import Any

from botocore.validate import validate_parameters
from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.ssm.models import Parameter

from r1_on_eks.catalog.price_book import price_book
from r1_on_eks.catalog.quotas import ADDRESSES, FILE_SYSTEM_QUOTAS, INSTANCE_QUOTAS
from r1_on_eks.rehearsal.aws_cloud.eks_versions import VERSIONS
from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError

# What a new account has: 5 vCPU of standard instances, none of P, G and VT (Service Quotas, AWS
# defaults, 2026-11); addresses: VPC user guide, amazon-vpc-limits.
_EC2 = {**dict.fromkeys(INSTANCE_QUOTAS, 0.0), "L-1216C47A": 5.0, ADDRESSES.code: 5.0}
# As the lists that the catalogue names; file systems, and their GiB together.
_FSX = {
    quota.code: value
    for quotas in FILE_SYSTEM_QUOTAS.values()
    for quota, value in zip(quotas, (100.0, 100_800.0), strict=True)
}
_DEFAULTS = {"ec2": _EC2, "fsx": _FSX}
_NAMED = (*INSTANCE_QUOTAS.values(), ADDRESSES, *chain(*FILE_SYSTEM_QUOTAS.values()))
_NAMES = {quota.code: quota.name for quota in _NAMED}
# Blocks begin and end at half past eleven (EC2 user guide, ec2-capacity-blocks).
_BEGINS = time(11, 30, tzinfo=UTC)

# EKS user guide, retrieve-ami-id.
_IMAGE_RELEASE = re.compile(
    r"/aws/service/eks/optimized-ami/(?P<version>\d\.\d+)/amazon-linux-2023/x86_64/\w+/recommended"
    r"/release_version"
)

# By account and Region, then by service and code: what was granted.
_granted: dict[tuple[str, str], dict[tuple[str, str], float]] = {}


def answered(service: str, operation: str, content: dict[str, Any]) -> ActionResult:
    """An answer whose shape botocore's model of the service allows.

    Raises:
        ParamValidationError: it doesn't.
    """
    validate_parameters(
        content, get_service_model(service).operation_model(operation).output_shape
    )
    return ActionResult(content)


def get_parameter(known: Callable[..., Any]) -> Callable[..., Any]:
    """Releases of EKS's machine images, besides the parameters that moto has."""

    def get(backend: Any, name: str) -> Any:
        found = _IMAGE_RELEASE.fullmatch(name)
        if found is None or found["version"] not in VERSIONS:
            return known(backend, name)
        return Parameter(
            account_id=backend.account_id,
            name=name,
            # No release of AWS's: nothing here is pinned as if it were one.
            value=f"{found['version']}.0-00000000",
            parameter_type="String",
            description="",
            allowed_pattern=None,
            keyid=None,
            last_modified_date=0,
            version=1,
            data_type="text",
        )

    return get


def get_service_quota(known: Callable[..., Any]) -> Callable[..., Any]:
    """Quotas that were raised, and EC2's and FSx's besides moto's own of VPC."""

    def get(backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
        granted = _granted.get((backend.account_id, backend.region_name), {})
        defaults = _DEFAULTS.get(service_code, {})
        if quota_code in defaults:
            found = {
                "ServiceCode": service_code,
                "QuotaCode": quota_code,
                "QuotaName": _NAMES[quota_code],
                "Value": defaults[quota_code],
                "Adjustable": True,
            }
        else:
            found = known(backend, service_code, quota_code)
        value = granted.get((service_code, quota_code), found["Value"])
        return {**found, "Value": value}

    return get


class QuotaIncreases:
    """Operations that are added to moto's response class of Service Quotas."""

    current_account: str
    region: str
    body: str
    backend: Any

    def request_service_quota_increase(self) -> ActionResult:
        """RequestServiceQuotaIncrease; AWS takes hours to days, and this no time."""
        asked = json.loads(self.body)
        service, code, wanted = asked["ServiceCode"], asked["QuotaCode"], asked["DesiredValue"]
        now = self.backend.get_service_quota(service_code=service, quota_code=code)["Value"]
        if wanted <= now:
            raise AwsError(
                "IllegalArgumentException",
                f"The value {wanted:g} must be greater than the current quota value {now:g}.",
            )
        _granted.setdefault((self.current_account, self.region), {})[service, code] = wanted
        request = {
            "Id": secrets.token_hex(16),
            "ServiceCode": service,
            "QuotaCode": code,
            "DesiredValue": float(wanted),
            "Status": "APPROVED",
        }
        return answered(
            "service-quotas", "RequestServiceQuotaIncrease", {"RequestedQuota": request}
        )


class CapacityOffers:
    """Operations that are added to moto's EC2 response class."""

    region: str
    _get_param: Any

    def describe_capacity_block_offerings(self) -> ActionResult:
        """DescribeCapacityBlockOfferings: tomorrow's, at the price book's price, in zone b."""
        kind = self._get_param("InstanceType")
        count = int(self._get_param("InstanceCount") or 1)
        hours = int(self._get_param("CapacityDurationHours"))
        price = price_book().price("EC2", f"{kind} capacity block", self.region)
        found = []
        if price is not None:
            tomorrow = datetime.now(UTC).date() + timedelta(days=1)
            begins = datetime.combine(tomorrow, _BEGINS)
            found.append(
                {
                    "CapacityBlockOfferingId": "cbo-00000000000000001",
                    "InstanceType": kind,
                    "AvailabilityZone": f"{self.region}b",
                    "InstanceCount": count,
                    "StartDate": begins,
                    "EndDate": begins + timedelta(hours=hours),
                    "CapacityBlockDurationHours": hours,
                    "UpfrontFee": f"{price.usd * hours * count:.2f}",
                    "CurrencyCode": "USD",
                    "Tenancy": "default",
                }
            )
        return answered("ec2", "DescribeCapacityBlockOfferings", {"CapacityBlockOfferings": found})

    def get_spot_placement_scores(self) -> ActionResult:
        """GetSpotPlacementScores: 1 everywhere, as for a single type."""
        scores = [
            {"Region": self.region, "AvailabilityZoneId": f"usw2-az{number}", "Score": 1}
            for number in (1, 2, 3)
        ]
        return answered("ec2", "GetSpotPlacementScores", {"SpotPlacementScores": scores})

    def describe_capacity_reservations(self) -> ActionResult:
        """DescribeCapacityReservations: nobody has any."""
        return answered("ec2", "DescribeCapacityReservations", {"CapacityReservations": []})


class Simulation:
    """An operation that is added to moto's IAM response class."""

    _get_param: Any

    def simulate_principal_policy(self) -> ActionResult:
        """SimulatePrincipalPolicy: all allowed, since nothing here is refused for its caller."""
        results = [
            {"EvalActionName": action, "EvalResourceName": "*", "EvalDecision": "allowed"}
            for action in self._get_param("ActionNames")
        ]
        content = {"EvaluationResults": results, "IsTruncated": False}
        return answered("iam", "SimulatePrincipalPolicy", content)


class CostTags:
    """An operation that is added to moto's response class of Cost Explorer."""

    def list_cost_allocation_tags(self) -> ActionResult:
        """ListCostAllocationTags: none was seen yet."""
        return answered("ce", "ListCostAllocationTags", {"CostAllocationTags": []})
