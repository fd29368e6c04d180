"""Previews of the real engine, read without a wrong or a silent line; and what is no preview."""

import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from r1_on_eks import cli
from r1_on_eks.cost.bill import Terms, bill_of
from r1_on_eks.cost.compare import compare
from r1_on_eks.cost.declared import SECRET, Unknown
from r1_on_eks.cost.preview import NotAPreview, read_preview
from r1_on_eks.cost.rules import rule_of
from r1_on_eks.cost.trees import Declaring
from r1_on_eks.stack_file import stack_names

PROJECT = Path(__file__).parent.parent
R1 = str(Path(sys.executable).parent / "r1")
CORPUS = PROJECT / "tests" / "previews.tar.xz"
TERMS = Terms()
M7I, GP3, MONTH = 0.1008, 0.08, 730
NODE, XNODE = M7I * MONTH, 0.2016 * MONTH


@pytest.fixture(scope="module")
def texts():
    """By name; made by tools/preview_corpus."""
    with tarfile.open(CORPUS) as archive:
        return {
            one.name.removesuffix(".json"): archive.extractfile(one).read().decode()
            for one in archive
        }


@pytest.fixture(scope="module")
def read(texts):
    return {name: read_preview(text, name) for name, text in texts.items()}


# Dollars a month more that each case costs as it is declared, by hand from its edit of
# tools/preview_corpus/program.py (us-west-2), and which resources are replaced.
MORE = {
    "same": (0, set()),
    "update": (-10 * 23 / 30 * 0.03, set()),
    "update nested": (0, set()),
    "update list element": (50 * GP3, set()),
    "update list longer": (50 * GP3, set()),
    "update secret": (0, set()),
    "update grows storage": (1200 * 0.145, set()),
    "update support": (0, set()),
    "replace node group": (XNODE - NODE, {"nodes"}),
    "replace node group, steps": (XNODE - NODE, {"nodes"}),
    # From here on a type that nobody is told is no longer in the total, but named.
    "replace secret list element": (-NODE, {"nodes"}),
    "replace unknown list element": (-NODE, {"nodes"}),
    "replace bought as spot": (None, {"nodes"}),
    "replace bought as a block": (47.76 * MONTH - NODE, {"nodes"}),
    "replace shrinks storage": (-1200 * 0.145, {"lustre"}),
    "replace faster storage": (1200 * (0.21 - 0.145), {"lustre"}),
    "replace storage, steps": (1200 * (0.21 - 0.145), {"lustre"}),
    "replace balancer": (2 * 0.005 * MONTH + 10 * 0.09, {"balancer"}),
    "replace before deleting": (0, {"logs"}),
    "replace after deleting": (0, {"logs"}),
    "replace after deleting, steps": (0, {"logs"}),
    "replace everything unknown": (0, None),
    "replace everything unknown, steps": (None, None),
    "create another": ((0.045 + 0.005) * MONTH + 100 * 0.045, set()),
    "create list": ((2 * 0.005 + 2 * 0.01) * MONTH, set()),
    "create unknown and secret": (None, None),
    "delete one": (-(0.045 + 0.005) * MONTH - 100 * 0.045, set()),
    "delete secret": (-0.005 * MONTH, set()),
    "delete list": (-2 * 0.01 * MONTH - 50 * 0.01, set()),
    "renamed": (0, set()),
    "renamed and updated": (0, set()),
    "moved": (0, set()),
    "moved and updated": (0, set()),
    "read": (0, set()),
    "read again": (0, set()),
    "read another": (0, set()),
    "import": (0.005 * MONTH, set()),
    "import and update": ((0.045 + 2 * 0.005) * MONTH + 100 * 0.045, set()),
    "replace imported": (0, {"imported"}),
    # What a --target leaves out is neither made nor paid for.
    "target": (-10 * 23 / 30 * 0.03, set()),
    "retained": (-0.005 * MONTH, set()),
    "refresh": (0, set()),
    "replace secret list element, steps": (-NODE, {"nodes"}),
    "read entry": (0, set()),
    "import entry": (0, set()),
    "discard": (0, set()),
    # Somebody else's goes on, and one's own is made.
    "replace what was read": (0, set()),
    "replace what was read, steps": (0, set()),
    "replace imported entry, steps": (0, {"entry"}),
    "replace by reading": (0, {"entry"}),
    "replace by reading, steps": (0, {"entry"}),
    "replace secret entry, steps": (0, {"entry"}),
    # The engine died when the old one was deleted; it marks what it is about to delete like that
    # too, so both are told as one replacement.
    "replace half done": (1200 * (0.21 - 0.145), {"lustre"}),
    "replace half done, steps": (1200 * (0.21 - 0.145), {"lustre"}),
    "remove half replaced": (0, set()),
}


