"""What an engine that was killed made and did not write down: found in AWS, adopted or deleted.

Pulumi writes an operation down before it begins and its result after it ended. Killed between
the two, it does not know whether AWS was called; no refresh adopts what was made, and the next
`pulumi up` makes a second one. The tags, names and parts that a program gives find the first one.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from r1_on_eks.operations.account import FAILURES, Account, is_gone
from r1_on_eks.operations.deployment import Deployment, Pending
from r1_on_eks.operations.inventory import KINDS, Thing, untagged
from r1_on_eks.operations.pulumi_cli import Pulumi
from r1_on_eks.plan.names import NAME_TAG, STACK_TAG

ADOPT, DELETE, FORGET, UNKNOWN = "adopt", "delete", "forget", "look yourself"
# EKS gives up on a control plane or a node group sooner.
_SETTLED_WITHIN_S = 3600.0
_MADE_AGAIN = ("pulumi:", "r1:")
_IN_CLUSTER = "kubernetes:"
# What AWS alone knows the end of: detaching twice is an error.
_READ = {*KINDS, *untagged.PARTS}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        what: `adopt`, `delete`, `forget` or `look yourself`.
        kind: Pulumi's type.
        name: The resource's logical name.
        id: Of what lies in AWS; empty where nothing does.
        why: For a person.
        urn: Of the resource.
        pending: The operation that it ends, None for a resource that Pulumi knows.
        thing: What AWS says, where it is told by tags.
    """

    what: str
    kind: str
    name: str
    id: str
    why: str
    urn: str
    pending: Pending | None = None
    thing: Thing | None = None


def steps_of(deployment: Deployment, account: Account, stack: str) -> list[Step]:
    """What there is to do, in the order of the pending operations."""
    steps = [
        step
        for pending in deployment.pending
        for step in _steps_of(pending, deployment, account, stack)
    ]
    return [*steps, *_broken(deployment, account, stack), *_unread(deployment)]


def carry_out(steps: list[Step], deployment: Deployment, pulumi: Pulumi, account: Account,
              say: Say) -> None:  # fmt: skip
    """Does what `steps_of` said; after a failure it can be asked for again.

    Raises:
        PulumiFailed: the engine refused something.
        Unsettled: AWS works on something for an hour.
    """
    for step in steps:
        if step.what == ADOPT and step.thing:
            _wait_until_settled(step.thing, account, say)
    if deployment.pending:
        adopted = [(one.pending, one.id) for one in steps if one.what == ADOPT and one.pending]
        pulumi.import_(deployment.without_pending(adopted))
    for step in steps:
        if step.what == DELETE and step.thing:
            say(f"deleting {step.kind} {step.name} {step.id}")
            delete_and_wait(step.thing, account)
    known = [one.urn for one in steps if one.what == ADOPT or not one.pending or _half_gone(one)]
    if known:
        pulumi.refresh(known)


def _half_gone(step: Step) -> bool:
    """Whether AWS may have ended what Pulumi still knows; what is in the cluster ends with it."""
    return bool(step.pending) and step.pending.work == "deleting" and step.kind in _READ


class Unsettled(Exception):
    """AWS has not decided about something for an hour."""


def _steps_of(
    pending: Pending, deployment: Deployment, account: Account, stack: str
) -> Iterable[Step]:
    def step(what: str, why: str, found: str = "", thing: Thing | None = None) -> Step:
        return Step(what, pending.kind, pending.name, found, why, pending.urn, pending, thing)

    if pending.work != "creating":
        read = "; it is read again" if pending.kind in _READ else ""
        yield step(FORGET, f"{pending.work}: the next pulumi up or destroy does it again{read}")
    elif pending.kind.startswith(_MADE_AGAIN):
        yield step(FORGET, "the next pulumi up makes it again")
    elif pending.urn in deployment.urns and pending.kind not in KINDS:
        yield step(FORGET, "it was made again since")
    elif pending.kind.startswith(_IN_CLUSTER):
        # Its provider refuses to make what exists; a refresh drops what doesn't.
        yield step(ADOPT, "where the API server has it, and else forgotten", _object_id(pending))
    elif pending.kind in untagged.PARTS:
        if found := untagged.found(account, pending.kind, pending.resource["inputs"]):
            yield step(ADOPT, "made, and not written down", found)
        else:
            yield step(FORGET, "AWS has no such thing: the call never arrived")
    elif pending.kind in KINDS:
        things = [
            one
            for one in KINDS[pending.kind].things(account, stack)
            if one.tags.get(NAME_TAG) == pending.name and one.id not in deployment.ids
        ]
        if not things:
            yield step(FORGET, "AWS has no such thing: the call never arrived")
        for number, one in enumerate(sorted(things, key=_newest_first)):
            if one.status in KINDS[pending.kind].broken:
                yield step(DELETE, f"it is {one.status}", one.id, one)
            elif number == 0 and pending.urn not in deployment.urns:
                yield step(ADOPT, "made, and not written down", one.id, one)
            else:
                yield step(DELETE, "it was made again since", one.id, one)
    else:
        yield step(UNKNOWN, f"r1 does not know how {pending.kind} is found in AWS")


