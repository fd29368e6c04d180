"""`pulumi.com/waitFor`: wait for a JSONPath value or a condition, in kubectl's syntax."""

import json
import re
from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.waits.pods import condition
from r1_on_eks.rehearsal.kubernetes_provider.waits.progress import Progress

_STEP = re.compile(
    r"""\.(?P<field>[A-Za-z0-9_\-\\./]+?)(?=[.\[]|$)
      | \['(?P<quoted>[^']+)'\]
      | \[(?P<index>\d+)\]
      | \[(?P<all>\*)\]
      | \[\?\(@\.(?P<key>[A-Za-z0-9_.\-]+)\s*==\s*["'](?P<value>[^"']*)["']\)\]""",
    re.VERBOSE,
)


class ExpressionWrong(Exception):
    """A waitFor expression that can't be read."""


class ExpressionWait:
    """All expressions of one annotation hold, for the generation that was asked for."""

    def __init__(self, annotation: str) -> None:
        try:
            parsed = json.loads(annotation)
        except ValueError:
            parsed = annotation
        self._expressions = parsed if isinstance(parsed, list) else [annotation]
        if not self._expressions:
            raise ExpressionWrong("at least one condition must be specified")
        for expression in self._expressions:
            _parse(str(expression))

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the object."""
        missing = [text for text in self._expressions if not _holds(str(text), live)]
        status = f"Waiting for {', '.join(missing)}"
        return Progress(not missing, status, [f"not met: {text}" for text in missing])


def _holds(expression: str, live: dict[str, Any]) -> bool:
    kind, path, wanted = _parse(expression)
    generation = live["metadata"].get("generation")
    observed = (live.get("status") or {}).get("observedGeneration")
    if kind == "condition":
        found = condition(live, path)
        observed = found.get("observedGeneration", observed)
        same = str(found.get("status", "")).lower() == (wanted or "True").lower()
    else:
        values = _select(live, path)
        same = bool(values) if wanted is None else [_text(v) for v in values] == [wanted]
    return same and (generation is None or observed is None or observed >= generation)


def _parse(expression: str) -> tuple[str, str, str | None]:
    kind, _, rest = expression.partition("=")
    if kind == "condition" and rest:
        name, equals, wanted = rest.partition("=")
        return kind, name, wanted if equals else None
    if kind != "jsonpath":
        raise ExpressionWrong(f'expected a "jsonpath=" or "condition=" prefix, got "{expression}"')
    match = re.fullmatch(r"\{?(?P<path>[^}]*)\}?(?:=(?P<value>.*))?", rest)
    if not match or not match["path"]:
        raise ExpressionWrong(f'can\'t read the JSONPath of "{expression}"')
    path = match["path"] if match["path"][0] in ".[" else "." + match["path"]
    if _STEP.sub("", path):
        raise ExpressionWrong(f'can\'t read the JSONPath of "{expression}"')
    value = match["value"]
    return "jsonpath", path, value.strip("'\"") if value is not None else None


def _select(live: Any, path: str) -> list[Any]:
    values = [live]
    for step in _STEP.finditer(path):
        values = [found for value in values for found in _stepped(value, step)]
    return values


def _stepped(value: Any, step: re.Match[str]) -> list[Any]:
    name = step["field"] or step["quoted"]
    if name is not None:
        name = name.replace("\\.", ".")
        return [value[name]] if isinstance(value, dict) and name in value else []
    items = value if isinstance(value, list) else []
    if step["index"] is not None:
        return items[int(step["index"]) : int(step["index"]) + 1]
    if step["all"]:
        return items
    return [
        item
        for item in items
        if isinstance(item, dict) and _text(item.get(step["key"])) == step["value"]
    ]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
