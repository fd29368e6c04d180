"""Rows of the catalogue are whole, sourced, and agree with each other."""

import datetime
import re
from pathlib import Path

import pytest
from r1_on_eks.catalog import images
from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.catalog.variants import VARIANTS

PROJECT = Path(__file__).parent.parent


def test_the_seven_variants_are_there():
    assert list(VARIANTS) == ["1.5b", "7b", "8b", "14b", "32b", "70b", "671b"]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda row: row.name)
def test_a_variant_weighs_two_bytes_per_parameter_in_bf16(variant):
    published = variant.published
    if published.precision == "bf16":
        assert published.weight_bytes == 2 * variant.parameters
    else:
        assert variant.parameters < published.weight_bytes < 1.01 * variant.parameters


def test_the_cache_of_the_70b_is_keys_and_values_of_80_layers_and_8_heads():
    assert VARIANTS["70b"].kv_bytes_per_token == 2 * 80 * 8 * 128 * 2


def test_the_cache_of_the_671b_is_a_latent_of_576_numbers_in_61_layers():
    assert VARIANTS["671b"].kv_bytes_per_token == 61 * (512 + 64) * 2 == 70_272


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda row: row.name)
def test_smaller_precisions_weigh_their_linear_layers_at_one_byte_or_a_little_over_half(variant):
    rest = 2 * (variant.parameters - variant.linear_parameters)
    for checkpoint in variant.checkpoints:
        if checkpoint.standing == "computed":
            per_weight = {"fp8": 1, "int8": 1, "int4": 0.5 + 2 / 128}[checkpoint.precision]
            assert checkpoint.weight_bytes == pytest.approx(
                rest + per_weight * variant.linear_parameters, rel=1e-5
            )
            assert "not read from the repository" in checkpoint.source
            assert checkpoint.recovery


def test_the_parameters_of_the_qwen_distillations_are_those_of_their_shapes():
    for name in ("1.5b", "7b", "14b", "32b"):
        row = VARIANTS[name]
        width, cached = row.heads * row.head_dim, row.kv_heads * row.head_dim
        linear = row.hidden * (2 * width + 2 * cached + 3 * row.intermediate)
        beside = width + 2 * cached + 2 * row.hidden  # biases and two norms
        tables = 2 * row.vocabulary * row.hidden + row.hidden
        assert row.linear_parameters == row.layers * linear
        assert row.parameters == row.layers * (linear + beside) + tables


def test_the_routed_experts_of_the_671b_are_those_of_its_shape():
    row = VARIANTS["671b"]
    experts = row.experts
    layers = row.layers - experts.dense_layers
    assert experts.parameters == layers * experts.routed * 3 * row.hidden * experts.intermediate


def test_memory_that_is_not_confirmed_says_so():
    unconfirmed = [row for row in GPUS.values() if row.memory_standing == "unconfirmed"]
    assert {row.name for row in unconfirmed} >= {"a100-40", "h200", "b200"}
    assert all("not confirmed" in row.source for row in unconfirmed)


def test_the_families_that_the_catalogue_promises_are_there():
    families = {name.partition(".")[0] for name in INSTANCE_TYPES}
    assert families >= {
        "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "g5", "g6", "g6e", "g7e",
    }  # fmt: skip
    assert any(row.cpu_model for row in INSTANCE_TYPES.values())


@pytest.mark.parametrize("row", INSTANCE_TYPES.values(), ids=lambda row: row.name)
def test_an_instance_type_counts_against_the_quota_of_its_family(row):
    letter = row.name[0]
    quota = {"p": "L-417A185B", "g": "L-DB2E81BA"}.get(letter, "L-1216C47A")
    assert row.quota_code == quota


def test_prices_are_those_after_the_cut_of_june_2025():
    # 32.7726 and 98.32 before it, which many pages still print.
    assert INSTANCE_TYPES["p4d.24xlarge"].on_demand_usd_per_hour == 21.957642
    assert INSTANCE_TYPES["p5.48xlarge"].on_demand_usd_per_hour == 55.04
    assert INSTANCE_TYPES["p5e.48xlarge"].on_demand_usd_per_hour is None


@pytest.mark.parametrize("row", INSTANCE_TYPES.values(), ids=lambda row: row.name)
def test_an_instance_type_has_either_a_known_gpu_or_none(row):
    assert (row.gpu_model in GPUS) == (row.gpus > 0)
    assert row.efa_interfaces <= row.network_cards


@pytest.mark.parametrize("row", INSTANCE_TYPES.values(), ids=lambda row: row.name)
def test_software_sees_less_of_a_gpu_than_its_label_says(row):
    if row.gpus:
        assert 0.9 < GPUS[row.gpu_model].torch_visible_gib / row.gpu_memory_gib < 1


@pytest.mark.parametrize(
    "row",
    [
        *VARIANTS.values(),
        *INSTANCE_TYPES.values(),
        *GPUS.values(),
        *KUBERNETES_VERSIONS.values(),
    ],
    ids=lambda row: getattr(row, "name", None) or getattr(row, "version", None),
)
def test_each_row_says_where_it_was_read_and_when(row):
    assert re.search(r"20\d\d-\d\d", row.source)


def test_no_kubernetes_version_is_offered_after_its_extended_support():
    for row in KUBERNETES_VERSIONS.values():
        assert row.standard_support_ends + datetime.timedelta(days=365) > datetime.date.today()


def test_images_are_named_by_a_tag_that_is_not_latest():
    for image in (images.VLLM, images.NGINX, images.DEVICE_PLUGIN):
        assert re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9.-]+)+:v?\d+\.\d+\.\d+", image)


@pytest.mark.parametrize(
    ("line", "invented"),
    [("x" + "ab" * 32, False), ("@sha256:" + "ab" * 32, True), ("rev " + "0f" * 20, True)],
)
def test_a_digest_or_revision_is_recognized(line, invented):
    assert bool(_digests(line)) == invented


def test_no_digest_or_revision_is_invented():
    rooms = [
        PROJECT / "components" / "r1_on_eks" / room for room in ("catalog", "plan", "resources")
    ]
    files = [file for room in rooms for file in room.rglob("*.py")]
    files += [*(PROJECT / "stacks").glob("*.yaml"), *(PROJECT / "infra").glob("*.py")]
    assert len(files) > 20
    assert {file.name: found for file in files if (found := _digests(file.read_text()))} == {}


def _digests(text):
    return re.findall(r"(?<!\w)(?:[0-9a-f]{64}|[0-9a-f]{40})(?!\w)", text)
