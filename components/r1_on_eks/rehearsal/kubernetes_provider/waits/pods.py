"""What the pods of a workload say about why it isn't ready."""

from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.waits.progress import Progress


def condition(document: dict[str, Any], kind: str) -> dict[str, Any]:
    """A condition of an object's status, {} where it has none of that type."""
    for found in (document.get("status") or {}).get("conditions") or []:
        if found.get("type") == kind:
            return found
    return {}


def owned_by(document: dict[str, Any], owner: dict[str, Any]) -> bool:
    """Whether one object names the other as an owner."""
    uid = owner["metadata"].get("uid")
    owners = document["metadata"].get("ownerReferences") or []
    return any(reference.get("uid") == uid for reference in owners)


def pod_errors(pods: list[dict[str, Any]]) -> list[str]:
    """One line for each pod that is not ready and says why."""
    lines: list[str] = []
    for pod in pods:
        lines += [line for line in [_pod_error(pod)] if line]
    return lines


def qualified_name(document: dict[str, Any]) -> str:
    """`namespace/name`, without the namespace `default`."""
    namespace = document["metadata"].get("namespace", "")
    name = str(document["metadata"]["name"])
    return name if namespace in ("", "default") else f"{namespace}/{name}"


class PodWait:
    """A bare pod: scheduled, initialized, and ready or finished."""

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the pod."""
        name = qualified_name(live)
        if condition(live, "PodScheduled").get("status") != "True":
            return self._waiting(live, f'Waiting for Pod "{name}" to be scheduled')
        if condition(live, "Initialized").get("status") != "True":
            return self._waiting(live, f'Waiting for Pod "{name}" to be initialized')
        succeeded = (live.get("status") or {}).get("phase") == "Succeeded"
        if condition(live, "Ready").get("status") == "True" or succeeded:
            return Progress(done=True)
        return self._waiting(live, f'Waiting for Pod "{name}" to be ready')

    def _waiting(self, live: dict[str, Any], status: str) -> Progress:
        return Progress(done=False, status=status, reasons=pod_errors([live]), pods=[live])


def _pod_error(pod: dict[str, Any]) -> str:
    for kind in ("PodScheduled", "Initialized", "Ready"):
        found = condition(pod, kind)
        if not found or found.get("status") == "True":
            continue
        message = found.get("message", "") + _container_errors(pod)
        return f"[Pod {qualified_name(pod)}]: {message}" if message else ""
    return ""


def _container_errors(pod: dict[str, Any]) -> str:
    lines: list[str] = []
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        state = status.get("state") or {}
        waiting, terminated = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting and waiting.get("reason") != "ContainerCreating":
            lines.append(f"[{waiting.get('reason')}] {waiting.get('message', '')}".strip())
        if terminated.get("reason"):
            code = terminated.get("exitCode")
            lines.append(f'container "{status["name"]}" completed with exit code {code}')
    return "\n".join(lines)
