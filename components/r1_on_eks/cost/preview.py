"""Reads `pulumi preview --json --show-sames`: what stands now, and what is to stand.

The format is that of pulumi/pulumi pkg/display/json.go at 1b5949891b.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1_on_eks.cost.declared import Declaration, Declared, inputs_of

MADE_BY = "pulumi preview --json --show-sames --stack STACK"

# Which of the two states of a step are billed. A replacement is told as one step, or as three;
# its URN is the same in all of them.
_BEFORE, _AFTER, _BOTH, _NEITHER = (True, False), (False, True), (True, True), (False, False)
_OPERATIONS = {
    "same": _BOTH,
    "update": _BOTH,
    "refresh": _BOTH,
    "create": _AFTER,
    "import": _AFTER,
    "read": _AFTER,
    "replace": _BOTH,
    "create-replacement": _AFTER,
    "import-replacement": _AFTER,
    "read-replacement": _AFTER,
    "delete": _BEFORE,
    "delete-replaced": _BEFORE,
    "discard": _BEFORE,
    "discard-replaced": _BEFORE,
    # It was deleted before.
    "remove-pending-replace": _NEITHER,
}
# Somebody else's resource stays as it is.
_NO_CHANGE = {"same", "read", "refresh", "discard", "discard-replaced"}
_IMPORTS = {"import", "import-replacement"}
_REPLACES = {"replace", "create-replacement", "delete-replaced", "import-replacement"}


class NotAPreview(ValueError):
    """The text is no preview that can be priced; one line says what would be."""


@dataclass(frozen=True)
class Change:
    """What happens to one resource, where it isn't left as it is."""

    urn: str
    type: str
    operation: str
    keys: tuple[str, ...]

    @property
    def replaces(self) -> bool:
        """Whether the resource is ended and made anew."""
        return self.operation in _REPLACES


@dataclass(frozen=True)
class Preview:
    """Two states of a stack, and what leads from one to the other.

    Attributes:
        stack: Its name; "" where no resource says it.
        before: What stands.
        after: What is to stand.
        changes: Every step but those that change nothing.
        warnings: What may make it wrong.
    """

    stack: str
    before: Declaration
    after: Declaration
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]


def read_preview(text: str, name: str) -> Preview:
    """The preview in a text; lines before its first brace are skipped.

    Args:
        text: What the engine printed.
        name: Of its file, for errors.

    Raises:
        NotAPreview: it is none, is cut off, or hides resources.
    """
    told = _parsed(text, name)
    steps = told["steps"]
    before: dict[str, Declared] = {}
    after: dict[str, Declared] = {}
    changes: dict[str, Change] = {}
    for number, step in enumerate(steps):
        _take(step, f"{name}: step {number + 1}", before, after, changes)
    _refuse_what_is_hidden(told, steps, name)
    for step in steps:
        # Its first update follows it, as if it had stood in the stack before.
        if step["op"] in _IMPORTS:
            before.pop(step["urn"], None)
    warnings = [*map(_warned, _retained(steps))]
    if told.get("maybeCorrupt"):
        warnings.append("the engine says that this preview may be corrupt")
    if not steps:
        warnings.append("the preview has no steps: an empty stack")
    return Preview(
        stack=_stack_of([*before, *after]),
        before=Declaration(before),
        after=Declaration(after),
        changes=tuple(changes.values()),
        warnings=tuple(warnings),
    )


def _retained(steps: list[Any]) -> list[str]:
    """Names of what leaves the stack and stays in AWS."""
    return [
        step["urn"].rpartition("::")[2]
        for step in steps
        if step["op"] in {"delete", "delete-replaced"} and step["oldState"].get("retainOnDelete")
    ]


def _warned(name: str) -> str:
    return f"{name} is retained: it leaves the stack, and AWS goes on billing it"


def _parsed(text: str, name: str) -> dict[str, Any]:
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    if not text.startswith("{", start):
        raise NotAPreview(f"{name} holds no JSON object; make it with {MADE_BY}")
    try:
        told, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) - 1 or "Unterminated" in error.msg
        what = "ends in the middle" if cut else f"is no JSON ({error.msg})"
        raise NotAPreview(
            f"{name} {what}, at line {error.lineno}; make it anew with {MADE_BY}"
        ) from None
    if isinstance(told.get("steps"), list):
        return told
    raise NotAPreview(f"{name} {_foreign(told)}; make it with {MADE_BY}")


