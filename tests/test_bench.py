"""`r1 bench`: what the load tool reports is read, held against the plan, and written as a row.

tests/aiperf_results.json is what AIPerf 0.13.0 wrote of 20 requests, four at a time, to a stand-in
at a pace of 500 ms and 50 ms, less its input_config and the figures that nothing reads. The tool
itself runs in tests/rehearsal/test_bench.py.
"""

import contextlib
import csv
import dataclasses
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from r1_on_eks.benchmarking import rows, tool
from r1_on_eks.benchmarking.compare import differences
from r1_on_eks.benchmarking.load import Load, prompts, words_for
from r1_on_eks.benchmarking.measured import NotMeasured, read
from r1_on_eks.benchmarking.route import NotReached, Route
from r1_on_eks.benchmarking.run import Run
from r1_on_eks.benchmarking.tables import print_run
from r1_on_eks.benchmarking.verdict import figures, predicted
from r1_on_eks.calibration.rows import read as read_rows
from r1_on_eks.cli import main
from r1_on_eks.rehearsal.model_server import ModelServer
from r1_on_eks.rehearsal.pace import Pace, parse_pace, write_pace
from r1_on_eks.rehearsal.processes import free_port
from r1_on_eks.stack_file import plan_of
from rich.console import Console

PROJECT = Path(__file__).parent.parent
RESULTS = json.loads((Path(__file__).parent / "aiperf_results.json").read_text())
FOUND = read(RESULTS)
PLAN = plan_of("test-7b", PROJECT / "stacks")
(MODEL,) = PLAN.models
CLOSED = Load(prompt=1000, output=2000, concurrency=4, requests=20)
AT_A_RATE = Load(prompt=1000, output=2000, rate=0.05, requests=20)


def as_predicted(load, **changed):
    """A measurement that is exactly what the plan says, but for what is `changed`."""
    estimate = predicted(MODEL, load, PLAN.region)
    exact = {
        "first_token_s": estimate.first_token_s.likely,
        "per_token_s": estimate.per_token_s.likely,
        "output_per_s": estimate.output_per_s.likely,
    }
    return dataclasses.replace(FOUND, **{**exact, **changed}), estimate


def marks(found, load, estimate):
    return [figure.inside for figure in figures(found, load, MODEL, estimate)]


def test_the_tools_own_results_are_read():
    assert FOUND.first_token_s == pytest.approx(0.5072, abs=1e-4)
    assert FOUND.per_token_s == pytest.approx(0.0500, abs=1e-4)
    assert FOUND.output_per_s == pytest.approx(64.68, abs=0.01)
    assert (FOUND.prompt, FOUND.output, FOUND.requests, FOUND.failed) == (100, 40, 20, 0)
    assert FOUND.requests_per_s == pytest.approx(1.617, abs=1e-3)


def test_results_without_an_answer_say_what_refused_them():
    refused = {"error_summary": [{"count": 3, "error_details": {"code": 503}}]}
    with pytest.raises(NotMeasured, match=r"3 × .*503"):
        read(refused)


def test_what_the_plan_says_is_inside_and_far_from_it_is_outside():
    found, estimate = as_predicted(CLOSED)
    assert marks(found, CLOSED, estimate) == [True, True, True]
    high, low = estimate.per_token_s.high, estimate.per_token_s.low
    for wrong in (high * 1.01, low * 0.99):
        found, _ = as_predicted(CLOSED, per_token_s=wrong)
        assert marks(found, CLOSED, estimate) == [True, False, True]


def test_throughput_of_several_replicas_is_theirs_together():
    placement = dataclasses.replace(MODEL.placement, replicas=2)
    twice = dataclasses.replace(MODEL, placement=placement)
    load = dataclasses.replace(CLOSED, concurrency=8)
    one, two = predicted(MODEL, CLOSED, PLAN.region), predicted(twice, load, PLAN.region)
    assert one == two
    found = dataclasses.replace(FOUND, output_per_s=one.output_per_s.likely * 2)
    assert figures(found, load, twice, two)[2].inside
    assert not figures(found, CLOSED, MODEL, one)[2].inside