def test_every_preview_of_the_corpus_was_worked_out(texts):
    assert {*MORE} == {*texts} - {"create everything", "delete everything"}


def test_what_stays_in_aws_after_it_left_the_stack_is_warned_of(read):
    (warning,) = read["retained"].warnings
    assert warning == "spare-0 is retained: it leaves the stack, and AWS goes on billing it"


def of(preview):
    before, after = bill_of(preview.before, TERMS), bill_of(preview.after, TERMS)
    return before, after, compare(before, after, preview.changes)


KINDS = {"unknown", "secret", "nested", "list element"}
# What the engine can do, as pkg/resource/deploy/step.go of pulumi v3.259.0 lists it …
OPERATIONS = {
    "same", "create", "update", "delete", "replace", "create-replacement", "delete-replaced",
    "read", "read-replacement", "refresh", "discard", "discard-replaced",
    "remove-pending-replace", "import", "import-replacement", "diff", "extend-parameterize",
}  # fmt: skip
# … what no preview tells, and where that is seen …
UNTOLD = {
    "remove-pending-replace": "pkg/engine/update.go, isInternalStep: no display shows it",
    "extend-parameterize": "pkg/engine/update.go, isInternalStep: no display shows it",
    "diff": "pkg/resource/deploy/step_executor.go, executeStep: it raises no event",
}
# … and which kinds of values an operation can't have.
_STANDS = "only what a program asks for may be unknown: what stands is in the state with its value"
NEVER = {
    **{(one, "unknown"): _STANDS for one in (
        "delete", "delete-replaced", "refresh", "discard", "discard-replaced")},
    ("same", "unknown"): "a provider may not answer that what is unknown is as it was",
}  # fmt: skip


def values(content, path=""):
    """Each value with its path: `.` into an object, `[` into a list."""
    if isinstance(content, dict):
        for value in content.values():
            yield from values(value, f"{path}.")
    elif isinstance(content, list):
        for value in content:
            yield from values(value, f"{path}[")
    else:
        yield path, content


def kinds_of(step):
    for state in (step.get("oldState"), step.get("newState")):
        for path, value in values((state or {}).get("inputs") or {}):
            if value == "04da6b54-80e4-46f7-96ec-b56ff0331ba9":
                yield "unknown"
            if value == "[secret]":
                yield "secret"
            if ".." in path or "[." in path:
                yield "nested"
            if "[" in path:
                yield "list element"


def test_the_previews_have_every_operation_with_every_kind_of_value(texts):
    assert len(texts) >= 30
    found = {
        (step["op"], kind)
        for text in texts.values()
        for step in json.loads(text)["steps"]
        for kind in kinds_of(step)
    }
    wanted = {(one, kind) for one in OPERATIONS - {*UNTOLD} for kind in KINDS} - {*NEVER}
    assert wanted - found == set()
    assert found - wanted == set(), "what was held to be impossible is not"


def test_what_is_half_replaced_stands_nowhere(read):
    kept = [one.urn for one in read["remove half replaced"].before if "Lustre" in one.type]
    assert kept == []


@pytest.mark.parametrize("name", MORE)
def test_each_case_costs_as_much_more_as_was_worked_out_by_hand(read, name):
    if name not in read:
        pytest.fail(f"no preview of {name} in the corpus")
    more, replaced = MORE[name]
    _, _, compared = of(read[name])
    if more is not None:
        assert compared.difference == pytest.approx(more, abs=0.005)
    if replaced is not None:
        found = {change.urn.rpartition("::")[2] for change in compared.changes if change.replaces}
        assert found == replaced


def test_every_line_is_priced_or_named(read):
    for name, preview in read.items():
        for declared in (preview.before, preview.after):
            bill = bill_of(declared, TERMS)
            resources = [one for one in declared if one.custom and not one.read_only]
            assert sum(bill.coverage.values()) == len(resources), name
            assert all(rule_of(one.type) for one in resources), name
            named = {line.urn for line in bill.lines} | {gap.urn for gap in bill.gaps}
            silent = [one for one in resources if one.urn.partition(" (")[0] not in named]
            # Whatever has neither line nor gap is free by a rule.
            assert bill.coverage["free"] >= len(silent) - len(bill.gaps), name


