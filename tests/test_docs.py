"""What README and docs tell to type can be typed, and what they point to is there.

A fenced block says what it is: `text` (a picture, or what was printed), `yaml` (of a stack file),
`sh rehearsed` (needs no account: its `r1` lines are run here, the others by the rehearsal's
tests), `sh account` (needs one: its `r1` lines are parsed), or `python` (asks a running gateway,
as tests/test_gateway_streams.py does).
"""

import ast
import contextlib
import inspect
import io
import itertools
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import openai
import pytest
import yaml
from r1_on_eks.cli import parser
from r1_on_eks.stack_config import StackConfig

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^ *```(.*?)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
KINDS = {"text", "yaml", "python", "sh rehearsed", "sh account"}
# Lines that this test leaves to others, by their first words; the test that types them.
ELSEWHERE = {
    "make up": "tests/rehearsal/test_make_up.py",
    "make down": "tests/rehearsal/test_make_up.py",
    "make test": ".ci/run",
    "make lint": ".ci/run",
    "make actionlint": "by hand: it builds its tool",
    "make checkov": "by hand: an environment of hundreds of packages",
    "make zizmor": "by hand: an environment of its own",
    "make secrets": "by hand: it builds its tool",
    "make .venv/installed": ".ci/run",
    "r1 rehearse": "tests/rehearsal/test_make_up.py",
}
# A stack as those that the examples name, with room for what they add.
STACK = {
    "name": "prod-70b", "production": True, "allow_unpinned": True, "region": "us-west-2",
    "zones": ["us-west-2a", "us-west-2b"], "gpu_zone": "us-west-2b", "kubernetes": "1.35",
    "admins": ["arn:aws:iam::111122223333:role/engineer"], "endpoint": "private",
    "weights": {"bucket": "weights", "storage": "s3-stream"},
    "variants": {"7b": {}, "14b": {}, "32b": {}, "70b": {}},
    "gateway": {"tls": {"secret": "gateway-tls"}},
}  # fmt: skip


def blocks():
    for page in PAGES:
        for kind, text in FENCE.findall(page.read_text()):
            yield page.name, kind.strip(), text


def typed(text):
    """The commands of a block, without what is said beside or below them."""
    for line in text.splitlines():
        command = re.split(r" {2,}|\s#", line.strip())[0]
        if line[:1].strip() or line.startswith("  r1"):
            yield command


def of_kind(kind):
    return [(page, line) for page, one, text in blocks() if one == kind for line in typed(text)]


def test_every_block_says_what_it_is():
    assert {(page, kind) for page, kind, _ in blocks() if kind not in KINDS} == set()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A checkout of its own, for some of the commands write."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("infra", "stacks", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    git = ("git", "-c", "user.name=reader", "-c", "user.email=reader@example.com")
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "a project")):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


def test_nothing_is_installed_from_an_index_that_does_not_have_it_yet():
    if "(unreleased)" not in (ROOT / "CHANGELOG.md").read_text().partition("\n## ")[2][:80]:
        return
    # By its bare name, which an index would have to know; a clone has a path.
    by_name = re.compile(r"pip install [^#]*?(?:^|[\s'\"])r1-on-eks\b")
    told = [
        (page, line) for page, _, text in blocks() for line in text.splitlines()
        if by_name.search(line)
    ]  # fmt: skip
    assert told == []
    assert "pip install './r1-on-eks[" in (ROOT / "README.md").read_text()


def programs(line):
    return [part.split()[0] for part in line.split("|") if part.strip()]


def is_elsewhere(line):
    return any(line.startswith(words) for words in ELSEWHERE)


@pytest.mark.parametrize(
    ("page", "line"), [one for one in of_kind("sh rehearsed") if not is_elsewhere(one[1])]
)
def test_what_needs_no_account_runs(page, line, project, monkeypatch):
    monkeypatch.chdir(project)
    words = shlex.split(line)
    assert words[0] == "r1", f"{page}: who runs {line!r}?"
    arguments = parser().parse_args(words[1:])
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert arguments.run(arguments) == 0
    assert said.getvalue()


@pytest.mark.parametrize(
    ("page", "line"), [one for one in of_kind("sh account") if "r1" in programs(one[1])]
)
def test_what_needs_an_account_is_a_command_that_exists(page, line):
    piece = next(part for part in line.split("|") if part.split()[0] == "r1")
    words = shlex.split(re.sub(r"[\[\]…]", "", piece))[1:]
    parser().parse_args(words)


@pytest.mark.parametrize(
    ("page", "text"), [(page, text) for page, kind, text in blocks() if kind == "yaml"]
)
def test_what_it_shows_of_a_stack_file_is_accepted(page, text):
    number = itertools.count()
    shown = yaml.safe_load(re.sub("…", lambda _: f"'{next(number):064x}'", text))
    StackConfig.model_validate({**STACK, **shown})


@pytest.mark.parametrize("text", [text for _, kind, text in blocks() if kind == "python"])
def test_what_it_shows_of_a_client_has_the_names_that_the_client_has(text):
    tree = ast.parse(text)
    (call,) = [
        one for one in ast.walk(tree)
        if isinstance(one, ast.Call) and ast.unparse(one.func).endswith("completions.create")
    ]  # fmt: skip
    known = inspect.signature(openai.resources.chat.Completions.create).parameters
    assert {one.arg for one in call.keywords} <= set(known)
    built = next(one for one in ast.walk(tree) if isinstance(one, ast.Call))
    assert ast.unparse(built.func) == "OpenAI"
    assert {one.arg for one in built.keywords} <= set(inspect.signature(openai.OpenAI).parameters)


def anchor(heading):
    words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return words.strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_it_points_to_is_there(page):
    dead = []
    text = re.sub(r"`[^`\n]*`", "", page.read_text())
    for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text):
        link = target[0] or target[1]
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, part = link.partition("#")
        other = (page.parent / path).resolve() if path else page
        if not other.exists():
            dead.append(link)
        elif part:
            headings = re.findall(r"^#+ (.*)$", other.read_text(), re.MULTILINE)
            dead += [] if part in map(anchor, headings) else [link]
    assert dead == []
