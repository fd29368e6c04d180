"""The stand-in for the language host, driven by the real engine."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from r1_on_eks.rehearsal.go_tools import PULUMI
from r1_on_eks.rehearsal.toolchain import find_or_build

pytestmark = pytest.mark.rehearsal


class Project:
    def __init__(self, folder):
        self.folder = folder
        (folder / "bin").mkdir()
        host = folder / "bin" / "pulumi-language-python"
        host.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m r1_on_eks.rehearsal.language_host "$@"\n'
        )
        host.chmod(0o755)
        (folder / "infra").mkdir()
        (folder / "Pulumi.yaml").write_text("name: try\nmain: infra/\nruntime: python\n")
        self.environment = {
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(folder),
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        # Next to its language host, as in a rehearsal: the engine then has nothing to warn of.
        (folder / "bin" / "pulumi").hardlink_to(find_or_build(PULUMI, print))
        self.pulumi = folder / "bin" / "pulumi"
        assert self.run("stack", "init", "dev").returncode == 0

    def start(self, *words, **options):
        return subprocess.Popen(
            [self.pulumi, *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def run(self, *words):
        process = self.start(*words)
        output, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, output)

    def program(self, text):
        (self.folder / "infra" / "__main__.py").write_text(text)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_a_program_runs_and_runs_again_without_a_change(project):
    project.program(
        "import os, pulumi\n"
        "class Room(pulumi.ComponentResource):\n"
        "    def __init__(self): super().__init__('t:index:Room', 'room')\n"
        "Room(); pulumi.export('where', os.path.basename(os.getcwd()))\n"
    )
    first = project.run("up", "--yes", "--stack", "dev")
    assert first.returncode == 0, first.stdout
    assert "+ 2 created" in first.stdout
    assert "infra" in first.stdout
    second = project.run("up", "--yes", "--stack", "dev")
    assert "2 unchanged" in second.stdout, second.stdout


def test_an_exception_shows_the_programs_own_lines_once(project):
    project.program("def sizes():\n    raise KeyError('70b')\nsizes()\n")
    failed = project.run("up", "--yes", "--stack", "dev", "--skip-preview")
    assert failed.returncode != 0
    shown = failed.stdout.partition("Diagnostics:")[2]
    assert shown.count("Traceback") == 1
    assert shown.count("KeyError: '70b'") == 1
    assert "infra/__main__.py" in shown
    assert "language_host" not in failed.stdout
    assert "runpy" not in failed.stdout


def test_a_run_error_shows_its_sentence_alone(project):
    project.program("import pulumi\nraise pulumi.RunError('the 70b does not fit')\n")
    failed = project.run("preview", "--stack", "dev")
    assert failed.returncode != 0
    assert "the 70b does not fit" in failed.stdout
    assert "Traceback" not in failed.stdout


def test_the_host_ends_when_the_engine_is_killed(project, tmp_path):
    started = tmp_path / "started"
    project.program(
        f"import os, time\nopen({str(started)!r}, 'w').write(str(os.getpid()))\ntime.sleep(120)\n"
    )
    engine = project.start("preview", "--stack", "dev")
    try:
        deadline = time.monotonic() + 60
        while not (started.exists() and started.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        host = psutil.Process(int(started.read_text()))
        os.kill(engine.pid, signal.SIGKILL)
        engine.wait()
        psutil.wait_procs([host], timeout=5)
        assert not host.is_running() or host.status() == psutil.STATUS_ZOMBIE
    finally:
        engine.kill()
        engine.stdout.close()