def test_what_is_unknown_or_secret_is_named_with_what_it_waits_for(read):
    for name, told in (
        ("replace unknown list element", "instance type: unknown until other stands"),
        ("replace secret list element", "instance type: secret"),
    ):
        _, after, _ = of(read[name])
        assert ("unknown", told) in {(gap.kind, gap.why) for gap in after.gaps}, name


def test_unknown_launch_templates_are_found_through_property_dependencies(read):
    preview = read["create everything"]
    (nodes,) = (one for one in preview.after if one.type == "aws:eks/nodeGroup:NodeGroup")
    assert isinstance(nodes.get("launchTemplate", "id"), Unknown)
    bill = bill_of(preview.after, TERMS)
    assert "1 × 50 GiB gp3" in {line.told for line in bill.lines}
    secret = (one.get("description") for one in preview.after if one.type == "aws:kms/key:Key")
    assert list(secret) == [SECRET]


def test_a_first_preview_costs_what_its_teardown_saves(read):
    first, last = of(read["create everything"]), of(read["delete everything"])
    assert first[0].monthly.desired == 0
    assert last[1].monthly.desired == 0
    assert first[2].difference == pytest.approx(-last[2].difference)
    assert first[2].difference > 300


def test_replacement_steps_and_one_replacement_are_the_same_money(read):
    for one, steps in (
        ("replace node group", "replace node group, steps"),
        ("replace after deleting", "replace after deleting, steps"),
    ):
        assert of(read[one])[2].difference == pytest.approx(of(read[steps])[2].difference)


def told(bill):
    return sorted(
        (x.urn, x.told, x.component, x.variant, round(x.monthly.most, 6)) for x in bill.lines
    )


def same_bill(preview, program):
    assert told(preview) == told(program)
    assert preview.monthly == program.monthly
    assert preview.coverage == program.coverage
    assert preview.gaps == program.gaps


