"""The file of a stack's pinned placements, `stacks/placements/<stack>.yaml`.

`r1 plan <stack> --refresh` writes it; `pulumi up` reads it and resizes nothing by itself.
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from r1_on_eks.stack_config import Pin, StackConfigError, parse_pins


def pins_path(stacks: Path, stack: str) -> Path:
    """Where the placements of `stack` are, below the folder of stack files."""
    return stacks / "placements" / f"{stack}.yaml"


def read_pins(stacks: Path, stack: str) -> dict[str, Pin]:
    """The pinned placements of a stack by variant; none where there is no file.

    Raises:
        StackConfigError: the file's name, then one line for each key that is wrong.
    """
    path = pins_path(stacks, stack)
    try:
        content = yaml.safe_load(path.read_text()) or {}
        return parse_pins(content)
    except FileNotFoundError:
        return {}
    except (StackConfigError, yaml.YAMLError) as error:
        raise StackConfigError(f"{path.parent.name}/{path.name}: {error}") from None


def write_pins(stacks: Path, stack: str, pins: Mapping[str, Pin]) -> bool:
    """Writes the pinned placements of a stack, all or nothing.

    Returns:
        Whether the file is another than before.
    """
    path, text = pins_path(stacks, stack), _text(stack, pins)
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(exist_ok=True)
    written = path.with_suffix(".new")
    written.write_text(text)
    written.replace(path)
    return True


def _text(stack: str, pins: Mapping[str, Pin]) -> str:
    lines = [f"# Written by `r1 plan {stack} --refresh`; `pulumi up` reads it."]
    for variant, pin in pins.items():
        lines.append(f"{variant}:")
        for part, section in (("workload", pin.workload), ("placement", pin.placement)):
            numbers = yaml.safe_dump(
                section.model_dump(exclude_none=True),
                default_flow_style=True,
                sort_keys=False,
                width=1000,
            )
            lines.append(f"  {part}: {numbers.strip()}")
    return "\n".join(lines) + "\n"
