"""`r1 status`: each situation of a standing stack has its line, what to type, and a status."""

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from r1_on_eks import cli
from r1_on_eks.operations.account import Account
from r1_on_eks.operations.cluster_api import ApiServerSilent, ClusterApi, NotLetIn
from r1_on_eks.operations.locks import locks_of
from r1_on_eks.operations.readiness import commands as readiness
from r1_on_eks.operations.status import commands, in_cluster, scene
from r1_on_eks.stack_file import plan_of

sys.path.insert(0, str(Path(__file__).parent))
import ready_account as account
import standing_stack as standing
from injected_aws import InjectedAws, refusal
from s3_server import S3Server
from standing_stack import GPU, PENDING, STACK, SYSTEM, pod

PROJECT = Path(__file__).parent.parent
HERE = socket.gethostname()


@pytest.fixture(scope="module")
def aws():
    return InjectedAws()


@pytest.fixture(scope="module")
def ambient(aws):
    return Account("us-west-2", session=aws.session)


@pytest.fixture(scope="module")
def statuses():
    return {}


@pytest.fixture(scope="module")
def address(statuses):
    with standing.gateway(statuses) as address:
        yield address


@dataclass
class Stack:
    """A standing stack, and what is otherwise with it."""

    pulumi: standing.Pulumi
    cluster: standing.Cluster
    locks: Path
    answers: dict[str, Any]
    statuses: dict[str, int]
    environment: dict[str, str | None]
    keys: dict[str, Any] = field(default_factory=dict)

    def locked(self, pid: int, host: str) -> None:
        """Writes a lock as Pulumi does."""
        self.locks.mkdir(parents=True)
        held = {"pid": pid, "username": "ann", "hostname": host, "timestamp": standing.moment(5)}
        (self.locks / "one.json").write_text(json.dumps(held))

    def pods(self, *pods: Any, ready: int = 0) -> None:
        """Has these pods of the 70b, and so many of its replicas ready."""
        self.cluster.objects["/api/v1/pods"][:1] = pods
        self.cluster.objects["/apis/apps/v1/namespaces/r1/deployments"] = [
            standing.workload(ready=ready)
        ]


@dataclass
class Told:
    status: int
    found: list[dict[str, str]]
    seconds: float

    @property
    def lines(self) -> dict[str, dict[str, str]]:
        return {one["subject"]: one for one in self.found}


@pytest.fixture
def stack(tmp_path, address, statuses):
    shutil.copytree(PROJECT / "stacks", tmp_path / "stacks")
    shutil.copy(PROJECT / "Pulumi.yaml", tmp_path)
    statuses.clear()
    backend = tmp_path / "backend"
    return Stack(
        standing.Pulumi(tmp_path, f"file://{backend}"), standing.Cluster(),
        backend / ".pulumi" / "locks" / "organization" / "r1-on-eks" / STACK,
        standing.answers(), statuses, {"R1_KEY": "r1-key", "R1_GATEWAY": address},
    )  # fmt: skip


@pytest.fixture
def run(stack, aws, ambient, tmp_path, monkeypatch, capsys):
    def run() -> Told:
        aws.answers = stack.answers
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(readiness, "_now", lambda: account.DAY)
        monkeypatch.setattr(readiness, "Account", lambda *_: ambient)
        monkeypatch.setattr(commands, "Pulumi", lambda *_: stack.pulumi)
        monkeypatch.setattr(scene, "ClusterApi", lambda *_: stack.cluster)
        for name, value in stack.environment.items():
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)
        status = cli.main(["status", STACK, "--json"])
        told = json.loads(capsys.readouterr().out)
        return Told(status, told["findings"], told["seconds"])

    return run


def test_a_stack_that_is_well_is_well(run):
    told = run()
    assert {one["subject"]: one["found"] for one in told.found if one["standing"] != "well"} == {}
    assert told.status == 0
    assert told.lines["replicas 70b"]["found"] == "1 of 1 ready"
    assert "gave a token" in told.lines["route 70b"]["found"]
    assert told.lines["cost now"]["found"].startswith("$22.")


@dataclass
class Situation:
    """What is otherwise, and the line that comes of it."""

    name: str
    change: Any
    subject: str
    standing: str
    found: str
    fix: str
    moves: tuple[str, ...] = ()


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def at(path, value):
    """A change of the standing stack: `at("pulumi.state", …)`."""

    def change(stack):
        target, _, name = path.rpartition(".")
        for step in filter(None, target.split(".")):
            stack = getattr(stack, step)
        setattr(stack, name, value)

    return change


