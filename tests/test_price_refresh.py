"""`r1 prices refresh`: what AWS tells is written, what it tells unclearly is refused."""

import argparse
import importlib.util
from datetime import UTC, date, datetime
from pathlib import Path

import boto3
import moto
import pytest
from r1_on_eks import cli
from r1_on_eks.catalog.price_book import Price, PriceBook, price_book, read_book
from r1_on_eks.cost import price_commands
from r1_on_eks.cost.actual import NotTold, read_actual
from r1_on_eks.cost.price_list import selector_of
from r1_on_eks.cost.price_refresh import renewed

_spec = importlib.util.spec_from_file_location(
    "aws_prices_server", Path(__file__).parent / "aws_prices_server.py"
)
server = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(server)
TODAY = date(2026, 11, 25)
REGION = "us-west-2"
P5 = {
    "instanceType": "p5.48xlarge", "operatingSystem": "Linux", "tenancy": "Shared",
    "capacitystatus": "Used", "preInstalledSw": "NA", "marketoption": "OnDemand",
    "licenseModel": "No License required", "regionCode": REGION,
}  # fmt: skip


@pytest.fixture
def aws():
    prices = server.Prices()
    yield prices
    prices.close()


@pytest.fixture
def client(aws):
    def make(service, region_name):
        return boto3.client(
            service, region_name=region_name, endpoint_url=aws.address,
            aws_access_key_id="x", aws_secret_access_key="x",
        )  # fmt: skip

    return make


def known(service, what, usd, unit="hour", region=REGION):
    return Price(service=service, what=what, region=region, unit=unit, usd=usd,
                 standing="remembered", date="2025", source="memory")  # fmt: skip


def refresh(client, *prices, bulk=None):
    return renewed(PriceBook(prices), [REGION], client, today=TODAY, bulk=bulk)


def test_a_price_on_demand_is_taken_from_the_one_offer_with_its_sku_and_date(aws, client):
    aws.products = [
        server.product("LINUX", "55.0400000000", "Hrs", "Compute Instance", **P5),
        server.product("WIN", "99", "Hrs", **{**P5, "operatingSystem": "Windows"}),
        server.product("UNUSED", "0.0000000000", "Hrs", "Compute Instance", **P5),
    ]
    found = refresh(client, known("EC2", "p5.48xlarge on-demand", 98.32))
    (price,) = found.book.prices
    assert (price.usd, price.standing, price.date) == (55.04, "read", "2026-11-25")
    assert price.source == "AWS Price List API, SKU LINUX"
    assert found.refused == ()
    ((was, now),) = found.renewed
    assert (was.usd, now.usd) == (98.32, 55.04)
    (asked,) = (words for operation, words in aws.asked if operation == "GetProducts")
    assert {"Type": "TERM_MATCH", "Field": "regionCode", "Value": REGION} in asked["Filters"]


def test_all_pages_are_read_and_two_offers_are_refused_by_name(aws, client):
    aws.products = [server.product(f"SKU{n}", "55.04", "Hrs", **P5) for n in range(3)]
    aws.page_size = 1
    found = refresh(client, known("EC2", "p5.48xlarge on-demand", 98.32))
    assert found.renewed == ()
    assert found.book.prices[0].usd == 98.32
    assert "3 offers: SKU0, SKU1, SKU2" in found.refused[0].why
    assert len(aws.asked) == 3


def test_no_offer_and_another_unit_are_refused(aws, client):
    aws.products = [server.product("X", "1", "Quantity", **P5)]
    found = refresh(
        client,
        known("EC2", "p5.48xlarge on-demand", 98.32),
        known("VPC", "NAT gateway", 0.045),
    )
    why = {one.key[1]: one.why for one in found.refused}
    assert why["p5.48xlarge on-demand"] == "X is by the Quantity, not by the hour"
    assert why["NAT gateway"].startswith("no offer for AmazonEC2 NAT Gateway, …NatGateway-Hours")


