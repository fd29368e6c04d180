"""Starts, reports and ends the local cloud, and runs commands inside it."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from r1_on_eks.api_keys import fingerprint, new_key
from r1_on_eks.rehearsal import faults, interrupted
from r1_on_eks.rehearsal.environment import command_environment, install_executables
from r1_on_eks.rehearsal.fault_words import ANY_COMMAND, parse
from r1_on_eks.rehearsal.foreground import run_in_foreground
from r1_on_eks.rehearsal.gateway import (
    Gateway,
    gateway_address,
    gateway_authority,
    sync_gateway,
)
from r1_on_eks.rehearsal.go_tools import CONTROL_PLANE, KWOK, PULUMI
from r1_on_eks.rehearsal.local_aws import ACCOUNT, REGION, LocalAws
from r1_on_eks.rehearsal.nginx_package import find_or_unpack_kubectl, find_or_unpack_nginx
from r1_on_eks.rehearsal.paths import State
from r1_on_eks.rehearsal.processes import Processes, free_port
from r1_on_eks.rehearsal.project_copy import (
    copy_project,
    given_buckets,
    stack_files,
    stack_name,
)
from r1_on_eks.rehearsal.real_pods import CONTROLLERS
from r1_on_eks.rehearsal.toolchain import find_or_build

AWS_CLOUD = "aws-cloud"
# The command went well, and a fault that it was to meet never happened: a misuse, as other ones.
NOT_REHEARSED = 2
_START_TIMEOUT_S = 60.0

Say = Callable[[str], None]


def find_or_make_tools(say: Say) -> dict[str, Path]:
    """Everything a rehearsal runs, made ready; returns what its commands find on PATH.

    Raises:
        ToolMissing: one of them is neither here nor can be made here.
    """
    tools = {"pulumi": find_or_build(PULUMI, say), "kubectl": find_or_unpack_kubectl(say)}
    # Not for commands; but a cluster must not be the first to build or to unpack them.
    find_or_build(CONTROL_PLANE, say)
    find_or_build(KWOK, say)
    for controller in CONTROLLERS.values():
        find_or_build(controller.tool, say)
    find_or_unpack_nginx(say)
    return tools


@dataclass(frozen=True)
class Status:
    """What a rehearsal consists of at this moment.

    Attributes:
        processes: Ids of its background processes by name.
        resources: Ids by kind of what the local cloud holds beyond what it was given.
        clusters: Those whose control planes run.
    """

    processes: dict[str, int]
    resources: dict[str, list[str]]
    clusters: list[str]


class Rehearsal:
    """The local cloud of one checkout.

    Args:
        project: the folder that holds Pulumi.yaml.
        say: prints one line for a person.
    """

    def __init__(self, project: Path, say: Say) -> None:
        self.project = project
        self.state = State(project / ".rehearsal")
        self.processes = Processes(self.state.root)
        self._aws = LocalAws(self.state.root / "cloud.json")
        self._say = say

    def start(self) -> None:
        """Brings the local cloud up, or finds it up; afterwards commands can run in it."""
        with self._locked():
            self._forget_a_dead_cloud()
            if AWS_CLOUD not in self.processes.running():
                self._prepare()
                self._start_aws_cloud()
            copy_project(self.project, self.state.project, accepted=fingerprint(self.key()))
            self._make_given_buckets()

    def run(self, command: Sequence[str], given_faults: Sequence[str] = ()) -> int:
        """Runs `command` inside the rehearsal; returns its exit status.

        A Ctrl-C reaches the command from the terminal itself; this process waits for it.

        Args:
            command: What to run.
            given_faults: What goes wrong meanwhile (faults.py). One that did not is told, and
                makes the status of a command that went well `NOT_REHEARSED`.
        """
        self.start()
        for line in interrupted.report_and_unlock(self.state):
            self._say(line)
        self._make_stacks_named_in(command)
        # Also where none are given: those of a command that was killed end here.
        faults.write(self.state, list(given_faults))
        with self._api_servers_lost(bool(faults.active(self.state, "api-server-lost"))):
            status = run_in_foreground(command, env=self.environment(), cwd=self.state.project)
        missed = self._faults_missed(given_faults)
        faults.write(self.state, [])
        self.gateway()
        return status or (NOT_REHEARSED if missed else 0)

    def _faults_missed(self, given: Sequence[str]) -> bool:
        """Whether a fault that was asked for never happened; tells which, and what there is."""
        happened = faults.happened(self.state) if given else set()
        missed = [fault for fault in map(parse, given) if fault.text not in happened]
        missed = [fault for fault in missed if fault.kind not in ANY_COMMAND]
        for fault in missed:
            there = ""
            if fault.kind == "node-group-fails":
                arns = [
                    arn.split(":")[-1].split("/") for arn in self._own_resources().get("eks", [])
                ]
                names = [words[2] for words in arns if words[0] == "nodegroup"]
                there = f"; there are {', '.join(sorted(names)) or 'no node groups'}"
            self._say(f"--fault {fault.text}: it did not happen, nothing matched it{there}")
        return bool(missed)

    @contextlib.contextmanager
    def _api_servers_lost(self, lost: bool) -> Iterator[None]:
        """Their processes stand still: connections are taken, and nothing is answered."""
        servers = [
            psutil.Process(pid)
            for name, pid in self.processes.running().items()
            if lost and name.endswith("-kube-apiserver")
        ]
        for server in servers:
            faults.note(self.state, "api-server-lost")
            server.suspend()
        try:
            yield
        finally:
            for server in servers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    server.resume()

    def gateway(self) -> Gateway | None:
        """Makes the gateway's nginx follow what the cluster holds now."""
        with self._locked():
            gateway = None
            for cluster in self.clusters():
                gateway = sync_gateway(self.state.root, self.admin_kubeconfig(cluster))
            return gateway or sync_gateway(self.state.root, None)

    def key(self) -> str:
        """A key that every gateway of this rehearsal knows; made with its first command."""
        if not self.state.key.exists():
            self.state.root.mkdir(parents=True, exist_ok=True)
            self.state.key.touch(mode=0o600)
            self.state.key.write_text(new_key())
        return self.state.key.read_text()

    def environment(self) -> dict[str, str]:
        """The environment of every command inside this rehearsal."""
        environment = command_environment(
            self.state, aws_endpoint=self._aws.endpoint, region=REGION, users=os.environ
        )
        if clusters := self.clusters():
            files = [str(self.admin_kubeconfig(cluster)) for cluster in clusters]
            environment["KUBECONFIG"] = os.pathsep.join(files)
        environment["R1_KEY"] = self.key()
        if address := gateway_address(self.state.root):
            environment["R1_GATEWAY"] = address
        if authority := gateway_authority(self.state.root):
            environment["R1_GATEWAY_CA"] = str(authority)
        return environment

    def admin_kubeconfig(self, cluster: str) -> Path:
        """The kubeconfig of `system:masters` in a cluster's control plane."""
        return self.state.clusters / cluster / "admin.kubeconfig"

    def clusters(self) -> list[str]:
        """The clusters whose control planes run."""
        running = self.processes.running()
        return [
            folder.name
            for folder in sorted(self.state.clusters.glob("*"))
            if f"{folder.name}-kube-apiserver" in running
        ]

    def status(self) -> Status:
        """What runs and what the local cloud holds; empty when it is not up."""
        processes = self.processes.running()
        resources = self._own_resources() if AWS_CLOUD in processes else {}
        return Status(processes, resources, self.clusters())

    def stop(self) -> list[str]:
        """Ends every process and forgets the state of the local cloud and of its stacks together.

        Returns the names of the processes that ran.
        """
        with self._locked():
            ended = self.processes.stop_all()
            self._forget()
        return ended

    def _prepare(self) -> None:
        install_executables(self.state, find_or_make_tools(self._say), os.environ)
        for folder in (self.state.home, self.state.backend, self.state.pulumi_home):
            folder.mkdir(parents=True, exist_ok=True)

    def _start_aws_cloud(self) -> None:
        port = free_port()
        self._aws.listens_at(port)
        self.processes.start(
            AWS_CLOUD,
            [
                sys.executable, "-m", "r1_on_eks.rehearsal.aws_cloud", "--port", str(port),
                "--state", self.state.root, "--account", ACCOUNT, "--region", REGION,
            ],
            env=self.environment(),
        )  # fmt: skip
        self.processes.wait_until(AWS_CLOUD, self._aws.is_healthy, _START_TIMEOUT_S)

    def _forget_a_dead_cloud(self) -> None:
        if self._aws.is_recorded and AWS_CLOUD not in self.processes.running():
            self.processes.stop_all()
            self._forget()
            self._say(
                "the local cloud had ended, and what it held with it: "
                "its stacks' states are reset too, so that both start empty"
            )

    def _forget(self) -> None:
        for entry in self.state.root.iterdir():
            if entry.name == "lock":
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _own_resources(self) -> dict[str, list[str]]:
        return self._aws.resources(given_buckets(self.state.project))

    def _make_given_buckets(self) -> None:
        made = self.state.root / "given-buckets"
        if missing := given_buckets(self.state.project) - set(_lines(made)):
            self._aws.make_buckets(missing)
            made.write_text("\n".join([*_lines(made), *sorted(missing)]))

    def _make_stacks_named_in(self, command: Sequence[str]) -> None:
        made = {f.stem for f in (self.state.backend / ".pulumi" / "stacks").glob("*/*.json")}
        for file in stack_files(self.state.project):
            stack = stack_name(file)
            if stack in made or not any(stack in word for word in command):
                continue
            subprocess.run(
                [self.state.bin / "pulumi", "stack", "init", stack, "--no-select"],
                env=self.environment(),
                cwd=self.state.project,
                check=True,
                capture_output=True,
                text=True,
            )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.state.root.mkdir(exist_ok=True)
        with (self.state.root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
