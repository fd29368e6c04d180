"""Zones, versions and digests: looked up once, by a command, and read ever after."""

import http.server
import json
import re
import subprocess
import threading
from pathlib import Path
from typing import ClassVar

import boto3
import pulumi
import pytest
import yaml
from botocore.stub import Stubber
from moto import mock_aws
from r1_on_eks import cli
from r1_on_eks.catalog.eks_parts import ADDONS
from r1_on_eks.catalog.images import VLLM, every_image
from r1_on_eks.pinning import web
from r1_on_eks.pinning.aws import Region
from r1_on_eks.pinning.lookups import Lookup, LookupFailed, Needs
from r1_on_eks.pinning.refresh import refresh, with_zones
from r1_on_eks.pins_file import read_pinned, write_pinned
from r1_on_eks.plan import DoesNotFit, NotPinned, Plan
from r1_on_eks.plan.images import ImageSource, Mirror, caches_of, in_pods
from r1_on_eks.plan.zones import choose
from r1_on_eks.stack_config import StackConfigError
from r1_on_eks.stack_config.decisions import Decisions
from r1_on_eks.stack_config.pinned import NOTHING_PINNED, parse_pinned
from r1_on_eks.stack_file import read_stack

PROJECT = Path(__file__).parent.parent
TEST_7B = PROJECT / "stacks" / "Pulumi.test-7b.yaml"
# Production stacks last, and speak TLS.
IN_PRODUCTION = {
    "production": True, "lifetime": None, "gateway": {"tls": {"secret": "gateway-tls"}},
}  # fmt: skip
ACCOUNT = "111122223333"
# Made up here, at the time of the test: no digest that nobody looked up is written down.
DIGEST = "sha256:" + 64 * "a"
COMMIT = 40 * "b"
ZONES = {"us-west-2a": "usw2-az2", "us-west-2b": "usw2-az1", "us-west-2c": "usw2-az3"}


def pinned(**changes):
    region = {
        "account": ACCOUNT,
        "zones": ZONES,
        "sold": {"g6.2xlarge": ["us-west-2b"]},
        "kubernetes": {
            "1.35": {
                "images": {
                    "AL2023_x86_64_NVIDIA": "1.35.0-20990101",
                    "AL2023_x86_64_STANDARD": "1.35.0-20990102",
                },
                "addons": dict.fromkeys(ADDONS, "v9.9.9-eksbuild.9"),
                "looked_up": "2026-11-25",
            }
        },
        "looked_up": "2026-11-25",
    }
    content = {
        "images": dict.fromkeys(every_image(), DIGEST),
        "regions": {"us-west-2": region | changes},
    }
    return parse_pinned(content)


def planned(pins, **changes):
    config = read_stack("test-7b", PROJECT / "stacks")
    wanted = {"gpu_zone": "us-west-2b", **changes}
    config = config.model_copy(update={
        "variants": {"7b": config.variants["7b"].model_copy(update={
            "tensor_parallel": 1, "concurrency": 4})}, **wanted})  # fmt: skip
    return Plan.of(config, Decisions(pinned=pins))


def test_what_is_pinned_is_what_runs(engine, tmp_path, monkeypatch):
    run_with(engine, monkeypatch, pinned(), **IN_PRODUCTION)
    groups = {one.name: one.inputs for one in engine.of_type("NodeGroup")}
    assert groups["r1-7b"]["releaseVersion"] == "1.35.0-20990101"
    assert groups["system"]["releaseVersion"] == "1.35.0-20990102"
    assert {one.inputs["addonVersion"] for one in engine.of_type("Addon")} == {"v9.9.9-eksbuild.9"}
    images = engine.images()
    assert f"{VLLM}@{DIGEST}" in images
    assert all(image.endswith(f"@{DIGEST}") for image in images)


def run_with(engine, monkeypatch, pins, **changes):
    monkeypatch.setattr("r1_on_eks.decisions_files.read_pinned", lambda _: pins)
    engine.run(TEST_7B, **changes)


