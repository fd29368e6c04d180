"""A quality check as its pod runs it: the real harness, and a real API server.

What answers is a stand-in that is told what to say. The words of both containers are those that
prod-70b declares; rewritten are where the server, the API server, /scratch and /tasks are.
"""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from r1_on_eks.benchmarking.quality import parsed
from r1_on_eks.benchmarking.tool import environment_of
from r1_on_eks.plan.quality import FELL
from r1_on_eks.rehearsal import model_server
from r1_on_eks.rehearsal.control_plane import start_control_plane
from r1_on_eks.rehearsal.nginx_package import find_or_unpack_kubectl
from r1_on_eks.rehearsal.processes import Processes, free_port

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(900)]

PROJECT = Path(__file__).parent.parent
RECIPE = PROJECT / "examples" / "quality"
MANIFESTS = runpy.run_path(str(PROJECT / "tools" / "manifests.py"))["manifests"]
# Of its own questions: gsm8k's are on the hub.
TASKS = [{"task": "answers", "metric": one} for one in ("exact_match", "f1", "bleu")]
KEY = "sesame"


@pytest.fixture(scope="module")
def objects():
    return MANIFESTS("prod-70b")


@pytest.fixture(scope="module")
def api(tmp_path_factory, objects):
    """A real API server with the serving namespace, and kubectl for it."""
    root = tmp_path_factory.mktemp("control-plane")
    running = start_control_plane(
        root, "one", version="1.35", service_cidr="172.20.0.0/16",
        token_webhook_url="http://127.0.0.1:9/",
    )  # fmt: skip
    kubectl = find_or_unpack_kubectl(print)

    def run(*words, text=None):
        done = subprocess.run(
            [kubectl, "--kubeconfig", str(running.admin_kubeconfig), "-n", "r1", *words],
            input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    ours = [
        one
        for one in objects
        if (one["kind"] == "Namespace" and one["metadata"]["name"] == "r1")
        or (one["kind"] in ("CronJob", "ServiceAccount", "Role", "RoleBinding", "ConfigMap")
        and one["metadata"].get("namespace") == "r1")
    ]  # fmt: skip
    applied = run(
        "apply", "--server-side", "--validate=strict", "-f", "-", text=yaml.safe_dump_all(ours)
    )
    assert "cronjob.batch/quality-70b serverside-applied" in applied
    try:
        yield running, run
    finally:
        Processes(root).stop_all()


@pytest.fixture
def model(monkeypatch):
    """A stand-in that answers three of four questions rightly, and thinks something else."""
    questions = [
        json.loads(line) for line in (RECIPE / "tasks" / "answers.jsonl").read_text().splitlines()
    ]
    right = {one["question"]: one["answer"] for one in questions[:3]}
    right |= dict.fromkeys((one["question"] for one in questions[3:]), "nothing")
    asked = []

    def pieces(name, body, chat):
        asked.append(body)
        said = body["messages"][-1]["content"]
        answer = next(answer for question, answer in right.items() if question in said)
        yield "reasoning", r"Is it \boxed{7}? "
        # As a server that does not tell thinking apart says it.
        yield "content", rf"\boxed{{8}}</think>It is \boxed{{{answer}}}."

    monkeypatch.setattr(model_server, "_pieces", pieces)
    server = model_server.ModelServer(free_port(), ["70b"], KEY)
    server.RequestHandlerClass.log_message = lambda *_: None
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, right, asked
    server.shutdown()
    thread.join()
    server.server_close()


def pod_of(objects):
    (cronjob,) = [one for one in objects if one["kind"] == "CronJob"]
    return cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def environment(container):
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


def ask(objects, scratch, tasks, server):
    """The first container, for one of its tasks."""
    (container,) = pod_of(objects)["initContainers"]
    shell, option, script = container["command"]
    begin, *commands = re.split(r"\n(?=lm-eval)", script)
    (command,) = [one for one in commands if "--tasks answers " in one]
    placed = (
        f"{begin}\n{command}"
        .replace("http://r1-70b:8000", f"http://127.0.0.1:{server.server_port}")
        .replace("/scratch", str(scratch))
        .replace("/tasks", str(tasks))
        .replace("/huggingface", "/no/such/folder")
    )  # fmt: skip
    known = {key: one.replace("/scratch", str(scratch)) for key, one in
             environment(container).items()}  # fmt: skip
    harness = environment_of(RECIPE / "requirements.lock", "lm-eval", "0.8 GB", print) / "bin"
    return subprocess.run(
        [shell, option, placed],
        env={**known, "OPENAI_API_KEY": KEY, "PATH": f"{harness}:{os.environ['PATH']}"},
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


def compare(objects, running, run, folder):
    """The second container, with the rights that are declared for it."""
    (container,) = pod_of(objects)["containers"]
    account, code = folder / "account", folder / "quality.py"
    account.mkdir(exist_ok=True)
    (account / "token").write_text(run("create", "token", pod_of(objects)["serviceAccountName"]))
    (account / "ca.crt").write_text(running.certificate_authority)
    (carried,) = [one for one in objects if one["kind"] == "ConfigMap"
                  and one["metadata"]["name"] == "quality-code"]  # fmt: skip
    code.write_text(carried["data"]["quality.py"])
    wanted = json.loads(environment(container)["R1_QUALITY"])
    told = {"filter": "none", "tolerance": wanted["figures"][0]["tolerance"]}
    wanted |= {
        "results": str(folder / "scratch" / "results"),
        "figures": [{**one, **told} for one in TASKS],
    }
    return subprocess.run(
        [sys.executable, "-I", "-S", str(code)],
        env={
            "R1_QUALITY": json.dumps(wanted), "R1_API_SERVER": running.endpoint,
            "R1_ACCOUNT": str(account),
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_check_that_holds_and_one_that_fell(tmp_path, objects, api, model):
    (running, run), (server, right, asked) = api, model
    scratch, tasks = tmp_path / "scratch", tmp_path / "tasks"
    scratch.mkdir()
    shutil.copytree(RECIPE / "tasks", tasks)
    file = tasks / "answers.yaml"
    file.write_text(file.read_text().replace("/tasks/", f"{tasks}/"))

    done = ask(objects, scratch, tasks, server)
    assert done.returncode == 0, done.stderr[-3000:]
    sent = asked[0]
    assert len(asked) == 4
    assert (sent["model"], sent["temperature"], sent["top_p"]) == ("70b", 0.6, 0.95)
    # A task's own words that end an answer would end the thinking.
    assert (sent["max_tokens"], sent["stop"]) == (32768 - 1024, [])
    first = compare(objects, running, run, tmp_path)
    assert (first.returncode, first.stderr) == (0, "")

    # Another vLLM, and two more answers are wrong.
    for question in [*right][:2]:
        right[question] = "wrong"
    shutil.rmtree(scratch)
    scratch.mkdir()
    again = ask(objects, scratch, tasks, server)
    assert again.returncode == 0, again.stderr[-3000:]
    # Of four questions chance allows it: its own errors stand beside in the history.
    assert compare(objects, running, run, tmp_path).returncode == 0
    history = json.loads(run("get", "configmap", "quality-history", "-o", "json"))["data"]["70b"]
    exact = [one for one in parsed(history) if one.metric == "exact_match"]
    assert [one.value for one in exact] == [0.75, 0.25]
    assert exact[0].questions == 4
    assert exact[0].error == pytest.approx(0.25)
    assert {one.metric for one in parsed(history)} == {"exact_match", "f1", "bleu"}

    # Had those before been sure, it would be a fall.
    sure = re.sub(
        r'"error": [\d.e-]+', '"error": 0.0', history.replace('"value": 0.25', '"value": 0.75')
    )
    patch = json.dumps({"data": {"70b": sure * 3}})
    run("patch", "configmap", "quality-history", "--type=merge", "-p", patch)
    for result in (scratch / "results").rglob("results_*.json"):
        result.write_text(
            re.sub(r'("\w+_stderr,none": )[\d.e-]+', r"\g<1>0.0", result.read_text())
        )
    fallen = compare(objects, running, run, tmp_path)
    assert fallen.returncode == FELL, fallen.stdout + fallen.stderr
    assert "answers exact_match 0.25, 0.75 in" in fallen.stdout


def test_a_key_that_is_refused_ends_the_check(tmp_path, objects, model):
    server, _, asked = model
    server.key = "another"
    (tmp_path / "scratch").mkdir()
    tasks = shutil.copytree(RECIPE / "tasks", tmp_path / "tasks")
    file = tasks / "answers.yaml"
    file.write_text(file.read_text().replace("/tasks/", f"{tasks}/"))
    assert ask(objects, tmp_path / "scratch", tasks, server).returncode == 1
    assert asked == []


@pytest.mark.parametrize(
    ("words", "may"),
    [
        (("get", "configmap/quality-history"), True),
        (("patch", "configmap/quality-history"), True),
        (("delete", "configmap/quality-history"), False),
        (("patch", "configmap/gateway-nginx"), False),
        (("get", "configmap/gateway-nginx"), False),
        (("list", "configmaps"), False),
        (("get", "secret/server-key"), False),
        (("create", "pods"), False),
    ],
)
def test_its_account_may_change_its_history_alone(api, words, may):
    _, run = api
    verb, what = words
    kind, _, name = what.partition("/")
    group = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
    attributes = {
        "namespace": "r1",
        "verb": verb,
        "resource": kind.rstrip("s") + "s",
        "name": name,
    }
    review = {**group, "spec": {"user": "system:serviceaccount:r1:quality-check",
              "resourceAttributes": attributes}}  # fmt: skip
    told = run("create", "-o", "json", "-f", "-", text=json.dumps(review))
    assert json.loads(told)["status"].get("allowed", False) is may


def test_its_pod_is_admitted_to_the_restricted_namespace(api):
    _, run = api
    run("create", "job", "--from=cronjob/quality-70b", "quality-70b-1")
    deadline = time.monotonic() + 60
    while not (
        pods := json.loads(run("get", "pods", "-l", "job-name=quality-70b-1", "-o", "json"))[
            "items"
        ]
    ):
        events = run("get", "events", "-o", "custom-columns=:.message")
        assert "forbidden" not in events, events
        assert time.monotonic() < deadline, events
        time.sleep(0.5)
    (pod,) = pods
    mounts = [one["name"] for one in pod["spec"]["initContainers"][0]["volumeMounts"]]
    assert mounts == ["scratch"]
