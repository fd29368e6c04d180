"""AWS's Price List, by its API or by its files, and the one offer that a price is.

The selectors below are as Karpenter, Infracost and AWS's documentation have them, or remembered;
none is trusted: what matches no offer, or more than one, is refused.
"""

import csv
import io
import json
import re
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# The API answers in three Regions only.
API_REGION = "us-east-1"
_PATIENCE_S = 120


class Ambiguous(LookupError):
    """No offer, or more than one, is what a price is of."""


@dataclass(frozen=True, kw_only=True)
class Selector:
    """How a price of the book is found in the Price List.

    Attributes:
        code: AWS's name of the service.
        attributes: What the offer's attributes must be.
        usage: What its usage type must end with, a regular expression.
        begins: Where its tier begins, in AWS's unit; what is free or dearer before isn't meant.
    """

    code: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    usage: str = ""
    begins: float = 0

    def takes(self, attributes: Mapping[str, str]) -> bool:
        """Whether an offer with these attributes is meant."""
        return all(attributes.get(key) == value for key, value in self.attributes.items()) and (
            not self.usage
            or re.search(f"(^|-){self.usage}$", attributes.get("usagetype", "")) is not None
        )


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One price on demand, of one tier, which begins at so many of its unit."""

    sku: str
    attributes: Mapping[str, str]
    usd: float
    unit: str
    begins: float = 0


# What is counted is priced by so many.
_COUNTS = {"1k": 1e3, "10k": 1e4, "10M": 1e7, "1B": 1e9}
_COUNTED = frozenset({"Requests", "Metrics", "Metric Datapoints"})
# AWS's other units → ours, and by what dollars are divided then.
_UNITS = {
    "Hrs": ("hour", 1), "hours": ("hour", 1), "Hours": ("hour", 1), "Hour": ("hour", 1),
    "GB-Mo": ("GB-month", 1), "GB-month": ("GB-month", 1), "GB": ("GB", 1),
    "Gigabytes": ("GB", 1), "IOPS-Mo": ("IOPS-month", 1), "MiBps-Mo": ("MB/s-month", 1),
    "GiBps-mo": ("MB/s-month", 1024), "GiBps-Mo": ("MB/s-month", 1024),
    "LCU-Hrs": ("LCU-hour", 1), "Alarms": ("month", 1), "Keys": ("month", 1),
    "months": ("month", 1),
}  # fmt: skip


def _instance(name: str) -> Selector:
    return Selector(code="AmazonEC2", attributes={
        "instanceType": name, "operatingSystem": "Linux", "tenancy": "Shared",
        "capacitystatus": "Used", "preInstalledSw": "NA", "marketoption": "OnDemand",
        "licenseModel": "No License required",
    })  # fmt: skip


def _lustre(deployment: str, throughput: str | None) -> Selector:
    speed = {"throughputCapacity": throughput} if throughput else {}
    return Selector(code="AmazonFSx", attributes={
        "fileSystemType": "Lustre", "storageType": "SSD", "deploymentOption": deployment, **speed,
    })  # fmt: skip


_NAT = {"productFamily": "NAT Gateway"}
_NLB = {"productFamily": "Load Balancer-Network"}
_GP3 = {"volumeApiName": "gp3"}


def _prometheus(usage: str, begins: float = 0) -> Selector:
    return Selector(code="AmazonPrometheus", usage=f"AMP:{usage}", begins=begins)


_SELECTORS = {
    ("EKS", "control plane, standard support"):
        Selector(code="AmazonEKS", usage="AmazonEKS-Hours:perCluster"),
    ("EKS", "control plane, extended support"):
        Selector(code="AmazonEKS", usage="AmazonEKS-Hours:extendedSupport"),
    ("EBS", "gp3 storage"):
        Selector(code="AmazonEC2", attributes={"productFamily": "Storage", **_GP3}),
    ("EBS", "gp3 IOPS above 3000"):
        Selector(code="AmazonEC2", attributes={"productFamily": "System Operation", **_GP3}),
    ("EBS", "gp3 MB/s above 125"):
        Selector(code="AmazonEC2", attributes={"productFamily": "Provisioned Throughput", **_GP3}),
    ("EBS", "gp2 storage"):
        Selector(code="AmazonEC2", attributes={"productFamily": "Storage",
                                               "volumeApiName": "gp2"}),
    ("VPC", "NAT gateway"):
        Selector(code="AmazonEC2", attributes=_NAT, usage="NatGateway-Hours"),
    ("VPC", "NAT gateway traffic"):
        Selector(code="AmazonEC2", attributes=_NAT, usage="NatGateway-Bytes"),
    ("VPC", "public IPv4 address"): Selector(code="AmazonVPC", usage="PublicIPv4:InUseAddress"),
    ("VPC", "interface endpoint"): Selector(code="AmazonVPC", usage="VpcEndpoint-Hours"),
    ("VPC", "interface endpoint traffic"): Selector(code="AmazonVPC", usage="VpcEndpoint-Bytes"),
    ("ELB", "network load balancer"):
        Selector(code="AWSELB", attributes=_NLB, usage="LoadBalancerUsage"),
    ("ELB", "network load balancer unit"):
        Selector(code="AWSELB", attributes=_NLB, usage="LCUUsage"),
    ("FSx", "Lustre SCRATCH_2 SSD"): _lustre("Scratch", None),
    ("FSx", "Lustre PERSISTENT_2 SSD 125"): _lustre("Persistent", "125"),
    ("FSx", "Lustre PERSISTENT_2 SSD 250"): _lustre("Persistent", "250"),
    ("FSx", "Lustre PERSISTENT_2 SSD 500"): _lustre("Persistent", "500"),
    ("FSx", "Lustre PERSISTENT_2 SSD 1000"): _lustre("Persistent", "1000"),
    ("CloudWatch", "logs, taken in"):
        Selector(code="AmazonCloudWatch", usage="DataProcessing-Bytes"),
    ("CloudWatch", "logs, kept"): Selector(code="AmazonCloudWatch", usage="TimedStorage-ByteHrs"),
    ("CloudWatch", "alarm"): Selector(code="AmazonCloudWatch", usage="CW:AlarmMonitorUsage"),
    ("CloudWatch", "1,000 figures that are asked for"):
        Selector(code="AmazonCloudWatch", usage="CW:GMD-Metrics"),
    ("KMS", "key"): Selector(code="awskms", usage="KMS-Keys"),
    ("KMS", "10,000 requests"): Selector(code="awskms", usage="KMS-Requests"),
    ("S3", "standard storage"): Selector(code="AmazonS3", usage="TimedStorage-ByteHrs"),
    ("ECR", "storage"): Selector(code="AmazonECR", usage="TimedStorage-ByteHrs"),
    # The first 40 million samples and the first 10 GB are an account's for nothing.
    ("AMP", "10 million samples"): _prometheus("MetricSampleCount", 40e6),
    ("AMP", "10 million samples above 2 billion"): _prometheus("MetricSampleCount", 2e9),
    ("AMP", "10 million samples above 252 billion"): _prometheus("MetricSampleCount", 252e9),
    ("AMP", "storage"): _prometheus("MetricStorageByteHrs", 10),
    ("AMP", "billion samples queried"): _prometheus("QuerySamplesProcessed"),
    ("AMP", "collector"): _prometheus("CollectorHours"),
    ("AMP", "10 million samples collected"): _prometheus("CollectorSampleCount"),
}  # fmt: skip


def selector_of(service: str, what: str) -> Selector | None:
    """How a price is found; None for one that the Price List doesn't have."""
    name, _, way = what.partition(" ")
    if service == "EC2":
        return _instance(name) if way == "on-demand" else None
    return _SELECTORS.get((service, what))