def test_at_a_rate_limits_count_and_throughput_is_that_of_the_arrivals():
    found, estimate = as_predicted(AT_A_RATE, first_token_s=2.5)
    first, each, throughput = figures(found, AT_A_RATE, MODEL, estimate)
    assert (first.within_limit, first.holds) == (False, False)
    assert (each.within_limit, each.holds) == (True, True)
    assert throughput.inside is None


def test_nothing_is_predicted_of_more_than_run_at_a_time():
    load = dataclasses.replace(CLOSED, concurrency=MODEL.placement.concurrency + 1)
    assert predicted(MODEL, load, PLAN.region) is None


@pytest.mark.parametrize("per_word", [1.0, 1.4])
def test_prompts_have_the_length_that_the_server_counts(per_word):
    def count(text):
        return round(12 + per_word * len(text.split()))

    words = words_for(1000, count)
    sent = list(prompts(words, 20))
    assert all(abs(count(text) - 1000) <= 5 for text in sent)
    # Else a server with a prefix cache would answer the second sooner.
    assert len({text.split()[0] for text in sent}) == 20


def test_a_row_is_one_that_calibration_reads(tmp_path, capsys):
    table = tmp_path / "rows.csv"
    for load in (CLOSED, AT_A_RATE):
        row = rows.row_of(
            MODEL, load, FOUND, source="r1 bench test-7b", rehearsed=False, day="2026-11-25"
        )
        rows.append(table, row)
    read_back, skipped = read_rows([table])
    assert not skipped
    assert [row.arrival for row in read_back] == ["closed", "open"]
    for row in read_back:
        assert (row.gpu, row.tensor_parallel) == (MODEL.placement.gpu, 1)
        assert row.first_token == pytest.approx(FOUND.first_token_s, abs=1e-4)
        assert row.per_token == pytest.approx(FOUND.per_token_s, abs=1e-5)
        assert (row.prompt, row.output, row.engine) == (100, 40, "vllm-0.20")
    assert main(["calibrate", "--score", str(table)]) == 0
    assert "2 of 2 rows are used" in capsys.readouterr().err


def test_the_columns_are_those_of_the_published_table():
    with (PROJECT / "benchmarks" / "measured.csv").open(newline="") as file:
        assert tuple(next(csv.reader(file))) == rows.COLUMNS


def test_a_row_of_a_rehearsal_says_so_and_speed_is_not_fitted_to_it(tmp_path, capsys):
    row = rows.row_of(MODEL, CLOSED, FOUND, source="s", rehearsed=True, day="2026-11-25")
    assert row["kind"] == "rehearsed"
    assert "stand-in" in row["note"]
    rows.append(tmp_path / "rows.csv", row)
    table = str(tmp_path / "rows.csv")
    assert main(["calibrate", "--score", table]) == 0
    assert "1 of 1 rows are used" in capsys.readouterr().err
    assert main(["calibrate", table]) == 2
    assert "not used: 1 × a stand-in answered" in capsys.readouterr().err


def test_a_table_of_something_else_is_left_alone(tmp_path):
    table = tmp_path / "other.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(rows.NotRecorded, match="other columns"):
        rows.check(table, [MODEL])
    assert table.read_text() == "a,b\n1,2\n"


def test_of_replicas_that_follow_the_requests_no_row_is_made_and_the_table_says_so(tmp_path):
    (scaled,) = plan_of("office-7b", PROJECT / "stacks").models
    with pytest.raises(rows.NotRecorded, match="7b: its replicas follow the requests"):
        rows.check(tmp_path / "rows.csv", [scaled])
    route = Route(url="https://x/api/v1/7b", model="7b", key="k", authority=None)
    run = Run(
        name="7b", route=route, load=CLOSED, measured=FOUND,
        figures=figures(FOUND, CLOSED, MODEL, None), model=MODEL,
        usd_per_hour=1.0, rehearsed=False,
    )  # fmt: skip
    said = "of all 4, and fewer may have answered"
    for model, told in ((MODEL, False), (scaled, True)):
        console = Console(record=True, width=200)
        print_run(console, dataclasses.replace(run, model=model))
        assert (said in console.export_text()) is told


