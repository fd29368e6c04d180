"""Whom a stack tells: the declared configuration, in a real Alertmanager."""

import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from r1_on_eks.catalog.images import ALERTMANAGER as ALERTMANAGER_IMAGE
from r1_on_eks.plan.monitoring.notifying import (
    WEBHOOK_FILE,
    WEBHOOK_FOLDER,
    alertmanager_configuration,
)
from r1_on_eks.rehearsal.go_tools import ALERTMANAGER
from r1_on_eks.rehearsal.processes import free_port
from r1_on_eks.rehearsal.toolchain import find_or_build, module_version

pytestmark = [pytest.mark.rehearsal]

STACKS = Path(__file__).parent.parent / "stacks"
TOPIC = "arn:aws:sns:us-west-2:111122223333:r1-alerts"
NOTIFY = {
    "nobody": {},
    "sns": {"notify": {"sns": TOPIC}},
    "webhook": {"notify": {"webhook": {"secret": "alert-webhook"}}},
}


def declared(engine, stack, notify):
    """Texts of Alertmanager's configuration, and its pod."""
    engine.run(
        STACKS / f"Pulumi.{stack}.yaml", monitoring={"kind": "prometheus", **NOTIFY[notify]}
    )
    data = engine.one("ConfigMap", "alertmanager-configuration").inputs["data"]
    pod = engine.one("Deployment", "alertmanager-server").inputs["spec"]["template"]["spec"]
    return data["alertmanager.yml"], pod


@pytest.mark.parametrize("notify", NOTIFY)
@pytest.mark.parametrize("stack", ["edge-1.5b-cpu", "prod-70b"])
def test_alertmanager_starts_with_what_is_declared(engine, alertmanager, stack, notify):
    text, _ = declared(engine, stack, notify)
    url = alertmanager(text)
    with urllib.request.urlopen(f"{url}/api/v2/status", timeout=10) as answer:
        read = yaml.safe_load(json.load(answer)["config"]["original"])
    assert read["route"]["receiver"] == read["receivers"][0]["name"]


def test_alertmanager_starts_with_what_amazons_service_is_given(engine, alertmanager):
    """Its file has the same text within, without what the service refuses."""
    asked = {"kind": "managed-prometheus", **NOTIFY["sns"]}
    engine.run(STACKS / "Pulumi.prod-70b.yaml", monitoring=asked)
    definition = yaml.safe_load(engine.one("AlertManagerDefinition").inputs["definition"])
    assert definition == {"alertmanager_config": declared(engine, "prod-70b", "sns")[0]}
    alertmanager(definition["alertmanager_config"])
    (told,) = yaml.safe_load(definition["alertmanager_config"])["receivers"]
    (topic,) = told["sns_configs"]
    # AMP-alertmanager-receiver-config in its user guide, 2026-11.
    assert not topic.keys() & {"api_url", "http_config"}
    assert topic["sigv4"] == {"region": "us-west-2"}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("group_wait", "group_weight"), ("name: told", "name: nobody"), ("topic_arn", "topic")],
)
def test_alertmanager_refuses_what_it_does_not_know(alertmanager, right, wrong):
    text = alertmanager_configuration(TOPIC, None)
    assert right in text
    with pytest.raises(AssertionError, match=r"it ended: .*(not found|undefined|unknown)"):
        alertmanager(text.replace(right, wrong))


def test_what_is_tried_here_is_the_version_that_is_deployed():
    assert ALERTMANAGER_IMAGE.rpartition(":")[2] == module_version(ALERTMANAGER)


@pytest.mark.parametrize("stack", ["edge-1.5b-cpu", "prod-70b"])
def test_a_topic_gets_a_role_that_may_publish_to_it_alone(engine, stack):
    _, pod = declared(engine, stack, "sns")
    policy = json.loads(engine.one("RolePolicy", "alertmanager-topic").inputs["policy"])
    assert [(one["Action"], one["Resource"]) for one in policy["Statement"]] == [
        (["sns:Publish"], TOPIC)
    ]
    assert engine.one("PodIdentityAssociation", "alertmanager-pods")
    assert {one["name"] for one in pod["volumes"]} == {"configuration", "state"}