def choose(selector: Selector, offers: Iterable[Offer], unit: str) -> tuple[float, str]:
    """The price of the one offer that a selector takes, in a unit of the book; and its SKU.

    Raises:
        Ambiguous: there is none, there are several, or it is by another unit.
    """
    found = {
        offer.sku: offer
        for offer in offers
        if offer.begins == selector.begins and selector.takes(offer.attributes)
    }
    if len(found) != 1:
        several = f"{len(found)} offers: {', '.join(sorted(found)[:5])}" if found else "no offer"
        raise Ambiguous(f"{several} for {_told(selector)}")
    (offer,) = found.values()
    if offer.unit in _COUNTED and unit in _COUNTS:
        return offer.usd * _COUNTS[unit], offer.sku
    ours, divided = _UNITS.get(offer.unit, (offer.unit, 1))
    # AWS calls the units of both kinds of load balancer LCU.
    if ours.replace("LCU", "NLCU") != unit.replace("NLCU", "LCU").replace("LCU", "NLCU"):
        raise Ambiguous(f"{offer.sku} is by the {offer.unit}, not by the {unit}")
    return offer.usd / divided, offer.sku


def _told(selector: Selector) -> str:
    told = [*selector.attributes.values(), *([f"…{selector.usage}"] if selector.usage else [])]
    return f"{selector.code} {', '.join(told)}"