# Case → what of the program it changes.
PROGRAMS = {
    "create everything": {},
    "replace bought as a block": {"block": True},
    "replace secret list element": {"types": ["m7i.xlarge"], "secret": True},
    "replace unknown list element": {"unknown": True},
    "create list": {"addresses": 3, "endpoints": ["sts", "ec2"]},
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The program of the corpus under mocks, by case; each has the stack's name in its URNs."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "infra").mkdir()
    (tree / "stacks").mkdir()
    shutil.copy(PROJECT / "Pulumi.yaml", tree)
    shutil.copy(PROJECT / "tools/preview_corpus/program.py", tree / "infra/__main__.py")
    stacks = {name: f"case-{number}" for number, name in enumerate(PROGRAMS)}
    for name, stack in stacks.items():
        content = {"config": {"corpus:case": PROGRAMS[name]}}
        (tree / f"stacks/Pulumi.{stack}.yaml").write_text(json.dumps(content))
    declared = Declaring(tree, [*stacks.values()]).declarations()
    return {name: (stack, declared[stack]) for name, stack in stacks.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_preview_and_its_program_under_mocks_give_the_same_bill(texts, programs, name):
    stack, program = programs[name]
    text = texts[name].replace("urn:pulumi:corpus::", f"urn:pulumi:{stack}::")
    same_bill(bill_of(read_preview(text, name).after, TERMS), bill_of(program, TERMS))


@pytest.mark.slow
@pytest.mark.rehearsal
@pytest.mark.timeout(1800)
def test_every_stack_has_the_same_bill_in_its_first_preview_and_under_mocks(tmp_path):
    from r1_on_eks.cost.states import declared_states

    names = stack_names(PROJECT / "stacks")
    states = declared_states(names, None, PROJECT)
    try:
        for stack in names:
            done = subprocess.run(
                [R1, "rehearse", "--", "pulumi", "preview", "--json", "--show-sames",
                 "--stack", stack], cwd=PROJECT, capture_output=True, text=True, check=True,
            )  # fmt: skip
            preview = read_preview(done.stdout, stack).after
            same_bill(bill_of(preview, TERMS), bill_of(states[stack].after, TERMS))
    finally:
        subprocess.run([R1, "rehearse", "stop"], cwd=PROJECT, check=False)


def mutants(text):
    told = json.loads(text)
    for number, step in enumerate(told["steps"]):
        steps = told["steps"][:number] + told["steps"][number + 1 :]
        summary = dict(told["changeSummary"])
        # As if the engine had never known of it.
        if step["op"] in summary:
            summary[step["op"]] -= 1
        yield step, json.dumps({**told, "steps": steps, "changeSummary": summary})


@pytest.mark.parametrize("name", ["create everything", "delete everything", "create another"])
def test_a_dropped_step_changes_the_total_or_the_coverage_or_is_a_named_gap(texts, read, name):
    def seen(preview):
        found = []
        for declared in (preview.before, preview.after):
            bill = bill_of(declared, TERMS)
            found += [bill.monthly, dict(bill.coverage), bill.gaps, bill.by(lambda x: x.component)]
        return found

    whole = seen(read[name])
    silent = []
    for step, text in mutants(texts[name]):
        state = step.get("newState") or step["oldState"]
        if seen(read_preview(text, "mutant")) == whole and state.get("custom"):
            silent.append(step["urn"])
    assert silent == []


def test_a_dropped_step_that_stays_the_same_is_seen_by_the_summary(texts):
    told = json.loads(texts["update"])
    kept = [step for step in told["steps"] if step["op"] != "same"]
    with pytest.raises(NotAPreview, match="resources that stay the same; add --show-sames"):
        read_preview(json.dumps({**told, "steps": kept}), "update.json")


FOREIGN = {
    "": "p.json holds no JSON object",
    "[]": "p.json holds no JSON object",
    "{}": "is no preview of Pulumi's (it has nothing, and no steps)",
    '{"steps": 3}': "is no preview of Pulumi's (it has steps, and no steps)",
    '{"format_version": "1.2", "resource_changes": []}': "is a Terraform plan",
    '{"version": 3, "deployment": {}}': "is a stack export",
    '{"changeSummary": {"create": 3}}': "has no steps",
    '{"diagnostics": [{"severity": "error", "message": "boom\\n at x"}]}': "that failed: boom",
    '{"steps": [{"op": "create"}]}': "step 1 has no urn",
    '{"steps": [{"op": "warp", "urn": "u"}]}': "operation 'warp' of u is not known here",
    '{"steps": [{"op": "create", "urn": "u"}]}': "create of u has no newState",
    '{"steps": [{"op": "delete", "urn": "u"}]}': "delete of u has no oldState",
    '{"steps": [1]}': "step 1 has no urn",
    '{"steps": [': "ends in the middle",
    '{"steps" [1, 2, 3]}': "is no JSON (Expecting ':' delimiter)",
}


@pytest.mark.parametrize("text", FOREIGN)
def test_what_is_no_preview_gets_one_clear_line(text):
    with pytest.raises(NotAPreview) as refused:
        read_preview(text, "p.json")
    assert FOREIGN[text] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_preview_that_is_cut_off_anywhere_is_refused(texts):
    text = texts["update"]
    for end in range(10, len(text) - 2, len(text) // 40):
        with pytest.raises(NotAPreview):
            read_preview(text[:end], "cut.json")


def test_what_other_programs_print_before_it_is_skipped(texts):
    text = "warning: something\n" + texts["update"] + "\nResources: 3\n"
    assert len(read_preview(text, "p").after) == len(read_preview(texts["update"], "p").after)


def test_a_preview_is_read_from_a_file_or_standard_input(texts, tmp_path, capsys, monkeypatch):
    file = tmp_path / "preview.json"
    file.write_text(texts["create another"])
    monkeypatch.chdir(tmp_path)
    assert cli.main(["cost", "--preview", str(file), "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    assert "Cost: +$41.00 a month" in told
    with file.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert cli.main(["cost", "--preview", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usd_per_month_more"] == pytest.approx(41)
    file.write_text(texts["update"][:1000])
    assert cli.main(["cost", "--preview", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "ends in the middle" in error


def test_replacements_of_what_holds_state_are_in_bold(texts, tmp_path, capsys, monkeypatch):
    file = tmp_path / "preview.json"
    file.write_text(texts["replace faster storage"])
    monkeypatch.chdir(tmp_path)
    assert cli.main(["cost", "--preview", str(file), "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    assert "**`lustre` is replaced** because of `perUnitStorageThroughput`" in told