@pytest.mark.parametrize("stack", ["edge-1.5b-cpu", "prod-70b"])
def test_a_webhook_gets_its_secret_and_no_role(engine, stack):
    text, pod = declared(engine, stack, "webhook")
    [secret] = [one["secret"] for one in pod["volumes"] if "secret" in one]
    assert secret == {"secretName": "alert-webhook"}
    [mount] = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "webhook"]
    [hook] = yaml.safe_load(text)["receivers"][0]["webhook_configs"]
    assert hook["url_file"] == f"{mount['mountPath']}/{WEBHOOK_FILE}"
    assert not [one for one in engine.registered if one.name.startswith("alertmanager-role")]


def test_a_stack_without_gpus_has_no_exporter_of_them(engine):
    declared(engine, "edge-1.5b-cpu", "webhook")
    assert {one.name for one in engine.of_type("DaemonSet")} >= {"exporters-node"}
    named = json.dumps([one.inputs for one in engine.registered if one.custom])
    assert "dcgm-exporter" not in named
    monitors = {one.inputs["metadata"]["name"] for one in engine.of_type("PodMonitor")}
    assert monitors == {"vllm", "gateway", "nginx", "node", "kube-state-metrics"}


class Told(ThreadingHTTPServer):
    """A webhook, and SNS: keeps what is posted."""

    def __init__(self):
        self.posts = []
        told = self

        class Post(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                told.posts.append(body)
                answer = _PUBLISHED if body.startswith("Action=") else b""
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Post)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


_PUBLISHED = (
    b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>'
    b"<MessageId>1</MessageId></PublishResult></PublishResponse>"
)


@pytest.fixture
def told():
    server = Told()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def alertmanager(tmp_path):
    """Runs one with a configuration whose waits are shortened; returns its address."""
    started = []

    def start(text):
        file = tmp_path / "alertmanager.yml"
        file.write_text(text.replace("30s", "1s").replace("5m", "1s"))
        url = f"http://127.0.0.1:{free_port()}"
        log = (tmp_path / "log").open("w")
        process = subprocess.Popen(
            [find_or_build(ALERTMANAGER, print), f"--config.file={file}",
             f"--storage.path={tmp_path / 'state'}",
             f"--web.listen-address={urllib.parse.urlsplit(url).netloc}",
             "--cluster.listen-address="],
            stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        )  # fmt: skip
        started.append((process, log))
        until(lambda: process.poll() is not None or _answers(f"{url}/-/ready"))
        assert process.poll() is None, f"it ended: {(tmp_path / 'log').read_text()}"
        return url

    yield start
    for process, log in started:
        process.terminate()
        process.wait()
        log.close()


