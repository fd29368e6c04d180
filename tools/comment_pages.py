"""Renders pull-request comments as pages and pictures, to look at them (needs chromium on PATH).

python tools/comment_pages.py build/comments

For each case of an edit: CASE.md as it would be posted, CASE.html, and CASE-light.png and
CASE-dark.png with all details unfolded. The style is near GitHub's, not GitHub's own.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

PROJECT = Path(__file__).resolve().parents[1]
_R1 = str(Path(sys.executable).parent / "r1")
# GitHub's comment column.
_WIDTH = 900
_MEASURED = "<script>document.title = document.documentElement.scrollHeight</script>"

_STYLE = """
:root {color-scheme: light dark; --text: #1f2328; --back: #fff; --soft: #59636e; --line: #d1d9e0;
  --stripe: #f6f8fa; --caution: #cf222e; --warning: #9a6700;}
@media (prefers-color-scheme: dark) {:root {--text: #f0f6fc; --back: #0d1117; --soft: #9198a1;
  --line: #3d444d; --stripe: #151b23; --caution: #f85149; --warning: #d29922;}}
body {font: 14px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back);
  margin: 16px; max-width: 868px;}
table {border-collapse: collapse; display: block; overflow: auto; max-width: 100%;
  margin: 0 0 16px;}
th, td {border: 1px solid var(--line); padding: 6px 13px;}
tr:nth-child(2n) {background: var(--stripe);}
code {background: var(--stripe); border-radius: 6px; padding: .2em .4em; font-size: 85%;}
sub {color: var(--soft);}
.CAUTION, .WARNING {border-left: 4px solid var(--warning); padding: 0 16px; margin: 16px 0;}
.CAUTION {border-color: var(--caution);}
.WARNING > b {color: var(--warning);}
.CAUTION > b {color: var(--caution);}
"""


@dataclass(frozen=True)
class Edit:
    """What a pull request does to a stack.

    Attributes:
        stack: Its name.
        old: Text of its file; empty where the whole file comes or goes.
        new: What stands there instead.
        comes: The file is new in the head; otherwise, without `old`, it goes.
    """

    stack: str
    old: str = ""
    new: str = ""
    comes: bool = False


CASES = {
    "no-stack-changed": None,
    "no-change-in-money": Edit(
        "test-7b", 'engineer"]', 'engineer", "arn:aws:iam::111122223333:role/other"]'
    ),
    "a-variant-more": Edit(
        "prod-70b", "    variants:\n", "    variants:\n      1.5b: {instance: g6.xlarge}\n"
    ),
    "another-instance-type": Edit("test-7b", "g6.2xlarge", "g6.4xlarge"),
    "teardown": Edit("prod-70b"),
    "first-preview": Edit("prod-70b", comes=True),
    "longest": Edit("all-variants", comes=True),
}


def written(edit: Edit | None, tree: Path) -> str:
    """The comment on one edit.

    Args:
        edit: The head's.
        tree: A repository whose stacks/ and commits are made anew.
    """
    _base(tree)
    if edit is not None:
        file = tree / "stacks" / f"Pulumi.{edit.stack}.yaml"
        text = file.read_text()
        if edit.comes or not edit.old:
            file.unlink()
            if edit.comes:
                _commit(tree)
                file.write_text(text)
        elif edit.old not in text:
            raise SystemExit(f"{file.name} no longer has {edit.old!r}")
        else:
            file.write_text(text.replace(edit.old, edit.new, 1))
            _run(tree, _R1, "plan", edit.stack, "--refresh")
    return _run(tree, _R1, "cost-comment", "--base", "HEAD", "--dry-run")


def _base(tree: Path) -> None:
    shutil.rmtree(tree / "stacks", ignore_errors=True)
    shutil.copytree(PROJECT / "stacks", tree / "stacks")
    _commit(tree)


def _commit(tree: Path) -> None:
    _run(tree, "git", "add", "-A")
    who = ("-c", "user.name=r1", "-c", "user.email=r1@localhost")
    _run(tree, "git", *who, "commit", "-qm", "base", "--allow-empty")


def _run(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    # 1 is what a gate answers.
    if done.returncode > 1:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def page(markdown: str) -> str:
    """The comment as HTML, its details unfolded."""
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    body = re.sub(
        r"<blockquote>\n<p>\[!(\w+)\](?:</p>)?(.*?)</blockquote>",
        r'<div class="\1"><b>\1</b>\2</div>', body, flags=re.DOTALL,
    )  # fmt: skip
    body = body.replace("<details>", "<details open>")
    head = f'<meta charset="utf-8"><title></title><style>{_STYLE}</style>'
    return f"<!doctype html>{head}<body>{body}{_MEASURED}</body>"


def picture(file: Path, *, dark: bool) -> None:
    """Takes a picture of a page, as high as it is."""
    shot = file.with_name(f"{file.stem}-{'dark' if dark else 'light'}.png")
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    words += ["--blink-settings=preferredColorScheme=0"] if dark else []
    told = _run(file.parent, *words, f"--window-size={_WIDTH},600", "--dump-dom", file.as_uri())
    height = max(300, int(told.partition("<title>")[2].partition("<")[0]) + 100)
    _run(
        file.parent, *words, f"--window-size={_WIDTH},{height}", f"--screenshot={shot}",
        file.as_uri(),
    )  # fmt: skip
    print(shot)


def main() -> int:
    """Renders all cases, or the ones that are named after the folder."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="r1-comments-") as scratch:
        tree = Path(scratch)
        for name in ("Pulumi.yaml", "infra", "components"):
            _copy(PROJECT / name, tree / name)
        _run(tree, "git", "init", "-q")
        for case in sys.argv[2:] or CASES:
            markdown = written(CASES[case], tree)
            (folder / f"{case}.md").write_text(markdown)
            file = folder / f"{case}.html"
            file.write_text(page(markdown))
            for dark in (False, True):
                picture(file, dark=dark)
    return 0


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


if __name__ == "__main__":
    sys.exit(main())