def test_the_first_tier_is_taken_and_a_region_before_the_usage_type_does_not_matter(aws, client):
    aws.products = [
        server.product("IN", "0", "GB", tiers=[("0", "0.5"), ("10240", "0.25")],
                       usagetype="USW2-DataProcessing-Bytes", regionCode=REGION),
        server.product("V", "0", "GB", tiers=[("0", "0.1")],
                       usagetype="USW2-VendedLog-DataProcessing-Bytes-x", regionCode=REGION),
        server.product("T", "40.96", "GiBps-mo", "Provisioned Throughput",
                       volumeApiName="gp3", regionCode=REGION),
        server.product("L", "0.006", "LCU-Hrs", "Load Balancer-Network",
                       usagetype="USW2-LCUUsage", regionCode=REGION),
    ]  # fmt: skip
    found = refresh(
        client,
        known("CloudWatch", "logs, taken in", 9, "GB"),
        known("EBS", "gp3 MB/s above 125", 9, "MB/s-month"),
        known("ELB", "network load balancer unit", 9, "NLCU-hour"),
    )
    assert {price.what: price.usd for price in found.book.prices} == {
        "logs, taken in": 0.5, "gp3 MB/s above 125": 0.04, "network load balancer unit": 0.006,
    }  # fmt: skip


def test_samples_have_a_price_by_their_tier_and_what_is_free_before_is_none(aws, client):
    tiers = [
        ("0", "0.0000000000"),
        ("40000000", "0.0000000900"),
        ("2000000000", "0.0000000350"),
        ("252000000000", "0.0000000160"),
    ]
    aws.products = [
        server.product("IN", "0", "Metric Datapoints", tiers=tiers,
                       usagetype="USW2-AMP:MetricSampleCount", regionCode=REGION),
        server.product("GB", "0", "GB-Mo", tiers=[("0", "0.0000000000"), ("10", "0.0300000000")],
                       usagetype="USW2-AMP:MetricStorageByteHrs", regionCode=REGION),
        server.product("ASK", "0.0000000001", "Metric Datapoints",
                       usagetype="USW2-AMP:QuerySamplesProcessed", regionCode=REGION),
    ]  # fmt: skip
    first = "10 million samples"
    found = refresh(
        client,
        *(known("AMP", what, 9, "10M") for what in (
            first, f"{first} above 2 billion", f"{first} above 252 billion",
        )),
        known("AMP", "storage", 9, "GB-month"),
        known("AMP", "billion samples queried", 9, "1B"),
        known("AMP", "collector", 9),
    )  # fmt: skip
    assert {price.what: price.usd for price in found.book.prices} == {
        first: 0.9, f"{first} above 2 billion": 0.35, f"{first} above 252 billion": 0.16,
        "storage": 0.03, "billion samples queried": 0.1, "collector": 9,
    }  # fmt: skip
    assert [one.key[1] for one in found.refused] == ["collector"]


def test_a_block_costs_its_fee_over_instances_and_hours(aws, client):
    aws.answers["DescribeCapacityBlockOfferings"] = lambda words: {
        "CapacityBlockOfferings": [
            {"CapacityBlockOfferingId": "cbo-1", "InstanceType": words["InstanceType"],
             "AvailabilityZone": "us-west-2a", "InstanceCount": 1, "UpfrontFee": "1146.24",
             "CapacityBlockDurationHours": 24, "CurrencyCode": "USD"},
        ]
    }  # fmt: skip
    found = refresh(client, known("EC2", "p5.48xlarge capacity block", 41.5))
    (price,) = found.book.prices
    assert (price.usd, price.standing) == (47.76, "read")
    words = aws.asked[-1][1]
    assert (words["InstanceCount"], words["CapacityDurationHours"]) == ("1", "24")


def test_no_block_for_sale_and_no_permission_leave_the_price_as_it_was(aws, client):
    aws.answers["DescribeCapacityBlockOfferings"] = {"CapacityBlockOfferings": []}
    found = refresh(
        client, known("EC2", "p5.48xlarge capacity block", 41.5), known("EC2", "x spot", 1)
    )
    assert {price.usd for price in found.book.prices} == {41.5, 1}
    why = {one.key[1]: one.why for one in found.refused}
    assert why["p5.48xlarge capacity block"] == "none is offered now"
    assert "not authorized" in why["x spot"]


def test_the_least_and_the_most_spot_price_of_all_zones_are_kept(aws, client):
    aws.answers["DescribeSpotPriceHistory"] = lambda words: {
        "SpotPriceHistory": [
            {"AvailabilityZone": zone, "InstanceType": words["InstanceType.1"],
             "SpotPrice": usd, "ProductDescription": "Linux/UNIX",
             "Timestamp": datetime(2026, 11, 25, tzinfo=UTC).isoformat()}
            for zone, usd in (("a", "12.7"), ("b", "16.1"), ("c", "13.0"))
        ]
    }  # fmt: skip
    found = refresh(client, known("EC2", "p5.48xlarge spot", 20))
    assert [price.usd for price in found.book.prices] == [12.7, 16.1]


