"""A stack file says what is wanted; what is wrong is said in one line that helps."""

import copy

import pytest
from r1_on_eks.stack_config import StackConfigError, parse_stack_config

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
            "tensor_parallel": 8,
            "context": 32768,
            "concurrency": 12,
        }
    },
    "gateway": "internal",
}
ABSENT = object()


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


def test_the_right_file_is_parsed():
    config = parse_stack_config(RIGHT)
    assert config.zones == ("us-west-2a", "us-west-2b", "us-west-2c")
    assert config.variants["70b"].instance == "p4d.24xlarge"
    assert config.weights.fsx
    assert config.weights.fsx.capacity_gib == 1200


WRONG = [
    ("region", ABSENT, "region: is missing"),
    ("regoin", "x", "regoin: is no key that a stack file knows; did you mean region?"),
    ("zebra", "x", "zebra: is no key that a stack file knows; remove it"),
    ("name", "Prod_70b", "name: 'Prod_70b': string should match pattern"),
    ("production", "yes", "production: 'yes': input should be a valid boolean"),
    (
        "kubernetes",
        "1.53",
        (
            "kubernetes: 1.53 is not a Kubernetes version of the catalogue; known "
            "are 1.34, 1.35, 1.36"
        ),
    ),
    ("kubernetes", 1.35, "kubernetes: 1.35: input should be a valid string"),
    (
        "kubernetes",
        "1.36",
        (
            "kubernetes: 1.36 nodes are not known to mount Lustre; use 1.35, or "
            "weights.storage s3-stream"
        ),
    ),
    (
        "zones",
        ["us-west-2a", "us-east-1b"],
        "zones: us-east-1b is not in us-west-2; write us-west-2a",
    ),
    ("zones", ["us-west-2a"], "zones: ['us-west-2a']: tuple should have at least 2 items"),
    ("zones", ["us-west-2b", "us-west-2b"], "zones: each zone once"),
    (
        "gpu_zone",
        "us-west-2d",
        "gpu_zone: us-west-2d is none of us-west-2a, us-west-2b, us-west-2c",
    ),
    ("admins", [], "admins: []: tuple should have at least 1 item"),
    (
        "admins",
        ["arn:aws:sts::111122223333:assumed-role/x/y"],
        "admins.0: arn:aws:sts::111122223333:assumed-role/x/y is not the ARN of an IAM role",
    ),
    (
        "endpoint",
        {"public_from": ["0.0.0.0/0"]},
        "endpoint.public_from.0: 0.0.0.0/0 opens it to everybody",
    ),
    (
        "endpoint",
        {"public_from": ["203.0.113.1/24"]},
        "endpoint.public_from.0: 203.0.113.1/24 is no IPv4 range",
    ),
    ("endpoint", "public", "endpoint: 'public': write private, or public_from: [203.0.113.0/24]"),
    ("gateway", {"public_from": []}, "gateway.public_from: []: tuple should have at least 1 item"),
    (
        "weights/bucket",
        "Not_A_Bucket",
        "weights.bucket: 'Not_A_Bucket': string should match pattern",
    ),
    ("weights/storage", "efs", "weights.storage: 'efs': input should be 'fsx' or 's3-stream'"),
    (
        "weights/storage",
        "s3-stream",
        "weights: storage s3-stream has no file system; leave fsx out",
    ),
    (
        "weights/fsx",
        ABSENT,
        "weights: storage fsx needs fsx: {deployment, capacity_gib, mbps_per_tib}",
    ),
    (
        "weights/fsx/capacity_gib",
        1300,
        "weights.fsx: capacity_gib 1300 is not sold; nearest are 1200 and 2400",
    ),
    (
        "weights/fsx/capacity_gib",
        3600,
        "weights.fsx: capacity_gib 3600 is not sold; nearest are 2400 and 4800",
    ),
    (
        "weights/fsx/mbps_per_tib",
        300,
        "weights.fsx.mbps_per_tib: 300: input should be 125, 250, 500 or 1000",
    ),
    (
        "weights/fsx/mbps_per_tib",
        ABSENT,
        "weights.fsx: PERSISTENT_2 needs mbps_per_tib: 125, 250, 500 or 1000",
    ),
    (
        "weights/fsx/deployment",
        "SCRATCH_2",
        "weights.fsx: SCRATCH_2 has one speed, 200 MB/s per TiB; leave mbps_per_tib out",
    ),
    ("variants", {}, "variants: {}: dictionary should have at least 1 item"),
    (
        "variants/70B",
        RIGHT["variants"]["70b"],
        "variants.70B: 70B is not a variant of the catalogue; did you mean 70b?",
    ),
    (
        "variants/70b/instance",
        "p4d.24xlrge",
        (
            "variants.70b.instance: p4d.24xlrge is not an instance type of the "
            "catalogue; did you mean p4d.24xlarge?"
        ),
    ),
    (
        "variants/70b/tensor_parallel",
        0,
        "variants.70b.tensor_parallel: 0: input should be greater than or equal to 1",
    ),
    (
        "variants/70b/concurrency",
        "16",
        "variants.70b.concurrency: '16': input should be a valid integer",
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG, ids=lambda part: str(part)[:40])
def test_a_wrong_value_is_named_with_what_would_work(path, value, message):
    with pytest.raises(StackConfigError) as wrong:
        parse_stack_config(with_value(path, value))
    lines = str(wrong.value).splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(message)


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
