"""Rules and their cases as files of `promtool test rules`, many in one run of it."""

import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from alert_case_table import CASES
from alert_cases import PLAN, Fires, Series
from r1_on_eks.plan.monitoring.rules import rule_groups
from r1_on_eks.rehearsal.prometheus_package import find_or_unpack_prometheus
from record_case_table import RECORDED, Recorded
from rule_mutants import MATCHER, SELECTOR

Rule = dict[str, Any]
Document = dict[str, Any]
_OURS = re.compile(r"\br1(?:_plan)?:[\w:]+")
_UNITS = {"s": 1 / 60, "m": 1, "h": 60}


def stripped(rule: Rule) -> Rule:
    """Without what the person on call reads, which no case depends on."""
    return {key: value for key, value in rule.items() if key != "annotations"}


RULES = [stripped(rule) for group in rule_groups(PLAN) for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDS = [rule for rule in RULES if rule.get("record", "").startswith("r1:")]
FIGURES = [rule for rule in RULES if rule.get("record", "").startswith("r1_plan:")]


@dataclass(frozen=True)
class Trial:
    """Rules with the documents that they are to pass."""

    name: str
    rules: list[Rule]
    tests: list[Document]


def failed(trials: Sequence[Trial], folder: Path) -> set[str]:
    """Names of those that do not pass."""
    paths = {}
    for number, trial in enumerate(trials):
        rules, tests = folder / f"{number}.rules.json", folder / f"{number}.test.json"
        rules.write_text(json.dumps({"groups": [{"name": "all", "rules": trial.rules}]}))
        content = {
            "rule_files": [rules.name], "evaluation_interval": "1m", "tests": trial.tests,
        }  # fmt: skip
        tests.write_text(json.dumps(content))
        paths[str(tests)] = trial.name
    report = folder / "report.xml"
    tool = find_or_unpack_prometheus(print).promtool
    done = subprocess.run(
        [tool, "test", "rules", f"--junit={report}", *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert report.exists(), done.stderr
    suites = {suite.get("name"): suite for suite in ElementTree.parse(report).iter("testsuite")}
    assert suites.keys() == paths.keys(), done.stderr
    return {
        name
        for path, name in paths.items()
        if int(suites[path].get("failures") or 0) + int(suites[path].get("errors") or 0)
    }


def closure(rule: Rule, rules: Sequence[Rule] = RULES) -> list[Rule]:
    """What it reads of what is recorded, in the order in which that is evaluated."""
    wanted, more = set(), set(_OURS.findall(rule["expr"]))
    while more:
        wanted |= more
        read = (found for one in rules if one.get("record") in more
                for found in _OURS.findall(one["expr"]))  # fmt: skip
        more = set(read) - wanted
    return [one for one in rules if one.get("record") in wanted]


def of_alert(name: str, rule: Rule | None = None) -> Trial:
    """An alert, as it is or changed, and everything that is known of it."""
    true = ALERTS[name]
    return Trial(name, [*closure(true), rule or true], _each_once(_alert_tests(true, name)))


def _alert_tests(rule: Rule, name: str) -> Iterator[Document]:
    case = CASES[name]
    hold = int(rule["for"][:-1]) * _UNITS[rule["for"][-1]]
    for fires in case.fires:
        at = fires.at if fires.at is not None else int(fires.since + hold + 1)
        expected = [_firing(name, rule, labels) for labels in fires.labels]
        yield _document(fires.series, at, _ALERT.format(name), expected)
        if hold:
            early = int(fires.since + hold / 2)
            yield _document(fires.series, early, _ALERT.format(name), [])
        if fires.by_labels:
            for series in _relabelled(fires, rule["expr"]):
                yield _document(series, at, _ALERT.format(name), [])
    for quiet in case.quiet:
        yield _document(quiet.series, quiet.at, _ALERT.format(name), [])


_ALERT = 'ALERTS{{alertname="{}",alertstate="firing"}}'


def _firing(name: str, rule: Rule, labels: Mapping[str, str]) -> Document:
    known = {"alertname": name, "alertstate": "firing", **rule["labels"], **labels}
    return {"labels": _braced("ALERTS", known), "value": 1}


def of_record(rule: Rule, changed: Rule | None = None) -> Trial:
    """A recorded series; of those with a label of their own, that variant's alone."""
    recorded, own = RECORDED[rule["record"]], rule.get("labels", {})
    said = [(labels, value) for labels, value in recorded.says if own.items() <= labels.items()]
    expected = [
        {"labels": _braced(rule["record"], labels), "value": value} for labels, value in said
    ]
    series = [recorded.series, *_beside(recorded, rule["expr"])]
    query = f"round({rule['record']} * 1e9) / 1e9"
    rounded = [{**one, "labels": one["labels"].removeprefix(rule["record"])} for one in expected]
    for one in rounded:
        one["value"] = round(one["value"], 9)
    tests = _each_once(_document(told, recorded.at, query, rounded) for told in series)
    name = f"{rule['record']} {own.get('variant', '')}".strip()
    return Trial(name, [*closure(rule), changed or rule], tests)


def of_figure(rule: Rule, value: float, changed: Rule | None = None) -> Trial:
    """A figure of the plan, which is to say what the plan says."""
    name, labels = rule["record"], rule.get("labels", {})
    sample = {"labels": _braced(name, labels), "value": float(f"{value:.9g}")}
    told = " ".join([name, *labels.values()])
    return Trial(told, [changed or rule], [_document([], 1, name, [sample])])


def _each_once(documents: Iterable[Document]) -> list[Document]:
    return [*{json.dumps(one): one for one in documents}.values()]


def _document(series: Iterable[Series], at: int, query: str, expected: list[Document]) -> Document:
    return {
        "interval": "1m",
        "input_series": [one.told for one in series],
        "promql_expr_test": [{"expr": query, "eval_time": f"{at}m", "exp_samples": expected}],
    }


def _braced(name: str, labels: Mapping[str, str]) -> str:
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def _selected(expr: str) -> Iterator[tuple[str, str, str]]:
    """Series, label and operator of each matcher of an expression."""
    for name, inside in SELECTOR.findall(expr):
        for label, operator, _ in MATCHER.findall(inside):
            yield name, label, operator


def _other(one: Series, label: str, operator: str, values: str | None = None) -> Series:
    rest = {key: value for key, value in one.labels.items() if key != label}
    labels = rest if operator == "!=" else {**one.labels, label: "another"}
    return Series(one.name, labels, values or one.values)


def _relabelled(fires: Fires, expr: str) -> Iterator[list[Series]]:
    """The same, differing in one label: of one metric, and of all that have it."""
    for name, label, operator in _selected(expr):
        if any(one.name == name and label in one.labels for one in fires.series):
            for names in ({name}, {one.name for one in fires.series if label in one.labels}):
                changed = [
                    _other(one, label, operator) if one.name in names else one
                    for one in fires.series
                ]
                # Two that differed in that label alone are now one.
                yield list({one.told["series"]: one for one in changed}.values())


# Of a value `3+2x10`, both numbers: the same, larger, smaller, and the other way round.
_CHANGES: tuple[Callable[[float], float], ...] = (
    lambda value: value,
    lambda value: value * 1000 + 1,
    lambda value: value / 1000 - 1,
    lambda value: 1 - value,
)


_SHARED = {"http_requests_total", "r1_gateway_answers_total"}


def _beside(recorded: Recorded, expr: str) -> Iterator[list[Series]]:
    """The same, with series beside it that differ in a label that it selects by."""
    selectors = [(name, MATCHER.findall(inside)) for name, inside in SELECTOR.findall(expr)]
    for name, matcher in ((name, one) for name, matchers in selectors for one in matchers):
        # Of a share, what is not in its part is in its whole.
        if name in _SHARED and not all(matcher in matchers for _, matchers in selectors):
            continue
        label, operator, _ = matcher
        with_it = [one for one in recorded.series if label in one.labels and one.values]
        for change in _CHANGES:
            for names in ({name}, {one.name for one in with_it}):
                decoys = [
                    _other(one, label, operator, _changed(one.values, change))
                    for one in with_it
                    if one.name in names
                ]
                unique = {one.told["series"]: one for one in decoys}
                yield [*recorded.series, *unique.values()]


def _changed(values: str, change: Callable[[float], float]) -> str:
    found = re.fullmatch(r"([\d.e+]+?)\+([\d.]+)x(\d+)", values)
    assert found, f"{values} is not of the form 3+2x10"
    # A counter grows still, and a gauge still does not.
    step = change(float(found[2])) if float(found[2]) else 0
    return f"{change(float(found[1])):g}{step:+g}x{found[3]}"