def test_motos_spot_history_is_read():
    with moto.mock_aws():
        found = refresh(boto3.client, known("EC2", "m5.large spot", 9.0))
    # Moto knows none, or its own: either way nothing breaks and nothing is free.
    assert all(price.usd > 0 for price in found.book.prices)
    assert len(found.renewed) + len(found.refused) == 1


@pytest.mark.parametrize(("rates", "told"), [(["13.92"], 13.92), (["13.92", "14.5"], None)])
def test_a_savings_plan_is_taken_if_it_has_one_rate(aws, client, rates, told):
    year = 31_536_000

    def answer(words):
        assert {"name": "instanceType", "values": ["p4d.24xlarge"]} in words["filters"]
        return {"searchResults": [
            {"savingsPlanOffering": {"offeringId": "o", "paymentOption": "No Upfront",
                                     "planType": "EC2Instance", "currency": "USD",
                                     "durationSeconds": seconds},
             "rate": rate, "unit": "Hrs", "productType": "EC2", "serviceCode": "AmazonEC2"}
            for rate, seconds in [*((rate, year) for rate in rates), ("9.38", 3 * year)]
        ]}  # fmt: skip

    aws.answers["DescribeSavingsPlansOfferingRates"] = answer
    found = refresh(client, known("EC2", "p4d.24xlarge 1 year", 20))
    assert found.book.prices[0].usd == (told or 20)
    assert (found.refused == ()) is (told is not None)


ROWS = [
    {"SKU": "A", "TermType": "OnDemand", "StartingRange": "0", "Unit": "Hrs",
     "PricePerUnit": "55.0400000000", "Product Family": "Compute Instance",
     "Instance Type": "p5.48xlarge", "Operating System": "Linux", "Tenancy": "Shared",
     "CapacityStatus": "Used", "Pre Installed S/W": "NA", "MarketOption": "OnDemand",
     "License Model": "No License required", "usageType": "USW2-BoxUsage:p5.48xlarge"},
    {"SKU": "A", "TermType": "Reserved", "StartingRange": "0", "Unit": "Hrs",
     "PricePerUnit": "23.78", "Instance Type": "p5.48xlarge", "Operating System": "Linux",
     "Tenancy": "Shared", "CapacityStatus": "Used", "Pre Installed S/W": "NA",
     "MarketOption": "OnDemand", "License Model": "No License required"},
    {"SKU": "B", "TermType": "OnDemand", "StartingRange": "0", "Unit": "Hrs",
     "PricePerUnit": "0.0450000000", "Product Family": "NAT Gateway",
     "usageType": "USW2-NatGateway-Hours"},
    {"SKU": "C", "TermType": "OnDemand", "StartingRange": "10240", "Unit": "GB",
     "PricePerUnit": "0.03", "Product Family": "NAT Gateway",
     "usageType": "USW2-NatGateway-Bytes"},
]  # fmt: skip


def test_the_files_of_the_price_list_need_no_credentials(aws):
    path = f"/offers/v1.0/aws/AmazonEC2/current/{REGION}/index.csv"
    aws.files[path] = server.bulk_file(ROWS)
    found = refresh(
        None,
        known("EC2", "p5.48xlarge on-demand", 98.32),
        known("VPC", "NAT gateway", 0.05),
        known("VPC", "NAT gateway traffic", 0.05, "GB"),
        known("EKS", "control plane, standard support", 0.2),
        bulk=aws.address,
    )
    usd = {price.what: price.usd for price in found.book.prices}
    assert usd["p5.48xlarge on-demand"] == 55.04
    assert usd["NAT gateway"] == 0.045
    # A later tier is no price for the first gigabyte, and a file may be missing.
    assert usd["NAT gateway traffic"] == 0.05
    assert {one.key[1] for one in found.refused} == {
        "NAT gateway traffic", "control plane, standard support",
    }  # fmt: skip


def test_what_is_no_price_list_is_refused(aws):
    aws.files[f"/offers/v1.0/aws/AmazonEC2/current/{REGION}/index.csv"] = b"<html>" * 100
    found = refresh(None, known("VPC", "NAT gateway", 0.05), bulk=aws.address)
    assert "is no price list" in found.refused[0].why


