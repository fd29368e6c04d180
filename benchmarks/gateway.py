"""What the gateway costs: beside an nginx that passes everything on, in front of the same server.

    apt-get install wrk
    python benchmarks/gateway.py            (Go builds the server; some four minutes)
    python benchmarks/gateway.py streams    (1,000 streams alone)
    python benchmarks/gateway.py whole      (answers at once alone)

`counted` is the gateway of a stack with monitoring, which counts its answers. All run with the
same number of workers, one after the other in every round; the medians of the rounds are compared.
`whole`: an answer of 1.4 kB at once. `streamed`: an answer of 200 tokens, one event each, as fast
as it goes. Latencies are wrk's at four connections, throughput at 32.
"""

import dataclasses
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from r1_on_eks.api_keys import fingerprint, new_key
from r1_on_eks.plan import nginx
from r1_on_eks.plan.gateway import site_of
from r1_on_eks.plan.nginx.process import key_header
from r1_on_eks.rehearsal.nginx_files import nginx_command, place, rewritten
from r1_on_eks.rehearsal.nginx_package import find_or_unpack_nginx
from r1_on_eks.rehearsal.processes import Processes, free_port
from r1_on_eks.stack_config import Gateway

TRAFFIC = Path(__file__).parent / "traffic"
PATH = "/api/v1/7b/chat/completions"
_ROUNDS, _SECONDS = 5, 3
_STREAMS, _TOKENS, _PAUSE_MS, _STREAM_ROUNDS = 1000, 60, 100, 3
_PROMPT = "The quick brown fox jumps over the lazy dog. " * 90

