"""What one stack asks for: the object `r1-on-eks:stack` of a stack file, parsed once."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from r1_on_eks.config_errors import sentences
from r1_on_eks.stack_config.gateway import Gateway, KeyName, Limits
from r1_on_eks.stack_config.section import PublicFrom, Section
from r1_on_eks.stack_config.spending import ApiPrice, Budget, Usage
from r1_on_eks.stack_config.stack import StackConfig
from r1_on_eks.stack_config.variant import (
    FromReservation,
    Hours,
    Overrides,
    Pin,
    Scale,
    VariantName,
    WantedVariant,
    Workload,
)
from r1_on_eks.stack_config.weights import FileSystem, WantedFileSystem, Weights

__all__ = [
    "FILE_SYSTEM",
    "ApiPrice",
    "Budget",
    "FileSystem",
    "FromReservation",
    "Gateway",
    "Hours",
    "Limits",
    "Overrides",
    "Pin",
    "PublicFrom",
    "Scale",
    "StackConfig",
    "StackConfigError",
    "Usage",
    "WantedFileSystem",
    "WantedVariant",
    "Weights",
    "Workload",
    "key_name",
    "parse_pinned_file_system",
    "parse_pins",
    "parse_stack_config",
    "workload_of",
]


# Key of the file system among the variants in a file of pinned placements.
FILE_SYSTEM = "file_system"


class StackConfigError(ValueError):
    """What is wrong with a stack file: one line per key, each saying what would work."""


def parse_stack_config(stack: Mapping[str, Any]) -> StackConfig:
    """Parses the mapping under `r1-on-eks:stack`.

    Raises:
        StackConfigError: one line for each key that is wrong.
    """
    try:
        return StackConfig.model_validate(stack)
    except ValidationError as error:
        raise StackConfigError("\n".join(sentences(error.errors()))) from None


def workload_of(**numbers: float) -> Workload:
    """A workload from numbers that somebody typed.

    Raises:
        StackConfigError: one line for each number that is wrong.
    """
    try:
        return Workload.model_validate(numbers)
    except ValidationError as error:
        raise StackConfigError("\n".join(sentences(error.errors()))) from None


def key_name(name: str) -> str:
    """The name of a key that somebody typed.

    Raises:
        StackConfigError: it is none.
    """
    try:
        return _Named.model_validate({"name": name}).name
    except ValidationError:
        raise StackConfigError(
            f"{name!r} is no name of a key; write alice: small letters, digits, dashes,"
            " 31 at most, a letter first"
        ) from None


def parse_pins(content: Mapping[str, Any]) -> dict[str, Pin]:
    """Parses the content of a file of pinned placements, by variant.

    Raises:
        StackConfigError: one line for each key that is wrong.
    """
    variants = {key: value for key, value in content.items() if key != FILE_SYSTEM}
    return _parsed(pins=variants).pins


def parse_pinned_file_system(content: Mapping[str, Any]) -> FileSystem | None:
    """Parses the file system in the content of a file of pinned placements; None if not there.

    Raises:
        StackConfigError: one line for each key that is wrong.
    """
    return _parsed(pins={}, file_system=content.get(FILE_SYSTEM)).file_system


class _Pinned(Section):
    pins: dict[VariantName, Pin]
    file_system: FileSystem | None = None


def _parsed(**parts: Any) -> _Pinned:
    try:
        return _Pinned.model_validate(parts)
    except ValidationError as error:
        raise StackConfigError("\n".join(sentences(error.errors()))) from None


class _Named(Section):
    name: KeyName
