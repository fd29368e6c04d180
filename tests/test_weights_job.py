"""A stack may have a Job bring its weights into the bucket, before anything reads them there."""

import importlib.util
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from r1_on_eks.catalog.images import PYTHON_WITH_BOTO3
from r1_on_eks.plan.images import images_in
from r1_on_eks.plan.sync import sync_code, sync_of
from r1_on_eks.plan.traffic import policies_of
from r1_on_eks.stack_config import StackConfigError, Weights, parse_stack_config
from r1_on_eks.stack_config.pinned import NOTHING_PINNED, Pinned
from r1_on_eks.stack_file import plan_of, settings_of

PROJECT = Path(__file__).parent.parent
STACKS = PROJECT / "stacks"


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub_server, s3_server = beside("hub_server"), beside("s3_server")


def weights(sync_from):
    return Weights.model_validate(
        {"bucket": "ours", "storage": "s3-stream", "sync_from": sync_from}
    )


def planned(sync_from="hub", pinned=NOTHING_PINNED, stack="edge-1.5b"):
    placements = [model.placement for model in plan_of(stack, STACKS).models]
    return sync_of(weights(sync_from), placements, pinned, "us-west-2")


def declared(engine, stack, **changes):
    file = STACKS / f"Pulumi.{stack}.yaml"
    written = settings_of(stack, STACKS)["weights"]
    return engine.run(file, weights=written | changes)


def test_only_a_stack_that_asks_for_it_gets_it(engine):
    assert planned(None) is None
    declared(engine, "edge-1.5b")
    assert engine.of_type("WeightsSync") == []
    assert engine.of_type("Job") == []


def test_its_image_is_pinned_only_where_it_runs():
    def images(sync_from):
        settings = settings_of("edge-1.5b", STACKS)
        changed = settings["weights"] | ({"sync_from": sync_from} if sync_from else {})
        return set(images_in(parse_stack_config({"name": "x", **settings, "weights": changed})))

    assert images("hub") - images(None) == {PYTHON_WITH_BOTO3}


def test_it_brings_the_pinned_commits_and_is_another_job_for_others():
    pinned = Pinned(revisions={hub_server.REPOSITORY: 40 * "a"})
    wanted = json.loads(planned("hub", pinned).wanted)
    assert wanted["checkpoints"] == [{"repository": hub_server.REPOSITORY, "revision": 40 * "a"}]
    assert wanted["from"] == ""
    sources = ("hub", "https://mirror.example.com", "s3://central")
    names = {planned(one).name for one in sources} | {planned("hub", pinned).name}
    assert len(names) == 4
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,62}", name) for name in names)


