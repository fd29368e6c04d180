"""One comment of a pull request on GitHub, edited in place; or the summary of the job."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARKER = "r1-on-eks cost"
_PER_PAGE = 100
_PATIENCE_S = 30
# A run that loses a race tells again; more often than this nobody races.
_ATTEMPTS = 4
# Of a fork's token, or of none: reading is allowed, writing isn't.
_REFUSED = {401, 403, 404}
# GitHub's limit on a step's summary is 1 MiB.
_LONGEST_SUMMARY = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a workflow on a pull request.

    Attributes:
        api: Address of the API.
        repository: `owner/name`.
        number: Of the pull request; None where the run is of none.
        order: Number and attempt of the run: of two, the greater is the newer.
        token: For the API; "" where there is none.
        summary: File that GitHub shows as the job's summary, or None.
    """

    api: str
    repository: str
    number: int | None
    order: tuple[int, int]
    token: str
    summary: Path | None


def run_of(environment: Mapping[str, str]) -> Run:
    """The run that GitHub's variables describe.

    Raises:
        KeyError: one of them is missing.
    """
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text())
    summary = environment.get("GITHUB_STEP_SUMMARY")
    return Run(
        api=environment.get("GITHUB_API_URL", "https://api.github.com"),
        repository=environment["GITHUB_REPOSITORY"],
        number=(event.get("pull_request") or {}).get("number"),
        order=(int(environment["GITHUB_RUN_NUMBER"]), int(environment["GITHUB_RUN_ATTEMPT"])),
        token=environment.get("GITHUB_TOKEN", ""),
        summary=Path(summary) if summary else None,
    )


def tell(run: Run, text: str) -> str:
    """Creates or edits the comment; where that is refused, writes the job's summary.

    Returns:
        What was done, in one line.
    """
    if run.number is None:
        return _summarise(run, text, "no pull request")
    if not run.token:
        return _summarise(run, text, "no token")
    try:
        return _comment(run, text)
    except urllib.error.HTTPError as error:
        if error.code not in _REFUSED:
            raise
        return _summarise(run, text, f"commenting is refused with {error.code}, as for a fork")


def _summarise(run: Run, text: str, why: str) -> str:
    if run.summary is None:
        print(text)
        return f"{why}: printed"
    with run.summary.open("a") as file:
        file.write(text[:_LONGEST_SUMMARY])
    return f"{why}: written to the job's summary"


def _comment(run: Run, text: str) -> str:
    body = f"<!-- {MARKER} run={run.order[0]}.{run.order[1]} -->\n{text}"
    done = "left as it is"
    for _ in range(_ATTEMPTS):
        ours = [one for one in _comments(run) if _order(one["body"])]
        if not ours:
            _call(run, "POST", f"issues/{run.number}/comments", {"body": body})
            done = "created"
            continue
        first, *doubles = sorted(ours, key=lambda one: one["id"])
        newest = max(ours, key=lambda one: _order(one["body"]) or (0, 0))
        order = _order(newest["body"]) or (0, 0)
        if order > run.order:
            # A newer run has told more; of two that were created at once, one stays.
            _keep(run, first, doubles, newest["body"])
            return f"a newer run ({order[0]}.{order[1]}) has told it"
        if _without_marker(first["body"]) != _without_marker(body):
            _call(run, "PATCH", f"issues/comments/{first['id']}", {"body": body})
            done = "edited" if done == "left as it is" else done
        _keep(run, first, doubles, None)
        # What another run wrote between looking and writing shows itself now.
        last = [one for one in _comments(run) if _order(one["body"])]
        if len(last) == 1 and _without_marker(last[0]["body"]) == _without_marker(body):
            return f"comment {done}"
    return f"comment {done}; other runs tell it too"


def _keep(run: Run, first: Mapping[str, Any], doubles: list[Any], body: str | None) -> None:
    if body is not None and first["body"] != body:
        _call(run, "PATCH", f"issues/comments/{first['id']}", {"body": body})
    for one in doubles:
        try:
            _call(run, "DELETE", f"issues/comments/{one['id']}", None)
        except urllib.error.HTTPError as error:
            # Another run was quicker.
            if error.code != 404:
                raise


def _comments(run: Run) -> Iterator[dict[str, Any]]:
    page = 1
    while True:
        found = _call(
            run, "GET", f"issues/{run.number}/comments?per_page={_PER_PAGE}&page={page}", None
        )
        yield from found
        if len(found) < _PER_PAGE:
            return
        page += 1


def _order(body: str) -> tuple[int, int] | None:
    found = re.match(rf"<!-- {MARKER} run=(\d+)\.(\d+) -->", body or "")
    return (int(found[1]), int(found[2])) if found else None


def _without_marker(body: str) -> str:
    return body.partition("\n")[2].strip()


def _call(run: Run, method: str, path: str, content: Any) -> Any:
    request = urllib.request.Request(
        f"{run.api}/repos/{run.repository}/{path}",
        method=method,
        data=None if content is None else json.dumps(content).encode(),
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {run.token}",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
        text = answer.read()
    return json.loads(text) if text else None