def test_a_production_stack_refuses_what_nobody_looked_up(engine):
    with pytest.raises(pulumi.RunError) as refused:
        engine.run(TEST_7B, **IN_PRODUCTION)
    assert re.search(
        r"versions are unpinned: image \S+vllm-openai:\S+, .* …; r1 pins refresh test-7b looks"
        r" them up, or write allow_unpinned: true",
        str(refused.value),
    )
    assert engine.registered == []
    engine.run(TEST_7B, **IN_PRODUCTION, allow_unpinned=True)


def test_another_accounts_pins_are_no_pins():
    seen = planned(pinned(account="999999999999"))
    assert seen.versions.releases == {}
    assert seen.versions.addons == {}


@pytest.mark.parametrize(
    ("changes", "pins", "line"),
    [
        ({}, {"sold": {"g6.2xlarge": ["us-west-2a"]}},
         "gpu_zone: us-west-2b offers no g6.2xlarge; us-west-2a does"),
        ({"zones": ("us-west-2a", "us-west-2b")},
         {"zones": {"us-west-2a": "use1-az3", "us-west-2b": "usw2-az1"}},
         "zones: EKS has no control plane in us-west-2a (cac1-az3, use1-az3, usw1-az2 by id);"),
    ],
)  # fmt: skip
def test_zones_that_cannot_do_it_are_refused_when_they_are_known(changes, pins, line):
    with pytest.raises(DoesNotFit) as refused:
        planned(pinned(**pins), **changes)
    assert str(refused.value).startswith(line)


def test_a_third_zone_without_a_control_plane_has_nodes_alone():
    zones = {**ZONES, "us-west-2c": "usw1-az2"}
    plan = planned(pinned(zones=zones))
    assert plan.zones.network == ("us-west-2a", "us-west-2b", "us-west-2c")
    assert plan.zones.control_plane == ("us-west-2a", "us-west-2b")


def test_a_file_without_zones_has_those_that_were_chosen_once():
    pins = parse_pinned({"stacks": {"test-7b": {
        "zones": ["us-west-2a", "us-west-2c"], "gpu_zone": "us-west-2c"}}})  # fmt: skip
    plan = planned(pins, zones=None, gpu_zone=None)
    assert plan.zones.network == ("us-west-2a", "us-west-2c")
    assert plan.gpu_zone == "us-west-2c"
    with pytest.raises(NotPinned, match="zones: nobody has chosen it; r1 pins refresh test-7b"):
        planned(NOTHING_PINNED, zones=None, gpu_zone=None)


def test_zones_are_chosen_where_the_type_is_sold_and_stay_chosen():
    region = pinned().regions["us-west-2"]
    chosen = choose(["g6.2xlarge"], region)
    assert chosen
    assert (chosen.gpu_zone, chosen.zones) == (
        "us-west-2b", ("us-west-2a", "us-west-2b", "us-west-2c"))  # fmt: skip
    assert choose(["p6-b300.48xlarge"], region) is None
    wanted = {"s": ("us-west-2", ["g6.2xlarge"])}
    first = with_zones(pinned(), wanted).pinned
    moved = first.model_copy(update={"regions": pinned(
        sold={"g6.2xlarge": ["us-west-2a"]}).regions})  # fmt: skip
    assert with_zones(moved, wanted).pinned.stacks == first.stacks


def test_gpus_may_be_where_no_control_plane_is():
    region = pinned(
        zones={"us-east-1a": "use1-az1", "us-east-1b": "use1-az2", "us-east-1c": "use1-az3"},
        sold={"p4d.24xlarge": ["us-east-1c"]},
    ).regions["us-west-2"]
    chosen = choose(["p4d.24xlarge"], region)
    assert chosen
    assert chosen.gpu_zone == "us-east-1c"
    assert {"us-east-1a", "us-east-1b"} < set(chosen.zones)


MIRROR = Mirror(
    registry=f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com",
    folder="prod",
    copied=f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com/copied",
    docker_hub_secret="arn:secret",
)


