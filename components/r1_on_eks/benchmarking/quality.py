"""Holds the harness's results against those of earlier checks, and adds them to the history.

A CronJob of the stack carries this file and runs it behind the harness: it imports the standard
library alone. The history of a variant is an entry of a ConfigMap, a line of JSON for each figure.
"""

import json
import math
import os
import ssl
import statistics
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FELL = 66
"""Exit status where a figure fell: another try would ask the model the same again."""
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# Of a weekly check of three figures, more than a year; with seven variants half of what a
# ConfigMap holds (1 MiB).
_KEPT = 200
# One check in forty would fall lower by chance alone, were the errors exact.
_SIGMAS = 2.0
_TRIES, _PAUSE_S, _TIMEOUT_S = 5, 10, 30


class NotHeld(Exception):
    """Nothing can be compared; says what is missing."""


@dataclass(frozen=True)
class Figure:
    """One metric of one task, as measured once.

    Attributes:
        at: UTC, `2026-11-25T03:10:00Z`.
        task: The harness's name of it.
        version: The task's own.
        metric: The harness's name of it, `exact_match`.
        filter: Of the answers, before they are scored.
        questions: How many were asked.
        shots: Solved examples before each question.
        value: As the harness scales it: 0 to 1 of exact_match and f1, 0 to 100 of bleu.
        error: Its standard error; 0 where the harness gives none.
        higher_is_better: Whether less is worse.
        checkpoint: Repository of the weights that answered.
        server: Image of the server that answered.
        fell: Whether it was worse than those before allowed.
    """

    at: str
    task: str
    version: str
    metric: str
    filter: str
    questions: int
    shots: int
    value: float
    error: float
    higher_is_better: bool
    checkpoint: str
    server: str
    fell: bool = False

    @property
    def kind(self) -> tuple[Any, ...]:
        """What two figures have in common that can be compared."""
        return (self.task, self.version, self.metric, self.filter, self.questions, self.shots)


def read(
    results: Mapping[str, Any], wanted: Mapping[str, Any], *, at: str, checkpoint: str, server: str
) -> Figure:
    """One figure of lm-eval's `results_….json`.

    Args:
        results: The file.
        wanted: `task`, `metric` and `filter`.
        at: When it was measured, in UTC.
        checkpoint: Repository of the weights that answered.
        server: Image of the server that answered.

    Raises:
        NotHeld: it has no such task or metric; says which it has.
    """
    task, metric, chosen = wanted["task"], wanted["metric"], wanted["filter"]
    found = results["results"].get(task)
    if found is None:
        raise NotHeld(f"{task}: the harness has no result of it, but of {_known(results)}")
    value = found.get(f"{metric},{chosen}")
    if not isinstance(value, int | float) or not math.isfinite(value):
        numbers = sorted(key for key, one in found.items() if isinstance(one, int | float))
        raise NotHeld(f"{task}: no figure {metric} of filter {chosen}, but {', '.join(numbers)}")
    error = found.get(f"{metric}_stderr,{chosen}")
    better = results.get("higher_is_better", {}).get(task, {}).get(metric)
    return Figure(
        task=task,
        version=str(results.get("versions", {}).get(task, "")),
        metric=metric,
        filter=chosen,
        questions=int(results["n-samples"][task]["effective"]),
        shots=int(results.get("n-shot", {}).get(task) or 0),
        value=float(value),
        error=float(error) if isinstance(error, int | float) and math.isfinite(error) else 0.0,
        higher_is_better=better is not False,
        at=at,
        checkpoint=checkpoint,
        server=server,
    )


def judged(figure: Figure, history: Sequence[Figure], tolerance: float) -> tuple[Figure, str]:
    """Whether a figure fell, and a sentence of it.

    It is held against the median of those before that were of the same kind and had not fallen
    themselves: the best of many would be the luckiest. What chance alone may take away is allowed
    besides: a difference within two standard errors says nothing.

    Args:
        figure: The newest.
        history: Those before.
        tolerance: Share of the median by which it may be worse.
    """
    name = f"{figure.task} {figure.metric} {figure.value:.4g}"
    before = [one for one in history if one.kind == figure.kind and not one.fell]
    if not before:
        return figure, f"{name}: the first of its kind"
    usual = statistics.median(one.value for one in before)
    noise = statistics.fmean(one.error**2 for one in before) / len(before)
    chance = _SIGMAS * math.sqrt(figure.error**2 + noise)
    allowed = max(tolerance * abs(usual), chance)
    worse = usual - figure.value if figure.higher_is_better else figure.value - usual
    # Of 0.02 of 1 less 0.98 the binary remainder is no fall.
    fell = worse > allowed + 1e-9
    told = f"{name}, {usual:.4g} in {len(before)} checks before, {allowed:.2g} worse is allowed"
    return Figure(**{**asdict(figure), "fell": fell}), f"{told}: {'FELL' if fell else 'holds'}"


