"""Renews the price book: asks AWS for each price in it, and says what changed and what failed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from r1_on_eks.catalog.price_book import READ, Price, PriceBook
from r1_on_eks.cost import price_list
from r1_on_eks.cost.price_list import Ambiguous, Offer, Selector, selector_of

Client = Callable[..., Any]
_YEARS = {"1 year": 31_536_000, "3 years": 94_608_000}
_LINUX = "Linux/UNIX"
# The shortest that is sold: a day.
_BLOCK_HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A price that AWS didn't tell clearly; it stays as it was."""

    key: tuple[str, str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """A price book as it is now told.

    Attributes:
        book: The new book.
        renewed: What was told, with what held before (None where nothing did).
        refused: What was not.
    """

    book: PriceBook
    renewed: tuple[tuple[Price | None, Price], ...]
    refused: tuple[Refused, ...]


def renewed(
    book: PriceBook,
    regions: Sequence[str],
    client: Client | None,
    *,
    today: date,
    bulk: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Renewal:
    """Asks for every price of the book in some Regions.

    Args:
        book: What is known.
        regions: AWS Regions.
        client: Makes clients as boto3.client does; None with `bulk`, which needs no credentials.
        today: The date of what is told.
        bulk: Where the Price List's files are, instead of its API.
        say: Is told what is under way.
    """
    found: dict[tuple[str, str, str], list[Price]] = {}
    refused: list[Refused] = []
    asked = [price for price in _last(book) if price.region in regions]
    for name, ask in _sources(client, bulk):
        for price, answer in ask(asked, today, say):
            if isinstance(answer, str):
                refused.append(Refused(key=price.key, why=answer))
            else:
                found[price.key] = answer
        say(f"{name}: done")
    kept = [price for price in book.prices if price.key not in found]
    new = [price for prices in found.values() for price in prices]
    pairs = [(book.price(*prices[-1].key), prices[-1]) for prices in found.values()]
    return Renewal(
        book=PriceBook(sorted([*kept, *new], key=_order)),
        renewed=tuple(pairs),
        refused=tuple(refused),
    )


def _last(book: PriceBook) -> list[Price]:
    return [price for price in book.prices if book.price(*price.key) is price]


def _order(price: Price) -> tuple[Any, ...]:
    return (*price.key, price.seen, price.usd)


# Each price that a source knows, with what it told: prices, or why not.
_Answers = Iterable[tuple[Price, list[Price] | str]]
_Ask = Callable[[Sequence[Price], date, Callable[[str], None]], _Answers]


def _sources(client: Client | None, bulk: str | None) -> list[tuple[str, _Ask]]:
    if bulk is not None:
        return [("Price List", lambda asked, today, say: _from_files(bulk, asked, today, say))]
    assert client is not None
    return [
        ("Price List", lambda asked, today, say: _from_api(client, asked, today, say)),
        ("capacity blocks", lambda asked, today, say: _blocks(client, asked, today, say)),
        ("spot history", lambda asked, today, say: _spot(client, asked, today, say)),
        ("Savings Plans", lambda asked, today, say: _plans(client, asked, today, say)),
    ]


def _seen(price: Price, usd: float, today: date, source: str) -> Price:
    return Price(
        service=price.service,
        what=price.what,
        region=price.region,
        unit=price.unit,
        usd=round(usd, 8),
        standing=READ,
        date=today.isoformat(),
        source=source,
    )


def _of_list(asked: Sequence[Price]) -> list[tuple[Price, Selector]]:
    return [
        (price, selector)
        for price in asked
        if (selector := selector_of(price.service, price.what))
    ]


def _from_api(
    client: Client, asked: Sequence[Price], today: date, say: Callable[[str], None]
) -> _Answers:
    from botocore.exceptions import BotoCoreError, ClientError

    prices = client("pricing", region_name=price_list.API_REGION)
    for price, selector in _of_list(asked):
        say(f"{price.what} in {price.region}")
        try:
            offers = list(price_list.by_api(prices, selector, price.region))
        except (BotoCoreError, ClientError) as error:
            yield price, str(error)
            continue
        yield price, _chosen(price, selector, offers, today, "AWS Price List API")


def _from_files(
    base: str, asked: Sequence[Price], today: date, say: Callable[[str], None]
) -> _Answers:
    by_file: dict[tuple[str, str], list[tuple[Price, Selector]]] = {}
    for price, selector in _of_list(asked):
        by_file.setdefault((selector.code, price.region), []).append((price, selector))
    for (code, region), pairs in by_file.items():
        say(f"price list of {code} in {region}")
        try:
            offers = price_list.by_file(base, code, region, [one for _, one in pairs])
        except (OSError, ValueError) as error:
            for price, _ in pairs:
                yield price, str(error)
            continue
        for price, selector in pairs:
            yield price, _chosen(price, selector, offers, today, "AWS price list file")


def _chosen(
    price: Price, selector: Selector, offers: Iterable[Offer], today: date, source: str
) -> list[Price] | str:
    try:
        usd, sku = price_list.choose(selector, offers, price.unit)
    except Ambiguous as error:
        return str(error)
    return [_seen(price, usd, today, f"{source}, SKU {sku}")]


def _bought(asked: Sequence[Price], *ways: str) -> list[tuple[Price, str, str]]:
    """Prices of instances bought in these ways, with type and way."""
    return [
        (price, instance, way)
        for price in asked
        for instance, _, way in [price.what.partition(" ")]
        if price.service == "EC2" and way in ways
    ]


def _blocks(
    client: Client, asked: Sequence[Price], today: date, say: Callable[[str], None]
) -> _Answers:
    """What a day of one instance costs now; a block is paid as a whole, in advance."""
    for price, instance, _ in _bought(asked, "capacity block"):
        say(f"capacity blocks of {instance} in {price.region}")
        told = _call(client, "ec2", price.region, "describe_capacity_block_offerings",
                     InstanceType=instance, InstanceCount=1,
                     CapacityDurationHours=_BLOCK_HOURS)  # fmt: skip
        if isinstance(told, str):
            yield price, told
            continue
        rates = {
            float(one["UpfrontFee"]) / (one["InstanceCount"] * one["CapacityBlockDurationHours"])
            for one in told["CapacityBlockOfferings"]
            if one.get("CurrencyCode", "USD") == "USD"
        }
        yield price, _all(price, rates, today, "ec2 describe-capacity-block-offerings")


def _spot(
    client: Client, asked: Sequence[Price], today: date, say: Callable[[str], None]
) -> _Answers:
    """The least and the most of all zones, now."""
    now = datetime.now(UTC)
    for price, instance, _ in _bought(asked, "spot"):
        say(f"spot prices of {instance} in {price.region}")
        told = _call(client, "ec2", price.region, "describe_spot_price_history",
                     InstanceTypes=[instance], ProductDescriptions=[_LINUX],
                     StartTime=now - timedelta(minutes=1), EndTime=now)  # fmt: skip
        if isinstance(told, str):
            yield price, told
            continue
        rates = sorted(float(one["SpotPrice"]) for one in told["SpotPriceHistory"])
        yield (
            price,
            _all(price, {*rates[:1], *rates[-1:]}, today, "ec2 describe-spot-price-history"),
        )


def _plans(
    client: Client, asked: Sequence[Price], today: date, say: Callable[[str], None]
) -> _Answers:
    """EC2 Instance Savings Plans, nothing paid in advance."""
    for price, instance, way in _bought(asked, *_YEARS):
        say(f"Savings Plans of {instance} in {price.region}")
        told = _call(
            client, "savingsplans", price_list.API_REGION,
            "describe_savings_plans_offering_rates",
            savingsPlanTypes=["EC2Instance"], savingsPlanPaymentOptions=["No Upfront"],
            products=["EC2"],
            filters=[
                {"name": "region", "values": [price.region]},
                {"name": "instanceType", "values": [instance]},
                {"name": "productDescription", "values": [_LINUX]},
                {"name": "tenancy", "values": ["shared"]},
            ],
        )  # fmt: skip
        if isinstance(told, str):
            yield price, told
            continue
        rates = {
            float(one["rate"])
            for one in told["searchResults"]
            if one["savingsPlanOffering"]["durationSeconds"] == _YEARS[way]
            and one.get("unit") == "Hrs"
        }
        if len(rates) > 1:
            yield price, f"{len(rates)} rates: {', '.join(map(str, sorted(rates)))}"
        else:
            yield price, _all(price, rates, today, "EC2 Instance Savings Plan, no upfront")


def _all(price: Price, rates: Iterable[float], today: date, source: str) -> list[Price] | str:
    seen = [_seen(price, rate, today, source) for rate in sorted(rates) if rate > 0]
    return seen or "none is offered now"


def _call(client: Client, service: str, region: str, call: str, **words: Any) -> Any:
    """What AWS answers, or why it doesn't."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return getattr(client(service, region_name=region), call)(**words)
    except (BotoCoreError, ClientError) as error:
        return str(error)
