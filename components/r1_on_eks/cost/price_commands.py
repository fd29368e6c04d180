"""What `r1 prices` does: ask AWS, show, write the book."""

import argparse
import csv
import io
import json
import sys
from dataclasses import asdict, fields
from datetime import date
from pathlib import Path

from rich.console import Console

from r1_on_eks.catalog.price_book import BOOK, Price, PriceBook, read_book
from r1_on_eks.cost.price_refresh import Renewal, renewed
from r1_on_eks.cost.states import Misuse, aws_client
from r1_on_eks.cost.tables import print_differences
from r1_on_eks.screen import screen

_CHANGED = 1e-9


def run(arguments: argparse.Namespace) -> int:
    """`r1 prices refresh` or `r1 prices list`."""
    if arguments.action == "list":
        return run_list(arguments)
    return run_refresh(arguments)


def run_list(arguments: argparse.Namespace) -> int:
    """What is known: each price, where and when it was seen.

    Returns:
        1 where nothing is known of it.
    """
    found = [one for one in read_book().prices if arguments.what in f"{one.service} {one.what}"]
    if arguments.json:
        print(json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False))
    for one in found if not arguments.json else ():
        print(f"{one.service:10} {one.what:34} {one.region:15} {one.usd:<12g} {one.unit:10}"
              f" {one.standing:10} {one.date:10} {one.source}")  # fmt: skip
    if not found:
        print(f"no price of {arguments.what} is known", file=sys.stderr)
    return 0 if found else 1


def run_refresh(arguments: argparse.Namespace, book: Path = BOOK) -> int:
    """Renews the book.

    Returns:
        1 where a price could not be told; all others are renewed.
    """
    known = read_book(book)
    regions = arguments.region or sorted({price.region for price in known.prices})
    if foreign := set(regions) - {price.region for price in known.prices}:
        raise Misuse(
            f"--region {', '.join(sorted(foreign))}: no row of the price book is of it; add one"
            " for each price that you want, of standing remembered, and it will be renewed"
        )
    console = Console(stderr=True)
    with console.status("asking AWS") as status:
        found = renewed(
            known,
            regions,
            None if arguments.bulk else aws_client(),
            today=date.today(),
            bulk=arguments.bulk,
            say=status.update,
        )
    if arguments.json:
        print(_as_json(found))
    else:
        _show(found)
    if not arguments.dry_run and found.renewed:
        write_book(found.book, book)
    return 1 if found.refused else 0


def write_book(book: PriceBook, path: Path) -> None:
    """Writes a price book, all or nothing."""
    text = io.StringIO()
    rows = csv.DictWriter(text, [one.name for one in fields(Price)], lineterminator="\n")
    rows.writeheader()
    rows.writerows({**asdict(one), "usd": f"{one.usd:.10g}"} for one in book.prices)
    partial = path.with_suffix(".new")
    partial.write_text(text.getvalue())
    partial.replace(path)


def _show(found: Renewal) -> None:
    console = screen()
    rows = [
        (now.what, now.region, f"{was.usd:g}" if was else "–", f"{now.usd:g}",
         f"{(now.usd / was.usd - 1) * 100:+.1f} %" if was else "new")
        for was, now in found.renewed
        if was is None or abs(was.usd - now.usd) > _CHANGED
    ]  # fmt: skip
    if rows:
        print_differences(console, rows)
    console.print(
        f"{len(found.renewed)} prices told, {len(rows)} of them others than before,"
        f" {len(found.refused)} refused"
    )
    for one in found.refused:
        console.print(f"[yellow]refused[/yellow]: {' '.join(one.key)}: {one.why}")


def _as_json(found: Renewal) -> str:
    return json.dumps({
        "renewed": [
            {"before": was and was.usd, "now": asdict(now)} for was, now in found.renewed
        ],
        "refused": [asdict(one) for one in found.refused],
    }, indent=1, ensure_ascii=False)  # fmt: skip