@pytest.mark.parametrize(
    ("image", "named"),
    [
        (
            "docker.io/vllm/vllm-openai:v1",
            f"{MIRROR.registry}/prod/docker-hub/vllm/vllm-openai:v1",
        ),
        ("registry.k8s.io/lws/lws:v1", f"{MIRROR.registry}/prod/k8s/lws/lws:v1"),
        ("nvcr.io/nvidia/k8s-device-plugin:v1", f"{MIRROR.copied}/nvidia/k8s-device-plugin:v1"),
    ],
)
def test_a_mirrored_image_keeps_path_tag_and_the_publishers_digest(image, named):
    assert ImageSource(mirror=MIRROR).of(image) == named
    assert ImageSource(mirror=MIRROR, digests={image: DIGEST}).of(image) == f"{named}@{DIGEST}"


def test_images_are_renamed_in_every_container_and_nowhere_else():
    pod = {"containers": [{"image": VLLM, "env": [{"name": "image", "value": VLLM}]}],
           "init_containers": [{"image": VLLM}], "image": VLLM}  # fmt: skip
    renamed = in_pods({"spec": {"template": {"spec": pod}}}, ImageSource(mirror=MIRROR))
    spec = renamed["spec"]["template"]["spec"]
    mirrored = ImageSource(mirror=MIRROR).of(VLLM)
    assert spec["containers"][0]["image"] == spec["init_containers"][0]["image"] == mirrored
    assert spec["containers"][0]["env"][0]["value"] == spec["image"] == VLLM


def test_ecr_caches_what_it_can_fetch_each_registry_once():
    caches = {one.word: one for one in caches_of(MIRROR, [*every_image(), "quay.io/a/b:v1"])}
    assert set(caches) >= {"docker-hub", "quay"}
    assert caches["docker-hub"].prefix == "prod/docker-hub"
    assert (caches["docker-hub"].secret_arn, caches["quay"].secret_arn) == ("arn:secret", None)
    assert "prod/docker-hub/vllm/vllm-openai" in caches["docker-hub"].repositories


# The registry and the hub, as their documents describe them.
class Stand(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_HEAD(self):
        if self.path.endswith("/missing/manifests/v1"):
            return self.answer(404)
        if self.headers.get("Authorization") != "Bearer t":
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="registry",'
            return self.answer(401, {"WWW-Authenticate": realm + 'scope="repository:a/b:pull"'})
        Stand.asked.append(self.headers["Accept"])
        digest = "" if self.path.endswith("/odd/manifests/v1") else DIGEST
        return self.answer(200, {"Docker-Content-Digest": digest})

    def do_GET(self):
        if self.path.startswith("/token?service=registry&scope=repository%3Aa%2Fb%3Apull"):
            return self.answer(200, {}, {"token": "t"})
        if self.path == "/api/models/deepseek-ai/DeepSeek-R1/revision/main":
            return self.answer(200, {}, {"sha": COMMIT})
        return self.answer(404)

    def answer(self, status, headers=None, body=None):
        text = json.dumps(body).encode() if body else b""
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def stand():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stand)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_registry_is_asked_with_an_anonymous_token_for_what_all_machines_share(stand):
    assert web.digest_of("r.example/a/b:v1", {"r.example": stand}) == DIGEST
    assert Stand.asked[-1].startswith("application/vnd.oci.image.index.v1+json")


@pytest.mark.parametrize(
    ("image", "line"),
    [("r.example/a/missing:v1", "answered 404"), ("r.example/a/odd:v1", "answered no digest")],
)
def test_a_registry_that_knows_nothing_is_one_line(stand, image, line):
    with pytest.raises(LookupFailed, match=line) as failed:
        web.digest_of(image, {"r.example": stand})
    assert "\n" not in str(failed.value)


def test_the_hub_answers_the_commit_of_a_repository(stand):
    assert web.revision_of("deepseek-ai/DeepSeek-R1", stand) == COMMIT
    with pytest.raises(LookupFailed, match="answered 404"):
        web.revision_of("nobody/nothing", stand)


def test_nobody_at_the_other_end_is_one_line():
    with pytest.raises(LookupFailed, match="Connection refused"):
        web.revision_of("a/b", "http://127.0.0.1:1")


