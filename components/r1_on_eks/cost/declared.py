"""A resource as it is declared, whoever tells of it: a preview, or a program under mocks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# The engine's own, whatever type the value will have (pulumi/pulumi pkg/resource/stack and
# pkg/resource/plugin/rpc.go at 1b5949891b): strings, booleans, numbers, lists, assets, objects.
UNKNOWN_MARKS = frozenset({
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
})  # fmt: skip
_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Unknown:
    """A value that only the engine's run will tell; waits for these resources, by URN."""

    waits_for: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(urn.rpartition("::")[2] for urn in self.waits_for)
        return f"unknown until {names} stands" if names else "unknown"


class Secret:
    """A value that nobody is told."""

    def __str__(self) -> str:
        return "secret"


SECRET = Secret()


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One resource.

    Attributes:
        urn: The engine's name of it, by which two states of a stack are compared.
        type: `aws:eks/nodeGroup:NodeGroup`.
        inputs: As providers see them, with `Unknown` and `SECRET` for what isn't told.
        parent: URN of its component.
        provider: URN of its provider.
        needs: For each input, the URNs of the resources that it comes from.
        read_only: Whether it is looked up, and somebody else's.
        custom: Whether a provider makes it; components are only a way to group.
    """

    urn: str
    type: str
    inputs: dict[str, Any]
    parent: str = ""
    provider: str = ""
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    read_only: bool = False
    custom: bool = True

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.rpartition("::")[2]

    def get(self, *path: str | int) -> Any:
        """The value at a path of the inputs; None where there is none."""
        value: Any = self.inputs
        for step in path:
            if isinstance(value, Unknown | Secret):
                return value
            if isinstance(value, Mapping):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value


class Declaration:
    """All resources of one state of a stack."""

    def __init__(self, resources: Mapping[str, Declared]) -> None:
        self.resources = dict(resources)

    def __iter__(self) -> Iterator[Declared]:
        return iter(self.resources.values())

    def __len__(self) -> int:
        return len(self.resources)

    def source(self, resource: Declared, key: str, type_: str) -> Declared | None:
        """The resource of a type that an input comes from, or None where none is told of."""
        found = (self.resources.get(urn) for urn in resource.needs.get(key, ()))
        return next((one for one in found if one and one.type == type_), None)

    def region(self, resource: Declared) -> str | Unknown | Secret | None:
        """AWS Region, as its provider says; None where it says none."""
        provider = self.resources.get(resource.provider)
        return resource.get("region") or (provider.get("region") if provider else None)

    def component(self, resource: Declared) -> str:
        """Name of the outermost component around it; "" where there is none."""
        found, parent = "", self.resources.get(resource.parent)
        while parent is not None and parent.type != _STACK:
            found, parent = parent.name, self.resources.get(parent.parent)
        return found


def marked(value: Any, waits_for: tuple[str, ...]) -> Any:
    """A value of the engine's, its marks for unknown and secret ones replaced at any depth."""
    if isinstance(value, str):
        if value in UNKNOWN_MARKS:
            return Unknown(waits_for)
        return SECRET if value == "[secret]" else value
    if isinstance(value, list):
        return [marked(one, waits_for) for one in value]
    if isinstance(value, Mapping):
        # How secrets travel between engine, programs and state.
        if "4dabf18193072939515e22adb298388d" in value:
            return SECRET
        return {key: marked(one, waits_for) for key, one in value.items()}
    return value


def inputs_of(inputs: Mapping[str, Any], needs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a resource; `needs` are its property dependencies."""
    return {key: marked(value, tuple(needs.get(key) or ())) for key, value in inputs.items()}
