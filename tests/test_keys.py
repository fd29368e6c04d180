"""`r1 key`: a key is shown once, and only its SHA-256 is written anywhere."""

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml
from r1_on_eks.api_keys import fingerprint, new_key
from r1_on_eks.cli import main
from r1_on_eks.stack_config import Gateway

PROJECT = Path(__file__).parent.parent


def test_a_key_is_32_random_bytes():
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"r1-[0-9a-f]{64}", key) for key in keys)


def test_a_new_key_is_printed_with_the_line_for_the_stack_file(capsys):
    assert main(["key", "new", "alice"]) == 0
    printed = capsys.readouterr()
    key = printed.out.strip()
    (entry,) = yaml.safe_load(printed.err.splitlines()[-1])
    assert entry == {"name": "alice", "sha256": hashlib.sha256(key.encode()).hexdigest()}
    assert key not in printed.err
    Gateway.model_validate({"keys": [entry]})


def test_a_program_gets_it_as_json(capsys):
    assert main(["key", "new", "alice", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["sha256"] == fingerprint(made["key"])


def test_a_wrong_name_is_misuse_and_makes_no_key(capsys):
    assert main(["key", "new", "Alice Smith"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "'Alice Smith' is no name of a key; write alice" in printed.err


def stack_with(keys, tmp_path):
    content = yaml.safe_load((PROJECT / "stacks" / "Pulumi.test-7b.yaml").read_text())
    content["config"]["r1-on-eks:stack"]["gateway"] = {"keys": keys}
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.mine.yaml").write_text(yaml.safe_dump(content))


def test_a_stacks_keys_are_listed_with_what_each_may_ask(capsys, tmp_path, monkeypatch):
    limits = {"per_minute": 30, "at_a_time": 2}
    stack_with(
        [{"name": "alice", "sha256": fingerprint("a")},
         {"name": "bob", "sha256": fingerprint("b"), "limits": limits}],
        tmp_path,
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["key", "list", "mine"]) == 0
    alice, bob = capsys.readouterr().out.splitlines()
    assert alice.split()[:2] == ["alice", f"{fingerprint('a')[:8]}…"]
    assert bob.endswith("30 a minute, 2 at a time")
    assert main(["key", "list", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1]["per_minute"] == 30


def test_a_stack_without_keys_says_that_nobody_gets_in(capsys, tmp_path, monkeypatch):
    stack_with([], tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["key", "list", "mine"]) == 0
    assert "nobody gets in" in capsys.readouterr().out


@pytest.mark.parametrize("stack", ["nowhere"])
def test_an_unknown_stack_is_misuse(capsys, stack):
    assert main(["key", "list", stack]) == 2
    assert "stacks/Pulumi.nowhere.yaml" in capsys.readouterr().err
