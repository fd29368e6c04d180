"""`r1 verify`: each line that nobody has tried on AWS has an experiment, which says its cost."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from r1_on_eks import cli
from r1_on_eks.operations.account import Account
from r1_on_eks.operations.evidence import commands as verify
from r1_on_eks.operations.evidence.experiment import CLUSTER, PERSON, Bench, NotNow
from r1_on_eks.operations.evidence.experiments import EXPERIMENTS, carry_out
from r1_on_eks.operations.readiness import commands, endpoint
from r1_on_eks.pinning import web

sys.path.insert(0, str(Path(__file__).parent))
import ready_account as account
from injected_aws import InjectedAws, refusal

PROJECT = Path(__file__).parent.parent
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
# Written by programs, with their own words for what was measured; and the page of this command.
OTHERS = ("estimates.md", "checks.md")
MARK = re.compile(
    r"not yet (run|checked|tried|verified) (on|against)|not verified"
    r"|not (looked up|tried|measured)|(as|are|called) remembered|experimental"
    r"|no published measurement|whose tag was",
)
BY_NAME = {one.name: one for one in EXPERIMENTS}


def plain(text: str) -> str:
    return " ".join(text.replace("*", "").split()).lower()


def claims():
    """Sentences that nobody has tried on AWS, and cells of the columns that say so."""
    for page in PAGES:
        if page.name in OTHERS:
            continue
        column = None
        for block in page.read_text().split("\n\n"):
            if not block.startswith("|"):
                if not block.startswith("#"):
                    yield from (
                        one for one in re.split(r"(?<=[.)])\s", plain(block)) if MARK.search(one)
                    )
                continue
            head, _, *rows = block.splitlines()
            heading = plain(head.strip("|").split("|")[-1])
            column = heading in ("only a real account shows", "not verified")
            for row in rows:
                cells = [plain(cell) for cell in row.strip("|").split("|")]
                if column and cells[-1] not in ("–", ""):
                    yield cells[-1]
                elif not column:
                    yield from (cell for cell in cells if MARK.search(cell))


def meant(claim: str, text: str) -> bool:
    return claim == text or (len(claim) > 12 and claim in text)


CLAIMS = sorted(set(claims()))


def test_the_marked_lines_are_found():
    assert len(CLAIMS) >= 20


@pytest.mark.parametrize("text", CLAIMS)
def test_every_line_that_nobody_tried_on_aws_has_an_experiment(text):
    assert [one.name for one in EXPERIMENTS if any(meant(claim, text) for claim in one.claims)]


@pytest.mark.parametrize("one", EXPERIMENTS, ids=lambda one: one.name)
def test_every_experiment_is_for_a_line_that_still_stands(one):
    for claim in one.claims:
        assert any(meant(claim, text) for text in CLAIMS), claim
    assert (one.run is None) == (one.needs == PERSON)
    assert one.steps
    assert one.expected


@pytest.fixture(scope="module")
def aws():
    return InjectedAws()


@pytest.fixture(scope="module")
def ambient(aws):
    return Account("us-west-2", session=aws.session)


@pytest.fixture
def bench(aws, ambient, tmp_path, monkeypatch):
    """Of prod-70b, or of another stack, with some answers; kubectl says what a table has."""
    shutil.copytree(PROJECT / "stacks", tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "_now", lambda: account.DAY)
    monkeypatch.setattr(endpoint, "own_address", lambda: "203.0.113.7")
    for module in (commands, verify):
        monkeypatch.setattr(module, "Account", lambda *_: ambient, raising=False)
    aws.asked.clear()

    def bench(answers=None, kubectl=None, stack="prod-70b"):
        aws.answers = account.answers() | (answers or {})

        def said(*words):
            for key, text in (kubectl or {}).items():
                if key in " ".join(words):
                    return text if isinstance(text, str) else json.dumps(text)
            raise NotNow(f"kubectl {' '.join(words)}: no answer")

        return Bench(ground=commands.ground_of(stack), kubectl=said)

    return bench


def outcome(name, bench):
    ((_, found),) = carry_out([BY_NAME[name]], bench, lambda _: None)
    return found.verdict.value, found.seen


POD = {"items": [{"metadata": {"name": "r1-70b-0"}}]}
GPUS = "\n".join(8 * ["NVIDIA A100-SXM4-40GB, 40960, 580.159.03"])
ACTIVE = {"eks.DescribeCluster": account.cluster()}
NODES = {"items": [{"status": {"allocatable": {"nvidia.com/gpu": "8"}}}]}
RESERVED = {"ec2.CreateCapacityReservation": {
    "CapacityReservation": {"CapacityReservationId": "cr-1"}}}  # fmt: skip
GIVEN_BACK = {"ec2.CancelCapacityReservation": {"Return": True}}
IMAGE = {"ssm.GetParameter": {"Parameter": {"Value": "ami-0123456789abcdef0"}}}
NOBODY = {"items": []}

SEEN = [
    ("launch", "held", "p4d.24xlarge: DryRunOperation",
     {**IMAGE, "ec2.RunInstances": refusal("DryRunOperation", 412)}, {}),
    ("launch", "did not hold", "UnauthorizedOperation",
     {**IMAGE, "ec2.RunInstances": refusal("UnauthorizedOperation", 403)}, {}),
    ("capacity", "held", "1 × p4d.24xlarge in us-west-2b: had", RESERVED | GIVEN_BACK, {}),
    ("capacity", "did not hold", "InsufficientInstanceCapacity",
     {"ec2.CreateCapacityReservation": refusal("InsufficientInstanceCapacity", 500)}, {}),
    ("capacity", "did not hold", "InstanceLimitExceeded",
     {"ec2.CreateCapacityReservation": refusal("InstanceLimitExceeded")}, {}),
    ("capacity", "not run", "UnauthorizedOperation",
     {"ec2.CreateCapacityReservation": refusal("UnauthorizedOperation", 403)}, {}),
    ("add-ons", "not run", "AccessDeniedException",
     {**ACTIVE, "eks.DescribeAddon": refusal("AccessDeniedException", 403)}, {}),
    ("capacity", "did not hold", "NOT GIVEN BACK (RequestLimitExceeded)",
     {**RESERVED, "ec2.CancelCapacityReservation": refusal("RequestLimitExceeded", 503)}, {}),
    ("readiness", "held", "✓ quota L-417A185B", {}, {}),
    ("readiness", "did not hold", "✗ quota L-417A185B",
     {"service-quotas.GetServiceQuota": account.quotas(L_417A185B=0.0)}, {}),
    ("GPUs", "held", "70b: 8 × NVIDIA A100-SXM4-40GB, 40960, 580.159.03 MiB", ACTIVE,
     {"get pods": POD, "nvidia-smi": GPUS}),
    ("GPUs", "did not hold", "70b: 1 ×", ACTIVE,
     {"get pods": POD, "nvidia-smi": GPUS.splitlines()[0]}),
    ("GPUs", "not run", "no pod of 70b is running", ACTIVE, {"get pods": NOBODY}),
    ("GPUs", "not run", "the stack does not stand", {}, {}),
    ("device plugin", "held", "[8] GPUs allocatable", ACTIVE, {"get nodes": NODES}),
    ("device plugin", "did not hold", "[0] GPUs allocatable", ACTIVE,
     {"get nodes": {"items": [{"status": {"allocatable": {}}}]}}),
    ("Lustre", "held", "lustre", ACTIVE,
     {"get pods": POD, "/proc/mounts": "10.64.0.9@tcp:/abc /weights lustre ro 0 0"}),
    ("Lustre", "did not hold", "not mounted", ACTIVE,
     {"get pods": POD, "/proc/mounts": "overlay / overlay rw 0 0"}),
    ("network policies", "held", "refused TimeoutError", ACTIVE,
     {"get pods": POD, "python3": "refused TimeoutError\n"}),
    ("network policies", "did not hold", "connected", ACTIVE,
     {"get pods": POD, "python3": "connected\n"}),
    ("memory", "held", "70b: 500,000 tokens of cache", ACTIVE,
     {"get pods": POD, "logs": "INFO GPU KV cache size: 500,000 tokens"}),
    ("memory", "did not hold", "70b: 9,000 tokens of cache, 32,768", ACTIVE,
     {"get pods": POD, "logs": "INFO GPU KV cache size: 9,000 tokens"}),
    ("memory", "not run", "restart the server", ACTIVE, {"get pods": POD, "logs": "later lines"}),
    ("add-ons", "held", "coredns v9 ACTIVE",
     {**ACTIVE, "eks.DescribeAddon": {"addon": {"addonVersion": "v9", "status": "ACTIVE"}}}, {}),
    ("add-ons", "did not hold", "coredns v9 DEGRADED",
     {**ACTIVE, "eks.DescribeAddon": {"addon": {"addonVersion": "v9", "status": "DEGRADED"}}}, {}),
    ("fetch", "not run", "does not stand", ACTIVE, {}),
    ("EFA", "not run", "no variant of the stack is laid over nodes", ACTIVE, {}),
    ("first request", "not run", "load balancer does not stand",
     {**ACTIVE, "elbv2.DescribeLoadBalancers": {"LoadBalancers": []}}, {}),
    ("up, again, down", "not run", "needs a person: pulumi up", {}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "verdict", "seen", "answers", "kubectl"), SEEN)
def test_each_experiment_says_what_it_saw(name, verdict, seen, answers, kubectl, bench):
    found, told = outcome(name, bench(answers, kubectl))
    assert found == verdict
    assert seen in told


def test_the_disks_hold_what_was_fetched(bench):
    tags = [{"Key": "r1:stack", "Value": "prod-70b"}]
    system = {"FileSystemId": "fs-0123456789abcdef0", "Lifecycle": "AVAILABLE", "Tags": tags}

    def seen(used_gib):
        free = (1200 - used_gib) * 2**30
        return outcome("fetch", bench({
            **ACTIVE,
            "fsx.DescribeFileSystems": {"FileSystems": [system]},
            "cloudwatch.GetMetricStatistics": {
                "Datapoints": [{"Timestamp": account.DAY, "Sum": float(free)}]},
        }))  # fmt: skip

    assert seen(133)[0] == "held"
    assert seen(2) == ("did not hold", "2 GiB used on its disks, 131 GiB of weights")


def test_a_group_over_nodes_is_available_and_takes_efa(bench):
    available = {"conditions": [{"type": "Available", "status": "True"}]}
    lws = {"items": [{"metadata": {"name": "r1-671b"}, "status": available}]}
    said = {"get pods": POD, "get leaderworkersets": lws,
            "logs": "NCCL INFO NET/OFI Selected Provider is efa (found 4 nics)"}  # fmt: skip
    stands = {"eks.DescribeCluster": account.cluster(name="prod-671b-p4d")}
    on_nodes = bench(stands, said, stack="prod-671b-p4d")
    assert outcome("group", on_nodes)[0] == "held"
    assert outcome("EFA", on_nodes)[0] == "held"
    over_tcp = bench(stands, said | {"logs": "NCCL INFO Using network Socket"}, "prod-671b-p4d")
    assert outcome("EFA", over_tcp) == ("did not hold", "Using network Socket")


def test_a_reservation_is_of_what_the_plan_needs_and_ends_by_itself(bench, aws):
    outcome("capacity", bench(RESERVED | GIVEN_BACK))
    (made,) = [given for name, given in aws.asked if name == "ec2.CreateCapacityReservation"]
    assert made["InstanceType"] == "p4d.24xlarge"
    assert made["InstanceCount"] == 1
    assert made["AvailabilityZone"] == "us-west-2b"
    assert made["EndDateType"] == "limited"
    assert made["EndDate"] > account.DAY
    assert ("ec2.CancelCapacityReservation", {"CapacityReservationId": "cr-1"}) in aws.asked


def test_selectors_that_match_nothing_are_refused_one_by_one(bench):
    none = {
        "pricing.GetProducts": {"PriceList": []},
        "ec2.DescribeSpotPriceHistory": {"SpotPriceHistory": []},
        "ec2.DescribeCapacityBlockOfferings": {"CapacityBlockOfferings": []},
        "savingsplans.DescribeSavingsPlansOfferingRates": {"searchResults": []},
    }
    verdict, seen = outcome("prices", bench(none))
    assert verdict == "did not hold"
    assert "refused EC2 p4d.24xlarge on-demand us-west-2: no offer" in seen


def test_images_without_a_digest_are_named(bench, monkeypatch):
    def digest_of(image):
        if "cpu" in image:
            raise web.LookupFailed("answered 404")
        return "sha256:" + 64 * "a"

    monkeypatch.setattr(web, "digest_of", digest_of)
    verdict, seen = outcome("images", bench())
    assert verdict == "did not hold"
    assert seen.startswith("docker.io/vllm/vllm-openai-cpu:v0.33.0-x86_64: answered 404")


def test_nothing_runs_before_its_cost_is_told_and_somebody_says_so(bench, aws, capsys):
    bench()
    assert cli.main(["verify", "prod-70b"]) == 1
    told = capsys.readouterr()
    assert aws.asked == []
    for one in EXPERIMENTS:
        assert one.name in told.err
    # Two minutes of a p4d.
    assert "run by themselves, together: $0.73" in told.err
    assert "add --yes" in told.err
    assert not Path("evidence").exists()


def test_what_was_seen_is_written_with_its_day(bench, capsys):
    bench({**IMAGE, "ec2.RunInstances": refusal("DryRunOperation", 412)})
    asked = ["verify", "prod-70b", "--yes", "--json", "--only", "launch", "--only", "GPUs"]
    assert cli.main(asked) == 0
    written = Path("evidence/prod-70b-2026-11-25T1200.json").read_text()
    told = json.loads(written)
    assert told == json.loads(capsys.readouterr().out)
    assert [(one["name"], one["verdict"]) for one in told["experiments"]] == [
        ("launch", "held"), ("GPUs", "not run"),
    ]  # fmt: skip
    page = Path("evidence/prod-70b-2026-11-25T1200.md").read_text()
    assert "| launch | quotas, permissions of your own role" in page
    assert "| held | p4d.24xlarge: DryRunOperation |" in page
    assert "UTC, of AWS." in page


def test_evidence_from_a_rehearsal_says_that_it_is_none(bench, capsys, monkeypatch):
    bench()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert cli.main(["verify", "prod-70b", "--yes", "--json", "--only", "SCRATCH_2"]) == 0
    assert "which is not AWS" in json.loads(capsys.readouterr().out)["asked"]


def test_an_unknown_experiment_is_misuse(bench, capsys):
    bench()
    assert cli.main(["verify", "prod-70b", "--only", "gpus"]) == 2
    assert "write one of" in capsys.readouterr().err


def test_only_the_person_s_are_never_run():
    assert {one.needs for one in EXPERIMENTS if one.run is None} == {PERSON}
    assert len([one for one in EXPERIMENTS if one.needs == CLUSTER]) >= 8
