"""A study as JSON for programs; and the bill in it, read again to be compared with."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from r1_on_eks.catalog.price_book import Price
from r1_on_eks.cost.bill import Bill, Gap, Line
from r1_on_eks.cost.charges import Amount
from r1_on_eks.cost.study import Study
from r1_on_eks.cost.tokens import UTILISATIONS, TokenPrice

FORMAT = "r1-on-eks cost 1"


def as_json(found: Study) -> str:
    """The whole study; dollars unrounded."""
    told = {
        "format": FORMAT,
        "stack": found.stack,
        "region": found.region,
        "bill": _bill(found.compared.after),
        "against": found.against or None,
        "before": _bill(found.compared.before) if found.compared.before else None,
        "usd_per_month_more": found.compared.difference if found.compared.before else None,
        "changes": [asdict(one) for one in found.compared.changes],
        "options": [asdict(one) for one in found.options],
        "tokens": [_tokens(one) for one in found.tokens],
        "once": [asdict(one) for one in found.once],
        "limits": [asdict(one) for one in found.verdicts],
        "warnings": list(found.warnings),
        "actual": found.actual and {
            **asdict(found.actual),
            "first": str(found.actual.first),
            "last": str(found.actual.last),
            "usd_per_month": found.actual.per_month,
        },
    }  # fmt: skip
    return json.dumps(told, indent=1, ensure_ascii=False)


def bill_from(told: Mapping[str, Any]) -> Bill:
    """The bill in a study that was printed before.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    bill = told["bill"]
    return Bill(
        lines=tuple(
            Line(**{
                **{key: one[key] for key in _CELLS},
                "amount": Amount(**one["amount"]),
                "price": Price(**one["price"]),
            })
            for one in bill["lines"]
        ),
        gaps=tuple(Gap(**one) for one in bill["gaps"]),
        coverage=bill["coverage"],
        day=date.fromisoformat(bill["day"]),
    )  # fmt: skip


_CELLS = ("urn", "type", "name", "component", "variant", "told", "discount", "assumed", "note")


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "day": str(bill.day),
        "usd_per_hour": asdict(bill.hourly),
        "usd_per_month": asdict(bill.monthly),
        "usd_per_month_assumed_use": bill.assumed.desired,
        "usd_per_month_by_component": _desired(bill.by(lambda line: line.component)),
        "usd_per_month_by_variant": _desired(bill.by(lambda line: line.variant)),
        "usd_per_month_by_service": _desired(bill.by(lambda line: line.price.service)),
        "usd_per_month_by_standing": bill.standings,
        "usd_per_month_off": bill.discounted,
        "coverage": dict(bill.coverage),
        "lines": [
            {
                **{key: getattr(line, key) for key in _CELLS},
                "amount": asdict(line.amount),
                "price": asdict(line.price),
                "usd_per_month": asdict(line.monthly),
            }
            for line in bill.lines
        ],
        "gaps": [asdict(gap) for gap in bill.gaps],
    }


def _desired(sums: Mapping[str, Amount]) -> dict[str, float]:
    return {name: one.desired for name, one in sums.items()}


def _tokens(one: TokenPrice) -> dict[str, Any]:
    return {
        "variant": one.variant,
        "usd_per_hour": one.usd_per_hour,
        "input_per_s": one.input_per_s,
        "output_per_s": one.output_per_s,
        "usd_per_million": {
            f"{share:.0%}": dict(zip(("input", "output"), one.per_million(share), strict=True))
            for share in UTILISATIONS
        },
        "break_even_utilisation": one.break_even,
        "break_even_tokens_a_day": one.break_even_tokens_a_day,
    }