def test_a_restricted_namespace_admits_it_and_it_writes_one_bucket(engine):
    declared(engine, "edge-1.5b", sync_from="s3://central/models")
    pod = engine.one("Job").inputs["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "tolerations" not in pod
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    policy = json.loads(engine.one("RolePolicy", "weights-bucket").inputs["policy"])
    bucket = json.loads(container["env"][0]["value"])["bucket"]
    granted = {one["Resource"]: set(one["Action"]) for one in policy["Statement"]}
    writers = {name for name, actions in granted.items() if "s3:PutObject" in actions}
    assert writers == {f"arn:aws:s3:::{bucket}/*"}
    assert granted["arn:aws:s3:::central/*"] == {"s3:GetObject"}
    association = engine.one("PodIdentityAssociation", "weights-pods").inputs
    assert association["serviceAccount"] == pod["serviceAccountName"] == "weights-sync"


@pytest.mark.parametrize("stack", ["edge-1.5b", "prod-70b"])
def test_gpus_are_paid_for_when_it_has_succeeded(engine, stack):
    declared(engine, stack, sync_from="hub")
    job = next(one for one in engine.of_type("Job") if one.name == "weights-job")
    minutes = int(job.create_timeout.removesuffix("m"))
    assert minutes * 60 > job.inputs["spec"]["activeDeadlineSeconds"]
    later = [
        one
        for one in engine.of_type("NodeGroup")
        if one.name != "system"
    ]  # fmt: skip
    later += [one for one in engine.of_type("Job") if one.name.endswith("preload-job")]
    assert later
    for one in later:
        assert any(urn.endswith("::weights-job") for urn in one.dependencies), one.name


def test_its_pods_alone_reach_the_internet_for_it():
    def policies(*, synced):
        return {
            one.name: one
            for one in policies_of(["10.0.0.0/8"], 8443, [], streamed=False, synced=synced)
        }

    with_it = policies(synced=True)
    assert with_it.keys() - policies(synced=False).keys() == {"weights-sync"}
    assert with_it["weights-sync"].accepts == ()
    assert ("0.0.0.0/0",) in {peer.blocks for peer in with_it["weights-sync"].opens}
    assert with_it["model-servers"].opens == ()


def test_a_network_without_a_way_out_has_none_to_the_hub():
    given = {
        "name": "closed",
        **settings_of("test-7b", STACKS),
        "outbound": "none",
        "private_endpoints": ["ec2", "ecr", "eks-auth", "sts"],
        "image_mirror": {
            "docker_hub_secret": "arn:aws:secretsmanager:us-west-2:111122223333:secret:"
            "ecr-pullthroughcache/docker-hub-AbCdEf",
            "copied": "111122223333.dkr.ecr.us-west-2.amazonaws.com/mirror",
        },
    }
    closed = given | {"weights": given["weights"] | {"sync_from": "hub"}}
    with pytest.raises(StackConfigError, match="outbound: none leaves no way to the hub"):
        parse_stack_config(closed)
    inside = given | {"weights": given["weights"] | {"sync_from": "s3://central"}}
    assert parse_stack_config(inside).weights.sync_from == "s3://central"


def test_a_config_map_holds_the_code():
    # Kubernetes, ConfigMap: 1 MiB of data.
    assert sum(len(text.encode()) for text in sync_code().values()) < 200_000


# What AWS's Lambda image for Python has in /var/runtime, and nothing else.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")


def laid_out(engine, tmp_path):
    """The container of the Job with its two folders elsewhere: words and environment."""
    pod = engine.one("Job").inputs["spec"]["template"]["spec"]
    (container,), (volume,) = pod["containers"], pod["volumes"]
    code = engine.one("ConfigMap", "weights-code").inputs["data"]
    for item in volume["configMap"]["items"]:
        path = tmp_path / "code" / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code[item["key"]])
    (tmp_path / "runtime").mkdir()
    for name in RUNTIME:
        found = Path(importlib.util.find_spec(name).origin)
        there = found if found.name != "__init__.py" else found.parent
        (tmp_path / "runtime" / there.name).symlink_to(there)
    environment = {one["name"]: one["value"] for one in container["env"]}
    (mount,) = container["volumeMounts"]
    moved = {mount["mountPath"]: "code", "/var/runtime": "runtime"}
    environment["PYTHONPATH"] = ":".join(
        str(tmp_path / moved[one]) for one in environment["PYTHONPATH"].split(":")
    )
    # An interpreter without this environment's packages.
    return [sys._base_executable, *container["command"][1:]], environment


def no_file_may_grow():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_its_container_brings_the_weights_with_what_its_image_has_and_a_full_disk(
    engine, tmp_path, monkeypatch
):
    declared(engine, "edge-1.5b", sync_from="hub")
    words, environment = laid_out(engine, tmp_path)
    wanted = json.loads(environment["R1_WEIGHTS"])
    s3 = s3_server.S3Server(wanted["bucket"], monkeypatch)
    hub = hub_server.HubServer(hub_server.model(elements=2_000))
    environment["R1_WEIGHTS"] = json.dumps(wanted | {"from": hub.address})
    given = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    ran = subprocess.run(
        words, env=environment | given, cwd="/", preexec_fn=no_file_may_grow,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = s3.contents(hub_server.REPOSITORY.rpartition("/")[2])
    hub.close()
    s3.close()
    assert ran.returncode == 0, ran.stderr
    assert found.keys() - {"manifest.json"} == hub_server.wanted(hub.files).keys()
    assert "complete: 9 files" in ran.stderr
