"""Scrapers of Amazon Managed Service for Prometheus: collectors outside of the cluster.

Source: the service's user guide, AMP-collector-how-to, and its API reference, 2026-11. A scraper
outlives the cluster that it scrapes, and its interfaces keep their subnets and security groups.
That AWS refuses at once what the guide calls a prerequisite is assumed; so is that an interface
is in each subnet, where the reference says in each zone.
Nothing is scraped here, and its service-linked role is a name alone: nobody assumes it.
"""

from typing import Any

from botocore.exceptions import ClientError
from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends

from r1_on_eks.rehearsal.aws_cloud.amp_documents import check_scraped
from r1_on_eks.rehearsal.aws_cloud.amp_state import (
    AmpBackend,
    AmpRequest,
    Scraper,
    Shape,
    conflict,
    has,
    invalid,
    new_id,
    not_found,
    now,
)
from r1_on_eks.rehearsal.aws_cloud.amp_workspaces import becomes
from r1_on_eks.rehearsal.aws_cloud.background import client, later
from r1_on_eks.rehearsal.aws_cloud.eks_access import admit, expel
from r1_on_eks.rehearsal.aws_cloud.eks_state import Cluster, eks_backends, page

_POLICY = "AmazonPrometheusScraperPolicy"
_TO_A_CLUSTER, _TO_A_WORKSPACE = "eksConfiguration", "ampConfiguration"
_CHANGED = ("alias", "scrapeConfiguration", "destination", "roleConfiguration")
# API reference, ListScrapers.
_FILTERS = {
    "alias": lambda shape: shape.get("alias"),
    "status": lambda shape: shape["status"]["statusCode"],
    "sourceArn": lambda shape: shape["source"][_TO_A_CLUSTER]["clusterArn"],
    "destinationArn": lambda shape: shape["destination"][_TO_A_WORKSPACE]["workspaceArn"],
}