def test_every_package_of_the_tool_is_pinned_by_hash():
    text = tool.LOCK.read_text()
    packages = re.split(r"\n(?=\S)", text.strip())
    assert any(one.startswith(tool.NAME) for one in packages)
    assert all(re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", one) for one in packages)
    assert all("--hash=sha256:" in one for one in packages)


def test_the_key_is_in_no_file(tmp_path):
    route = Route(url="https://x/api/v1/7b", model="7b", key="r1-secret", authority=None)
    assert "r1-secret" not in json.dumps(tool.configuration(tmp_path, route, CLOSED))


def test_the_tool_is_sent_to_the_routes_own_path(tmp_path):
    route = Route(url="https://x:8443/api/v1/7b", model="7b", key="", authority=None)
    endpoint = tool.configuration(tmp_path, route, CLOSED)["benchmark"]["endpoint"]
    # To a URL with a path it would add /v1/chat/completions.
    assert endpoint["url"] == "https://x:8443"
    assert endpoint["path"] == "/api/v1/7b/chat/completions"


def test_two_variants_differ_by_milliseconds_dollars_and_accuracy():
    route = Route(url="https://x", model="7b", key="", authority=None)
    small = Run(
        name="7b", route=route, load=CLOSED, measured=FOUND, figures=(), model=MODEL,
        usd_per_hour=1.0, rehearsed=False,
    )  # fmt: skip
    slower = dataclasses.replace(FOUND, whole_s=FOUND.whole_s + 0.015, output_per_s=32.34)
    large = dataclasses.replace(small, name="14b", measured=slower, usd_per_hour=3.3)
    (one,) = differences([small, large], {"7b": 0.60, "14b": 0.83})
    assert one.whole_s == pytest.approx(0.015)
    assert one.usd_per_hour == pytest.approx(2.3)
    assert one.usd_per_million == pytest.approx(3.3 / 32.34 / 3.6e-3 - 1 / 64.6825 / 3.6e-3, 1e-3)
    told = "\n".join(one.told())
    assert "+23.0 points" in told
    assert "+0.7 ms an answer and +0.100 $/h" in told
    (unknown,) = differences([small, large], {"7b": 0.60})
    assert "not measured here" in unknown.told()[-1]


@contextlib.contextmanager
def stand_in(folder, pace):
    file = folder / "pace.json"
    write_pace(file, pace)
    server = ModelServer(free_port(), ["7b"], None, file)
    server.RequestHandlerClass.log_message = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_stand_in_keeps_the_pace_that_was_set(tmp_path):
    body = {"stream": True, "max_tokens": 60, "ignore_eos": True, "messages": [{"content": "a b"}]}
    with stand_in(tmp_path, Pace(first_token_s=0.2, per_token_s=0.005)) as url:
        request = urllib.request.Request(
            f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "x"}
        )
        began, times = time.monotonic(), []
        with urllib.request.urlopen(request, timeout=10) as answer:
            for line in answer:
                if line.startswith(b"data: {"):
                    times.append(time.monotonic() - began)
                    last = json.loads(line[6:])
    assert last["usage"] == {"prompt_tokens": 2, "completion_tokens": 60, "total_tokens": 62}
    assert times[0] == pytest.approx(0.2, abs=0.1)
    assert times[0] >= 0.2
    assert times[59] >= 0.2 + 59 * 0.005


