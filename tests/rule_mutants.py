"""Rules that are wrong at one place: what a test that holds must find."""

import copy
import re
from collections.abc import Iterator
from typing import Any

# Strings, ranges and selectors, in which no number is a threshold.
_FIXED = re.compile(r'("[^"]*"|\[[^\]]*\]|\{[^}]*\}|(?:by|on|group_left) \([^)]*\))')
_NUMBER = re.compile(r"(?<![\w.:])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.:])")
_COMPARED = re.compile(r"(?<= )(>=|<=|==|!=|>|<)(?= )")
_FLIPPED = {">": "<", "<": ">", ">=": "<", "<=": ">", "==": "!=", "!=": "=="}
MATCHER = re.compile(r'(\w+)(=~|!=|!~|=)"([^"]*)"')
SELECTOR = re.compile(r"([A-Za-z_:][\w:]*)\{([^}]*)\}")
_GROUPED = re.compile(r"\b(by|on) \(([^)]+)\)")


def mutants(rule: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with what was done to it."""
    for done, expr in _expressions(rule["expr"]):
        yield done, {**rule, "expr": expr}
    if rule.get("for", "0s") != "0s":
        yield "for removed", {key: value for key, value in rule.items() if key != "for"}
    for label in rule.get("labels", {}):
        less = copy.deepcopy(rule)
        del less["labels"][label]
        yield f"label {label} removed", less


def _expressions(expr: str) -> Iterator[tuple[str, str]]:
    # A space in place of each character that is fixed, so that places stay.
    bare = _FIXED.sub(lambda found: "_" * len(found[0]), expr)
    for found in _NUMBER.finditer(bare):
        more = f"{float(found[0]) * 10:g}" if float(found[0]) else "10"
        yield f"{found[0]} → {more} at {found.start()}", _put(expr, found, more)
    for found in _COMPARED.finditer(bare):
        yield f"{found[0]} flipped at {found.start()}", _put(expr, found, _FLIPPED[found[0]])
    for selector in SELECTOR.finditer(expr):
        matchers = [one[0] for one in MATCHER.finditer(selector[2])]
        for dropped in matchers:
            rest = ",".join(one for one in matchers if one != dropped)
            yield (
                f"{dropped} dropped at {selector.start()}",
                _put(expr, selector, f"{selector[1]}{{{rest}}}"),
            )
    for grouped in _GROUPED.finditer(expr):
        names = grouped[2].split(", ")
        for dropped in names:
            rest = ", ".join(one for one in names if one != dropped)
            yield (
                f"{dropped} out of {grouped[0]} at {grouped.start()}",
                _put(expr, grouped, f"{grouped[1]} ({rest})"),
            )


def _put(expr: str, found: re.Match[str], text: str) -> str:
    return expr[: found.start()] + text + expr[found.end() :]
