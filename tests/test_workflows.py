"""What workflows may do and what they are made from; actionlint and zizmor look at the rest."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parent.parent
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
each = pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, PROJECT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pins = loaded("action_pins")


@each
def test_a_token_may_only_read_unless_a_job_says_what_else(file):
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "write-all" not in str(job.get("permissions"))
        assert job["timeout-minutes"] <= 180


@each
def test_no_key_is_stored_and_no_strangers_code_gets_a_token(file):
    text = file.read_text()
    # Credentials come by OIDC; the token that GitHub itself lends is no stored secret.
    assert "secrets." not in text
    assert "pull_request_target" not in text
    assert not re.search(r"aws-(access|secret)", text)
    workflow = yaml.safe_load(text)
    for job in workflow["jobs"].values():
        takes_role = "configure-aws-credentials" in str(job["steps"])
        assert not takes_role or job["permissions"]["id-token"] == "write"
        for step in job["steps"]:
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@each
def test_make_targets_and_commands_that_it_runs_exist(file):
    targets = re.findall(r"^([\w.][\w./-]*):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    for words in re.findall(
        r"(?:run|command|default): make (.+)$", file.read_text(), re.MULTILINE
    ):
        assert set(words.split()) <= set(targets), words


@each
def test_what_changes_an_account_waits_for_a_person_or_a_lifetime(file):
    workflow = yaml.safe_load(file.read_text())
    for job in workflow["jobs"].values():
        if "pulumi up" in str(job) and "github.event.pull_request" not in file.read_text():
            assert job["environment"] == "production"


@each
def test_a_run_on_main_is_not_ended_by_the_next_commit(file):
    workflow = yaml.safe_load(file.read_text())
    # PyYAML reads the key `on` as true.
    if "push" not in workflow[True]:
        return
    for one in (workflow, *workflow["jobs"].values()):
        told = one.get("concurrency", {})
        cancels = told.get("cancel-in-progress", False) if isinstance(told, dict) else False
        assert cancels in (False, "${{ github.event_name == 'pull_request' }}")
        # Of two that wait in one group GitHub ends the older.
        assert not cancels or "github.sha" in told["group"]


def test_who_only_looks_takes_a_role_that_may_only_look():
    roles = {
        "check": "AWS_CHECK_ROLE", "preview": "AWS_PREVIEW_ROLE", "nightly": "AWS_PREVIEW_ROLE",
        "preview-stack": "AWS_ROLE", "expire": "AWS_ROLE", "deploy": "AWS_ROLE",
    }  # fmt: skip
    page = (PROJECT / "docs" / "workflows.md").read_text()
    for file in WORKFLOWS:
        taken = set(re.findall(r"role-to-assume: \${{ vars\.(\w+) }}", file.read_text()))
        assert taken == ({roles[file.stem]} if file.stem in roles else set()), file.stem
        asked = set(re.findall(r"vars\.(\w+)", file.read_text()))
        assert all(f"`{one}`" in page for one in asked), asked


def committed(folder, *words):
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(folder))
    return subprocess.run([*git, *words], check=True, capture_output=True, text=True).stdout


# Answers as `r1 check` does of a stack that is ready, one that is not, and a file that is wrong.
_CHECKED = """#!/bin/sh
echo "$*" >> asked
echo "$2 was checked"
case "$2" in ready) exit 0 ;; lacking) exit 1 ;; *) exit 2 ;; esac
"""


@pytest.mark.parametrize(
    ("changed", "asked", "status", "strict"),
    [
        (["Pulumi.ready.yaml"], ["ready"], 0, 0),
        (["Pulumi.lacking.yaml", "placements/ready.yaml"], ["lacking", "ready"], 0, 1),
        (["Pulumi.lacking.yaml", "Pulumi.wrong.yaml"], ["lacking", "wrong"], 2, 2),
        (["placements/without-a-file.yaml", "schema.json"], [], 0, 0),
    ],
    ids=["ready", "lacking", "wrong", "none"],
)
def test_a_pull_request_is_told_of_each_stack_that_it_changes(
    tmp_path, changed, asked, status, strict
):
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "check.yml").read_text())
    (step,) = [one for one in workflow["jobs"]["check"]["steps"] if one.get("name") == "Check"]
    (tmp_path / "stacks" / "placements").mkdir(parents=True)
    for name in ("Pulumi.ready.yaml", "Pulumi.lacking.yaml", "Pulumi.wrong.yaml", "schema.json"):
        (tmp_path / "stacks" / name).write_text("before")
    program = tmp_path / ".venv" / "bin" / "r1"
    program.parent.mkdir(parents=True)
    program.write_text(_CHECKED)
    program.chmod(0o755)
    committed(tmp_path, "init", "-q", "-b", "main")
    committed(tmp_path, "add", "stacks")
    committed(tmp_path, "commit", "-qm", "before")
    base = committed(tmp_path, "rev-parse", "HEAD").strip()
    for name in changed:
        (tmp_path / "stacks" / name).write_text("after")
    committed(tmp_path, "add", "stacks")
    committed(tmp_path, "commit", "-qm", "after")
    summary = tmp_path / "summary"
    for fail, expected in (("false", status), ("true", strict)):
        ran = subprocess.run(
            # As GitHub runs a step that names no shell.
            ["bash", "-e", "-c", step["run"]], cwd=tmp_path, check=False, capture_output=True,
            env={"PATH": "/usr/bin:/bin", "BASE": base, "FAIL": fail,
                 "GITHUB_STEP_SUMMARY": str(summary)},
        )  # fmt: skip
        assert ran.returncode == expected, ran.stderr
    told = summary.read_text() if summary.exists() else ""
    assert [one in told for one in ("### lacking", "### ready", "### wrong")] == [
        one in asked for one in ("lacking", "ready", "wrong")
    ]
    calls = (tmp_path / "asked").read_text().split("\n") if asked else []
    assert [one for one in calls if one] == [f"check {one}" for one in asked] * 2


def test_the_account_is_asked_where_a_role_exists_and_no_stranger_asks():
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "check.yml").read_text())
    job = workflow["jobs"]["check"]
    (role,) = [one for one in job["steps"] if "configure-aws-credentials" in one.get("uses", "")]
    assert role["if"] == "env.HAS_ROLE == 'true'"
    assert "vars.AWS_CHECK_ROLE != ''" in job["env"]["HAS_ROLE"]
    assert "head.repo.full_name == github.repository" in job["env"]["HAS_ROLE"]


def test_every_go_module_is_kept_up_to_date():
    told = yaml.safe_load((PROJECT / ".github" / "dependabot.yml").read_text())["updates"]
    (gomod,) = [one for one in told if one["package-ecosystem"] == "gomod"]
    modules = sorted((PROJECT / "tools").glob("*/go.mod"))
    assert gomod["directories"] == [f"/tools/{one.parent.name}" for one in modules]


@pytest.fixture
def upstream(tmp_path):
    """An action with three releases, the second with an annotated tag, and a workflow of it."""
    action = tmp_path / "clones" / "owner" / "tool"
    action.mkdir(parents=True)

    def git(*words):
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words],
            cwd=action, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    git("init", "-q")
    commits = {}
    for tag, words in (("v1.9.0", ()), ("v1.10.0", ("-a", "-m", "told")), ("v1.2.0", ())):
        git("commit", "-q", "--allow-empty", "-m", tag)
        git("tag", *words, tag)
        commits[tag] = git("rev-parse", "HEAD")
    git("tag", "v1")
    workflow = tmp_path / ".github" / "workflows" / "one.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("  - uses: owner/tool/below@v1\n  - uses: ./.github/actions/own\n")
    return tmp_path, workflow, commits


def run(root, *words):
    return pins.main([*words, "--source", str(root / "clones" / "{owner}" / "{name}")], root)


def test_an_action_is_pinned_to_the_commit_of_its_newest_release(upstream):
    root, workflow, commits = upstream
    assert run(root, "--check") == 1
    assert run(root) == 0
    assert workflow.read_text() == (
        f"  - uses: owner/tool/below@{commits['v1.10.0']} # v1.10.0\n"
        "  - uses: ./.github/actions/own\n"
    )
    assert run(root, "--check") == 0


def test_a_commit_that_is_not_its_tags_is_told(upstream, capsys):
    root, workflow, commits = upstream
    workflow.write_text(f"  - uses: owner/tool@{commits['v1.9.0']} # v1.10.0\n")
    assert run(root, "--check") == 1
    assert f"v1.10.0 is {commits['v1.10.0']}" in capsys.readouterr().out


def test_nobody_who_answers_is_one_line(upstream, capsys):
    root, workflow, _ = upstream
    workflow.write_text("  - uses: nobody/tool@v1\n")
    assert run(root) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("nobody/tool: ")