def parsed(text: str) -> list[Figure]:
    """The history as it is kept."""
    return [Figure(**json.loads(line)) for line in text.splitlines() if line.strip()]


def written(history: Sequence[Figure]) -> str:
    """The history as it is kept: the newest 200."""
    return "".join(f"{json.dumps(asdict(one))}\n" for one in history[-_KEPT:])


class ConfigMap:
    """An entry of a ConfigMap, by the API server."""

    def __init__(self, server: str, namespace: str, name: str, account: Path = _ACCOUNT) -> None:
        self._url = f"{server}/api/v1/namespaces/{namespace}/configmaps/{name}"
        self._account = account

    def read(self, entry: str) -> str:
        """Its text; "" where there is none yet.

        Raises:
            NotHeld: the API server refuses or does not answer.
        """
        return (self._ask("GET", None).get("data") or {}).get(entry, "")

    def write(self, entry: str, text: str) -> None:
        """Puts its text there; other entries stay.

        Raises:
            NotHeld: the API server refuses or does not answer.
        """
        self._ask("PATCH", {"data": {entry: text}})

    def _ask(self, method: str, body: Any) -> Any:
        request = urllib.request.Request(
            self._url,
            None if body is None else json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {(self._account / 'token').read_text().strip()}",
                "Content-Type": "application/merge-patch+json",
            },
            method=method,
        )
        authority = self._account / "ca.crt"
        trusted = ssl.create_default_context(cafile=str(authority)) if authority.exists() else None
        for left in reversed(range(_TRIES)):
            try:
                with urllib.request.urlopen(
                    request, timeout=_TIMEOUT_S, context=trusted
                ) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if refused.code < 500 or not left:
                    raise NotHeld(f"{method} {self._url}: HTTP {refused.code}") from None
            except OSError as error:
                if not left:
                    raise NotHeld(f"{method} {self._url}: {error}") from None
            time.sleep(_PAUSE_S)
        raise AssertionError("the last try returns or raises")


def hold(results: Path, wanted: Mapping[str, Any], kept: ConfigMap, at: str) -> int:
    """Reads what the harness wrote, judges it, and adds it to the history.

    Args:
        results: Folder with one folder a task.
        wanted: `variant`, `checkpoint`, `server` and `figures`, as the plan says them.
        kept: Where the history is.
        at: UTC of now.

    Returns:
        0, or FELL.

    Raises:
        NotHeld: a result is missing, or the history can't be read or written.
    """
    history = parsed(kept.read(wanted["variant"]))
    about = {"at": at, "checkpoint": wanted["checkpoint"], "server": wanted["server"]}
    newest = []
    for one in wanted["figures"]:
        files = sorted((results / one["task"]).rglob("results_*.json"))
        if not files:
            raise NotHeld(f"{one['task']}: the harness wrote no results")
        figure, told = judged(
            read(json.loads(files[-1].read_text()), one, **about), history, one["tolerance"]
        )
        print(told, flush=True)
        newest.append(figure)
    # Before the verdict: what fell is part of the history, too.
    kept.write(wanted["variant"], written([*history, *newest]))
    return FELL if any(one.fell for one in newest) else 0


def main() -> int:
    """The container's: its words are in R1_QUALITY, as JSON."""
    wanted = json.loads(os.environ["R1_QUALITY"])
    server = os.environ.get("R1_API_SERVER") or (
        f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    )
    account = Path(os.environ.get("R1_ACCOUNT", _ACCOUNT))
    kept = ConfigMap(server, wanted["namespace"], wanted["config_map"], account)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        return hold(Path(wanted["results"]), wanted, kept, at)
    except NotHeld as error:
        print(error, file=sys.stderr)
        return 1


def _known(results: Mapping[str, Any]) -> str:
    return ", ".join(sorted(results["results"])) or "nothing"


if __name__ == "__main__":
    sys.exit(main())
