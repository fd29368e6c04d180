"""The README's picture shows the components that exist, and is drawn anew when it changes."""

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("picture", ROOT / "tools" / "picture.py")
picture = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(picture)


def test_its_boxes_are_the_components():
    folder = ROOT / "components" / "r1_on_eks" / "resources"
    declared = [
        name
        for file in folder.rglob("*.py")
        for name in re.findall(r'"r1:index:(\w+)"', file.read_text())
    ]
    drawn = [box.component for box in picture.BOXES if box.component]
    assert sorted(drawn) == sorted(declared)


def test_the_committed_pictures_are_what_the_tool_draws():
    for theme in picture.THEMES:
        assert (ROOT / "docs" / f"picture-{theme}.svg").read_text() == picture.picture(theme)
