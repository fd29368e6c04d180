"""What Pulumi knows of a stack: whether an update runs, died or failed, and when it expires."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from r1_on_eks.operations.deployment import Deployment
from r1_on_eks.operations.expiry import verdict
from r1_on_eks.operations.locks import Lock, locks_of
from r1_on_eks.operations.pulumi_cli import PulumiFailed, is_no_stack
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.status.scene import Scene
from r1_on_eks.stack_file import settings_of

UPDATE, LIFETIME, OUTPUTS = "update", "lifetime", "outputs"
# More are a list that nobody reads.
_SHOWN = 3


def update(scene: Scene) -> Iterable[Finding]:
    """Asks Pulumi and its backend."""
    try:
        deployment = scene.deployment()
        last = next(iter(scene.pulumi.history(newest=1)), None)
        backend = scene.pulumi.backend()
    except PulumiFailed as failure:
        return [_untold(scene.stack, str(failure))]
    locks = locks_of(backend, scene.project, scene.stack, scene.account.session)
    return [update_finding(scene.stack, deployment, locks, last)]


def _untold(stack: str, told: str) -> Finding:
    if is_no_stack(told):
        return lacking(
            UPDATE, "Pulumi knows no such stack on its backend",
            f"pulumi whoami --verbose  # another backend? pulumi login URL; or pulumi up --stack"
            f" {stack}",
        )  # fmt: skip
    return unknown(UPDATE, told.splitlines()[-1], "pulumi whoami --verbose")


def update_finding(
    stack: str,
    deployment: Deployment,
    locks: Sequence[Lock] | None,
    last: Mapping[str, Any] | None,
) -> Finding:
    """Whether an update runs, died, failed or ended well.

    Args:
        stack: Its name.
        deployment: What Pulumi knows.
        locks: Who holds it; None where the backend's locks can't be read.
        last: The newest entry of its history; None where it has none.
    """
    pending = _pending(deployment)
    recover = f"r1 recover {stack}"
    if locks:
        return _held(locks, pending, recover)
    if last and last.get("result") == "in-progress":
        since = _moment(last["startTime"])
        return unknown(
            UPDATE, f"a {last['kind']} runs since {since}{pending}",
            f"wait for it; where nobody runs it any more: {recover}",
        )  # fmt: skip
    if pending:
        sure = "" if locks is not None else "; if no update is running"
        return lacking(UPDATE, f"an update ended before its end{pending}", f"{recover}{sure}")
    if broken := [one for one in deployment.resources if one.get("initErrors")]:
        told = ", ".join(one["urn"].rpartition("::")[2] for one in broken[:_SHOWN])
        why = str(broken[0]["initErrors"][0]).splitlines()[0]
        return lacking(UPDATE, f"made, and not well: {told}: {why}", recover)
    again = f"pulumi up --stack {stack}"
    if not deployment.resources:
        ended = f" since {_moment(last['endTime'])}" if last else ""
        return lacking(UPDATE, f"nothing of it stands{ended}", again)
    if last and last.get("result") == "failed":
        return lacking(
            UPDATE, f"the last {last['kind']} failed at {_moment(last['endTime'])}", again
        )
    told = f"{last['kind']} of {_moment(last['endTime'])} ended well, " if last else ""
    return ready(UPDATE, f"{told}{len(deployment.resources)} resources")


def _held(locks: Sequence[Lock], pending: str, recover: str) -> Finding:
    one = locks[0]
    if any(lock.lives for lock in locks):
        return unknown(UPDATE, f"an update runs: {one}{pending}", "wait for it")
    if all(lock.is_from_here for lock in locks):
        return lacking(UPDATE, f"the update of {one} died{pending}", recover)
    return unknown(
        UPDATE, f"{one} holds the stack{pending}",
        f"ps -p {one.pid}  # on {one.host}; where it is gone: {recover}",
    )  # fmt: skip


def _pending(deployment: Deployment) -> str:
    found = [f"{one.work} {one.kind} {one.name}" for one in deployment.pending]
    if not found:
        return ""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"; under way then: {', '.join(found[:_SHOWN])}{more}"


def lifetime(scene: Scene) -> Iterable[Finding]:
    """Of a test stack: how much is left."""
    settings = settings_of(scene.stack) or {}
    if settings.get("lifetime") is None:
        return []
    one = verdict(scene.stack, settings, scene.history(), scene.known(), scene.now)
    if one.expired:
        return [lacking(LIFETIME, one.why, f"r1 extend {scene.stack} 4h  # or r1 expire")]
    if one.expires is None:
        return [unknown(LIFETIME, one.why)]
    return [ready(LIFETIME, f"{_left(one.expires - scene.now)} left; {one.why}")]


def outputs(scene: Scene) -> Iterable[Finding]:
    """What the stack exports."""
    told = scene.known().outputs
    if not told:
        return []
    routes = ", ".join((told.get("routes") or {}).values())
    gateway = told.get("gateway") or "no gateway yet"
    return [ready(OUTPUTS, f"cluster {told.get('cluster', '–')}, {gateway}, {routes or '–'}")]


def _left(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min"


def _moment(told: str) -> str:
    return datetime.fromisoformat(told).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