def by_api(client: Any, selector: Selector, region: str) -> Iterator[Offer]:
    """Offers of a Region from the Price List API.

    Args:
        client: boto3's of `pricing`.
        selector: Its attributes are asked for.
        region: AWS Region.
    """
    filters = [
        {"Type": "TERM_MATCH", "Field": key, "Value": value}
        for key, value in {"regionCode": region, **selector.attributes}.items()
    ]
    pages = client.get_paginator("get_products").paginate(
        ServiceCode=selector.code, Filters=filters, PaginationConfig={"PageSize": 100}
    )
    for page in pages:
        for text in page["PriceList"]:
            yield from _offers(json.loads(text))


def _offers(told: Mapping[str, Any]) -> Iterator[Offer]:
    product = told["product"]
    attributes = {**product["attributes"], "productFamily": product.get("productFamily", "")}
    for term in told.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            usd = float(dimension["pricePerUnit"].get("USD", 0))
            if usd > 0:
                yield Offer(
                    sku=product["sku"],
                    attributes=attributes,
                    usd=usd,
                    unit=dimension["unit"],
                    begins=float(dimension.get("beginRange") or 0),
                )


# Columns of the files → attributes of the API.
_COLUMNS = {
    "Instance Type": "instanceType", "Operating System": "operatingSystem", "Tenancy": "tenancy",
    "CapacityStatus": "capacitystatus", "Pre Installed S/W": "preInstalledSw",
    "MarketOption": "marketoption", "License Model": "licenseModel", "usageType": "usagetype",
    "Product Family": "productFamily", "Volume API Name": "volumeApiName",
    "File System Type": "fileSystemType", "Storage Type": "storageType",
    "Deployment Option": "deploymentOption", "Throughput Capacity": "throughputCapacity",
}  # fmt: skip


def by_file(base: str, code: str, region: str, wanted: Iterable[Selector]) -> list[Offer]:
    """The offers of a Region that any selector takes, from the file of a service.

    A file may have hundreds of MB: it is read as it comes, and what nobody asks for is dropped.

    Args:
        base: Where AWS keeps the files, https://pricing.us-east-1.amazonaws.com.
        code: AWS's name of the service.
        region: AWS Region.
        wanted: What is looked for.

    Raises:
        OSError: the file can't be read.
        ValueError: it is no such file.
    """
    selectors = list(wanted)
    address = f"{base}/offers/v1.0/aws/{code}/current/{region}/index.csv"
    found = []
    with urllib.request.urlopen(address, timeout=_PATIENCE_S) as answer:
        for cells in _rows(io.TextIOWrapper(answer, encoding="utf-8", newline=""), address):
            attributes = {ours: cells.get(theirs, "") for theirs, ours in _COLUMNS.items()}
            if not any(selector.takes(attributes) for selector in selectors):
                continue
            usd = float(cells["PricePerUnit"] or 0)
            if cells["TermType"] == "OnDemand" and usd > 0:
                found.append(Offer(
                    sku=cells["SKU"], attributes=attributes, usd=usd, unit=cells["Unit"],
                    begins=float(cells.get("StartingRange") or 0),
                ))  # fmt: skip
    return found


def _rows(file: Iterable[str], address: str) -> Iterator[dict[str, str]]:
    lines = iter(file)
    # "FormatVersion", "Disclaimer", "Publication Date", "Version", "OfferCode".
    for _ in range(5):
        next(lines, "")
    reader = csv.DictReader(lines)
    if not {"SKU", "TermType", "PricePerUnit", "Unit"} <= set(reader.fieldnames or ()):
        raise ValueError(f"{address} is no price list: it has no columns SKU, TermType, …")
    yield from reader
