"""What is published: the wheel and what it holds, `r1 new`, and components used by strangers.

The wheel is built from the source archive, as at a release; the slow tests install it into an
empty environment with nothing of this repository in reach.
"""

import email
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from r1_on_eks import cli, new_project
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.rehearsal.go_tools import PULUMI
from r1_on_eks.rehearsal.toolchain import find_or_build

PROJECT = Path(__file__).parent.parent
UV = str(Path(sys.executable).parent / "uv")
EXAMPLE = PROJECT / "examples" / "own_cluster"
WORKS_ALONE = (
    ["variants"],
    ["recommend", "--task", "chat"],
    ["plan", "dev"],
    ["cost", "dev"],
    ["cost", "dev", "--format", "markdown"],
    ["key", "new", "alice"],
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """As `uv build` makes it, with the build tools of the lock file."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [UV, "build", "--quiet", "--offline", "--no-build-isolation", "--out-dir", folder,
         "--python", sys.executable, PROJECT],
        check=True, timeout=120,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
    described = {name for name in files if ".dist-info/" in name}
    assert {name.partition("/")[0] for name in files - described} == {"r1_on_eks"}
    built = ("control-plane", "kwok", "lws", "prometheus-operator", "pulumi")
    tools = [f"tools/{name}" for name in built]
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *tools,
         "components/r1_on_eks"],
        cwd=PROJECT, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert files - described == {
        re.sub("^tools/", "r1_on_eks/rehearsal/go_modules/", name.removeprefix("components/"))
        for name in tracked
        if (PROJECT / name).exists()
    }
    assert "r1_on_eks/py.typed" in files
    assert any(name.endswith("licenses/LICENSE") for name in described)


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith("METADATA")]
        told = email.message_from_bytes(archive.read(name))
    assert told["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in told.get_all("Classifier")
    assert f"## {told['Version']}" in (PROJECT / "CHANGELOG.md").read_text()


@pytest.fixture
def at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_this_repository_is_a_project_as_r1_new_writes_it():
    for name in ("infra/__main__.py", "policies/__main__.py", "policies/PulumiPolicy.yaml"):
        assert (PROJECT / name).read_bytes() == (new_project.TEMPLATE / name).read_bytes(), name


@pytest.mark.parametrize("variants", [[], ["7b"], ["1.5b", "70b"], ["671b"]])
def test_a_new_project_declares_its_stack(at, engine, capsys, variants):
    asked = [word for one in variants for word in ("--variant", one)]
    assert cli.main(["new", "own", "--stack", "trial", *asked]) == 0
    assert "r1 plan trial" in capsys.readouterr().out
    content = yaml.safe_load((at / "own" / "stacks" / "Pulumi.trial.yaml").read_text())["config"]
    declared = engine.declare(
        lambda: runpy.run_path(str(at / "own" / "infra"), run_name="__main__"),
        stack="trial",
        config={key: json.dumps(value) for key, value in content.items()},
    )
    served = {f"r1-{one.replace('.', '-')}" for one in variants or ["7b"]}
    assert {one.name for one in declared.of_type("ModelService")} == served


def test_a_new_project_is_named_as_its_folder_and_keeps_no_mark_of_the_template(at):
    assert cli.main(["new", "below/my-models"]) == 0
    folder = at / "below" / "my-models"
    manifest = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    assert manifest["name"] == "my-models"
    assert "template" not in manifest
    assert not any("${" in file.read_text() for file in folder.rglob("*") if file.is_file())
    assert [one.name for one in (at / "below").iterdir()] == ["my-models"]


def test_a_new_project_may_be_written_where_one_stands(at):
    (at / "here").mkdir()
    os.chdir("here")
    assert cli.main(["new", "."]) == 0
    assert yaml.safe_load(Path("Pulumi.yaml").read_text())["name"] == "here"
    assert [one.name for one in at.iterdir()] == ["here"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "say where"),
        (["own", "--variant", "9b"], "--variant 9b: there are 1.5b"),
        (["own", "--name", "a b"], "--name a b: a project's name has"),
        (["own", "--stack", "A/b"], "'A/b': write it as prod-70b"),
        (["full"], "full is not empty; name a new folder"),
        (["full/file"], "full/file is not empty"),
    ],
)
def test_what_can_not_be_written_leaves_nothing_behind(at, capsys, words, told):
    (at / "full").mkdir()
    (at / "full" / "file").touch()
    assert cli.main(["new", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert sorted(str(one.relative_to(at)) for one in at.rglob("*")) == ["full", "full/file"]


def test_the_stack_of_the_template_is_pinned_as_the_planner_decides(at):
    assert cli.main(["new", "own"]) == 0
    os.chdir("own")
    assert cli.main(["plan", "dev", "--refresh"]) == 0
    for name in ("stacks/Pulumi.dev.yaml", "stacks/placements/dev.yaml"):
        assert Path(name).read_text() == (new_project.TEMPLATE / name).read_text()


def test_a_foreign_stack_uses_two_components(engine):
    given = {
        "cluster": "theirs",
        "vpc": "vpc-1",
        "subnet": "subnet-1",
        "kubeconfig": "{}",
        "key": "arn:aws:kms:us-west-2:111122223333:key/x",
        "node_role": "arn:aws:iam::111122223333:role/nodes",
    }
    declared = engine.declare(
        lambda: runpy.run_path(str(EXAMPLE), run_name="__main__"),
        config={f"r1-on-eks:{key}": value for key, value in given.items()},
    )
    assert {one.type for one in declared.registered if one.type.startswith("r1:")} == {
        "r1:index:GpuNodePool",
        "r1:index:ModelStorage",
    }
    assert declared.one("NodeGroup").inputs["subnetIds"] == ["subnet-1"]
    assert declared.one("LustreFileSystem").protect


@pytest.mark.rehearsal
def test_pulumi_new_takes_the_template(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    host = tools / "pulumi-language-python"
    host.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -m r1_on_eks.rehearsal.language_host "$@"\n'
    )
    host.chmod(0o755)
    # The engine looks for its language host beside itself.
    (tools / "pulumi").hardlink_to(find_or_build(PULUMI, print))
    done = subprocess.run(
        [tools / "pulumi", "new", new_project.TEMPLATE, "--generate-only", "--yes",
         "--name", "my-models", "--description", "ours", "--dir", tmp_path / "own"],
        env={"HOME": str(tmp_path), "PATH": f"{tools}:/usr/bin:/bin",
             "PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_BACKEND_URL": f"file://{tmp_path}",
             "PULUMI_CONFIG_PASSPHRASE": ""},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = yaml.safe_load((tmp_path / "own" / "Pulumi.yaml").read_text())
    assert (manifest["name"], manifest["description"]) == ("my-models", "ours")
    assert (tmp_path / "own" / "stacks" / "Pulumi.dev.yaml").is_file()


def installed(wheel, folder, extras=""):
    """What a command sees of an empty environment with the wheel in it.

    The wheel's dependencies come from a package index, or from uv's cache.
    """
    empty = folder / "venv"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, empty], check=True)
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", empty / "bin" / "python",
         f"r1-on-eks{extras} @ {wheel.as_uri()}"],
        check=True, timeout=500,
    )  # fmt: skip
    outside = {"PATH": f"{empty / 'bin'}:/usr/bin:/bin", "HOME": str(folder)}
    assert shutil.which("r1", path=outside["PATH"]) == str(empty / "bin" / "r1")
    return outside


def r1(*words, folder, outside):
    done = subprocess.run(
        ["r1", *words], cwd=folder, env=outside, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"r1 {' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_environment(wheel, tmp_path):
    outside = installed(wheel, tmp_path)
    r1("new", "own", folder=tmp_path, outside=outside)
    for words in WORKS_ALONE:
        assert r1(*words, folder=tmp_path / "own", outside=outside)
    assert all(name in r1("variants", folder=tmp_path, outside=outside) for name in VARIANTS)


@pytest.mark.slow
@pytest.mark.rehearsal
def test_a_project_of_the_wheel_alone_is_rehearsed(wheel, tmp_path):
    outside = installed(wheel, tmp_path, "[rehearsal,policy]")
    # The tools were built before, from the same modules.
    outside["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    r1("new", "own", folder=tmp_path, outside=outside)
    words = ["rehearse", "--", "pulumi", "preview", "--stack", "dev", "--policy-pack", "policies"]
    try:
        said = r1(*words, folder=tmp_path / "own", outside=outside)
    finally:
        r1("rehearse", "stop", folder=tmp_path / "own", outside=outside)
    assert "r1-on-eks@v0.1.0" in said
    assert "eks:NodeGroup r1-7b create" in said
