"""The file of a stack's pinned placements, `stacks/placements/<stack>.yaml`.

`r1 plan <stack> --refresh` writes it; `pulumi up` reads it and resizes nothing by itself.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel

from r1_on_eks.stack_config import (
    FILE_SYSTEM,
    FileSystem,
    Pin,
    StackConfigError,
    parse_pinned_file_system,
    parse_pins,
)


def pins_path(stacks: Path, stack: str) -> Path:
    """Where the placements of `stack` are, below the folder of stack files."""
    return stacks / "placements" / f"{stack}.yaml"


def read_pins(stacks: Path, stack: str) -> dict[str, Pin]:
    """The pinned placements of a stack by variant; none where there is no file.

    Raises:
        StackConfigError: the file's name, then one line for each key that is wrong.
    """
    return _read(stacks, stack, parse_pins)


def read_file_system(stacks: Path, stack: str) -> FileSystem | None:
    """The pinned file system of a stack; None where it has none, or there is no file.

    Raises:
        StackConfigError: the file's name, then one line for each key that is wrong.
    """
    return _read(stacks, stack, parse_pinned_file_system)


_Parsed = TypeVar("_Parsed")


def _read(stacks: Path, stack: str, parse: Callable[[Mapping[str, Any]], _Parsed]) -> _Parsed:
    path = pins_path(stacks, stack)
    try:
        content = yaml.safe_load(path.read_text()) if path.exists() else {}
        return parse(content or {})
    except (StackConfigError, yaml.YAMLError) as error:
        raise StackConfigError(f"{path.parent.name}/{path.name}: {error}") from None


def write_pins(
    stacks: Path, stack: str, pins: Mapping[str, Pin], file_system: FileSystem | None = None
) -> bool:
    """Writes the pinned placements and file system of a stack, all or nothing.

    Returns:
        Whether the file is another than before.
    """
    path, text = pins_path(stacks, stack), _text(stack, pins, file_system)
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(exist_ok=True)
    written = path.with_suffix(".new")
    written.write_text(text)
    written.replace(path)
    return True


def _text(stack: str, pins: Mapping[str, Pin], file_system: FileSystem | None) -> str:
    lines = [f"# Written by `r1 plan {stack} --refresh`; `pulumi up` reads it."]
    for variant, pin in pins.items():
        lines.append(f"{variant}:")
        for part, section in (("workload", pin.workload), ("placement", pin.placement)):
            lines.append(f"  {part}: {_in_one_line(section)}")
    if file_system:
        lines.append(f"{FILE_SYSTEM}: {_in_one_line(file_system)}")
    return "\n".join(lines) + "\n"


def _in_one_line(section: BaseModel) -> str:
    numbers = section.model_dump(exclude_none=True)
    return yaml.safe_dump(numbers, default_flow_style=True, sort_keys=False, width=1000).strip()
