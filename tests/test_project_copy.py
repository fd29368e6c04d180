import pytest
import yaml
from r1_on_eks.rehearsal.project_copy import (
    ProjectNotFound,
    SecretInStackFile,
    copy_project,
    find_project,
    stack_files,
    stack_name,
)


@pytest.fixture
def source(tmp_path):
    project = tmp_path / "clone"
    (project / "stacks" / "placements").mkdir(parents=True)
    (project / "infra").mkdir()
    (project / ".git").mkdir()
    (project / "Pulumi.yaml").write_text("name: r1-on-eks\nruntime: python\n")
    write_stack(project, "prod", {"config": {"r1-on-eks:stack": {"region": "us-west-2"}}})
    return project


def write_stack(project, stack, content):
    (project / "stacks" / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(content))


def read_stack(project, stack):
    return yaml.safe_load((project / "stacks" / f"Pulumi.{stack}.yaml").read_text())


def test_the_engine_sees_the_program_but_may_write_only_to_copies(source, tmp_path):
    copy = tmp_path / "copy"
    copy_project(source, copy)
    assert (copy / "infra").resolve() == source / "infra"
    assert not (copy / ".git").exists()
    assert not (copy / "Pulumi.yaml").is_symlink()
    assert [stack_name(f) for f in stack_files(copy)] == ["prod"]
    assert not stack_files(copy)[0].is_symlink()
    assert (copy / "stacks" / "placements").resolve() == source / "stacks" / "placements"


def test_a_stack_file_keyed_to_a_real_account_loses_that_key_in_the_copy_only(source, tmp_path):
    real = {"secretsprovider": "awskms://alias/pulumi", "encryptedkey": "AQ==", "config": {}}
    write_stack(source, "prod", real)
    copy_project(source, tmp_path / "copy")
    assert read_stack(tmp_path / "copy", "prod") == {"config": {}}
    assert read_stack(source, "prod") == real


def test_the_salt_that_the_engine_wrote_survives_the_next_copy(source, tmp_path):
    copy = tmp_path / "copy"
    copy_project(source, copy)
    write_stack(copy, "prod", read_stack(copy, "prod") | {"encryptionsalt": "v1:here"})
    write_stack(source, "prod", {"encryptionsalt": "v1:elsewhere", "config": {"a:b": 1}})
    copy_project(source, copy)
    assert read_stack(copy, "prod") == {"config": {"a:b": 1}, "encryptionsalt": "v1:here"}


@pytest.mark.parametrize(
    ("gateway", "becomes"),
    [
        (None, {"keys": ["rehearsal"]}),
        ("internal", {"keys": ["rehearsal"]}),
        ({"open": True}, {"open": True, "keys": ["rehearsal"]}),
        ({"keys": [{"name": "alice"}]}, {"keys": ["alice", "rehearsal"]}),
        ({"keys": "wrong"}, {"keys": "wrong"}),
    ],
)
def test_the_copy_alone_knows_the_rehearsals_key(source, tmp_path, gateway, becomes):
    stack = {} if gateway is None else {"gateway": gateway}
    write_stack(source, "prod", {"config": {"r1-on-eks:stack": stack}})
    for _ in range(2):
        copy_project(source, tmp_path / "copy", accepted="ab" * 32)
    found = read_stack(tmp_path / "copy", "prod")["config"]["r1-on-eks:stack"]["gateway"]
    if isinstance(found["keys"], list):
        found["keys"] = [key["name"] for key in found["keys"]]
    assert found == becomes
    assert read_stack(source, "prod") == {"config": {"r1-on-eks:stack": stack}}


def test_what_is_removed_from_the_project_is_removed_from_the_copy(source, tmp_path):
    copy = tmp_path / "copy"
    copy_project(source, copy)
    (source / "stacks" / "Pulumi.prod.yaml").unlink()
    (source / "infra").rmdir()
    copy_project(source, copy)
    assert stack_files(copy) == []
    assert not (copy / "infra").is_symlink()


def test_an_encrypted_value_is_refused_by_its_path(source, tmp_path):
    write_stack(source, "prod", {"config": {"r1-on-eks:stack": {"keys": [{"secure": "v1:x"}]}}})
    with pytest.raises(SecretInStackFile, match=r"config\.r1-on-eks:stack\.keys\.0 is encrypted"):
        copy_project(source, tmp_path / "copy")


def test_the_project_is_found_from_a_folder_inside_it(source):
    assert find_project(source / "infra") == source


def test_outside_a_project_the_error_says_where_to_go(tmp_path):
    with pytest.raises(ProjectNotFound, match="inside a project; `r1 new` writes one"):
        find_project(tmp_path)