def _in_cluster(resource: Mapping[str, Any]) -> bool:
    return resource["type"].startswith(_IN_CLUSTER)


def _object_id(pending: Pending) -> str:
    """As the Kubernetes provider names what it made."""
    metadata = pending.resource["inputs"]["metadata"]
    return "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))


def _newest_first(thing: Thing) -> float:
    return -thing.created.timestamp() if thing.created else 0.0


def _broken(deployment: Deployment, account: Account, stack: str) -> Iterable[Step]:
    """What Pulumi knows, and AWS failed to make: a node group without capacity."""
    doubtful = [one for one in deployment.resources if one.get("initErrors")]
    for kind in {one["type"] for one in doubtful} & set(KINDS):
        things = {one.id: one for one in KINDS[kind].things(account, stack)}
        for one in doubtful:
            thing = things.get(one.get("id", ""))
            if thing and one["type"] == kind and thing.status in KINDS[kind].broken:
                name = one["urn"].rpartition("::")[2]
                why = f"it is {thing.status}; the next pulumi up makes it anew{_issues(thing)}"
                yield Step(DELETE, kind, name, thing.id, why, one["urn"], None, thing)


def _issues(thing: Thing) -> str:
    issues = thing.about.get("health", {}).get("issues", [])
    return "".join(f"\n        {one.get('code')}: {one.get('message')}" for one in issues)


def _unread(deployment: Deployment) -> Iterable[Step]:
    """What an earlier recovery adopted, and could not read any more."""
    for one in deployment.resources:
        unread = one.get("custom") and one.get("inputs") and one["inputs"] == one.get("outputs")
        if unread and (one["type"] in {**KINDS, **untagged.PARTS} or _in_cluster(one)):
            name = one["urn"].rpartition("::")[2]
            yield Step(ADOPT, one["type"], name, one["id"], "adopted, and not read", one["urn"])


def _wait_until_settled(thing: Thing, account: Account, say: Say) -> None:
    kind, stack = KINDS[thing.kind], thing.tags[STACK_TAG]
    end, told = time.monotonic() + _SETTLED_WITHIN_S, False
    while True:
        now = next((one for one in kind.things(account, stack) if one.id == thing.id), None)
        if now is None or now.status not in kind.working:
            return
        if time.monotonic() > end:
            raise Unsettled(f"{thing.id} is {now.status} for an hour; ask again later")
        if not told:
            say(f"waiting for {thing.kind} {thing.id}: {now.status}")
            told = True
        time.sleep(1)


def delete_and_wait(thing: Thing, account: Account) -> None:
    """Deletes one thing and waits until AWS has it no more.

    Raises:
        ClientError: AWS refuses; it says why.
        Unsettled: it is still there after an hour.
    """
    kind, stack = KINDS[thing.kind], thing.tags[STACK_TAG]
    end = time.monotonic() + _SETTLED_WITHIN_S
    try:
        kind.delete(account, thing)
    except FAILURES as error:
        if is_gone(error):
            return
        raise
    while any(one.id == thing.id and one.status != "PendingDeletion"
              for one in kind.things(account, stack)):  # fmt: skip
        if time.monotonic() > end:
            raise Unsettled(f"{thing.id} still exists after an hour; ask again later")
        time.sleep(0.5)
