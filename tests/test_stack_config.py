"""A stack file says what is wanted; what is wrong is said in one line that helps.

The lines of wrong_stack_files.yaml are whole: what a person reads is what is held. All are refused
by the parser or by the plan, before anything is declared.
"""

import copy
from pathlib import Path
from typing import get_args

import pytest
import yaml
from r1_on_eks.config_errors import EXAMPLES
from r1_on_eks.plan import DoesNotFit, Plan
from r1_on_eks.stack_config import StackConfig, StackConfigError, parse_stack_config
from r1_on_eks.stack_config.section import Section

RIGHT = {
    "name": "prod-70b",
    "production": True,
    "region": "us-west-2",
    "zones": ["us-west-2a", "us-west-2b", "us-west-2c"],
    "gpu_zone": "us-west-2b",
    "kubernetes": "1.35",
    "admins": ["arn:aws:iam::111122223333:role/platform-engineer"],
    "endpoint": {"public_from": ["203.0.113.0/24"]},
    "weights": {
        "bucket": "example-r1-weights",
        "storage": "fsx",
        "fsx": {"deployment": "PERSISTENT_2", "capacity_gib": 1200, "mbps_per_tib": 250},
    },
    "variants": {
        "70b": {
            "instance": "p4d.24xlarge",
            "precision": "bf16",
            "tensor_parallel": 8,
            "stages": 1,
            "replicas": 1,
            "context": 32768,
            "concurrency": 12,
            "gpu_memory_utilization": 0.92,
        }
    },
    "gateway": {"tls": {"secret": "gateway-tls"}},
}
ABSENT = object()
TABLE = yaml.safe_load(Path(__file__).with_name("wrong_stack_files.yaml").read_text())
WRONG, UNPLANNABLE = (
    [(row["path"], row.get("value", ABSENT), row["says"]) for row in TABLE[part]]
    for part in ("wrong", "unplannable")
)


def with_value(path, value):
    stack = copy.deepcopy(RIGHT)
    *sections, key = path.split("/")
    section = stack
    for part in sections:
        section = section[part]
    if value is ABSENT:
        del section[key]
    else:
        section[key] = value
    return stack


def test_the_right_file_is_parsed_and_planned():
    config = parse_stack_config(RIGHT)
    assert config.zones == ("us-west-2a", "us-west-2b", "us-west-2c")
    assert config.weights.fsx
    assert config.weights.fsx.capacity_gib == 1200
    (model,) = Plan.of(config).models
    assert model.placement.instance.name == "p4d.24xlarge"


def test_there_are_enough_of_them():
    assert len(WRONG) + len(UNPLANNABLE) >= 40


@pytest.mark.parametrize(("path", "value", "line"), WRONG)
def test_a_wrong_value_is_named_with_what_would_work(path, value, line):
    with pytest.raises(StackConfigError) as wrong:
        parse_stack_config(with_value(path, value))
    assert str(wrong.value) == line


@pytest.mark.parametrize(("path", "value", "line"), UNPLANNABLE)
def test_what_cannot_be_placed_is_refused_with_its_numbers(path, value, line):
    with pytest.raises(DoesNotFit) as refused:
        Plan.of(parse_stack_config(with_value(path, value)))
    assert str(refused.value).startswith(line)


@pytest.mark.parametrize(
    "jargon", ["tuple", "dictionary", "pydantic", "Input should", "instance of"]
)
def test_no_line_speaks_of_python(jargon):
    assert not [line for _, _, line in WRONG if jargon in line]


def test_each_wrong_key_has_its_line():
    stack = with_value("region", ABSENT)
    stack["weights"]["storage"] = "efs"
    with pytest.raises(StackConfigError) as wrong:
        parse_stack_config(stack)
    assert [line.partition(":")[0] for line in str(wrong.value).splitlines()] == [
        "region",
        "weights.storage",
    ]


def test_a_parsed_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        parse_stack_config(RIGHT).region = "us-east-1"


@pytest.mark.parametrize("capacity", [1200, 2400, 4800, 7200])
def test_sizes_that_fsx_sells_are_taken(capacity):
    config = parse_stack_config(with_value("weights/fsx/capacity_gib", capacity))
    assert config.weights.fsx
    assert config.weights.fsx.capacity_gib == capacity


def keys_below(section):
    """Keys of a section and of those inside it, whatever they are wrapped in."""
    for key, field in section.model_fields.items():
        yield key
        for inside in sections_in(field.annotation):
            yield from keys_below(inside)


def sections_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [one for inner in get_args(annotation) for one in sections_in(inner)]


def test_every_key_has_an_example_of_how_it_is_written():
    keys = set(keys_below(StackConfig))
    assert keys == EXAMPLES.keys()
    for key in keys - {"name"}:
        assert EXAMPLES[key].startswith(f"{key}: ")


def test_a_gateway_with_keys_is_inside_a_given_network_unless_it_is_opened():
    given = {
        "vpc": "vpc-0123456789abcdef0", "cidr": "10.80.0.0/16",
        "private_subnets": {
            "us-west-2a": "subnet-0123456789abcdef0", "us-west-2b": "subnet-0123456789abcdef1",
        },
    }  # fmt: skip
    content = with_value("network", given) | {"zones": None, "production": False}
    inside = {"keys": [{"name": "alice", "sha256": "ab" * 32}]}
    assert parse_stack_config(content | {"gateway": inside}).gateway_section.public_from is None
    with pytest.raises(StackConfigError, match=r"network\.public_subnets: .* needs two"):
        parse_stack_config(content | {"gateway": inside | {"public_from": ["203.0.113.0/24"]}})
