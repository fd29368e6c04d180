"""Measured rows are read for what they say, and the committed fit is as good as it claims."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from r1_on_eks import cli
from r1_on_eks.calibration.beside import NAME, SourceErrors, errors_by_source, section
from r1_on_eks.calibration.beside import read as read_beside
from r1_on_eks.calibration.families import NEWER
from r1_on_eks.calibration.fitting import doubted_sets, too_fast
from r1_on_eks.calibration.noise import OTHERS, REPEATED, noise
from r1_on_eks.calibration.page import page_of
from r1_on_eks.calibration.replay import Replay
from r1_on_eks.calibration.results import in_family, intervals
from r1_on_eks.calibration.rows import fewest_gpus, read
from r1_on_eks.calibration.scoring import (
    FOLDS,
    SCORED,
    Scored,
    engine_table,
    errors_of,
    inside,
    interval,
    not_scored,
    score,
)
from r1_on_eks.catalog.speed_coefficients import speed_coefficients

PROJECT = Path(__file__).parent.parent
MEASURED = PROJECT / "benchmarks" / "measured.csv"
LIMITS = {"per_token": 0.12, "first_token": 0.25, "output_rate": 0.20}


def beside():
    return read_beside(PROJECT / "docs" / NAME)


@pytest.fixture(scope="module")
def rows():
    return read([MEASURED])[0]


def committed(rows):
    """What the committed fit says of rows, and of those that it leaves out."""
    fitted = speed_coefficients()
    return tuple(told(rows, fitted.values, fitted.doubted) for told in (score, not_scored))


def table(tmp_path, *changes, **changed):
    """The first committed row once for each of several changes."""
    with MEASURED.open(newline="") as file:
        first = next(csv.DictReader(file))
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, first)
        writer.writeheader()
        writer.writerows(first | one for one in changes or (changed,))
    return path


def one(tmp_path, **changed):
    (row,), _ = read([table(tmp_path, **changed)])
    return row


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"gpu": "TPU-v5"}, "GPU not known: TPU-v5"),
        ({"gpu": ""}, "GPU not known: none is stated"),
        ({"model": "gpt-oss-120b", "proxy_for": ""}, "model not known: gpt-oss-120b"),
        ({"model": "Qwen/Qwen3-8B", "quant": "nvfp4"}, "precision not known: nvfp4"),
        ({"engine": "llama.cpp"}, "engine not known: llama.cpp"),
        ({"engine": ""}, "engine not known: none is stated"),
        ({"isl": "abc"}, "no lengths stated"),
        ({"osl": "nan"}, "no lengths stated"),
        ({"concurrency": "-3"}, "no load stated"),
        ({"workload": "Poisson", "rate_qps": ""}, "no load stated"),
        ({"nodes": "2"}, "several nodes over a network that isn't stated"),
        ({"workload": "min latency, MTP3"}, "another way of serving: min latency, MTP3"),
    ],
)
def test_a_row_that_the_model_cannot_speak_of_is_counted_with_its_reason(
    tmp_path, changed, reason
):
    rows, skipped = read([table(tmp_path, **changed)])
    assert (rows, dict(skipped)) == ([], {reason: 1})


ODD_CELLS = ["", "0", "-1", "nan", "inf", "8x", "1e999"]


@pytest.mark.parametrize(
    "column",
    ["n_gpus", "tp", "pp", "dp", "nodes", "isl", "osl", "concurrency", "rate_qps", "tpot_ms",
     "ttft_ms", "output_tok_s", "e2e_s", "engine_version", "source", "note", "workload", "id"],
)  # fmt: skip
def test_no_cell_breaks_the_scoring_and_no_row_is_lost(tmp_path, column, capsys):
    rows, skipped = read([table(tmp_path, *({column: cell} for cell in ODD_CELLS))])
    assert len(rows) + skipped.total() == len(ODD_CELLS)
    for scored in score(rows, speed_coefficients().values).values() if rows else ():
        assert np.isfinite(scored.ratio).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,model\n1,x\n", "no column concurrency, dp, e2e_s"),
        (b"", "no column concurrency, dp, e2e_s"),
        (bytes(range(256)), "is no table in UTF-8"),
    ],
)
def test_what_is_no_table_of_measurements_is_refused_by_name(tmp_path, content, message, capsys):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    assert cli.main(["calibrate", "--score", str(path)]) == 2
    shown = capsys.readouterr().err
    assert f"rows.csv: {message}" in shown
    assert shown.count("\n") == 1


def test_a_table_as_spreadsheets_write_it_is_read(tmp_path):
    path = table(tmp_path)
    text = path.read_text()
    path.write_text("\ufeff" + text.replace("\n", "\r\n") + "b9,DeepSeek-R1\r\n")
    rows, skipped = read([path])
    assert len(rows) == 1
    assert list(skipped) == ["precision not known: none is stated"]


def test_what_is_not_scored_is_told_by_metric_and_reason_with_its_error(tmp_path, capsys):
    path = table(
        tmp_path,
        {"osl": "4", "tpot_ms": "10"},
        {"tpot_ms": "7"},
        {"ttft_ms": "900", "concurrency": "20000", "source": "github someone/else"},
        {"gpu": "TPU-v5"},
    )
    assert cli.main(["calibrate", "--score", str(path)]) == 0
    shown = capsys.readouterr()
    assert "3 of 4 rows are used" in shown.err
    assert "1 × GPU not known: TPU-v5" in shown.err
    assert "time per output token: 1 × answers of fewer than 16 tokens (median" in shown.out
    assert "below saturation: 1 × loads beyond saturation, where it has no bound" in shown.out
    assert cli.main(["calibrate", "--score", "--json", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["not_used"] == {"GPU not known: TPU-v5": 1}
    assert len(told["per_token"]["left_out"]["answers of fewer than 16 tokens"]) == 1


def test_a_set_that_was_too_fast_is_left_out_where_no_row_of_it_shows_that(rows):
    (doubted,) = speed_coefficients().doubted
    assert doubted_sets(Replay(rows)) == [doubted]
    members = [row for row in rows if row.set_name == doubted]
    honest = [row for row in members if not too_fast(Replay([row])).any()]
    assert 0 < len(honest) < len(members)
    assert not doubted_sets(Replay(honest))
    scored, aside = committed(honest)
    assert not scored["per_token"].rows
    assert len(aside["per_token"]["too fast to be believed, or of a set that is"].rows) == len(
        honest
    )


def test_one_impossible_row_among_many_is_left_out_alone(tmp_path):
    fair = {"tpot_ms": "7", "workload": "bench", "concurrency": "1"}
    path = table(tmp_path, *[fair] * 30, fair | {"tpot_ms": "0.01"})
    scored, aside = committed(read([path])[0])
    assert len(scored["per_token"].rows) == 30
    assert sum(len(part.rows) for part in aside["per_token"].values()) == 1


def test_clients_that_the_measurements_contradict_are_reckoned_by_littles_law(tmp_path):
    # 100 tokens/s of answers that take 10 ms a token: one at a time, whatever is stated
    texts = {"workload": "bench", "isl": "100", "osl": "200", "tpot_ms": "10", "ttft_ms": "20"}
    wrong = one(tmp_path, concurrency="4", output_tok_s="99", **texts)
    right = one(tmp_path, concurrency="4", output_tok_s="390", **texts)
    assert wrong.concurrency == pytest.approx(1.0, abs=0.01)
    assert right.concurrency == 4


def test_measurements_that_should_agree_are_told_with_how_far_they_are_apart(tmp_path):
    texts = {"workload": "bench", "concurrency": "8", "source": "github someone/else"}
    path = table(
        tmp_path,
        texts | {"tpot_ms": "10"},
        texts | {"tpot_ms": "12"},
        texts | {"tpot_ms": "30", "source": "github another/one"},
        texts | {"tpot_ms": "90", "concurrency": "64"},
        texts | {"tpot_ms": "90", "tp": "4"},
    )
    found = noise(score(read([path])[0], speed_coefficients().values))
    assert [(each.kind, each.pairs) for each in found if each.what == "per_token"] == [
        (OTHERS, 2),
        (REPEATED, 1),
    ]
    others, repeated = (each for each in found if each.what == "per_token")
    assert repeated.median == pytest.approx(0.2)
    assert others.median == pytest.approx((1.5 + 2.0) / 2)


def test_every_measurement_is_scored_or_left_out(rows):
    scored, aside = committed(rows)
    for metric in SCORED:
        measured = {row.id for row in rows if getattr(row, metric) > 0}
        left_out = {row.id for part in aside[metric].values() for row in part.rows}
        assert {row.id for row in scored[metric].rows} == measured - left_out


def test_names_of_groups_are_whole_on_eighty_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["calibrate", "--score", str(MEASURED)]) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert "Distill-Llama-70B" in shown


def test_the_cards_gpus_are_as_many_as_hold_the_model_and_a_long_sequence(rows):
    with MEASURED.open(newline="") as file:
        stated = {text["id"]: text["tp"] for text in csv.DictReader(file)}
    cards = [row for row in rows if row.source == "RedHat model cards" and stated[row.id]]
    assert len(cards) > 200
    for row in cards:
        assert fewest_gpus(row.size, row.gpu) == float(stated[row.id])


@pytest.mark.parametrize(
    ("workload", "concurrency", "arrival"),
    [
        ("suite_A online Poisson", "", "open"),
        ("all 50 requests at once", "50", "burst"),
        ("guidellm max throughput", "max", "most"),
        ("guidellm single stream", "1", "closed"),
    ],
)
def test_how_requests_arrive_is_read_from_the_workload(tmp_path, workload, concurrency, arrival):
    row = one(tmp_path, workload=workload, concurrency=concurrency, rate_qps="5")
    assert row.arrival == arrival


@pytest.mark.parametrize(
    ("version", "engine"),
    [
        ("0.5.3", "vllm-0.7"), ("0.7.3", "vllm-0.7"), ("0.7/0.8 (awq_marlin)", "vllm-0.7"),
        ("2024-08", "vllm-0.7"), ("0.10.1.1", "vllm-0.10"), ("v0.11.0", "vllm-0.10"),
        ("0.19.1", "vllm-0.10"), ("", "vllm-0.10"), ("main", "vllm-0.10"),
        ("0.21", "vllm-0.20"), ("1.0.0", "vllm-0.20"), ("recipe", "vllm-0.20"),
    ],
)  # fmt: skip
def test_engines_are_grouped_by_version(tmp_path, version, engine):
    assert one(tmp_path, engine_version=version).engine == engine


def test_errors_are_told_of_vllm_from_0_10_and_from_0_20_on(tmp_path):
    versions = ("0.7.2", "0.8.5", "0.10.1", "", "0.21.0", "1.0")
    path = table(
        tmp_path,
        *({"engine_version": version, "tpot_ms": "7", "concurrency": "1"} for version in versions),
        {"engine": "SGLang", "tpot_ms": "7"},
    )
    found = score(read([path])[0], speed_coefficients().values)["per_token"]
    assert {errors.group: errors.rows for errors in engine_table(found)} == {
        "vLLM ≥ 0.8": 5, "vLLM ≥ 0.10": 4, "all": 7, "other engines": 1, "vLLM 0.7": 1,
        "vLLM 0.8–0.19": 3, "vLLM ≥ 0.20": 2,
    }  # fmt: skip


def test_errors_on_rows_left_out_are_stated_for_every_folding():
    assert set(speed_coefficients().errors) == set(FOLDS)


def test_the_committed_coefficients_predict_the_committed_rows(rows):
    for metric, scored in score(rows, speed_coefficients().values).items():
        newer = in_family(scored, NEWER)
        if newer.sum() > 5:
            assert errors_of(scored, NEWER, newer).median < LIMITS[metric], metric


def test_a_wrong_coefficient_is_seen_in_the_errors(rows):
    wrong = speed_coefficients().values | {
        name: value * 2
        for name, value in speed_coefficients().values.items()
        if name.startswith("read.")
    }
    scored = score(rows, wrong)["per_token"]
    assert errors_of(scored, "all", np.ones(len(scored.rows), dtype=bool)).median > 0.2


def test_nine_of_ten_measurements_lie_inside_the_stated_intervals(rows):
    intervals = speed_coefficients().intervals
    for metric, scored in score(rows, speed_coefficients().values).items():
        for family, bounds in intervals[metric]["group"].items():
            part = scored.of(in_family(scored, family))
            if len(part.rows) >= 30:
                assert inside(part, bounds) >= 0.85, (metric, family)


def test_the_stated_intervals_hold_whatever_was_left_out():
    assert set(speed_coefficients().inside) == set(FOLDS)
    for left_out, metrics in speed_coefficients().inside.items():
        assert set(metrics) == set(SCORED)
        for metric, families in metrics.items():
            for family, share in families.items():
                assert share >= 0.9, (left_out, metric, family)


@pytest.mark.parametrize(
    ("number", "outside"), [(1, 0), (18, 0), (38, 0), (39, 1), (58, 1), (59, 2), (305, 14)]
)
def test_an_interval_leaves_less_than_one_in_twenty_outside_on_each_side(number, outside):
    factors = np.random.default_rng(number).permutation(np.arange(1.0, number + 1))
    scored = Scored(rows=[], predicted=np.ones(number), measured=factors)
    low, high = interval(scored, np.ones(number, dtype=bool))
    assert (low, high) == pytest.approx((1 + outside, number - outside))
    assert inside(scored, (low, high)) >= 0.9


def test_intervals_hold_as_they_are_written(rows):
    scored = score(rows, speed_coefficients().values)
    written = intervals(dict.fromkeys(FOLDS, scored))
    for metric, standings in written.items():
        for families in standings.values():
            for family, bounds in families.items():
                members = in_family(scored[metric], family)
                low, high = interval(scored[metric], members)
                assert 0 <= low - bounds[0] < 0.001
                assert 0 <= bounds[1] - high < 0.001
                assert inside(scored[metric].of(members), bounds) >= 0.9, (metric, family)


def test_rows_left_out_of_the_fit_are_predicted_within_the_limits():
    # By rows and over sources; where a class is not calibrated, time per token has a limit apart.
    limits = {metric: dict.fromkeys(FOLDS, limit) for metric, limit in LIMITS.items()}
    limits["per_token"]["GPU class"] = 0.25
    for metric in SCORED:
        for left_out, limit in limits[metric].items():
            (newer,) = [
                row
                for row in speed_coefficients().errors[left_out][metric]
                if row["group"] == NEWER
            ]
            assert newer["median"] <= limit, (metric, left_out, newer)
            assert newer["over_sources"] <= limit, (metric, left_out, newer)


def test_the_page_of_estimates_is_that_of_the_committed_fit(rows):
    scored, aside = committed(rows)
    page = page_of(scored, aside, speed_coefficients(), beside())
    assert (PROJECT / "docs" / "estimates.md").read_text() == page, (
        "write it anew: r1 calibrate --score benchmarks/measured.csv --page docs/estimates.md"
    )


def burst(tmp_path, **changed):
    return one(tmp_path, workload="all requests at once", rate_qps="", **changed)


def test_prompts_that_a_harness_repeats_cost_their_neighbours_nothing(tmp_path):
    texts = {"concurrency": "50", "isl": "4000", "osl": "500", "ttft_ms": "30000"}
    fresh = burst(tmp_path, source="github someone/else", **texts)
    again = burst(tmp_path, source="github ree2raz/inference-bench", **texts)
    replay = Replay([fresh, again])
    assert list(replay.from_cache) == [False, True]
    per_token = replay.predict(speed_coefficients().values).per_token
    assert per_token[1] < 0.8 * per_token[0]


def test_repeated_prompts_that_the_cache_does_not_hold_are_reckoned_anew(tmp_path):
    texts = {"source": "github ree2raz/inference-bench", "note": "KV available 3 GiB/GPU",
             "isl": "1000", "osl": "4000"}  # fmt: skip
    few, many = (burst(tmp_path, concurrency=number, **texts) for number in ("2", "200"))
    assert list(Replay([few, many]).from_cache) == [True, False]


def test_what_a_source_is_known_to_do_is_reckoned_with(tmp_path):
    texts = {"model": "meta-llama/Llama-3.1-70B", "proxy_for": "DeepSeek-R1-Distill-Llama-70B",
             "quant": "fp8", "gpu": "B200-180", "tp": "1", "isl": "1000", "osl": "1000",
             "workload": "bench", "concurrency": "32", "engine_version": ""}  # fmt: skip
    theirs, others = (one(tmp_path, source=source, **texts)
                      for source in ("InferenceX", "github someone/else"))  # fmt: skip
    assert theirs.size.cache_bytes * 2 == others.size.cache_bytes
    assert theirs.gpu.batched_tokens < others.gpu.batched_tokens
    replay = Replay([theirs, others])
    names = {name for name in replay.coefficient_names() if name.endswith("sequence")}
    assert names == {"sequence", "engine.vllm-0.10.sequence"}
    first = replay.predict(speed_coefficients().values).first_token
    # a tenth of its requests come all at once
    assert first[0] > 1.2 * first[1]


def test_gpus_in_pods_of_their_own_exchange_over_what_joins_the_pods(tmp_path):
    texts = {"gpu": "A100-80", "tp": "2", "n_gpus": "2", "concurrency": "64", "isl": "32",
             "osl": "400"}  # fmt: skip
    pods = burst(tmp_path, source="github dennislee22/vLLM-benchmarking", **texts)
    node = burst(tmp_path, source="github someone/else", **texts)
    slow, fast = Replay([pods, node]).predict(speed_coefficients().values).per_token
    assert slow > 1.2 * fast


def test_a_first_token_faster_than_the_gpu_gives_a_harness_away(tmp_path):
    honest = one(tmp_path, source="github someone/else", isl="4000", ttft_ms="3000")
    impossible = one(tmp_path, source="github someone/else", isl="4000", ttft_ms="5")
    assert not Replay([honest]).from_cache.any()
    assert Replay([honest, impossible]).from_cache.all()


def test_answers_that_outgrow_the_cache_put_each_other_off(tmp_path):
    def per_token(concurrency):
        texts = {"isl": "1000", "osl": "4000", "note": "KV available 3 GiB/GPU"}
        row = burst(tmp_path, concurrency=concurrency, source="github someone/else", **texts)
        return Replay([row]), Replay([row]).predict(speed_coefficients().values).per_token[0]

    replay, least = per_token(1)
    room, admitted = int(replay.room[0]), int(replay.admitted[0])
    assert 1 < room < admitted
    full, crowded = per_token(room)[1], per_token(admitted)[1]
    assert least < full
    # Those of a long queue are of all lengths: as many run as the cache holds halfway through.
    assert crowded > 0.9 * full * (1000 + 4000) / (1000 + 4000 / 2)


def test_a_step_without_cuda_graphs_is_not_shorter_than_its_launches(tmp_path):
    texts = {"engine_version": "0.21", "osl": "400", "workload": "bench", "concurrency": "1"}
    plain, eager = (one(tmp_path, note=note, **texts) for note in ("", "--enforce-eager"))
    coefficients = speed_coefficients().values
    slow, fast = (Replay([row]).predict(coefficients).per_token[0] for row in (eager, plain))
    launches = coefficients["layer.eager"] * eager.size.layers
    assert slow >= max(fast, launches)
    assert slow < fast + launches


def test_the_comparison_is_of_the_committed_fit_and_of_committed_rows(rows):
    assert beside().fitted == speed_coefficients().values, (
        "compare anew: python benchmarks/beside_aiconfigurator.py benchmarks/measured.csv …"
    )
    measured = {
        (row.id, metric): value
        for metric, scored in score(rows, speed_coefficients().values).items()
        for row, _, value in scored.each()
    }
    for pair in beside().pairs:
        assert pair.measured == pytest.approx(measured[pair.row, pair.what], rel=1e-3)


def test_errors_beside_the_other_tool_are_those_of_its_pairs():
    # Red Hat's cards are all committed, so that their errors can be worked out again here.
    cards = [pair for pair in beside().pairs if pair.source == "RedHat model cards"]
    again = [one for one in errors_by_source(cards) if one.what == "output_rate"]
    (stated,) = [
        one
        for one in beside().sources
        if (one.source, one.what) == ("RedHat model cards", "output_rate")
    ]
    assert again[0].rows == stated.rows
    assert again[0].theirs == pytest.approx(stated.theirs, abs=1e-3)
    slower = [replace(pair, theirs=pair.theirs * 2) for pair in cards]
    assert errors_by_source(slower) != errors_by_source(cards)


def test_who_is_nearer_is_computed():
    def median(ours, theirs):
        errors = SourceErrors(what="per_token", source="x", engine=NEWER, rows=3, ours=ours,
                              theirs=theirs, our_bias=0.0, their_bias=0.0)  # fmt: skip
        others = [replace(errors, what=what) for what in ("first_token", "output_rate")]
        page = section(replace(beside(), sources=[errors, *others]))
        return next(line for line in page.splitlines() if "median over 1 sources" in line)

    assert "| **10.0%** | 20.0% |" in median(0.1, 0.2)
    assert "| 20.0% | **10.0%** |" in median(0.2, 0.1)
