"""What AWS answers of one Region: zones, offers, machine images, add-ons."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from r1_on_eks.pinning.lookups import LookupFailed

_PATIENCE = Config(connect_timeout=10, read_timeout=20, retries={"total_max_attempts": 3})
# EKS user guide, retrieve-ami-id.
_PARAMETER = "/aws/service/eks/optimized-ami/{version}/{path}"


class Region:
    """One Region, asked with the credentials of the environment.

    Attributes:
        wanted: The account that they should be of.
        name: Of the Region.
    """

    def __init__(self, wanted: str, name: str, session: Any = None) -> None:
        self.wanted = wanted
        self.name = name
        self._session = session or boto3.Session()

    def account(self) -> str:
        """The account, if it is the stacks' own.

        Raises:
            LookupFailed: the credentials are another account's, or there are none.
        """
        if self._caller != self.wanted:
            raise LookupFailed(
                f"these credentials are of {self._caller}; the stacks stand in {self.wanted}"
            )
        return self._caller

    def zones(self) -> dict[str, str]:
        """Zone to its id; no Local or Wavelength Zones.

        Raises:
            LookupFailed: AWS refused, or the account is another one: its zones have other ids.
        """
        self.account()
        asked = [{"Name": "zone-type", "Values": ["availability-zone"]}]
        answer = self._call("ec2", "describe_availability_zones", Filters=asked)
        return {one["ZoneName"]: one["ZoneId"] for one in answer["AvailabilityZones"]}

    def sold(self, types: Sequence[str]) -> dict[str, list[str]]:
        """Instance type to the zones that offer it; none for a type that no zone has.

        Raises:
            LookupFailed: AWS refused, or the account is another one.
        """
        self.account()
        found: dict[str, list[str]] = {one: [] for one in types}
        token: dict[str, str] = {}
        while True:
            answer = self._call(
                "ec2",
                "describe_instance_type_offerings",
                LocationType="availability-zone",
                Filters=[{"Name": "instance-type", "Values": [*types]}],
                **token,
            )
            for one in answer["InstanceTypeOfferings"]:
                found.setdefault(one["InstanceType"], []).append(one["Location"])
            if not answer.get("NextToken"):
                return {kind: sorted(zones) for kind, zones in found.items()}
            token = {"NextToken": answer["NextToken"]}

    def release(self, version: str, path: str) -> str:
        """The newest release of a machine image for a Kubernetes version.

        Raises:
            LookupFailed: AWS refused, or knows none.
        """
        name = _PARAMETER.format(version=version, path=path)
        return self._call("ssm", "get_parameter", Name=name)["Parameter"]["Value"]

    def addon(self, version: str, name: str) -> str:
        """The version of an add-on that EKS installs by default.

        Raises:
            LookupFailed: AWS refused, or has no default for that Kubernetes version.
        """
        answer = self._call(
            "eks", "describe_addon_versions", addonName=name, kubernetesVersion=version
        )
        for addon in answer["addons"]:
            for one in addon["addonVersions"]:
                if any(
                    fitting.get("defaultVersion") and fitting.get("clusterVersion") == version
                    for fitting in one.get("compatibilities", ())
                ):
                    return one["addonVersion"]
        raise LookupFailed(f"EKS has no default version of {name} for Kubernetes {version}")

    @cached_property
    def _caller(self) -> str:
        return self._call("sts", "get_caller_identity")["Account"]

    def _call(self, service: str, operation: str, **asked: Any) -> Any:
        try:
            client = self._session.client(service, region_name=self.name, config=_PATIENCE)
            return getattr(client, operation)(**asked)
        except (BotoCoreError, ClientError) as error:
            raise LookupFailed(str(error).splitlines()[0]) from None
