import json
import os
import socket
from pathlib import Path

import pytest
from r1_on_eks.rehearsal import interrupted
from r1_on_eks.rehearsal.environment import (
    command_environment,
    install_executables,
    official_plugin,
)
from r1_on_eks.rehearsal.paths import State


@pytest.fixture
def state(tmp_path):
    return State(tmp_path / "state")


def plugin(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    executable = folder / name
    executable.write_text("#!/bin/sh\n")
    executable.chmod(0o755)
    return executable


@pytest.mark.parametrize(
    "leak",
    [
        "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_ENDPOINT_URL_EKS", "AWS_ENDPOINT_URL_STS", "KUBECONFIG", "PULUMI_ACCESS_TOKEN",
        "PULUMI_CONFIG", "HTTPS_PROXY", "PYTHONPATH",
    ],
)  # fmt: skip
def test_nothing_that_leads_to_a_real_account_gets_in(state, leak):
    users = {"PATH": "/usr/bin", "HOME": "/home/me", leak: "real"}
    seen = command_environment(
        state, aws_endpoint="http://127.0.0.1:1", region="us-west-2", users=users
    )
    assert "real" not in seen.values()
    assert seen["HOME"] == str(state.home)
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert seen["AWS_EC2_METADATA_DISABLED"] == "true"


def test_the_look_of_a_terminal_gets_in(state):
    users = {"PATH": "/usr/bin", "TERM": "xterm", "LANG": "de_DE.UTF-8"}
    seen = command_environment(state, aws_endpoint="http://x", region="r", users=users)
    assert (seen["TERM"], seen["LANG"]) == ("xterm", "de_DE.UTF-8")


def test_official_plugins_replace_the_stand_ins_but_never_the_one_for_aws(state, tmp_path):
    names = ("pulumi-language-python", "pulumi-resource-kubernetes", "pulumi-resource-aws")
    for name in names:
        plugin(tmp_path / "path", name)
    install_executables(state, {}, {"PATH": str(tmp_path / "path")})
    installed = {f.name: f.read_text() for f in state.root.rglob("pulumi-*") if f.is_file()}
    assert str(tmp_path / "path" / names[0]) in installed[names[0]]
    assert str(tmp_path / "path" / names[1]) in installed[names[1]]
    assert "r1_on_eks.rehearsal.aws_provider" in installed[names[2]]


def test_the_engine_lies_next_to_its_language_host(state, tmp_path):
    engine = plugin(tmp_path / "cache", "pulumi-v3")
    install_executables(state, {"pulumi": engine}, {"PATH": "/nowhere"})
    assert (state.bin / "pulumi").resolve().parent == state.bin
    assert (state.bin / "pulumi-language-python").exists()


def test_the_newest_official_plugin_of_the_users_folder_is_taken(tmp_path):
    name = "pulumi-resource-kubernetes"
    for version in ("4.9.0", "4.32.0"):
        plugin(tmp_path / ".pulumi" / "plugins" / f"resource-kubernetes-v{version}", name)
    found = official_plugin(name, {"PATH": "/nowhere", "HOME": str(tmp_path)})
    assert found is not None
    assert found.parent.name == "resource-kubernetes-v4.32.0"


def lock(state, pid):
    folder = state.backend / ".pulumi" / "locks" / "organization" / "r1-on-eks" / "prod"
    folder.mkdir(parents=True)
    content = {"pid": pid, "username": "me", "hostname": socket.gethostname()}
    (folder / "1.json").write_text(json.dumps(content))
    stacks = state.backend / ".pulumi" / "stacks" / "r1-on-eks"
    stacks.mkdir(parents=True)
    urn = "urn:pulumi:prod::r1-on-eks::r1:index:Cluster$aws:eks/cluster:Cluster::cluster"
    pending = [{"type": "creating", "resource": {"urn": urn}}]
    checkpoint = {"checkpoint": {"latest": {"pending_operations": pending}}}
    (stacks / "prod.json").write_text(json.dumps(checkpoint))
    return folder / "1.json"


def test_a_killed_engine_is_reported_with_what_it_was_making(state):
    stale = lock(state, pid=2**22 + 1)
    [line] = interrupted.report_and_unlock(state)
    assert "killed in the middle of an update of prod" in line
    assert "creating aws:eks/cluster:Cluster cluster" in line
    assert not stale.exists()


def test_the_lock_of_a_process_that_is_no_engine_is_stale(state):
    stale = lock(state, pid=os.getpid())
    assert len(interrupted.report_and_unlock(state)) == 1
    assert not stale.exists()