def answered(**answers):
    return lambda stack: stack.answers.update({k.replace("_", "."): v for k, v in answers.items()})


def container(**status):
    return lambda stack: stack.pods(pod(ready=False, container=status))


def tried(job, since, message, of="containerStatuses"):
    """A pod of a Job that ended with a message of one of its containers."""
    name = f"{job}-{since}"
    one = standing.failed(
        name,
        None,
        container={"name": "vllm", "state": {"terminated": {"exitCode": 1, "message": message}}},
    )
    one["status"][of] = one["status"].pop("containerStatuses")
    one["metadata"] |= {
        "labels": {"batch.kubernetes.io/job-name": job},
        "ownerReferences": [{"kind": "Job", "name": job}],
        "creationTimestamp": standing.moment(since),
    }
    return one


FULL = standing.issue("InsufficientInstanceCapacity", "no p4d.24xlarge in us-west-2b")
GPU_NODES = ("nodes r1-70b",)
SITUATIONS = [
    Situation("an update runs", lambda s: s.locked(os.getpid(), HERE), "update", "unknown",
              f"an update runs: ann@{HERE}", "wait"),
    Situation("its engine died", lambda s: s.locked(dead_process(), HERE), "update", "wrong",
              "died", "r1 recover prod-70b"),
    Situation("a lock of another machine", lambda s: s.locked(4, "ci-7"), "update", "unknown",
              "ann@ci-7, pid 4", "r1 recover prod-70b"),
    Situation("pending operations and no lock",
              at("pulumi.state", standing.deployment(pending_operations=PENDING)), "update",
              "wrong", "creating aws:eks/nodeGroup:NodeGroup r1-70b", "r1 recover prod-70b"),
    Situation("the last update failed", at("pulumi.entries", [standing.entry("failed")]),
              "update", "wrong", "failed at 2026-11-25 11:00 UTC", "pulumi up --stack prod-70b"),
    Situation("Pulumi's own service has one under way",
              at("pulumi.entries", [standing.entry("in-progress")]), "update", "unknown",
              "runs since 2026-11-25 10:30 UTC", "r1 recover prod-70b"),
    Situation("another backend", at("pulumi.state", "error: no stack named 'prod-70b' found"),
              "update", "wrong", "knows no such stack", "pulumi login",
              ("outputs", "cost now", "without Pulumi's state")),
    Situation("no pulumi", at("pulumi.state", "there is no `pulumi` on PATH"), "update", "unknown",
              "no `pulumi`", "", ("outputs", "cost now", "without Pulumi's state")),
    Situation("nothing stands in AWS",
              answered(eks_DescribeCluster=refusal("ResourceNotFoundException", 404)), "cluster",
              "wrong", "AWS has no cluster", "pulumi up",
              ("node group system", "node group r1-70b", "API server", "nodes system",
               "nodes r1-70b", "replicas 70b", "other pods", "Prometheus",
               "without the cluster's API server")),
    Situation("no capacity", lambda s: s.answers.update(
        standing.groups(gpu=standing.group(GPU, status="CREATE_FAILED", health=FULL))),
        "node group r1-70b", "wrong", "InsufficientInstanceCapacity", "another zone: gpu_zone:"),
    Situation("nodes that never joined", lambda s: s.answers.update(standing.groups(
        gpu=standing.group(GPU, status="DEGRADED", health=standing.issue(
            "NodeCreationFailure", "Instances failed to join the cluster")))),
        "node group r1-70b", "wrong", "failed to join", "get-console-output"),
    Situation("a node group is gone", lambda s: s.answers.update(standing.groups(gpu=None)),
              "node group r1-70b", "wrong", "no node group prod-70b-r1-70b", "pulumi up"),
    Situation("the API server is silent", at("cluster.silent", "no answer"), "API server", "wrong",
              "no answer", "endpoint.public_from",
              ("nodes system", "nodes r1-70b", "replicas 70b", "other pods",
               "without the cluster's API server")),
    Situation("the API server knows nobody like that",
              at("cluster.silent", NotLetIn("it does not know these credentials (401)")),
              "API server", "wrong", "does not know these credentials", "aws sts get-caller",
              ("nodes system", "nodes r1-70b", "replicas 70b", "other pods",
               "without the cluster's API server")),
    Situation("a node is not ready", lambda s: s.cluster.objects.update({"/api/v1/nodes": [
        standing.node("system-0", SYSTEM), standing.node("system-1", SYSTEM),
        standing.node("p4d-0", GPU, ready=False)]}), *GPU_NODES, "wrong",
        "0 of 1 ready; p4d-0: Kubelet stopped", "kubectl describe node p4d-0"),
    Situation("a node is cordoned", lambda s: s.cluster.objects.update({"/api/v1/nodes": [
        standing.node("system-0", SYSTEM), standing.node("system-1", SYSTEM),
        standing.node("p4d-0", GPU, unschedulable=True)]}), *GPU_NODES, "unknown",
        "cordoned: p4d-0", "kubectl uncordon p4d-0"),
    Situation("a node is missing", lambda s: s.cluster.objects["/api/v1/nodes"].pop(), *GPU_NODES,
              "wrong", "0 of 1 ready", "describe-nodegroup"),
    Situation("a pod has no node", lambda s: s.pods(pod(
        ready=False, status="False", message="0/3 nodes: Insufficient nvidia.com/gpu")),
        "replicas 70b", "wrong", "0 of 1 ready; r1-70b-5c9d has no node: 0/3 nodes",
        "kubectl -n r1 describe pod r1-70b-5c9d"),
    Situation("its image is not there", container(
        state={"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}, image="vllm:1"),
        "replicas 70b", "wrong", "ImagePullBackOff vllm:1: not found", "r1 pins"),
    Situation("it ran out of memory", container(
        state={"waiting": {"reason": "CrashLoopBackOff"}},
        lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137}}),
        "replicas 70b", "wrong", "for want of memory, 7 restarts", "--previous"),
    Situation("it ends again and again", container(
        state={"waiting": {"reason": "CrashLoopBackOff"}},
        lastState={"terminated": {"reason": "Error", "exitCode": 1}}),
        "replicas 70b", "wrong", "ended with 1, 7 restarts", "-c vllm --previous"),
    Situation("its weights are not complete", container(
        name="weights-complete", state={"waiting": {"reason": "CrashLoopBackOff"}},
        lastState={"terminated": {
            "exitCode": 1, "message": "s3://b/f/ is not complete: missing model-3\n"}}),
        "replicas 70b", "wrong", "7 restarts: s3://b/f/ is not complete: missing model-3",
        "-c weights-complete --previous"),
    Situation("its weights are not fetched", container(
        name="fetch-weights", state={"terminated": {
            "exitCode": 1, "message": "s3://b/f/ is complete\ns3://b/f/ can't be asked: 403\n"}}),
        "replicas 70b", "wrong", "7 restarts: s3://b/f/ can't be asked: 403",
        "-c fetch-weights"),
    Situation("it loads its weights", lambda s: s.pods(pod(ready=False, since=4)),
              "replicas 70b", "unknown", "starts since 4 min of", "wait"),
    Situation("it loads for too long", lambda s: s.pods(pod(ready=False, since=600)),
              "replicas 70b", "wrong", "too long", "kubectl -n r1 describe pod"),
    Situation("the cluster has no server", lambda s: s.cluster.objects.update(
        {"/apis/apps/v1/namespaces/r1/deployments": []}), "replicas 70b", "wrong",
        "no workload of r1-70b", "pulumi up"),
    Situation("half of the gateway", lambda s: s.cluster.objects["/api/v1/pods"].append(pod(
        "gateway-3", None, ready=False, since=60)), "other pods", "wrong",
        "1 of 3 are not well: gateway-3", "describe pod gateway-3"),
    Situation("no node takes it", lambda s: s.pods(standing.failed(
        standing.POD, "r1-70b", reason="UnexpectedAdmissionError", message="no healthy devices")),
        "replicas 70b", "wrong", "was ended: UnexpectedAdmissionError: no healthy devices",
        "kubectl -n r1 delete pod"),
    Situation("one was evicted, and the next one loads", lambda s: s.pods(
        standing.failed("r1-70b-old", "r1-70b", reason="Evicted"), pod(ready=False, since=4)),
        "replicas 70b", "unknown", "r1-70b-5c9d starts since 4 min", "wait"),
    Situation("a pod was evicted, and another one starts", lambda s: s.cluster.objects[
        "/api/v1/pods"].append(standing.failed("gateway-0", reason="Evicted", message="no disk")),
        "other pods", "unknown", "gateway-0 was ended: Evicted: no disk",
        "kubectl -n r1 delete pod gateway-0"),
    Situation("nobody made the Prometheus", lambda s: s.cluster.objects.update(
        {standing.PROMETHEUSES: [standing.prometheus()]}), "Prometheus", "wrong",
        "0 of 1 ready, and no alert can fire: its operator says nothing of it",
        "kubectl -n monitoring logs deployment/prometheus-operator"),
    Situation("the Prometheus fails", lambda s: s.cluster.objects.update(
        {standing.PROMETHEUSES: [standing.prometheus(availableReplicas=0, conditions=[
            {"type": "Available", "status": "False", "message": "pod: CrashLoopBackOff"}])]}),
        "Prometheus", "wrong", "0 of 1 ready, and no alert can fire: pod: CrashLoopBackOff",
        "logs deployment/prometheus-operator"),
    Situation("the Prometheus is gone", lambda s: s.cluster.objects.update(
        {standing.PROMETHEUSES: []}), "Prometheus", "wrong", "the cluster has none",
        "pulumi up --stack prod-70b"),
    Situation("the weights' Job failed", lambda s: s.cluster.objects.update(
        {"/apis/batch/v1/namespaces/r1/jobs": [{
            "metadata": {"name": "weights-sync"}, "status": {"conditions": [
                {"type": "Failed", "status": "True", "message": "BackoffLimitExceeded"}]}}]}),
        "job weights-sync", "wrong", "BackoffLimitExceeded",
        "logs job/weights-sync --all-containers"),
    Situation("the weights' Job failed and said why", lambda s: (
        s.cluster.objects.update({"/apis/batch/v1/namespaces/r1/jobs": [{
            "metadata": {"name": "preload-1"}, "status": {"conditions": [
                {"type": "Failed", "status": "True", "message": "BackoffLimitExceeded"}]}}]}),
        s.cluster.objects["/api/v1/pods"].extend([
            tried("preload-1", since=9, message="an older line\n"),
            tried("preload-1", since=5, message="above\ns3://b/f/ is not complete: m-3 …\n"),
            tried("preload-2", since=1, message="another's\n")])),
        "job preload-1", "wrong",
        "BackoffLimitExceeded; its last try said: s3://b/f/ is not complete: m-3 …",
        "logs job/preload-1"),
    Situation("a check could not ask its questions", lambda s: (
        s.cluster.objects.update({"/apis/batch/v1/namespaces/r1/jobs": [{
            "metadata": {"name": "quality-70b-1"}, "status": {"conditions": [
                {"type": "Failed", "status": "True", "message": "BackoffLimitExceeded"}]}}]}),
        s.cluster.objects["/api/v1/pods"].append(
            tried("quality-70b-1", 5, "no task gsm9k\n", of="initContainerStatuses"))),
        "job quality-70b-1", "wrong",
        "BackoffLimitExceeded; its last try said: no task gsm9k",
        "kubectl -n r1 logs job/quality-70b-1 --all-containers"),
    Situation("the weights' Job tries again", lambda s: (
        s.cluster.objects.update({"/apis/batch/v1/namespaces/r1/jobs": [{
            "metadata": {"name": "weights-sync"}, "status": {}}]}),
        s.cluster.objects["/api/v1/pods"].append(
            tried("weights-sync", since=5, message="no bucket\n"))),
        "job weights-sync", "unknown", "it runs; its last try said: no bucket", "logs job"),
    Situation("a route has no server", lambda s: s.statuses.update(
        {"/api/v1/70b/chat/completions": 503}), "route 70b", "wrong", "answers 503",
        "logs deployment/gateway"),
    Situation("the gateway is not well", lambda s: s.statuses.update({"/healthz": 500}),
              "gateway", "wrong", "answers 500", "logs deployment/gateway", ("route 70b",)),
    Situation("the gateway is not there", lambda s: s.environment.update(
        R1_GATEWAY="http://127.0.0.1:1"), "gateway", "wrong", "is not reached",
        "get pods", ("route 70b",)),
    Situation("no key", lambda s: s.environment.update(R1_KEY=None), "routes", "unknown",
              "for want of a key: 70b", "export R1_KEY", ("route 70b",)),
    Situation("a key of yesterday", lambda s: s.statuses.update(
        {"/api/v1/70b/chat/completions": 401}), "route 70b", "unknown",
        "does not know this R1_KEY", "r1 key new"),
    Situation("the file system failed", answered(fsx_DescribeFileSystems=standing.lustre(
        Lifecycle="FAILED", FailureDetails={"Message": "no addresses left"})), "file system",
        "wrong", "FAILED, 1200 GiB: no addresses left", "describe-file-systems"),
    Situation("a shard is gone", answered(s3_ListObjectsV2=account.listing(shard_3=None)),
              "weights DeepSeek-R1-Distill-Llama-70B", "wrong", "00003", "r1 weights sync"),
    Situation("no permission", answered(fsx_DescribeFileSystems=refusal("AccessDenied", 403)),
              "file system", "unknown", "no permission", "fsx:DescribeFileSystems",
              ("link to the bucket",)),
]  # fmt: skip


