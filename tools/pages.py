"""Writes the pages of docs/ that follow from the code.

python tools/pages.py            writes them
python tools/pages.py --check    exits with 1 where one is stale
"""

import sys
from pathlib import Path

import command_page
import configuration_page
import runbook_page

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {
    "commands.md": command_page.page,
    "configuration.md": configuration_page.page,
    "runbooks.md": runbook_page.page,
}


def main() -> int:
    """Writes the pages, or says which are stale."""
    stale = []
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            path.write_text(text)
    if stale and "--check" in sys.argv[1:]:
        print(f"stale: {', '.join(stale)}; run python tools/pages.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