def _answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def until(found):
    deadline = time.monotonic() + 60
    while not (answer := found()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


def fire(url, *labels, over=False):
    now = datetime.now(UTC)
    ends = now if over else now + timedelta(hours=1)
    body = [
        {"labels": one, "annotations": {"runbook": "Three things to type."},
         "startsAt": (now - timedelta(seconds=0.1)).isoformat(), "endsAt": ends.isoformat()}
        for one in labels
    ]  # fmt: skip
    request = urllib.request.Request(
        f"{url}/api/v2/alerts", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def labelled(name, severity, variant="70b"):
    return {"alertname": name, "severity": severity, "variant": variant}


@pytest.fixture
def hooked(alertmanager, told, tmp_path):
    """An Alertmanager that tells `told`, by the address in the mounted file."""
    (tmp_path / WEBHOOK_FILE).write_text(told.url)
    text = alertmanager_configuration(None, "alert-webhook")
    return alertmanager(text.replace(WEBHOOK_FOLDER, str(tmp_path)))


def test_a_webhook_is_told_of_alerts_with_their_runbook_and_of_their_end(hooked, told):
    down = labelled("ModelDown", "critical")
    fire(hooked, down)
    [first] = until(lambda: told.posts)
    [alert] = json.loads(first)["alerts"]
    assert (alert["status"], alert["labels"]) == ("firing", down)
    assert alert["annotations"]["runbook"] == "Three things to type."
    fire(hooked, down, over=True)
    until(lambda: '"status":"resolved"' in told.posts[-1])


def published(alertmanager, told, *labels):
    """What SNS is asked for, after an Alertmanager was told of alerts."""
    written = yaml.safe_load(alertmanager_configuration(TOPIC, None))
    [sns] = written["receivers"][0]["sns_configs"]
    assert sns["sigv4"] == {"region": "us-west-2"}
    # In AWS's place; nothing else is rewritten.
    sns["api_url"] = told.url
    fire(alertmanager(yaml.safe_dump(written)), *labels)
    [post] = until(lambda: told.posts)
    return dict(urllib.parse.parse_qsl(post))


def test_a_topic_is_told_in_its_region(alertmanager, told):
    asked = published(alertmanager, told, labelled("ModelDown", "critical"))
    assert asked["Action"] == "Publish"
    assert asked["TopicArn"] == TOPIC
    assert asked["Subject"].split() == ["[FIRING]", "critical", "ModelDown", "70b"]
    assert "Three things to type." in asked["Message"]


def test_a_topic_takes_the_subject_of_an_alert_with_many_labels(alertmanager, told):
    # As the rules leave Prometheus: each of a group's common labels is in Alertmanager's own.
    of_a_gpu = {
        "stack": "prod-70b", "prometheus": "monitoring/prometheus", "job": "dcgm", "gpu": "3",
        "node": "ip-10-64-16-5.us-west-2.compute.internal", "pod": "r1-70b-6ccb4b86c5-xsld7",
        "UUID": "GPU-5c4b8d1e-0a5e-4c8e-9a55-0d1f3f0f7a11", "modelName": "NVIDIA A100-SXM4-40GB",
    }  # fmt: skip
    asked = published(alertmanager, told, labelled("GpuFailed", "critical") | of_a_gpu)
    assert asked["Subject"] == "[FIRING] critical GpuFailed prod-70b 70b"


def test_a_subject_is_shorter_than_sns_allows(alertmanager, told):
    alert = labelled("A" * 200, "critical")
    assert len(published(alertmanager, told, alert)["Subject"]) == 99


@pytest.mark.parametrize(
    ("labels", "severity"),
    [(labelled("ModelDown", "critical"), "critical"), ({"alertname": "Yours"}, "none")],
)
def test_a_subscription_may_ask_for_some_severities(alertmanager, told, labels, severity):
    asked = published(alertmanager, told, labels)
    attribute = "MessageAttributes.entry.1"
    assert asked[f"{attribute}.Name"] == "severity"
    assert asked[f"{attribute}.Value.DataType"] == "String"
    assert asked[f"{attribute}.Value.StringValue"] == severity


def test_alerts_of_one_variant_come_together_and_of_another_apart(hooked, told):
    fire(
        hooked,
        labelled("GpuFailed", "critical", "70b") | {"gpu": "0"},
        labelled("GpuFailed", "critical", "70b") | {"gpu": "1"},
        labelled("GpuFailed", "critical", "7b") | {"gpu": "0"},
    )
    until(lambda: len(told.posts) == 2)
    counts = sorted(len(json.loads(one)["alerts"]) for one in told.posts)
    assert counts == [1, 2]


def test_who_is_woken_for_a_variant_is_not_told_that_it_is_also_slow(hooked, told):
    node = {"alertname": "NodeDiskFull", "severity": "warning"}
    fire(
        hooked,
        labelled("ModelDown", "critical"),
        labelled("QueueTooLong", "warning"),
        labelled("QueueTooLong", "warning", "7b"),
        {"alertname": "NodesMissing", "severity": "critical"},
        node,
    )
    until(lambda: len(told.posts) == 4)
    came = [one["labels"] for post in told.posts for one in json.loads(post)["alerts"]]
    assert labelled("QueueTooLong", "warning", "7b") in came
    assert node in came
    assert labelled("QueueTooLong", "warning") not in came