def test_the_command_writes_the_book_shows_what_changed_and_tells_what_is_refused(
    aws, tmp_path, capsys
):
    aws.files[f"/offers/v1.0/aws/AmazonEC2/current/{REGION}/index.csv"] = server.bulk_file(ROWS)
    book = tmp_path / "price_book.csv"
    price_commands.write_book(
        PriceBook([known("EC2", "p5.48xlarge on-demand", 98.32), known("KMS", "key", 1.0)]), book
    )
    words = argparse.Namespace(
        region=None, bulk=aws.address, dry_run=True, json=False, action="refresh"
    )
    before = book.read_text()
    assert price_commands.run_refresh(words, book) == 1
    assert book.read_text() == before
    words.dry_run = False
    assert price_commands.run_refresh(words, book) == 1
    told = capsys.readouterr().out
    assert "-44.0 %" in told
    assert "1 prices told, 1 of them others than before, 1 refused" in told
    assert {price.what: price.usd for price in read_book(book).prices} == {
        "p5.48xlarge on-demand": 55.04, "key": 1.0,
    }  # fmt: skip


def test_the_committed_book_is_what_writing_it_again_gives(tmp_path):
    book = tmp_path / "book.csv"
    price_commands.write_book(price_book(), book)
    assert read_book(book).prices == price_book().prices


def test_every_price_of_the_book_has_a_way_to_be_renewed_but_for_some_that_are_named():
    ways = {"spot", "capacity block", "1 year", "3 years"}
    without = {
        f"{price.service} {price.what}"
        for price in price_book().prices
        if selector_of(price.service, price.what) is None
        and price.what.partition(" ")[2] not in ways
    }
    assert without == {
        "EBS io2 storage", "ELB application load balancer",
        "ELB application load balancer unit", "FSx Lustre backup",
        "VPC traffic between zones, each way", "VPC traffic to the internet, first 10 TB",
    }  # fmt: skip


def test_a_region_without_rows_is_misuse(capsys):
    assert (
        cli.main(["prices", "refresh", "--region", "mars-1", "--bulk", "http://127.0.0.1:9"]) == 2
    )
    assert "no row of the price book is of it" in capsys.readouterr().err


def test_prices_are_listed_with_where_and_when(capsys):
    assert cli.main(["prices", "list", "p5.48xlarge on-demand"]) == 0
    assert "karpenter-provider-aws" in capsys.readouterr().out
    assert cli.main(["prices", "list", "warp drive"]) == 1


# What was billed.
def test_what_was_billed_is_summed_by_service_over_all_pages(aws, client):
    aws.answers["ListCostAllocationTags"] = {
        "CostAllocationTags": [{"TagKey": "r1:stack", "Type": "UserDefined", "Status": "Active"}]
    }

    def day(number, usd):
        return {
            "TimePeriod": {"Start": f"2026-11-0{number}", "End": f"2026-11-0{number + 1}"},
            "Groups": [{"Keys": ["Amazon Elastic Compute Cloud - Compute"],
                        "Metrics": {"UnblendedCost": {"Amount": str(usd), "Unit": "USD"}}}],
            "Estimated": number == 2,
        }  # fmt: skip

    def answer(words):
        assert words["Filter"] == {"Tags": {"Key": "r1:stack", "Values": ["prod-70b"]}}
        if "NextPageToken" in words:
            return {"ResultsByTime": [day(2, 500.0)]}
        return {"ResultsByTime": [day(1, 527.0)], "NextPageToken": "more"}

    aws.answers["GetCostAndUsage"] = answer
    found = read_actual("prod-70b", TODAY, client)
    assert found.by_service == {"Amazon Elastic Compute Cloud - Compute": 1027.0}
    assert (str(found.first), str(found.last), found.estimated) == (
        "2026-10-26",
        "2026-11-24",
        True,
    )
    assert found.per_month == pytest.approx(1027 / 30 * 730 / 24)


def test_a_tag_that_is_not_activated_is_told_with_the_command_that_does_it(aws, client):
    aws.answers["ListCostAllocationTags"] = {"CostAllocationTags": []}
    with pytest.raises(NotTold, match="update-cost-allocation-tags-status"):
        read_actual("prod-70b", TODAY, client)
