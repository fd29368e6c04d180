"""What is on PATH is used; what is missing is built, or one line says what to install."""

import re
import threading

import pytest
from r1_on_eks.rehearsal import toolchain
from r1_on_eks.rehearsal.go_tools import CONTROL_PLANE, CONTROL_PLANES, KWOK, PULUMI
from r1_on_eks.rehearsal.toolchain import ToolMissing


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose PATH and cache hold only what a test puts there."""
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", f"{path}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    said = []

    def executable(name, script):
        (path / name).write_text(f"#!/bin/sh\n{script}\n")
        (path / name).chmod(0o755)
        return path / name

    executable.said = said
    return executable


# Answers `go env GOVERSION`; for `go build … -o FILE PACKAGE` writes FILE.
GO = """
case "$1" in
env) echo go1.26.8;;
build) echo one >> "$XDG_CACHE_HOME/builds"
  while [ "$1" != -o ]; do shift; done
  echo '#!/bin/sh' > "$2";;
esac
"""


def test_a_pulumi_on_path_that_is_new_enough_is_used(machine):
    own = machine("pulumi", "echo v3.300.1")
    assert toolchain.find_or_build(PULUMI, machine.said.append) == own
    assert machine.said == []


def test_a_pulumi_on_path_that_is_too_old_is_not(machine):
    machine("pulumi", "echo v3.50.0")
    machine("go", GO)
    built = toolchain.find_or_build(PULUMI, machine.said.append)
    assert built.name.startswith("pulumi-v3.259.0-")
    assert "building pulumi v3.259.0 once" in machine.said[0]


def test_what_is_built_is_built_once_also_by_two_at_a_time(machine, tmp_path):
    machine("go", GO)
    both = [
        threading.Thread(target=toolchain.find_or_build, args=(KWOK, machine.said.append))
        for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    toolchain.find_or_build(KWOK, machine.said.append)
    assert (tmp_path / "cache" / "builds").read_text() == "one\n"


def test_without_go_one_line_says_what_to_install(machine):
    with pytest.raises(ToolMissing, match=r"no Go on PATH: install Go 1\.26 or newer") as missing:
        toolchain.find_or_build(CONTROL_PLANE, machine.said.append)
    assert "\n" not in str(missing.value)


def test_a_go_that_is_too_old_is_named(machine):
    machine("go", "echo go1.22.3")
    with pytest.raises(ToolMissing, match=r"needs Go 1\.26 or newer, .* is 1\.22\.3"):
        toolchain.find_or_build(CONTROL_PLANE, machine.said.append)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("main.go:3: dial tcp: lookup proxy: no such host", "Go module proxy can be reached"),
        ("main.go:3:4: undefined: cobra", "building kwok failed: main.go:3:4: undefined: cobra"),
    ],
)
def test_a_failed_build_leaves_nothing_and_says_why(machine, tmp_path, output, says):
    machine("go", f'case "$1" in env) echo go1.26.8;; *) echo "{output}"; exit 1;; esac')
    with pytest.raises(ToolMissing, match=says) as missing:
        toolchain.find_or_build(KWOK, machine.said.append)
    assert "\n" not in str(missing.value)
    assert list((tmp_path / "cache" / "r1-on-eks" / "bin").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_named_with_what_would_work(machine, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ToolMissing, match=r"file/r1-on-eks can't be made .*XDG_CACHE_HOME="):
        toolchain.find_or_build(KWOK, machine.said.append)


def test_an_interrupted_build_leaves_nothing_half(machine, tmp_path, monkeypatch):
    machine("go", GO)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(toolchain, "_wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        toolchain.find_or_build(KWOK, machine.said.append)
    assert list((tmp_path / "cache" / "r1-on-eks" / "bin").iterdir()) == []


@pytest.mark.parametrize("version", CONTROL_PLANES)
def test_each_control_plane_is_of_the_version_that_clusters_ask_for(version):
    tool = CONTROL_PLANES[version]
    assert toolchain.module_version(tool).startswith(f"v{version}.")
    required = re.findall(r"=> k8s\.io/\S+ (v\S+)", tool.go_mod.read_text())
    assert {*required} == {toolchain.module_version(tool).replace("v1.", "v0.")}
    assert tool.go_mod.with_suffix(".sum").exists()