@pytest.mark.parametrize("text", ["", "200", "a,b", "-1,20", "1,2,3", "nan,1"])
def test_what_is_no_pace_is_refused(text):
    with pytest.raises(ValueError, match="200,20"):
        parse_pace(text)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """`r1 bench` with a tool that writes the recorded results at once."""
    program = tmp_path / "aiperf"
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, shutil, sys, yaml\n"
        "asked = yaml.safe_load(open(sys.argv[3]))['benchmark']\n"
        f"folder = asked['artifacts']['dir']\n"
        f"shutil.copy({str(Path(__file__).parent / 'aiperf_results.json')!r},"
        " pathlib.Path(folder, 'profile_export_aiperf.json'))\n"
        f"shutil.copy(asked['dataset']['path'], {str(tmp_path / 'sent.jsonl')!r})\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(tool, "find_or_install", lambda say: program)
    monkeypatch.setattr(tool, "_POLL_S", 0.05)
    monkeypatch.chdir(PROJECT)
    for name in ("R1_GATEWAY", "R1_KEY", "R1_GATEWAY_CA", "R1_REHEARSAL_STATE"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: main(["bench", *words])


def test_a_url_is_measured_and_nothing_is_compared(bench, tmp_path, capsys):
    with stand_in(tmp_path, Pace()) as url:
        words = (f"{url}/v1", "--variant", "7b", "--prompt", "100", "--output", "40")
        assert bench(*words, "--concurrency", "4", "--requests", "20", "--json") == 0
    told = json.loads(capsys.readouterr().out)["runs"][0]
    assert told["measured"]["per_token_s"] == FOUND.per_token_s
    assert all(figure["inside"] is None for figure in told["figures"])
    sent = [
        json.loads(line)["text"] for line in (tmp_path / "sent.jsonl").read_text().splitlines()
    ]
    assert len(sent) == 24
    assert {len(text.split()) for text in sent} == {100}


def test_a_stack_is_compared_with_its_plan_and_recorded(bench, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Route, "count", lambda self, text: len(text.split()))
    table = tmp_path / "rows.csv"
    words = ("test-7b", "--gateway", "https://your.name/", "--concurrency", "4")
    assert bench(*words, "--record", str(table)) in (0, 1)
    said = " ".join(capsys.readouterr().out.split())
    assert "https://your.name/api/v1/7b" in said
    number = r"[\d.,]+"
    assert re.search(
        rf"first token, ms 507\.2 {number} {number}–{number} (inside|OUTSIDE) –", said
    )
    assert len(table.read_text().splitlines()) == 2


def test_a_figure_outside_is_exit_status_1(bench, monkeypatch, capsys):
    monkeypatch.setattr(Route, "count", lambda self, text: len(text.split()))
    found, _ = as_predicted(CLOSED)
    for changed, status in (({}, 0), ({"per_token_s": found.per_token_s * 3}, 1)):
        measured, _ = as_predicted(CLOSED, **changed)
        monkeypatch.setattr("r1_on_eks.benchmarking.commands.read", lambda _, m=measured: m)
        assert bench("test-7b", "--gateway", "https://x", "--concurrency", "4") == status
        assert ("OUTSIDE" in capsys.readouterr().out) == bool(status)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["test-7b"], "--gateway https://your.name"),
        (["nothing"], "no stacks/Pulumi.nothing.yaml"),
        (["test-7b", "--gateway", "https://x", "--variant", "70b"], "test-7b has 7b"),
        (["https://x/api/v1/7b"], "say --rate or --concurrency"),
        (["https://x", "--rate", "1", "--record", "r.csv"], "--record needs a stack"),
        (["test-7b", "--gateway", "https://x", "--ca", "none.crt"], "there is no such file"),
        (["test-7b", "--gateway", "your.name"], "--gateway: your.name: is no address"),
        (["test-7b", "--gateway", "https://your name"], "write https://your.name"),
        (["test-7b", "--accuracy", "9b=0.5"], "write --variant 9b and another --variant"),
        (
            ["all-variants", "--variant", "7b", "--variant", "14b", "--accuracy", "8b=0.5"],
            "--accuracy 8b=…",
        ),
        (["ftp://your.name/7b", "--rate", "1"], "ftp://your.name/7b: is no address"),
    ],
)
def test_what_does_not_fit_together_is_misuse(bench, capsys, words, told):
    assert bench(*words) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--output", "1"], "1 token has no time after the first; write 2 or more"),
        (["--output", "0"], "no whole number from 1 on"),
        (["--accuracy", "9b="], "write a variant and a share, 7b=0.71"),
        (["--accuracy", "=0.5"], "write a variant and a share, 7b=0.71"),
    ],
)
def test_a_word_that_can_mean_nothing_is_misuse(bench, capsys, words, told):
    with pytest.raises(SystemExit) as ended:
        bench("test-7b", "--gateway", "https://x", *words)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_two_first_runs_install_the_tool_once(tmp_path, monkeypatch):
    made = []

    def create(folder, with_pip):
        made.append(folder)
        (folder / "bin").mkdir(parents=True)
        time.sleep(0.3)

    def installed(command, **_):
        # What the second one had taken away, had it not waited.
        assert Path(command[0]).parent.is_dir()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(tool, "cache_directory", lambda: tmp_path / "cache")
    monkeypatch.setattr(tool.venv, "create", create)
    monkeypatch.setattr(tool.subprocess, "run", installed)
    said = []
    with ThreadPoolExecutor(2) as pool:
        found = [*pool.map(lambda _: tool.find_or_install(said.append), range(2))]
    assert found[0] == found[1]
    assert (len(made), len(said)) == (1, 1)


