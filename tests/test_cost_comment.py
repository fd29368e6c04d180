"""One comment of a pull request: created, edited in place, raced for, refused, paged."""

import importlib.util
import json
import re
import subprocess
import threading
import urllib.error
from pathlib import Path

import pytest
from r1_on_eks import cli
from r1_on_eks.cost.github import Run, run_of, tell

_spec = importlib.util.spec_from_file_location(
    "github_server", Path(__file__).parent / "github_server.py"
)
github_server = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(github_server)
PROJECT = Path(__file__).parent.parent


@pytest.fixture
def github():
    server = github_server.GitHub()
    yield server
    server.close()


@pytest.fixture
def run(github, tmp_path):
    def make(number=1, attempt=1, token="token", pull=7):
        return Run(api=github.address, repository="o/r", number=pull, order=(number, attempt),
                   token=token, summary=tmp_path / "summary.md")  # fmt: skip

    return make


def test_a_first_run_creates_the_comment(github, run):
    assert tell(run(), "money\n") == "comment created"
    assert github.of_ours() == ["<!-- r1-on-eks cost run=1.1 -->\nmoney\n"]


def test_a_later_run_edits_it_in_place(github, run):
    tell(run(1), "money")
    github.add("a colleague's")
    assert tell(run(2), "more money") == "comment edited"
    assert len(github.comments) == 2
    assert github.comments[0]["body"].endswith("more money")


def test_what_is_told_already_is_not_written_again(github, run):
    tell(run(1), "money")
    github.requests.clear()
    assert tell(run(2), "money") == "comment left as it is"
    assert set(github.requests) == {"GET"}


@pytest.mark.parametrize(
    ("newer", "older"), [((9, 1), (8, 1)), ((8, 2), (8, 1)), ((10, 1), (9, 3))]
)
def test_an_older_run_never_overwrites_a_newer_one(github, run, newer, older):
    tell(run(*newer), "the newer")
    assert "a newer run" in tell(run(*older), "the older")
    (body,) = github.of_ours()
    assert body.endswith("the newer")


def test_of_two_runs_that_create_at_once_the_newer_stays_alone(github, run):
    other = [lambda: github.add("<!-- r1-on-eks cost run=2.1 -->\nthe newer")]
    github.before_write = lambda: other.pop()() if other else None
    assert "a newer run" in tell(run(1), "the older")
    assert github.of_ours() == ["<!-- r1-on-eks cost run=2.1 -->\nthe newer"]


def test_a_newer_run_tells_again_what_an_older_one_wrote_over_in_between(github, run):
    """The older had looked before the newer wrote, and writes after it."""
    github.add("<!-- r1-on-eks cost run=1.1 -->\nbefore")
    overwritten = []

    def looks_again():
        if "PATCH" in github.requests and not overwritten:
            overwritten.append(github.comments[0]["body"])
            github.comments[0]["body"] = "<!-- r1-on-eks cost run=1.2 -->\nthe older"

    github.requests = _Watched(looks_again)
    assert tell(run(2), "the newer") == "comment edited"
    newest = "<!-- r1-on-eks cost run=2.1 -->\nthe newer"
    assert (overwritten, github.of_ours()) == ([newest], [newest])


class _Watched(list):
    def __init__(self, told):
        super().__init__()
        self._told = told

    def append(self, request):
        super().append(request)
        if request == "GET":
            self._told()