class Scrapers(AmpRequest):
    """The operations on scrapers."""

    def create_scraper(self) -> ActionResult:
        """CreateScraper, of an EKS cluster into a workspace."""
        asked = self.request()
        if _TO_A_CLUSTER not in asked["source"]:
            raise NotImplementedError("scrapers of what is no EKS cluster are not rehearsed")
        source = dict(asked["source"][_TO_A_CLUSTER])
        cluster = self._cluster(source["clusterArn"])
        self._check_network(source, cluster)
        self._check_destination(asked)
        check_scraped(asked["scrapeConfiguration"]["configurationBlob"])
        # That the cluster's own group is taken where none is given is assumed.
        vpc = cluster.shape["resourcesVpcConfig"]
        source.setdefault("securityGroupIds", [vpc["clusterSecurityGroupId"]])
        identifier = new_id("s")
        scraper = Scraper(self._shape(identifier, asked, {_TO_A_CLUSTER: source}))
        self.amp.scrapers[identifier] = scraper
        answer = ActionResult(dict(scraper.shape))
        later(f"create {identifier}", lambda: _make(scraper, cluster))
        return answer

    def describe_scraper(self) -> ActionResult:
        """DescribeScraper."""
        return ActionResult({"scraper": self.amp.scraper(self.request()["scraperId"]).shape})

    def list_scrapers(self) -> ActionResult:
        """ListScrapers, by any of its filters."""
        # moto takes the letters of a filter's only value for its values.
        asked: dict[str, list[str]] = self.querystring
        wanted = {key: asked[key] for key in _FILTERS if key in asked}
        found = [
            one.shape
            for one in self.amp.scrapers.values()
            if all(_FILTERS[key](one.shape) in values for key, values in wanted.items())
        ]
        from_, most = (asked.get(key, [None])[0] for key in ("nextToken", "maxResults"))
        listed, token = page(found, {"nextToken": from_, "maxResults": most})
        return ActionResult({"scrapers": listed, "nextToken": token})

    def update_scraper(self) -> ActionResult:
        """UpdateScraper: all but its source."""
        asked = self.request()
        scraper = self.amp.scraper(asked["scraperId"])
        _must_be_active(scraper)
        if "scrapeConfiguration" in asked:
            check_scraped(asked["scrapeConfiguration"]["configurationBlob"])
        if "destination" in asked:
            self._check_destination(asked)
        scraper.shape.update({key: asked[key] for key in _CHANGED if key in asked})
        scraper.shape.update(status=has("UPDATING"), lastModifiedAt=now())
        answer = ActionResult(dict(scraper.shape))
        later(f"update {asked['scraperId']}", lambda: becomes(scraper.shape, "ACTIVE"))
        return answer

    def delete_scraper(self) -> ActionResult:
        """DeleteScraper; its interfaces and its access entry go with it."""
        identifier = self.request()["scraperId"]
        scraper = self.amp.scraper(identifier)
        if scraper.shape["status"]["statusCode"] in ("CREATING", "UPDATING", "DELETING"):
            raise conflict(f"Scraper {identifier} is {scraper.shape['status']['statusCode']}")
        scraper.shape["status"] = has("DELETING")
        amp = self.amp
        later(f"delete {identifier}", lambda: _remove(amp, identifier, scraper))
        return ActionResult({"scraperId": identifier, "status": has("DELETING")})

    def _shape(self, identifier: str, asked: Shape, source: Shape) -> Shape:
        role = f"AWSServiceRoleForAmazonPrometheusScraper_{identifier.removeprefix('s-')[:15]}"
        kept = ("alias", "scrapeConfiguration", "destination", "roleConfiguration")
        return {
            "scraperId": identifier,
            "arn": self.amp.arn("scraper", identifier),
            "roleArn": f"arn:aws:iam::{self.current_account}:role/aws-service-role"
            f"/scraper.aps.amazonaws.com/{role}",
            "status": has("CREATING"),
            "createdAt": now(),
            "lastModifiedAt": now(),
            "source": source,
            "tags": asked.get("tags", {}),
            **{key: asked[key] for key in kept if key in asked},
        }

    def _cluster(self, arn: str) -> Cluster:
        clusters = eks_backends[self.current_account][self.region].clusters
        found = next((one for one in clusters.values() if one.shape["arn"] == arn), None)
        if found is None:
            raise not_found(f"Cluster not found: {arn}")
        if found.shape["status"] not in ("ACTIVE", "UPDATING"):
            raise invalid(f"Cluster {found.name} is {found.shape['status']}, not ACTIVE")
        if not found.shape["resourcesVpcConfig"]["endpointPrivateAccess"]:
            raise invalid(f"Cluster {found.name} has no private endpoint access")
        return found

    def _check_network(self, source: Shape, cluster: Cluster) -> None:
        ec2: Any = ec2_backends[self.current_account][self.region]
        vpc = cluster.shape["resourcesVpcConfig"]["vpcId"]
        if str(ec2.vpcs[vpc].enable_dns_support).lower() != "true":
            raise invalid(f"VPC {vpc} has DNS support disabled")
        known = {one.id: one for zone in ec2.subnets.values() for one in zone.values()}
        zones: set[str] = set()
        for subnet in source["subnetIds"]:
            if subnet not in known or known[subnet].vpc_id != vpc:
                raise invalid(f"Subnet {subnet} does not exist in the cluster's VPC {vpc}")
            zones.add(known[subnet].availability_zone)
        if len(zones) < 2:
            raise invalid(f"Subnets in two Availability Zones are needed, not {sorted(zones)}")
        for group in source.get("securityGroupIds", ()):
            found = ec2.get_security_group_from_id(group)
            if found is None or found.vpc_id != vpc:
                raise invalid(f"Security group {group} does not exist in the cluster's VPC {vpc}")

    def _check_destination(self, asked: Shape) -> None:
        if _TO_A_WORKSPACE not in asked["destination"]:
            raise NotImplementedError("scrapers into CloudWatch are not rehearsed")
        arn = asked["destination"][_TO_A_WORKSPACE]["workspaceArn"]
        workspace = self.active_workspace(arn.rpartition("/")[2])
        if "kmsKeyArn" in workspace.shape and "roleConfiguration" not in asked:
            raise invalid("A workspace with a customer managed key needs a roleConfiguration")


def _must_be_active(scraper: Scraper) -> None:
    status = scraper.shape["status"]["statusCode"]
    if status != "ACTIVE":
        raise conflict(f"Scraper {scraper.shape['scraperId']} is {status}")


def _make(scraper: Scraper, cluster: Cluster) -> None:
    shape = scraper.shape
    source = shape["source"][_TO_A_CLUSTER]
    try:
        for subnet in source["subnetIds"]:
            made = client("ec2").create_network_interface(
                SubnetId=subnet,
                Groups=source["securityGroupIds"],
                Description=f"Amazon Managed Service for Prometheus {shape['scraperId']}",
                # AWS managed policy AmazonPrometheusScraperServiceRolePolicy; its value is ours.
                TagSpecifications=[
                    {
                        "ResourceType": "network-interface",
                        "Tags": [{"Key": "AMPAgentlessScraper", "Value": shape["scraperId"]}],
                    }
                ],
            )
            scraper.interfaces.append(made["NetworkInterface"]["NetworkInterfaceId"])
    except ClientError as failure:
        shape["statusReason"] = str(failure)[:256]
        becomes(shape, "CREATION_FAILED")
        return
    admit(cluster, shape["roleArn"], _POLICY)
    becomes(shape, "ACTIVE")


def _remove(amp: AmpBackend, identifier: str, scraper: Scraper) -> None:
    for interface in scraper.interfaces:
        client("ec2").delete_network_interface(NetworkInterfaceId=interface)
    eks = eks_backends[amp.account_id][amp.region_name]
    expel(eks.clusters.values(), scraper.shape["roleArn"])
    amp.scrapers.pop(identifier, None)
