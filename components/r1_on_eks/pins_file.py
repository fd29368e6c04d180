"""The file of what was looked up, `stacks/pins.yaml`.

`r1 pins refresh` writes it; `pulumi up` reads it and looks nothing up itself.
"""

from pathlib import Path

import yaml

from r1_on_eks.stack_config import StackConfigError
from r1_on_eks.stack_config.pinned import NOTHING_PINNED, Pinned, parse_pinned

_NAME = "pins.yaml"
_HEAD = "# Written by `r1 pins refresh`; `pulumi up` reads it.\n"


def read_pinned(stacks: Path) -> Pinned:
    """What is pinned beside the stack files; nothing where there is no file.

    Raises:
        StackConfigError: the file's name, then one line for each key that is wrong.
    """
    path = stacks / _NAME
    try:
        return parse_pinned(yaml.safe_load(path.read_text()) or {})
    except FileNotFoundError:
        return NOTHING_PINNED
    except (ValueError, yaml.YAMLError) as error:
        raise StackConfigError(f"{path.name}: {error}") from None


def write_pinned(stacks: Path, pinned: Pinned) -> Path:
    """Writes the pins, all or nothing."""
    path = stacks / _NAME
    content = pinned.model_dump(mode="json", exclude_defaults=True)
    written = path.with_suffix(".new")
    written.write_text(_HEAD + yaml.safe_dump(content, sort_keys=True, width=100))
    written.replace(path)
    return path
