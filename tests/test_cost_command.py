"""`r1 cost`: what a person types, and what a program and a gate read."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from r1_on_eks import cli
from r1_on_eks.cost.markdown import LONGEST, comment
from r1_on_eks.cost.stateful import STATEFUL
from r1_on_eks.cost.study import Study, study
from r1_on_eks.cost.trees import Declaring
from r1_on_eks.rehearsal.aws_provider.table import ROWS

PROJECT = Path(__file__).parent.parent
R1 = str(Path(sys.executable).parent / "r1")


@pytest.fixture(scope="module", autouse=True)
def _declared_once():
    Declaring(PROJECT, ["prod-70b", "test-7b", "all-variants"]).declarations()


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """prod-70b in a project of its own, with changes."""

    def make(**changes):
        for name in ("Pulumi.yaml", "infra", "components"):
            if not (tmp_path / name).exists():
                (tmp_path / name).symlink_to(PROJECT / name)
        (tmp_path / "stacks" / "placements").mkdir(parents=True, exist_ok=True)
        content = yaml.safe_load((PROJECT / "stacks/Pulumi.prod-70b.yaml").read_text())
        content["config"]["r1-on-eks:stack"] |= changes
        (tmp_path / "stacks/Pulumi.mine.yaml").write_text(yaml.safe_dump(content))
        pins = (PROJECT / "stacks/placements/prod-70b.yaml").read_text()
        (tmp_path / "stacks/placements/mine.yaml").write_text(pins)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return make


def told(capsys, *words):
    status = cli.main(["cost", *words])
    return status, capsys.readouterr()


def as_json(capsys, *words):
    status, out = told(capsys, *words, "--json")
    return status, json.loads(out.out)


def test_a_table_for_people(capsys):
    status, out = told(capsys, "prod-70b")
    assert status == 0
    text = " ".join(out.out.split())
    assert re.search(r"\$16,\d{3}\.\d\d a month", text)
    assert "a weekend" in text
    assert "█" in text
    assert "→ on-demand" in text
    assert "capacity block 11.80" in text
    assert "$0.00; through NAT it would be $5.91" in text
    assert "0 not priced · 0 unknown" in text


def test_json_has_every_line_with_its_price_and_adds_up(capsys):
    status, found = as_json(capsys, "prod-70b")
    assert status == 0
    bill = found["bill"]
    months = [line["usd_per_month"]["desired"] for line in bill["lines"]]
    assert sum(months) == pytest.approx(bill["usd_per_month"]["desired"])
    assert all(line["price"]["source"] and line["price"]["date"] for line in bill["lines"])
    assert bill["usd_per_month_by_variant"]["70b"] > 16_000
    chosen = [one["way"] for one in found["options"] if one["chosen"] and "p4d" in one["instance"]]
    assert chosen == ["on-demand"]


def test_dollars_per_token_fall_with_utilisation_and_pay_the_whole_stack(capsys):
    _, found = as_json(capsys, "prod-70b", "--api-price", "0.55,2.19")
    (tokens,) = found["tokens"]
    usd = {share: one["output"] for share, one in tokens["usd_per_million"].items()}
    assert [*usd] == ["10%", "30%", "60%", "100%"]
    assert usd["10%"] == pytest.approx(10 * usd["100%"])
    assert usd["30%"] == pytest.approx(2 * usd["60%"])
    # All that is paid comes back from the tokens of an hour at full load.
    per_hour = (
        3600
        / 1e6
        * (
            tokens["output_per_s"] * usd["100%"]
            + tokens["input_per_s"] * tokens["usd_per_million"]["100%"]["input"]
        )
    )
    assert per_hour == pytest.approx(found["bill"]["usd_per_hour"]["desired"])
    # At the break-even an API would take as much.
    api = 3600 / 1e6 * (tokens["output_per_s"] * 2.19 + tokens["input_per_s"] * 0.55)
    assert api * tokens["break_even_utilisation"] == pytest.approx(per_hour)
    assert tokens["break_even_tokens_a_day"] == pytest.approx(
        (tokens["output_per_s"] + tokens["input_per_s"]) * 86_400
        * tokens["break_even_utilisation"]
    )  # fmt: skip


def test_an_own_bill_is_compared_with_one_that_was_printed_before(capsys, stack, tmp_path):
    stack()
    _, first = told(capsys, "mine", "--format", "json")
    (tmp_path / "before.json").write_text(first.out)
    stack(usage={"nat_gb": 1100})
    status, found = as_json(capsys, "mine", "--against", "before.json")
    assert status == 0
    assert found["usd_per_month_more"] == pytest.approx(1000 * 0.045)
    (tmp_path / "foreign.json").write_text("{}")
    status, out = told(capsys, "mine", "--against", "foreign.json")
    assert status == 2
    assert "not what `r1 cost STACK --format json` prints" in out.err


@pytest.mark.parametrize(
    ("budget", "words", "status", "says"),
    [
        ({"usd_per_month": 20_000}, [], 0, "kept: $16,"),
        ({"usd_per_month": 10_000}, [], 1, "exceeded: $16,"),
        ({}, ["--fail-over", "20000"], 0, "kept"),
        ({}, ["--fail-over", "$10,000"], 1, "exceeded"),
        ({"increase_usd": 40}, ["--against", "before.json"], 1, "+$45.00 a month, of at most"),
        ({"increase_usd": 50}, ["--against", "before.json"], 0, "kept"),
        ({"increase_percent": 1}, ["--against", "before.json"], 0, "+0.3 % a month"),
        ({}, ["--against", "before.json", "--fail-over", "0.1%"], 1, "+0.3 % a month"),
        ({}, ["--against", "before.json", "--fail-over", "44"], 1, "exceeded"),
    ],
)
def test_budgets_and_fail_over_are_a_gate(capsys, stack, tmp_path, budget, words, status, says):
    stack()
    _, first = told(capsys, "mine", "--format", "json")
    (tmp_path / "before.json").write_text(first.out)
    stack(budget=budget, usage={"nat_gb": 1100})
    found, out = told(capsys, "mine", *words)
    assert found == status
    assert says in " ".join(out.out.split())


def test_own_discounts_come_off(capsys, stack):
    stack(discounts={"EC2": 10})
    _, found = as_json(capsys, "mine")
    assert found["bill"]["usd_per_month_off"] == pytest.approx((21.95764 + 2 * 0.1008) * 73)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "name a STACK, or a --preview FILE"),
        (["nowhere"], "no stacks/Pulumi.nowhere.yaml; there are"),
        (["prod-70b", "--against", "nowhere"], "nowhere is neither a file nor a revision"),
        (["prod-70b", "--fail-over", "much"], "much is no limit; write 500"),
        (["prod-70b", "--api-price", "2"], "write dollars per million tokens in and out"),
        (["--preview", "nowhere.json"], "--preview nowhere.json: No such file"),
    ],
)
def test_misuse_is_one_line_that_says_what_works(capsys, monkeypatch, words, says):
    monkeypatch.chdir(PROJECT)
    status, out = told(capsys, *words)
    assert status == 2
    assert out.err.startswith("r1 cost: ")
    assert out.err.count("\n") == 1
    assert says in out.err


def test_where_nothing_can_be_kept_it_is_declared_anew(capsys, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    status, out = told(capsys, "test-7b")
    assert status == 0
    assert "a month" in out.out


def test_without_git_a_revision_is_told_apart_from_one_that_git_does_not_know(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    status, out = told(capsys, "prod-70b", "--against", "main")
    assert status == 2
    assert "no git on PATH" in out.err


def test_a_stack_that_the_program_refuses_is_refused_in_its_words(capsys, stack):
    stack(gpu_zone="us-west-2d")
    status, out = told(capsys, "mine")
    assert status == 2
    assert "gpu_zone: us-west-2d is none of" in out.err
    assert "Traceback" not in out.err


def test_it_is_quick_when_it_ran_before():
    """Warm, in a process of its own; a busy machine may take three times as long."""
    for words, limit in ((["prod-70b"], 2), (["prod-70b", "--against", "HEAD"], 4)):
        subprocess.run([R1, "cost", *words], cwd=PROJECT, check=True, capture_output=True)
        began = time.perf_counter()
        subprocess.run([R1, "cost", *words], cwd=PROJECT, check=True, capture_output=True)
        assert time.perf_counter() - began < 3 * limit


def studied(name):
    from r1_on_eks.cost.states import declared_states, planned

    config, plan = planned(name)
    states = declared_states([name], None, PROJECT)[name]
    return study(name, states, config=config, plan=plan)


def test_the_longest_comment_is_short_enough_and_a_longer_one_is_cut(monkeypatch):
    monkeypatch.chdir(PROJECT)
    one = studied("all-variants")
    assert len(comment([one])) < LONGEST / 4
    many = [Study(**{**vars(one), "stack": f"copy-{number}"}) for number in range(20)]
    text = comment(many)
    assert len(text) <= LONGEST
    assert "are left out for their length" in text
    # Whatever is left out, headline and table are there.
    assert all(f"| **copy-{number}** |" in text for number in range(20))
    assert len(comment(many, longest=3000)) <= 3000


def test_markdown_closes_what_it_opens_and_its_tables_have_equal_rows(monkeypatch):
    monkeypatch.chdir(PROJECT)
    text = comment([studied("all-variants"), studied("prod-70b")])
    assert text.count("<details>") == text.count("</details>") == 2
    columns = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        cells = line.count("|")
        assert columns in (0, cells), line
        columns = cells


def test_what_is_foreseen_to_be_replaced_is_what_the_local_provider_replaces():
    """Both cite terraform-provider-aws; one is for money, one for the rehearsal."""
    for type_, one in STATEFUL.items():
        if type_ in ROWS:
            cited = ROWS[type_].forces_replacement
            assert (one.source, one.replaced_by) == (cited.source, cited.keys), type_