# What is compared with: nothing but the way to the server, without a log.
_BARE = """\
worker_processes auto;
worker_rlimit_nofile 16384;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events {{
    worker_connections 8192;
}}
http {{
    {folders}
    access_log off;
    client_body_buffer_size 128k;
    upstream servers {{
        server 127.0.0.1:{server};
        keepalive 64;
    }}
    server {{
        listen {port};
        location = {path} {{
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_pass http://servers/v1/chat/completions;
        }}
    }}
}}
"""
_FOLDERS = "".join(
    f"{kind}_temp_path /tmp/{kind}; "
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
_WRK = """\
wrk.method = "POST"
wrk.body = [[{body}]]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
{tokens}
done = function(summary, latency, requests)
    local said = 'RESULT {{"requests": %d, "us": %d, "p50": %f, "p99": %f, "wrong": %d}}\\n'
    io.write(string.format(said, summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99),
        summary.errors.connect + summary.errors.read + summary.errors.write
        + summary.errors.status + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Ways:
    """Where the same server is reached, by name, and with which key."""

    urls: dict[str, str]
    key: str
    processes: Processes
    folder: Path


@contextmanager
def standing() -> Iterator[Ways]:
    """The server, the bare nginx and the gateway; afterwards none of them runs."""
    with tempfile.TemporaryDirectory(prefix="r1-gateway-") as name:
        folder, key = Path(name), new_key()
        program = folder / "traffic"
        subprocess.run(["go", "build", "-o", program, "."], cwd=TRAFFIC, check=True)
        processes, ports = Processes(folder), [free_port() for _ in range(5)]
        server, bare, ours, counting, metrics = ports
        installed = find_or_unpack_nginx(print)
        many = {"per_minute": 1_000_000, "at_a_time": 10_000}
        keys = [{"name": "load", "sha256": fingerprint(key), "limits": many}]
        site = site_of(Gateway.model_validate({"keys": keys}), ["7b"], 1200)
        (host,) = (service.host for service in site.services)
        texts = {
            "bare": _BARE.format(path=PATH, folders=_FOLDERS, server=server, port=bare),
            "gateway": nginx.configuration(site),
            "counted": nginx.configuration(dataclasses.replace(site, metrics_port=metrics)),
        }
        files = {"gateway.js": nginx.script(), "server-key/header.conf": key_header("r1-x")}
        try:
            processes.start("server", [program, "serve", f"127.0.0.1:{server}"])
            for way, port in (("bare", bare), ("gateway", ours), ("counted", counting)):
                own = folder / way
                own.mkdir()
                place(own, files)
                file = own / "nginx.conf"
                addresses = {host: [f"127.0.0.1:{server}"]}
                text = rewritten(
                    texts[way], port, addresses, installed, str(own), metrics_port=metrics
                )
                # Where a container's log goes is not what is measured; that it is written is.
                file.write_text(text.replace("access_log /dev/stdout", f"access_log {own}/log"))
                processes.start(way, nginx_command(installed, file))
            time.sleep(1)
            urls = {
                "direct": f"http://127.0.0.1:{server}/v1/chat/completions",
                "bare": f"http://127.0.0.1:{bare}{PATH}",
                "gateway": f"http://127.0.0.1:{ours}{PATH}",
                "counted": f"http://127.0.0.1:{counting}{PATH}",
            }
            yield Ways(urls, key, processes, folder)
        finally:
            processes.stop_all()


def load(ways: Ways, way: str, *, connections: int, tokens: int) -> dict[str, float]:
    """One run of wrk; p50 and p99 in µs."""
    body = json.dumps(
        {"model": "7b", "stream": tokens > 0, "messages": [{"role": "user", "content": _PROMPT}]}
    )
    script = ways.folder / "load.lua"
    asked = f'wrk.headers["X-Tokens"] = "{tokens}"' if tokens else ""
    script.write_text(_WRK.format(body=body, key=ways.key, tokens=asked))
    words = ["wrk", "-t1", f"-c{connections}", f"-d{_SECONDS}s", "-s", script, ways.urls[way]]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    found = re.search(r"RESULT (.*)", run.stdout)
    if found is None:
        raise RuntimeError(f"wrk said:\n{run.stdout}{run.stderr}")
    result = json.loads(found[1])
    if result["wrong"]:
        raise RuntimeError(f"{way}: {result['wrong']} requests failed")
    return {**result, "rate": result["requests"] / result["us"] * 1e6}


def compare(ways: Ways, shape: str, tokens: int) -> None:
    """Prints one table: each way, and its ratios to the bare nginx."""
    rows: dict[str, dict[str, list[float]]] = {
        way: {"p50": [], "p99": [], "rate": []} for way in ways.urls
    }
    for _ in range(_ROUNDS):
        for way, row in rows.items():
            few = load(ways, way, connections=4, tokens=tokens)
            row["p50"].append(few["p50"])
            row["p99"].append(few["p99"])
            row["rate"].append(load(ways, way, connections=32, tokens=tokens)["rate"])
    print(f"\n{shape:<24} p50 µs   ×bare   p99 µs   ×bare   requests/s   ×bare")
    middle = {
        way: {key: statistics.median(values) for key, values in row.items()}
        for way, row in rows.items()
    }
    for way, row in middle.items():
        cells = [f"{row[key]:9.0f}  {row[key] / middle['bare'][key]:5.2f}" for key in row]
        print(f"  {way:<20} {'  '.join(cells)}")
    print("  aim of the gateway:             p99 at most 1.20, requests at least 0.90")


def many_streams(ways: Ways) -> None:
    """Prints what became of 1,000 streams at a time, and what each held of nginx's memory."""
    print(f"\n{_STREAMS} streams of {_TOKENS} tokens, one every {_PAUSE_MS} ms")
    rounds: dict[str, list[dict[str, float]]] = {"bare": [], "gateway": []}
    for _ in range(_STREAM_ROUNDS):
        for way, found in rounds.items():
            found.append(_streams(ways, way))
    firsts = {}
    for way, found in rounds.items():
        middle = {key: statistics.median(one[key] for one in found) for key in found[0]}
        firsts[way] = middle["p50"]
        print(f"  {way:<10} {sum(one['wrong'] for one in found):.0f} errors; first byte p50"
              f" {middle['p50']:.2f} ms, p99 {middle['p99']:.2f} ms;"
              f" {max(one['KiB'] for one in found):.1f} KiB of memory a stream")  # fmt: skip
    print(f"  first byte p50: {firsts['gateway'] / firsts['bare']:.2f} × bare (aim: 1.20 at most)")


def _streams(ways: Ways, way: str) -> dict[str, float]:
    most = before = _memory(ways, way)
    words = [ways.folder / "traffic", "streams", ways.urls[way], ways.key,
             *map(str, (_STREAMS, _TOKENS, _PAUSE_MS))]  # fmt: skip
    run = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    while run.poll() is None:
        most = max(most, _memory(ways, way))
        time.sleep(0.25)
    assert run.stdout is not None
    result = json.loads(run.stdout.read())
    run.stdout.close()
    for problem, count in result["errors"].items():
        print(f"  {way}: {count} × {problem}")
    return {
        "wrong": sum(result["errors"].values()),
        "p50": result["first_byte_ms_p50"],
        "p99": result["first_byte_ms_p99"],
        "KiB": (most - before) / _STREAMS / 1024,
    }


def bodies(ways: Ways) -> None:
    """Prints what a body held in memory costs, where the model is chosen by its name."""
    url = ways.urls["gateway"].replace(PATH, "/v1/chat/completions")
    for kib in (1, 64, 1000):
        text = "x" * (kib * 1024 - 100)
        body = json.dumps({"model": "7b", "messages": [{"role": "user", "content": text}]})
        file = ways.folder / "body.json"
        file.write_text(body)
        script = ways.folder / "body.lua"
        script.write_text(
            'wrk.method = "POST"\n'
            f'local f = io.open("{file}"); wrk.body = f:read("*a"); f:close()\n'
            f'wrk.headers["Authorization"] = "Bearer {ways.key}"\n'
        )
        before, most = _memory(ways, "gateway"), 0
        words = ["wrk", "-t1", "-c32", "-d3s", "--latency", "-s", script, url]
        run = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        while run.poll() is None:
            most = max(most, _memory(ways, "gateway"))
            time.sleep(0.05)
        assert run.stdout is not None
        said = run.stdout.read()
        run.stdout.close()
        rate = re.search(r"Requests/sec:\s+(\S+)", said)
        print(f"  by model, {kib:>5} KiB, 32 at a time: {rate[1] if rate else '?':>9} requests/s;"
              f" {max(0, most - before) / 32 / 1024:7.0f} KiB of memory each")  # fmt: skip


def _memory(ways: Ways, way: str) -> int:
    """Bytes that the workers hold, each its share of what they have in common."""
    master = psutil.Process(ways.processes.running()[way])
    return sum(child.memory_full_info().pss for child in master.children())


def main(argv: Sequence[str]) -> int:
    """Runs all of it, or the streams alone."""
    if not shutil.which("wrk"):
        print("benchmarks/gateway.py: wrk is missing; apt-get install wrk", file=sys.stderr)
        return 2
    with standing() as ways:
        if "streams" not in argv:
            compare(ways, "whole", 0)
        if not {"streams", "whole"} & {*argv}:
            compare(ways, "streamed, 200 tokens", 200)
            print()
            bodies(ways)
        if "whole" not in argv:
            many_streams(ways)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