@pytest.mark.parametrize("one", SITUATIONS, ids=lambda one: one.name)
def test_each_situation_has_its_line_and_hides_no_other(one, run, stack):
    one.change(stack)
    told = run()
    line = told.lines[one.subject]
    assert (line["standing"], one.found in line["found"]) == (one.standing, True), line
    assert one.fix in line["fix"]
    assert told.status == int(one.standing == "wrong")
    assert told.found[0]["standing"] == one.standing
    others = {
        subject for subject, other in told.lines.items()
        if other["standing"] != "well" and subject not in (one.subject, *one.moves)
    }  # fmt: skip
    assert others == set()
    assert not [found for found in told.found if "r1 itself" in found["found"]]


def test_there_are_situations_enough():
    assert len(SITUATIONS) >= 12


def test_without_credentials_one_line_says_so_and_state_and_gateway_are_asked(run, stack):
    stack.answers["sts.GetCallerIdentity"] = refusal("ExpiredToken", 403)
    told = run()
    assert told.status == 1
    assert "have expired" in told.lines["identity"]["found"]
    assert "not asked of AWS: cluster" in told.lines["identity"]["found"]
    assert told.lines["update"]["standing"] == "well"
    assert "gave a token" in told.lines["route 70b"]["found"]


def test_what_a_job_tried_before_it_was_done_is_not_wrong(run, stack):
    tried = standing.failed("weights-sync-x", container={"state": {"terminated": {"exitCode": 1}}})
    tried["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "weights-sync"}]
    stack.cluster.objects["/api/v1/pods"].append(tried)
    told = run()
    assert told.status == 0
    assert told.lines["other pods"] == {**told.lines["other pods"], "standing": "well"}


def check(day, *conditions):
    return {
        "metadata": {
            "name": f"quality-70b-{day}",
            "creationTimestamp": f"2026-11-{day:02d}T03:00:00Z",
            "ownerReferences": [{"kind": "CronJob", "name": "quality-70b"}],
        },
        "status": {"conditions": [
            {"type": one, "status": "True", "message": "a figure fell"} for one in conditions]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("checks", "wrong"),
    [
        ([check(8, "Complete"), check(1, "Failed")], set()),
        ([check(8, "Failed"), check(1, "Complete")], {"job quality-70b-8"}),
        ([check(8), check(1, "Failed")], set()),
        ([check(8)], set()),
    ],
)
def test_of_checks_that_come_again_the_newest_is_told(run, stack, checks, wrong):
    stack.cluster.objects["/apis/batch/v1/namespaces/r1/jobs"] = checks
    told = run()
    assert {name for name, one in told.lines.items() if one["standing"] != "well"} == wrong
    assert told.status == bool(wrong)


def test_a_check_that_asks_for_hours_is_well(run, stack):
    asks = pod("quality-70b-8-x", None, ready=False, since=400)
    asks["metadata"]["labels"] = {"app.kubernetes.io/name": "quality-check"}
    stack.cluster.objects["/api/v1/pods"].append(asks)
    assert run().lines["other pods"]["standing"] == "well"
    asks["metadata"]["labels"] = {}
    assert run().lines["other pods"]["standing"] == "wrong"


def test_a_pod_that_was_evicted_is_not_wrong_where_another_answers(run, stack):
    stack.pods(standing.failed("r1-70b-old", "r1-70b", reason="Evicted"), pod(), ready=1)
    assert run().status == 0


def test_there_is_no_previous_log_of_what_did_not_start_again(run, stack):
    stack.cluster.objects["/api/v1/pods"].append(
        pod("once", None, ready=False, container={"state": {"terminated": {"exitCode": 3}}})
    )
    assert "--previous" not in run().lines["other pods"]["fix"]


def watcher(status="ACTIVE", **other):
    return {
        "tags": {"r1:stack": STACK}, "createdAt": account.DAY,
        "status": {"statusCode": status}, **other,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("workspace", "collector", "wrong", "said"),
    [
        ("ACTIVE", "ACTIVE", {}, "s-1 is ACTIVE"),
        ("ACTIVE", "CREATING", {"metrics' collector": "unknown"}, "s-1 is CREATING"),
        ("ACTIVE", "CREATION_FAILED", {"metrics' collector": "wrong"},
         "s-1 is CREATION_FAILED: no access entry, and no alert can fire"),
        ("CREATION_FAILED", "ACTIVE", {"metrics' workspace": "wrong"}, "s-1 is ACTIVE"),
        ("ACTIVE", None, {"metrics' collector": "wrong"}, "AWS has none of this stack"),
    ],
)  # fmt: skip
def test_of_amazons_prometheus_the_workspace_and_the_collector_are_told(
    run, stack, tmp_path, workspace, collector, wrong, said
):
    file = tmp_path / "stacks" / f"Pulumi.{STACK}.yaml"
    file.write_text(file.read_text().replace("kind: prometheus", "kind: managed-prometheus"))
    stack.answers["amp.ListWorkspaces"] = {
        "workspaces": [watcher(workspace, workspaceId="ws-1", arn=f"arn:aws:aps:::{STACK}")]
    }
    why = {"statusReason": "no access entry"} if collector == "CREATION_FAILED" else {}
    stack.answers["amp.ListScrapers"] = {
        "scrapers": [
            watcher(collector, scraperId="s-1", lastModifiedAt=account.DAY,
                    arn="arn:aws:aps:::s-1", roleArn="arn:aws:iam:::r",
                    source={"eksConfiguration": {"clusterArn": "c", "subnetIds": ["s"]}},
                    destination={"ampConfiguration": {"workspaceArn": "w"}}, **why)
        ] if collector else []
    }  # fmt: skip
    told = run()
    assert {name: one["standing"] for name, one in told.lines.items()
            if one["standing"] != "well"} == wrong  # fmt: skip
    assert said in told.lines["metrics' collector"]["found"]
    # Nobody asks the cluster for one of its own.
    assert "Prometheus" not in told.lines


def test_a_lock_that_goes_while_it_is_read_is_none(tmp_path, stack):
    stack.locked(os.getpid(), HERE)
    (stack.locks / "two.json").symlink_to("gone.json")
    found = locks_of(f"file://{tmp_path / 'backend'}", "r1-on-eks", STACK, None) or []
    assert [one.pid for one in found] == [os.getpid()]


def test_a_test_stack_tells_how_much_time_is_left(run, stack, tmp_path):
    file = tmp_path / "stacks" / f"Pulumi.{STACK}.yaml"
    text = file.read_text().replace("production: true", "production: false\n    lifetime: 2h")
    file.write_text(text)
    assert run().lines["lifetime"]["found"].startswith("0 h 30 min left")
    file.write_text(text.replace("lifetime: 2h", "lifetime: 1h"))
    over = run()
    assert over.status == 1
    assert "r1 extend prod-70b" in over.lines["lifetime"]["fix"]
    stack.pulumi.state = "there is no `pulumi` on PATH"
    assert "lifetime" in run().lines["without Pulumi's state"]["found"]


def test_nodes_that_aws_has_now_are_what_is_paid_for(run, stack):
    declared = run().lines["cost now"]["found"]
    empty = standing.group(GPU, scalingConfig={"minSize": 0, "desiredSize": 0, "maxSize": 1})
    stack.answers.update(standing.groups(gpu=empty))
    now = run().lines["cost now"]["found"]
    assert float(declared[1:6]) - float(now[1:].split()[0]) == pytest.approx(21.96, abs=0.05)


def test_what_hangs_is_one_line_within_the_time(run, stack, monkeypatch):
    monkeypatch.setattr(commands, "SECONDS", 1.0)
    never = threading.Event()
    stack.answers["fsx.DescribeFileSystems"] = lambda _: never.wait(30)
    told = run()
    never.set()
    assert told.lines["file system"]["found"] == "no answer in time"
    assert told.seconds < 3


def test_locks_on_s3_are_read_and_one_that_goes_meanwhile_holds_nothing(monkeypatch):
    server = S3Server("states", monkeypatch)
    folder = "r1/.pulumi/locks/organization/r1-on-eks/prod-70b"
    for name in ("ann", "bob"):
        lock = {"pid": 4, "username": name, "hostname": "ci-7", "timestamp": standing.moment()}
        server.client.put_object(
            Bucket="states", Key=f"{folder}/{name}.json", Body=json.dumps(lock).encode()
        )

    def ends(**_):
        server.client.delete_object(Bucket="states", Key=f"{folder}/ann.json")

    server.client.meta.events.register("after-call.s3.ListObjectsV2", ends)
    session = Mock(client=lambda _: server.client)
    (found,) = locks_of("s3://states/r1?region=us-west-2", "r1-on-eks", STACK, session) or []
    server.close()
    assert str(found) == "bob@ci-7, pid 4, since 2026-11-25 12:00 UTC"
    assert locks_of("https://api.pulumi.com", "r1-on-eks", STACK, session) is None


def certified(folder, name, year=2035):
    """Writes a server's certificate, and answers the authority that signed it."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in ("ca", name)]
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in names]
    ends = (account.DAY.replace(year=2035), account.DAY.replace(year=year))
    for number, file in enumerate(("ca.pem", "server.pem")):
        made = (
            x509.CertificateBuilder()
            .subject_name(names[number]).issuer_name(names[0]).public_key(keys[number].public_key())
            .serial_number(number + 1).not_valid_before(account.DAY.replace(year=2024))
            .not_valid_after(ends[number])
            .add_extension(x509.BasicConstraints(ca=number == 0, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(keys[0], hashes.SHA256())
        )  # fmt: skip
        key = keys[number].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )  # fmt: skip
        (folder / file).write_bytes(made.public_bytes(serialization.Encoding.PEM) + key)
    return folder / "ca.pem"


def test_a_certificate_that_has_expired_is_told(run, stack, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certified(tmp_path, "it", year=2025)))
    file = tmp_path / "stacks" / f"Pulumi.{STACK}.yaml"
    file.write_text(file.read_text().replace("gateway-tls", "edge-certificate"))
    with standing.gateway(stack.statuses, tmp_path / "server.pem") as address:
        stack.environment["R1_GATEWAY"] = address
        told = run()
    assert told.lines["certificate"]["found"] == "it has expired"
    assert "create secret tls edge-certificate" in told.lines["certificate"]["fix"]


@pytest.fixture
def tls_gateway(stack, tmp_path):
    """A gateway at 127.0.0.1 whose certificate is of your.name; who signed it, and itself."""
    authority, heard = certified(tmp_path, "your.name"), []
    with standing.gateway(stack.statuses, tmp_path / "server.pem", heard=heard) as address:
        stack.environment["R1_GATEWAY"] = address
        yield authority, tmp_path / "server.pem", heard


def test_a_key_is_sent_to_no_certificate_that_is_not_believed(run, stack, tls_gateway):
    told = run()
    assert told.lines["gateway"]["standing"] == "well"
    line = told.lines["routes"]
    assert line["standing"] == "unknown"
    assert "the key is sent to no certificate that isn't believed" in line["found"]
    assert "--gateway https://your.name" in line["fix"]
    assert "get secret gateway-tls" in line["fix"]
    assert "route 70b" not in told.lines
    assert told.status == 0
    assert tls_gateway[-1] == []


def test_who_signs_for_others_too_is_no_proof_that_it_is_the_gateway(run, stack, tls_gateway):
    authority, _, heard = tls_gateway
    stack.environment["R1_GATEWAY_CA"] = str(authority)
    assert "not the one given" in run().lines["routes"]["found"]
    assert heard == []


def test_the_gateways_own_certificate_is_believed_by_whatever_name(run, stack, tls_gateway):
    _, own, heard = tls_gateway
    stack.environment["R1_GATEWAY_CA"] = str(own)
    told = run()
    assert "gave a token" in told.lines["route 70b"]["found"]
    assert told.status == 0
    assert heard == ["Bearer r1-key"]


@pytest.mark.parametrize(("status", "wanted"), [(401, NotLetIn), (403, NotLetIn), (500, None)])
def test_an_api_server_that_refuses_is_not_one_that_is_silent(
    tmp_path, statuses, ambient, aws, status, wanted
):
    authority = certified(tmp_path, "localhost").read_text()
    aws.answers = account.answers()
    statuses["/api/v1/nodes"] = status
    with standing.gateway(statuses, tmp_path / "server.pem") as address:
        cluster = {
            "name": STACK, "endpoint": address.replace("127.0.0.1", "localhost"),
            "certificateAuthority": {"data": base64.b64encode(authority.encode()).decode()},
        }  # fmt: skip
        with pytest.raises(wanted or ApiServerSilent) as refused:
            ClusterApi(cluster, ambient, 4).get("/api/v1/nodes")
    statuses.clear()
    assert isinstance(refused.value, NotLetIn) == bool(wanted)
    assert str(status) in str(refused.value)


def test_a_key_follows_no_redirect(run, stack):
    heard = []
    stack.statuses["/api/v1/70b/chat/completions"] = 302
    with standing.gateway(stack.statuses, heard=heard) as address:
        stack.environment["R1_GATEWAY"] = address
        assert "answers 302" in run().lines["route 70b"]["found"]
    assert len(heard) == 1


def test_a_key_is_not_sent_in_clear_text_where_the_stack_has_a_certificate(run, stack):
    with standing.gateway(stack.statuses, host="127.0.0.2") as address:
        stack.environment["R1_GATEWAY"] = address
        told = run()
    assert "not sent in clear text" in told.lines["routes"]["found"]


@pytest.mark.parametrize("given", ["gone.pem", "empty.pem"])
def test_a_file_without_a_certificate_is_misuse(run, tmp_path, stack, monkeypatch, capsys, given):
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["status", STACK, "--ca", given]) == 2
    assert f"r1 status: --ca: {given}: " in capsys.readouterr().err


def test_what_is_not_known_leaves_the_status_and_is_counted(run, stack, capsys):
    stack.environment["R1_KEY"] = None
    assert run().status == 0
    assert cli.main(["status", STACK]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"nothing is known to be wrong; 1 of \d+ are not known", last)


def test_a_misspelt_stack_is_misuse(tmp_path, stack, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["status", "prod-70"]) == 2
    assert "prod-70b" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [("R1_GATEWAY", "your.name"), ("R1_KEY", "r1-sec\nret"), ("R1_KEY", "r1-sec…")],
)
def test_what_is_no_address_or_key_is_misuse_and_no_key_is_told(
    stack, tmp_path, monkeypatch, capsys, name, value
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    assert cli.main(["status", STACK]) == 2
    said = capsys.readouterr()
    assert f"r1 status: {name}: " in said.err
    assert "sec" not in said.out + said.err


def test_the_screen_says_what_is_wrong_first(run, stack, capsys):
    stack.statuses["/api/v1/70b/chat/completions"] = 503
    run()
    assert cli.main(["status", STACK]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("✗ route 70b")
    assert lines[3].strip().startswith("→ kubectl -n r1 logs")
    assert lines[-1].startswith("1 wrong, 0 unknown")


@pytest.mark.parametrize(
    ("stack", "minutes", "stands", "told"),
    [
        ("office-7b", 2, "unknown", "waits for a node since 2 min of 5 min at most: 0/2 nodes"),
        ("office-7b", 6, "lacking", "has no node: 0/2 nodes"),
        # All of its nodes stand already.
        ("prod-70b", 2, "lacking", "has no node: 0/2 nodes"),
    ],
)
def test_a_pod_may_wait_for_a_node_where_nodes_come_and_go(stack, minutes, stands, told):
    (model,) = plan_of(stack, PROJECT / "stacks").models
    waits = pod(
        "one", model.name, ready=False, since=minutes, status="False",
        message="0/2 nodes are available",
    )  # fmt: skip
    workload = {"spec": {"replicas": 1}, "status": {}}
    now = account.DAY
    found = in_cluster._replicas(Mock(stack=stack), model, [workload], [waits], now)
    assert found.standing.name.lower() == stands
    assert told in found.found