def test_many_runs_at_once_leave_one_comment_of_the_newest(github, run):
    runs = [threading.Thread(target=tell, args=(run(n), f"run {n}")) for n in range(1, 7)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    # Whoever is last to look tidies up.
    tell(run(6), "run 6")
    assert github.of_ours() == ["<!-- r1-on-eks cost run=6.1 -->\nrun 6"]


@pytest.mark.parametrize("token", ["of a fork", ""])
def test_a_fork_without_permission_gets_it_in_the_summary_of_its_job(github, run, token):
    told = tell(run(token=token), "money\n")
    assert "written to the job's summary" in told
    assert run().summary.read_text() == "money\n"
    assert github.comments == []


def test_a_run_of_no_pull_request_writes_the_summary(run):
    assert tell(run(pull=None), "x") == "no pull request: written to the job's summary"


def test_another_failure_of_github_is_told_and_not_hidden(github, run, monkeypatch):
    monkeypatch.setattr("r1_on_eks.cost.github._REFUSED", {401})
    github.may_write = False
    with pytest.raises(urllib.error.HTTPError, match="403"):
        tell(run(), "x")


def test_ours_is_found_behind_more_than_a_hundred_comments(github, run):
    for number in range(250):
        github.add(f"comment {number}")
    tell(run(1), "money")
    assert tell(run(2), "more") == "comment edited"
    assert len(github.of_ours()) == 1
    assert len(github.comments) == 251


def test_the_longest_comment_fits_with_its_marker(github, run):
    assert tell(run(999_999, 99), "x" * 65_000) == "comment created"


def test_a_run_is_read_from_githubs_variables(tmp_path):
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    found = run_of({
        "GITHUB_EVENT_PATH": str(event), "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_NUMBER": "12",
        "GITHUB_RUN_ATTEMPT": "3", "GITHUB_TOKEN": "t", "GITHUB_API_URL": "http://x",
    })  # fmt: skip
    assert (found.number, found.order, found.api, found.summary) == (7, (12, 3), "http://x", None)


# The whole command, in a repository of its own.
@pytest.fixture
def repository(tmp_path, monkeypatch):
    root = tmp_path / "repository"
    root.mkdir()
    for name in ("Pulumi.yaml", "infra", "components"):
        (root / name).symlink_to(PROJECT / name)
    subprocess.run(["cp", "-r", str(PROJECT / "stacks"), str(root)], check=True)
    for file in (root / "stacks").glob("Pulumi.*.yaml"):
        if file.stem not in ("Pulumi.test-7b", "Pulumi.edge-1.5b"):
            file.unlink()
    # The base has the same program; links aren't followed by git.
    for name in ("Pulumi.yaml", "infra", "components"):
        (root / name).unlink()
        subprocess.run(["cp", "-r", str(PROJECT / name), str(root)], check=True)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "base"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=root,
                       check=True)  # fmt: skip
    monkeypatch.chdir(root)
    return root


def edit(root, stack, before, after):
    file = root / "stacks" / f"Pulumi.{stack}.yaml"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))


def test_only_changed_stacks_are_told_of_and_what_each_costs_more(
    repository, github, monkeypatch, capsys
):
    edit(repository, "test-7b", "instance: g6.2xlarge", "instance: g6e.xlarge")
    event = repository.parent / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    for key, value in {
        "GITHUB_EVENT_PATH": str(event), "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_NUMBER": "1",
        "GITHUB_RUN_ATTEMPT": "1", "GITHUB_TOKEN": "token", "GITHUB_API_URL": github.address,
    }.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    assert cli.main(["cost-comment", "--base", "main"]) == 0
    assert "comment created" in capsys.readouterr().err
    (body,) = github.of_ours()
    # (1.861 − 0.9776) × 730, by hand.
    assert "Cost: +$644.88 a month (+6" in body
    assert ", +$0.88 an hour" in body
    assert "| **test-7b** |" in body
    assert "edge-1.5b" not in body
    assert "1 × g6.2xlarge, on-demand → 1 × g6e.xlarge, on-demand" in body
    assert "**`r1-7b` is replaced** because of `instanceTypes`: its instances end" in body
    assert cli.main(["cost-comment", "--base", "main", "--fail-over", "10%"]) == 1
    (body,) = github.of_ours()
    assert re.search(r"\+6\d\.\d % a month, of at most 10 % more", body)


def test_a_stack_that_goes_and_one_that_comes_are_told_of(repository, capsys):
    (repository / "stacks/Pulumi.edge-1.5b.yaml").rename(repository / "stacks/Pulumi.edge.yaml")
    (repository / "stacks/placements/edge-1.5b.yaml").rename(
        repository / "stacks/placements/edge.yaml"
    )
    assert cli.main(["cost-comment", "--base", "main", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "Cost: unchanged, $8" in told
    assert "**+$8" in told
    assert "** new" in told
    assert "** (−100.0\N{NO-BREAK SPACE}%)" in told
    # Without the engine's preview the others are not known.
    assert "Steps for what holds state or costs most: " in told


def test_nothing_to_tell_is_told_in_a_line(repository, capsys):
    assert cli.main(["cost-comment", "--base", "main", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "Cost: no stack is changed" in told
    assert "|" not in told, "no table without rows"


def test_outside_of_github_actions_it_says_what_is_missing(repository, monkeypatch, capsys):
    monkeypatch.delenv("GITHUB_EVENT_PATH", raising=False)
    assert cli.main(["cost-comment", "--base", "main"]) == 2
    assert "GITHUB_EVENT_PATH is not set" in capsys.readouterr().err


def test_an_unknown_base_is_refused(repository, capsys):
    assert cli.main(["cost-comment", "--base", "nowhere"]) == 2
    assert "nowhere is neither a file nor a revision" in capsys.readouterr().err
