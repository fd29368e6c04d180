"""`r1 new`: a project of the user's own, from the template that the package carries.

The template is `project/` beside this module, in the form that `pulumi new` takes.
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.placement_file import pins_path
from r1_on_eks.plan import DoesNotFit, NotPinned
from r1_on_eks.plan.sharing import NothingMeets
from r1_on_eks.planning.commands import pin_anew
from r1_on_eks.stack_config import StackConfigError, parse_stack_config
from r1_on_eks.stack_file import plan_of, read_stack

TEMPLATE = Path(__file__).parent / "project"
_DESCRIPTION = "DeepSeek-R1 on Amazon EKS"
# The stack of the template, which the new one is made from.
_STACK, _VARIANTS = "dev", ("7b",)
# What Pulumi accepts as the name of a project (pkg/workspace, ValidateProjectName).
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,100}")
_ONE_VARIANT = re.compile(r"^ {6}7b: .*\n", re.MULTILINE)


class Misuse(ValueError):
    """What was typed can't be done; the message says what could."""


def run(arguments: argparse.Namespace) -> int:
    """`r1 new`.

    Returns:
        0 it is written, 1 no placement of a variant does, 2 misuse; then nothing was written.
    """
    if arguments.template:
        print(TEMPLATE)
        return 0
    try:
        if arguments.directory is None:
            raise Misuse("say where: r1 new my-models")
        folder = Path(arguments.directory)
        name = arguments.name or folder.resolve().name
        variants = tuple(dict.fromkeys(arguments.variant or _VARIANTS))
        write_project(folder, name=name, stack=arguments.new_stack, variants=variants)
    except (Misuse, StackConfigError, OSError) as error:
        print(f"r1 new: {error}", file=sys.stderr)
        return 2
    except (DoesNotFit, NotPinned, NothingMeets) as error:
        print(f"r1 new: {error}", file=sys.stderr)
        return 1
    _tell(folder, arguments.new_stack)
    return 0


def write_project(folder: Path, *, name: str, stack: str, variants: Sequence[str]) -> None:
    """Writes a project that can be previewed, whole or not at all.

    Args:
        folder: Where; a new or an empty one.
        name: Pulumi's name of the project.
        stack: Name of its stack.
        variants: What the stack serves.

    Raises:
        Misuse: the folder holds something, or a name is none.
        StackConfigError: the stack's name is none.
        NothingMeets: no placement of a variant meets the stack's workload.
        DoesNotFit: one that was made does not fit.
        OSError: it can't be written there.
    """
    if not _NAME.fullmatch(name):
        raise Misuse(f"--name {name}: a project's name has letters, digits, - _ and . only")
    if foreign := [one for one in variants if one not in VARIANTS]:
        raise Misuse(f"--variant {foreign[0]}: there are {', '.join(VARIANTS)}")
    called, folder = folder, folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misuse(f"{called} is not empty; name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
        written = Path(beside) / "project"
        shutil.copytree(TEMPLATE, written, ignore=shutil.ignore_patterns("__pycache__"))
        _name_project(written, name)
        _make_stack(written / "stacks", stack, variants)
        if not folder.exists():
            written.rename(folder)
            return
        # It may be where the user stands: a folder in its place would not be.
        for one in written.iterdir():
            one.rename(folder / one.name)


def _name_project(project: Path, name: str) -> None:
    """What `pulumi new` does with its answers."""
    for file in (project / "Pulumi.yaml", project / "pyproject.toml"):
        text = file.read_text().replace("${PROJECT}", name).replace("${DESCRIPTION}", _DESCRIPTION)
        file.write_text(text)
    # Pulumi reads it of templates only.
    manifest = project / "Pulumi.yaml"
    manifest.write_text(manifest.read_text().partition("template:\n")[0])


def _make_stack(stacks: Path, stack: str, variants: Sequence[str]) -> None:
    """Makes the template's stack into the one that was asked for, and pins its placements."""
    if (stack, tuple(variants)) == (_STACK, _VARIANTS):
        return
    file = stacks / f"Pulumi.{_STACK}.yaml"
    text = file.read_text()
    if tuple(variants) != _VARIANTS:
        asked = "".join(f"      {one}: {{rate: 0.05}}\n" for one in variants)
        text = _ONE_VARIANT.sub(asked, text)
    parse_stack_config({"name": stack, **yaml.safe_load(text)["config"]["r1-on-eks:stack"]})
    file.unlink()
    pins_path(stacks, _STACK).unlink()
    (stacks / f"Pulumi.{stack}.yaml").write_text(text)
    pin_anew(read_stack(stack, stacks), stacks)
    plan_of(stack, stacks)


def _tell(folder: Path, stack: str) -> None:
    clone = Path(__file__).resolve().parents[2]
    # A clone stands for its version, which the package index may not have.
    install = f"uv add --editable {clone}" if (clone / "pyproject.toml").is_file() else "uv sync"
    steps = {
        f"cd {folder}": "",
        f"{install} && . .venv/bin/activate": "what pyproject.toml names",
        f"edit stacks/Pulumi.{stack}.yaml": "admins, endpoint, weights bucket, Region and zones",
        f"r1 plan {stack}; r1 cost {stack}": "what it would stand up, for how much",
        f"r1 check {stack}": "is the account ready, and what is lacking",
        f"pulumi up --stack {stack}": "",
    }
    width = max(map(len, steps))
    print(f"{folder} is a project of its own. Next:")
    for typed, why in steps.items():
        print(f"  {typed:{width}}   {why}".rstrip())