def _foreign(told: Mapping[str, Any]) -> str:
    errors = [
        one.get("message", "").strip().splitlines()[0]
        for one in told.get("diagnostics") or ()
        if isinstance(one, Mapping) and one.get("severity") == "error" and one.get("message")
    ]
    if errors:
        return f"is of a preview that failed: {errors[0]}"
    if "resource_changes" in told or "planned_values" in told:
        return "is a Terraform plan"
    if "deployment" in told:
        return "is a stack export"
    if told.get("changeSummary") == {}:
        return "has no steps"
    if "changeSummary" in told:
        return "has no steps; they are left out with --diff or by a failed preview"
    keys = ", ".join(list(told)[:3]) or "nothing"
    return f"is no preview of Pulumi's (it has {keys}, and no steps)"


def _take(
    step: Any,
    where: str,
    before: dict[str, Declared],
    after: dict[str, Declared],
    changes: dict[str, Change],
) -> None:
    if not isinstance(step, Mapping) or not isinstance(step.get("urn"), str):
        raise NotAPreview(f"{where} has no urn; make it anew with {MADE_BY}")
    operation, urn = step.get("op"), step["urn"]
    if operation not in _OPERATIONS:
        raise NotAPreview(f"{where}: operation {operation!r} of {urn} is not known here")
    old, new = step.get("oldState"), step.get("newState")
    is_billed_before, is_billed_after = _billed(operation, old, new)
    if is_billed_before:
        if not isinstance(old, Mapping):
            raise NotAPreview(f"{where}: {operation} of {urn} has no oldState")
        # What a failed update left to be deleted stands beside its successor.
        left_over = bool(old.get("delete")) and operation == "delete"
        before[f"{urn} (left over)" if left_over else urn] = declared_in(urn, old)
    if is_billed_after:
        if not isinstance(new, Mapping):
            raise NotAPreview(f"{where}: {operation} of {urn} has no newState")
        after[urn] = declared_in(urn, new)
    if operation not in _NO_CHANGE:
        state = new if isinstance(new, Mapping) else old
        kind = state.get("type", "") if isinstance(state, Mapping) else ""
        told = "create" if _ends_nothing(operation, old) else operation
        _remember(changes, Change(urn, kind, told, _keys(step)))


def _ends_nothing(operation: str, old: Any) -> bool:
    """Whether a replacement only makes: the old one is somebody else's, and was only read."""
    return operation in _REPLACES and isinstance(old, Mapping) and bool(old.get("external"))


def _billed(operation: str, old: Any, new: Any) -> tuple[bool, bool]:
    """Which of the two states of a step are billed."""
    if operation in {"replace", "create-replacement"} and _ends_nothing(operation, old):
        return _AFTER
    if operation == "refresh" and new is None:
        # Somebody else has deleted it.
        return _BEFORE
    if operation == "same" and isinstance(old, Mapping) and old.get("custom") and "id" not in old:
        # What a --target leaves uncreated is told as if it stood.
        return _NEITHER
    return _OPERATIONS[operation]


def _remember(changes: dict[str, Change], change: Change) -> None:
    known = changes.get(change.urn)
    if known is None or (change.replaces and not known.replaces) or change.operation == "replace":
        changes[change.urn] = change


def _keys(step: Mapping[str, Any]) -> tuple[str, ...]:
    reasons = step.get("replaceReasons") or step.get("diffReasons") or ()
    return tuple(str(reason) for reason in reasons)


def declared_in(urn: str, state: Mapping[str, Any]) -> Declared:
    """A resource as the engine writes down its state, in previews and deployments.

    Args:
        urn: Its name.
        state: Its type, inputs, parent, provider and dependencies.
    """
    needs = {
        key: tuple(sorted(urns or ()))
        for key, urns in (state.get("propertyDependencies") or {}).items()
    }
    return Declared(
        urn=urn,
        type=str(state.get("type", "")),
        inputs=inputs_of(state.get("inputs") or {}, needs),
        parent=state.get("parent") or "",
        provider=(state.get("provider") or "").rpartition("::")[0],
        needs=needs,
        read_only=bool(state.get("external")),
        custom=bool(state.get("custom")),
    )


def _refuse_what_is_hidden(told: Mapping[str, Any], steps: list[Any], name: str) -> None:
    summary = told.get("changeSummary")
    said = summary.get("same", 0) if isinstance(summary, Mapping) else 0
    shown = sum(step["op"] == "same" for step in steps)
    if said > shown:
        raise NotAPreview(
            f"{name} leaves out {said - shown} resources that stay the same; add --show-sames"
        )


def _stack_of(urns: list[str]) -> str:
    # urn:pulumi:<stack>::<project>::<type>::<name>
    names = {urn.removeprefix("urn:pulumi:").split("::")[0] for urn in urns}
    return names.pop() if len(names) == 1 else ""