@pytest.mark.parametrize("key", ["r1-sec\nret", "r1-…", "r1 sec"])
def test_what_is_no_key_is_misuse_and_is_not_told(bench, capsys, monkeypatch, key):
    monkeypatch.setenv("R1_KEY", key)
    assert bench("test-7b", "--gateway", "http://127.0.0.1:1") == 2
    said = capsys.readouterr().err
    assert "R1_KEY: is no key" in said
    assert "r1-" not in said.replace("r1-on-eks", "")
    assert "sec" not in said


@pytest.mark.parametrize(
    ("stack", "table", "told"),
    [
        ("test-7b", "other.csv", "has other columns"),
        ("test-7b", "none/rows.csv", "there is no folder"),
        ("edge-1.5b-cpu", "rows.csv", "knows GPUs alone; leave --record out"),
    ],
)
def test_a_row_that_nobody_could_write_is_refused_before_the_load(
    bench, tmp_path, capsys, monkeypatch, stack, table, told
):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    monkeypatch.setattr(Route, "count", lambda self, text: pytest.fail("a request was made"))
    words = (stack, "--gateway", "https://x", "--concurrency", "4")
    assert bench(*words, "--record", str(tmp_path / table)) == 1
    assert told in capsys.readouterr().err


def test_a_variant_that_fails_takes_no_other_ones_figures_away(bench, capsys, monkeypatch):
    def count(route, text):
        if route.model == "14b":
            raise NotReached("14b: HTTP 503")
        return len(text.split())

    monkeypatch.setattr(Route, "count", count)
    words = ("all-variants", "--gateway", "https://x", "--variant", "7b", "--variant", "14b")
    assert bench(*words, "--concurrency", "4") == 1
    said = capsys.readouterr()
    assert "https://x/api/v1/7b" in said.out
    assert "14b: HTTP 503" in said.err
    assert bench(*words, "--concurrency", "4", "--json") == 1
    assert [one["variant"] for one in json.loads(capsys.readouterr().out)["runs"]] == ["7b"]


def test_what_speaks_no_http_is_one_line(bench, capsys):
    with what_speaks_otherwise() as address:
        assert bench(f"http://{address}/v1", "--concurrency", "1") == 1
    assert "speaks no HTTP" in capsys.readouterr().err


@contextlib.contextmanager
def what_speaks_otherwise():
    """Something that answers each request as an SSH server would."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield "{}:{}".format(*server.getsockname())
        thread.join()


def test_a_route_that_nobody_serves_is_one_line(bench, capsys):
    assert bench(f"http://127.0.0.1:{free_port()}/v1", "--concurrency", "1") == 1
    assert "Connection refused" in capsys.readouterr().err


def test_a_tool_that_fails_says_its_last_lines(bench, tmp_path, capsys):
    (tmp_path / "aiperf").write_text("#!/bin/sh\necho the reason\nexit 3\n")
    with stand_in(tmp_path, Pace()) as url:
        assert bench(f"{url}/v1", "--variant", "7b", "--concurrency", "1") == 1
    said = capsys.readouterr().err
    assert "status 3" in said
    assert "the reason" in said
