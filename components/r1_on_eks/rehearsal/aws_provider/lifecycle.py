"""Creates, reads, updates and deletes any resource that has a row."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import jmespath

from r1_on_eks.rehearsal.aws_provider import check, tags
from r1_on_eks.rehearsal.aws_provider.answers import outputs_of
from r1_on_eks.rehearsal.aws_provider.cloud import CallFailed, Cloud
from r1_on_eks.rehearsal.aws_provider.diff import same
from r1_on_eks.rehearsal.aws_provider.problems import PartlyMade, Refused
from r1_on_eks.rehearsal.aws_provider.requests import build, fill
from r1_on_eks.rehearsal.aws_provider.row import Call, Row, Wait

_POLL_S = 0.2
_DEFAULT_TIMEOUT_S = 1800.0
_IN_USE_S = 5.0
_IN_USE = ("DependencyViolation", "ResourceInUse", "InvalidIPAddress.InUse", "DeleteConflict",
           "OperationNotPermitted.InUse")  # fmt: skip


class Lifecycle:
    """What the engine asks for, done with one row's calls."""

    def __init__(self, cloud: Cloud, row: Row, default_tags: dict[str, str]) -> None:
        self._cloud = cloud
        self._row = row
        self._default_tags = default_tags

    def create(
        self,
        inputs: dict[str, Any],
        timeout: float,
        answered: Callable[[], float] = lambda: 0.0,
    ) -> tuple[str, dict[str, Any]]:
        """Makes it and waits until it stands.

        Args:
            inputs: As the program gives them.
            timeout: In seconds.
            answered: Called when AWS has answered; returns the seconds that it goes on working.

        Raises:
            Refused: nothing was made.
            PartlyMade: it exists, and something went wrong.
        """
        row, values = self._row, dict(inputs)
        self._obey_rules(values)
        values |= {key: derive(values) for key, derive in row.derived.items()}
        request = build(row.service, row.create, values, check.created_with(row, inputs))
        tags.put(row, request, self.all_tags(inputs))
        answer = self._cloud.send(request)
        works_on = answered()
        made = _id(row, answer, values)
        values["id"] = made
        try:
            self._cloud.pause(works_on)
            found = self._wait(values, timeout)
            values |= outputs_of(row, self._cloud, found or answer, values)
            for step in row.completed_by:
                step(self._cloud, {}, values)
            if row.tagging and not row.tagging.member:
                tags.change(row, self._cloud, {}, self.all_tags(inputs), values)
            for update in row.after_create:
                if any(inputs.get(key) is not None for key in update.keys):
                    self._run(update.run, {}, {**values, **inputs}, update.keys)
            return made, self._state(values, inputs)
        except Refused as error:
            raise PartlyMade(
                str(error), made, values | {"tagsAll": self.all_tags(inputs)}
            ) from error

    def read(self, resource_id: str, known: dict[str, Any]) -> dict[str, Any] | None:
        """What exists under this id, None when nothing does."""
        values = {**known, **self._parts(resource_id), "id": resource_id}
        found = self._find(values)
        if found is None:
            return None
        values |= outputs_of(self._row, self._cloud, found, values)
        read = tags.read(self._row, self._cloud, found, values)
        if read is not None:
            values["tagsAll"] = read
            own = {k: v for k, v in read.items() if self._default_tags.get(k) != v}
            given = known.get("tags") or {}
            values["tags"] = {**own, **{k: read[k] for k in given if k in read}}
        return _without_internals(values)

    def update(
        self, resource_id: str, state: dict[str, Any], old: dict[str, Any], new: dict[str, Any],
        timeout: float,
    ) -> dict[str, Any]:  # fmt: skip
        """Changes it in place."""
        row = self._row
        before = {**state, **old, "id": resource_id}
        values = {**state, **new, "id": resource_id}
        for key in [key for key in values if key in old and key not in new]:
            del values[key]
        self._obey_rules(values)
        changed = self.changed(old, new)
        covered: set[str] = set()
        try:
            for update in row.updates:
                if changed & set(update.keys):
                    covered |= set(update.keys)
                    self._run(update.run, before, values, update.keys)
                    self._wait(values, timeout)
            tags.change(row, self._cloud, state.get("tagsAll") or {}, self.all_tags(new), values)
        except Refused as error:
            raise PartlyMade(str(error), resource_id, _without_internals(before)) from error
        found = self._wait(values, timeout)
        if found is not None:
            values |= outputs_of(row, self._cloud, found, {**values})
        return self._state(values, new)

    def unsupported_change(self, old: dict[str, Any], new: dict[str, Any]) -> str:
        """An input that AWS may change in place and the row can't, or ""."""
        row = self._row
        covered = {key for update in row.updates for key in update.keys}
        covered |= {*check.PROVIDER_S_OWN, *row.elsewhere}
        replaced = {re.split(r"[.\[]", key)[0] for key in row.forces_replacement.keys}
        return ", ".join(sorted(self.changed(old, new) - covered - replaced))

    def delete(
        self,
        resource_id: str,
        state: dict[str, Any],
        timeout: float,
        answered: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Removes it and waits until it is gone; what goes with another resource is forgotten."""
        if not self._row.delete:
            return
        values = {**state, **self._parts(resource_id), "id": resource_id}
        for call in self._row.delete:
            self._delete(call, values)
        self._cloud.pause(answered())
        end = time.monotonic() + timeout
        while self._find(values) is not None:
            if time.monotonic() > end:
                raise Refused(f"{resource_id} still exists after {timeout:.0f} s")
            self._cloud.pause(_POLL_S)

    def all_tags(self, inputs: dict[str, Any]) -> dict[str, str]:
        """Tags of the resource and those of the provider."""
        return {**self._default_tags, **(inputs.get("tags") or {})}

    @staticmethod
    def changed(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
        """Top-level inputs that differ."""
        keys = {key for key in {*old, *new} if not key.startswith("__")}
        return {key for key in keys if not same(old.get(key), new.get(key))}

    def _obey_rules(self, values: dict[str, Any]) -> None:
        broken = [f"{path}: {reason}" for rule in self._row.rules for path, reason in rule(values)]
        for rule in self._row.rules_online:
            broken += [f"{path}: {reason}" for path, reason in rule(self._cloud, values)]
        if broken:
            raise Refused("; ".join(broken))

    def _run(
        self,
        run: Any,
        before: dict[str, Any],
        values: dict[str, Any],
        keys: tuple[str, ...],
    ) -> None:
        if isinstance(run, Call):
            self._cloud.send(build(self._row.service, run, values, keys))
        else:
            run(self._cloud, before, values)

    def _delete(self, call: Any, values: dict[str, Any]) -> None:
        end = time.monotonic() + _IN_USE_S
        while True:
            try:
                self._run(call, values, values, ())
                return
            except CallFailed as error:
                if error.not_found:
                    return
                if not error.code.startswith(_IN_USE) or time.monotonic() > end:
                    raise
            self._cloud.pause(_POLL_S)

    def _find(self, values: dict[str, Any]) -> Any:
        row = self._row
        if callable(row.find):
            found = row.find(self._cloud, values)
        else:
            found = self._cloud.find(row.service, row.find, values)
        if not found:
            return None
        if row.wait and jmespath.search(row.wait.status, found) in row.gone:
            return None
        return found

    def _wait(self, values: dict[str, Any], timeout: float) -> Any:
        end = time.monotonic() + timeout
        while True:
            found = self._find(values)
            wait = self._row.wait
            if wait is None and found is not None:
                return found
            status = jmespath.search(wait.status, found) if wait and found else None
            if wait and status in wait.wanted:
                return found
            if wait and status in wait.failed:
                raise Refused(_failure(wait, values["id"], status, found))
            if time.monotonic() > end:
                raise Refused(f"{values['id']} is {status or 'not found'} after {timeout:.0f} s")
            self._cloud.pause(_POLL_S)

    def _parts(self, resource_id: str) -> dict[str, str]:
        parts = self._row.id_parts
        if not parts:
            return {}
        given = resource_id.split(self._row.separator, len(parts) - 1)
        if len(given) != len(parts):
            wanted = self._row.separator.join(parts)
            raise Refused(f"'{resource_id}' is no id of {self._row.token}: it has {wanted}")
        return dict(zip(parts, given, strict=True))

    def _state(self, values: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
        found = self._find(values)
        if found is not None:
            values |= outputs_of(self._row, self._cloud, found, values)
        if self._row.tagging:
            values["tagsAll"] = self.all_tags(inputs)
        return _without_internals(values)


def _failure(wait: Wait, resource_id: str, status: str, found: Any) -> str:
    told = jmespath.search(wait.reasons, found) if wait.reasons else None
    issues = told if isinstance(told, list) else [told] if told else []
    lines = [
        f"{one.get('code', '')}: {one.get('message', '')}" if isinstance(one, dict) else str(one)
        for one in issues
    ]
    return f"{resource_id} became {status}" + (f": {'; '.join(lines)}" if lines else "")


def _id(row: Row, answer: Any, values: dict[str, Any]) -> str:
    if callable(row.id):
        return row.id(values)
    if "{" in row.id:
        return str(fill(row.id, values))
    found = jmespath.search(row.id, answer)
    if not found:
        raise Refused(f"{row.create.operation} answered no id: {json.dumps(answer, default=str)}")
    return str(found)


def _without_internals(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not key.startswith("__")}


def timeout_of(seconds: float) -> float:
    """The engine's time-out, or the provider's own."""
    return seconds or _DEFAULT_TIMEOUT_S
