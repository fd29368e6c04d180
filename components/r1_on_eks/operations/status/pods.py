"""Why a pod is not ready, and what to type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from r1_on_eks.operations.readiness.finding import Standing
from r1_on_eks.plan.timeline import Timeline

# What a pod without a timeline of its own may take: its image is small.
_START_S = 300.0
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")


@dataclass(frozen=True)
class Trouble:
    """Of one pod.

    Attributes:
        standing: Whether it is wrong, or only not ready yet.
        told: Its name, and why.
        fix: What to type.
    """

    standing: Standing
    told: str
    fix: str


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether it takes requests."""
    return any(
        one["type"] == "Ready" and one["status"] == "True"
        for one in pod.get("status", {}).get("conditions", ())
    )


def is_well(pod: Mapping[str, Any]) -> bool:
    """Whether it takes requests, or did its work and ended."""
    return is_ready(pod) or pod.get("status", {}).get("phase") == "Succeeded"


def is_over(pod: Mapping[str, Any]) -> bool:
    """Whether it failed, and none of its containers starts again."""
    return pod.get("status", {}).get("phase") == "Failed"


def trouble_of(
    pod: Mapping[str, Any], now: datetime, timeline: Timeline | None, *, node_seconds: float = 0
) -> Trouble:
    """Of a pod that is not ready.

    Args:
        pod: As the API server tells it.
        now: The time of the question.
        timeline: Of a model server: what its start may take; None for other pods.
        node_seconds: What a node for it may take to come; 0 where all stand already.
    """
    metadata = pod["metadata"]
    where = f"-n {metadata['namespace']}"
    name = metadata["name"]
    describe = f"kubectl {where} describe pod {name}"
    if metadata.get("deletionTimestamp"):
        return Trouble(Standing.UNKNOWN, f"{name} ends", describe)
    if is_over(pod) and (reason := pod["status"].get("reason")):
        # An eviction, a node that shut down: another pod stands in its place, or is told itself.
        told = f"{name} was ended: {reason}: {pod['status'].get('message', '')}".rstrip(": ")
        return Trouble(Standing.UNKNOWN, told, f"kubectl {where} delete pod {name}")
    if (place := _condition(pod, "PodScheduled")).get("status") == "False":
        told = place.get("message") or place.get("reason", "")
        if (waited := _seconds_since(metadata["creationTimestamp"], now)) <= node_seconds:
            told = f"since {_minutes(waited)} of {_minutes(node_seconds)} at most: {told}"
            return Trouble(Standing.UNKNOWN, f"{name} waits for a node {told}", "wait for it")
        return Trouble(Standing.LACKING, f"{name} has no node: {told}", describe)
    for state in _states(pod):
        if found := _of_container(name, where, state, describe):
            return found
    return _starting(pod, now, timeline, describe)


def _of_container(
    name: str, where: str, status: Mapping[str, Any], describe: str
) -> Trouble | None:
    waiting = status.get("state", {}).get("waiting", {})
    now = status["state"].get("terminated")
    ended = now or status.get("lastState", {}).get("terminated") or {}
    reason, logs = waiting.get("reason", ""), f"kubectl {where} logs {name} -c {status['name']}"
    # Of one that does not run again there is no previous one.
    logs += "" if now else " --previous"
    if reason in _IMAGE:
        told = f"{name}: {reason} {status.get('image', '')}: {waiting.get('message', '')}"
        return Trouble(Standing.LACKING, told.rstrip(": "), f"{describe}  # and r1 pins")
    if ended.get("reason") == "OOMKilled":
        told = f"{name}: the kernel ended it for want of memory, {status['restartCount']} restarts"
        return Trouble(Standing.LACKING, told, f"{logs}  # then lower concurrency")
    if reason == "CrashLoopBackOff" or ended.get("exitCode"):
        code = ended.get("exitCode", "?")
        told = f"{name}: ended with {code}, {status['restartCount']} restarts"
        if said := ended.get("message", "").strip():
            told += f": {said.splitlines()[-1]}"
        return Trouble(Standing.LACKING, told, logs)
    if reason and reason not in ("ContainerCreating", "PodInitializing"):
        told = f"{name}: {reason} {waiting.get('message', '')}".rstrip()
        return Trouble(Standing.LACKING, told, describe)
    return None


def _starting(
    pod: Mapping[str, Any], now: datetime, timeline: Timeline | None, describe: str
) -> Trouble:
    name = pod["metadata"]["name"]
    since = _condition(pod, "PodScheduled").get("lastTransitionTime")
    began = since or pod["metadata"]["creationTimestamp"]
    seconds = _seconds_since(began, now)
    limit = timeline.from_schedule_seconds if timeline else _START_S
    told = f"{name} starts since {_minutes(seconds)} of {_minutes(limit)} at most"
    if seconds > limit:
        return Trouble(Standing.LACKING, f"{told}: too long", describe)
    return Trouble(Standing.UNKNOWN, told, "wait for it")


def _states(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    status = pod.get("status", {})
    for key in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(key) or ():
            if not one.get("ready") and one.get("state"):
                yield one


def _condition(pod: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = [c for c in pod.get("status", {}).get("conditions", ()) if c["type"] == kind]
    return found[0] if found else {}


def _seconds_since(then: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(then)).total_seconds()


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"
