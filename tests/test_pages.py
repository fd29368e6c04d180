"""Pages that code writes are those that it writes today."""

import re
import subprocess
import sys
from pathlib import Path

import yaml
from r1_on_eks.stack_config import parse_stack_config

ROOT = Path(__file__).parent.parent


def test_no_written_page_is_stale():
    made = subprocess.run(
        [sys.executable, ROOT / "tools" / "pages.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (made.returncode, made.stdout) == (0, ""), made.stderr


def test_the_smallest_stack_that_is_shown_is_one_and_has_no_key_too_many():
    page = (ROOT / "docs" / "configuration.md").read_text()
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    shown = {"name": "a", **yaml.safe_load(text)}
    assert parse_stack_config(shown).variants.keys() == {"7b"}
    needed = re.findall(r"^\| `(\w+)` \|.*\*\*needed\*\*", page.partition("## GivenN")[0], re.M)
    assert set(needed) == set(shown) - {"name", "zones", "gpu_zone"}
