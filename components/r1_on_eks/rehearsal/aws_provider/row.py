"""What the stand-in knows about one resource type."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, Any]
"""Inputs and outputs of one resource by Pulumi's names, and its `id`."""


@dataclass(frozen=True)
class Call:
    """One API operation and where its parameters come from.

    Attributes:
        operation: AWS's name, `CreateVpc`.
        names: Pulumi property → API member (dotted), where they are not the same word.
        given: API parameters that no input names; `"{id}"` stands for a value.
        inside: API structure that holds inputs which are no parameter themselves.
    """

    operation: str
    names: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    inside: str = ""


Step = Callable[[Any, Values, Values], None]
"""Calls (cloud, old values, new values) for a change that is no single operation."""


@dataclass(frozen=True)
class Update:
    """How inputs change in place.

    Attributes:
        keys: The inputs.
        run: An operation that takes these inputs, or a function.
        after_create: Whether creating cannot take the inputs, so that this follows.
    """

    keys: tuple[str, ...]
    run: Call | Step
    after_create: bool = False


@dataclass(frozen=True)
class Find:
    """How an existing resource is looked up, and where it lies in the answer (JMESPath)."""

    operation: str
    given: Mapping[str, Any]
    path: str = "@"


@dataclass(frozen=True)
class Wait:
    """What a resource's status must become.

    Attributes:
        status: JMESPath in what `Find` answers.
        wanted: Good ends.
        failed: Bad ends.
        reasons: JMESPath of what AWS says about a bad end.
    """

    status: str
    wanted: tuple[str, ...]
    failed: tuple[str, ...] = ()
    reasons: str = ""


@dataclass(frozen=True)
class Tagging:
    """How a type takes tags.

    Attributes:
        member: Parameter of the creating operation.
        form: `map`, `list` of Key and Value, `kms` (TagKey, TagValue) or the resource type in
            EC2's TagSpecifications.
        add: Operation that sets tags, `remove` the one that takes them away.
        target: Parameter that names the resource → value; `"{arn}"`.
        tags: Parameter with the tags, `keys` the one with their keys.
        find: Looks the tags up where `Find` doesn't answer them.
    """

    member: str
    form: str
    add: str
    remove: str
    target: Mapping[str, Any]
    tags: str = "tags"
    keys: str = "tagKeys"
    find: Find | None = None


@dataclass(frozen=True)
class Replaces:
    """Inputs whose change makes a new resource, and where the official provider says so."""

    source: str = ""
    keys: tuple[str, ...] = ()


def cite(source: str, *keys: str) -> Replaces:
    """Inputs that force replacement, with file and commit of terraform-provider-aws."""
    return Replaces(source, keys)


@dataclass(frozen=True)
class Naming:
    """The property that gets a name when the program gives none, and its greatest length."""

    key: str = "name"
    most: int = 255


@dataclass(frozen=True)
class Row:
    """One resource type.

    Attributes:
        token: Pulumi's, `aws:ec2/vpc:Vpc`.
        service: boto3's name of the service.
        create: Makes it.
        id: JMESPath of its id in the answer, `"{clusterName}:{name}"`, or a function of values.
        id_parts: Names of the parts of such an id, for imports; `separator` is between them.
        find: Looks it up.
        delete: Removes it, in order; nothing for what goes with another resource.
        elsewhere: Inputs that the provider itself uses, or that a deleting call takes.
        updates: How inputs change in place.
        outputs: Output → JMESPath in what `find` answers, `"{template}"`, or a function
            (cloud, answer, values).
        completed_by: What follows every creation.
        derived: Values for `given` that are computed from the inputs.
        rules: Rules on inputs alone; `rules_online` need the cloud, just before creating.
        unordered: Property paths of lists that AWS takes as sets.
        forces_replacement: Inputs that AWS can't change.
        replaces_when: Functions (old, new) to inputs that it can't change in that way.
        gone: States in which AWS still answers something that is gone.
    """

    token: str
    service: str
    create: Call
    id: str | Callable[[Values], str]
    find: Find | Callable[[Any, Values], Any]
    delete: tuple[Call | Step, ...]
    id_parts: tuple[str, ...] = ()
    separator: str = ":"
    naming: Naming | None = None
    tagging: Tagging | None = None
    updates: tuple[Update, ...] = ()
    elsewhere: tuple[str, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    wait: Wait | None = None
    gone: tuple[str, ...] = ()
    forces_replacement: Replaces = field(default_factory=Replaces)
    replaces_when: tuple[Callable[[Values, Values], Iterable[str]], ...] = ()
    rules: tuple[Callable[[Values], Any], ...] = ()
    rules_online: tuple[Callable[[Any, Values], Any], ...] = ()
    unordered: tuple[str, ...] = ()
    completed_by: tuple[Step, ...] = ()
    derived: Mapping[str, Callable[[Values], Any]] = field(default_factory=dict)

    @property
    def after_create(self) -> tuple[Update, ...]:
        """Updates that complete a creation."""
        return tuple(update for update in self.updates if update.after_create)