@pytest.fixture
def aws(monkeypatch):
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def test_zones_and_offers_come_from_ec2(aws):
    region = Region("123456789012", "us-west-2")
    zones = region.zones()
    assert zones["us-west-2a"].startswith("usw2-az")
    sold = region.sold(["g6.2xlarge", "none.such"])
    assert set(sold["g6.2xlarge"]) <= set(zones)
    assert sold["g6.2xlarge"]
    assert sold["none.such"] == []


def test_another_accounts_credentials_look_up_no_zones(aws):
    with pytest.raises(LookupFailed, match="of 123456789012; the stacks stand in 111122223333"):
        Region(ACCOUNT, "us-west-2").zones()


class Session:
    """Hands out one stubbed client, whose requests botocore's model checks."""

    def __init__(self, service, operation, answer, asked):
        self.client_ = boto3.client(
            service, region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="x"
        )
        stubber = Stubber(self.client_)
        stubber.add_response(operation, answer, asked)
        stubber.activate()

    def client(self, *_, **__):
        return self.client_


def test_a_machine_images_release_is_a_public_parameter():
    path = "amazon-linux-2023/x86_64/nvidia/recommended/release_version"
    name = f"/aws/service/eks/optimized-ami/1.35/{path}"
    answer = {"Parameter": {"Name": name, "Value": "1.35.0-20990101"}}
    session = Session("ssm", "get_parameter", answer, {"Name": name})
    assert Region(ACCOUNT, "us-west-2", session).release("1.35", path) == "1.35.0-20990101"


def test_an_add_ons_version_is_the_default_of_that_kubernetes():
    def version(name, cluster, *, default):
        fitting = [{"clusterVersion": cluster, "defaultVersion": default}]
        return {"addonVersion": name, "compatibilities": fitting}

    versions = [version("v3", "1.35", default=False), version("v2", "1.35", default=True)]
    answer = {"addons": [{"addonName": "vpc-cni", "addonVersions": versions}]}
    asked = {"addonName": "vpc-cni", "kubernetesVersion": "1.35"}
    for expected, known in (("v2", versions), (None, versions[:1])):
        answer["addons"][0]["addonVersions"] = known
        region = Region(
            ACCOUNT, "us-west-2", Session("eks", "describe_addon_versions", answer, asked)
        )
        if expected:
            assert region.addon("1.35", "vpc-cni") == expected
        else:
            with pytest.raises(LookupFailed, match="no default version of vpc-cni"):
                region.addon("1.35", "vpc-cni")


def fails():
    raise LookupFailed("the moon is full")


def test_what_fails_is_one_line_and_leaves_what_was():
    wanted = [
        Lookup(what="digest of a", path=("images", "a:v1"), look=lambda: "sha256:" + 64 * "c"),
        Lookup(what="digest of b", path=("images", "b:v1"), look=fails),
        Lookup(what="digest of c", path=("images", "c:v1"), look=lambda: "latest"),
    ]
    before = parse_pinned({"images": {"a:v1": DIGEST, "b:v1": DIGEST}})
    done = refresh(before, wanted)
    assert done.pinned.images == {"a:v1": "sha256:" + 64 * "c", "b:v1": DIGEST}
    assert done.changed == (f"images a:v1: {DIGEST} → sha256:{64 * 'c'}",)
    assert done.failed[0] == "digest of b: the moon is full"
    assert done.failed[1].startswith("digest of c: answered what is no pin: images.c:v1: 'latest'")


def test_of_a_region_that_nobody_could_ask_nothing_is_written():
    wanted = [
        Lookup(what="account", path=("regions", "r", "account"), look=fails),
        Lookup(what="zones", path=("regions", "r", "zones"), look=fails),
        Lookup(what="day", path=("regions", "r", "looked_up"), look=lambda: "2026-11-25"),
    ]
    assert refresh(NOTHING_PINNED, wanted).pinned.regions == {}


