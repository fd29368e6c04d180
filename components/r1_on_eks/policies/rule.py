"""A rule: what it says, what it looks at, how strict it is, and what can be set."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from r1_on_eks.cost.declared import Declaration, Declared

MANDATORY, ADVISORY = "mandatory", "advisory"
Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One thing of a rule that a user may set.

    Attributes:
        kind: Its type in JSON schema: number, integer, array (of strings), object (of strings), …
        default: What holds where nobody sets it.
        says: What it is, with its unit.
    """

    kind: str
    default: Any
    says: str

    @property
    def schema(self) -> dict[str, Any]:
        """As a policy pack declares it."""
        schema: dict[str, Any] = {"type": self.kind, "description": self.says}
        if self.kind == "array":
            schema["items"] = {"type": "string"}
        if self.kind == "object":
            schema["additionalProperties"] = {"type": "string"}
        # Null would be no default but a value of the wrong type.
        return schema if self.default is None else schema | {"default": self.default}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What each resource of some types must hold.

    Attributes:
        name: As in `--policy-pack-config`.
        says: One sentence.
        level: MANDATORY fails the preview, ADVISORY is told; a user may set it otherwise.
        types: Patterns of the types of resources that it looks at.
        breaks: What is wrong with one, a sentence each; a value that is not known yet is
            `Unknown`, and breaks nothing: it is looked at again during the update.
        settings: What can be set, by name.
    """

    name: str
    says: str
    level: str
    types: tuple[str, ...]
    breaks: Callable[[Declared, Settings], Iterator[str]]
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def looks_at(self, type_: str) -> bool:
        """Whether it says anything about resources of a type."""
        return any(fnmatchcase(type_, pattern) for pattern in self.types)


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """What a stack must hold as a whole.

    Attributes:
        name: As in `--policy-pack-config`.
        says: One sentence.
        level: As of a `Rule`.
        breaks: What is wrong, a sentence each; gets the stack's name and the settings too.
        settings: What can be set, by name.
    """

    name: str
    says: str
    level: str
    breaks: Callable[[Declaration, str, Settings], Iterator[str]]
    settings: Mapping[str, Setting] = field(default_factory=dict)


def with_defaults(rule: Rule | StackRule, given: Settings) -> dict[str, Any]:
    """All settings of a rule: those that are given, and the defaults of the others."""
    return {name: given.get(name, one.default) for name, one in rule.settings.items()}
