"""The faults that AWS itself shows: too many calls, no capacity, nodes that never join."""

import re
import threading
from functools import cache
from pathlib import Path
from typing import cast

from botocore.session import get_session

from r1_on_eks.rehearsal.aws_cloud.settings import settings
from r1_on_eks.rehearsal.fault_words import Fault
from r1_on_eks.rehearsal.faults import active, note
from r1_on_eks.rehearsal.paths import State

# What a request is signed for, where boto3's model has another name.
_SIGNED_FOR = {"aps": "amp"}

_throttled: dict[tuple[str, ...], int] = {}
_lock = threading.Lock()


def asked_for(kind: str) -> list[Fault]:
    """The faults of a kind that the running command was given."""
    return active(_state(), kind)


def _state() -> State:
    return State(Path(settings().state_root))


def _happens(kind: str, name: str) -> bool:
    """Whether a fault of a kind was asked for what has this name; then it happens."""
    faults = [fault for fault in asked_for(kind) if fault.words[0] == name]
    for fault in faults:
        note(_state(), fault.text)
    return bool(faults)


def is_throttled(service: str, action: str) -> bool:
    """Whether this call is one of those that a fault has AWS refuse.

    Args:
        service: As in the request's signature, `ec2`.
        action: What is asked, `CreateVpc` or `POST /clusters`.
    """
    faults = asked_for("throttle")
    if not faults:
        # The next command counts anew.
        _throttled.clear()
        return False
    operation = operation_of(service, action)
    for fault in faults:
        wanted, times = fault.words
        if wanted in ("*", operation):
            with _lock:
                count = _throttled[wanted, operation] = _throttled.get((wanted, operation), 0) + 1
            if count <= int(times):
                note(_state(), fault.text)
                return True
    return False


def operation_of(service: str, action: str) -> str:
    """`CreateCluster` of `POST /clusters`; what is a name already stays."""
    method, _, path = action.partition(" ")
    if not path:
        return action
    for operation, of_method, pattern in _paths(_SIGNED_FOR.get(service, service)):
        if method == of_method and re.fullmatch(pattern, path):
            return operation
    return action


@cache
def _paths(service: str) -> list[tuple[str, str, str]]:
    session = get_session()
    if service not in session.get_available_services():
        return []
    model = session.get_service_model(service)
    found: list[tuple[str, str, str]] = []
    for name in cast("list[str]", model.operation_names):
        http = model.operation_model(name).http
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", http["requestUri"].partition("?")[0])
        found.append((name, http["method"], pattern))
    return found


def lacks(instance_type: str) -> bool:
    """Whether EC2 has no instance of this type now."""
    return _happens("no-capacity", instance_type)


def lacks_spare(instance_type: str) -> bool:
    """Whether EC2 has no instance of this type beside those that run."""
    return _happens("no-spare", instance_type)


def never_joins(node_group: str) -> bool:
    """Whether the instances of a node group start and never become nodes."""
    return _happens("node-group-fails", node_group)