def test_what_is_written_is_read_again(tmp_path):
    write_pinned(tmp_path, pinned())
    assert read_pinned(tmp_path) == pinned()
    assert (tmp_path / "pins.yaml").read_text().startswith("# Written by `r1 pins refresh`")
    assert read_pinned(tmp_path / "nowhere") == NOTHING_PINNED
    (tmp_path / "pins.yaml").write_text("images: {a: latest}")
    with pytest.raises(StackConfigError, match=r"pins.yaml: images.a: 'latest'"):
        read_pinned(tmp_path)


def test_all_that_the_stacks_need_is_looked_up():
    from r1_on_eks.placement_file import read_pins

    stacks = PROJECT / "stacks"
    configs = [read_stack(name, stacks) for name in ("prod-671b", "test-7b")]
    needs = Needs.of([(one, read_pins(stacks, one.name)) for one in configs])
    assert needs.places == {(ACCOUNT, "us-west-2"): {"1.35"}}
    assert needs.types == {"us-west-2": {"p5en.48xlarge", "g6.2xlarge"}}
    assert "deepseek-ai/DeepSeek-R1" in needs.repositories


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "stacks" / "placements").mkdir(parents=True)
    for name in ("Pulumi.test-7b.yaml", "placements/test-7b.yaml"):
        (tmp_path / "stacks" / name).write_text((PROJECT / "stacks" / name).read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "stacks"


def test_r1_pins_shows_each_pin_or_that_there_is_none(folder, capsys):
    assert cli.main(["pins", "test-7b"]) == 1
    shown = capsys.readouterr().out
    assert re.search(rf"image {re.escape(VLLM)} +unpinned", shown)
    write_pinned(folder, pinned())
    assert cli.main(["pins", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stacks"]["test-7b"][f"image {VLLM}"] == DIGEST
    assert cli.main(["pins", "nothing"]) == 2
    assert "no stacks/Pulumi.nothing.yaml; there are test-7b" in capsys.readouterr().err


def test_r1_pins_refresh_writes_what_it_found_and_tells_what_it_did_not(
    folder, stand, aws, capsys, monkeypatch
):
    own = yaml.safe_load((folder / "Pulumi.test-7b.yaml").read_text())
    settings = own["config"]["r1-on-eks:stack"]
    settings["account"] = "123456789012"
    del settings["zones"], settings["gpu_zone"]
    (folder / "Pulumi.test-7b.yaml").write_text(yaml.safe_dump(own))
    monkeypatch.setattr(web, "digest_of", lambda image: DIGEST)
    monkeypatch.setattr(web, "revision_of", lambda repository: fails())
    # moto has no public parameters of EKS, and no add-ons.
    assert cli.main(["pins", "refresh", "test-7b"]) == 1
    told = capsys.readouterr()
    assert f"images {VLLM}: unpinned → {DIGEST}" in told.out
    assert "not looked up, as before: revision of deepseek-ai/DeepSeek-R1-Distill" in told.err
    assert "the moon is full" in told.err
    written = read_pinned(folder)
    assert set(written.regions["us-west-2"].sold) == {"g6.2xlarge"}
    assert written.stacks["test-7b"].gpu_zone in written.regions["us-west-2"].sold["g6.2xlarge"]


def test_no_digest_and_no_commit_is_written_that_no_command_looked_up():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    invented = []
    for name in filter(None, listed.stdout.split("\0")):
        # uv writes the first, `r1 pins refresh` the second, the program what snapshots hold,
        # tools/action_pins.py the last.
        theirs = ("stacks/pins.yaml", "tests/__snapshots__", ".github/")
        if name.endswith(".lock") or name.startswith(theirs):
            continue
        if not (PROJECT / name).is_file():
            continue
        text = (PROJECT / name).read_text(errors="replace")
        found = re.findall(r"(?<![0-9a-f])(?:[0-9a-f]{40}|[0-9a-f]{64})(?![0-9a-f])", text)
        # abab… is plainly an example: sixteen digits are in any that was computed.
        invented += [f"{name}: {one}" for one in found if len(set(one)) > 4]
    assert invented == []
