"""The load tool: NVIDIA's AIPerf, installed by a hashed lock into an environment of its own."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from r1_on_eks.benchmarking.load import Load, prompts
from r1_on_eks.benchmarking.route import Route
from r1_on_eks.rehearsal.paths import cache_directory

# `uv pip compile --universal --generate-hashes --python-version 3.11` of the one line below.
LOCK = Path(__file__).with_name("aiperf.lock")
NAME = "aiperf==0.13.0"
RESULTS = "profile_export_aiperf.json"
_RECORDS = "profile_export.jsonl"
_REQUEST_TIMEOUT_S = 1800.0
_POLL_S = 0.5


class ToolFailed(Exception):
    """The load tool could not be installed or ended without results; says why."""


def find_or_install(say: Callable[[str], None]) -> Path:
    """The tool's executable; the first time of a lock, installs it (1.2 GB).

    Raises:
        ToolFailed: it could not be installed.
    """
    return environment_of(LOCK, NAME, "1.2 GB", say) / "bin" / "aiperf"


def environment_of(lock: Path, name: str, size: str, say: Callable[[str], None]) -> Path:
    """An environment of one lock, made the first time.

    Args:
        lock: Requirements, all with their hashes.
        name: Of what it is for, `aiperf==0.13.0`.
        size: What it takes on disk.
        say: Told before it is made.

    Raises:
        ToolFailed: it could not be installed.
    """
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache_directory() / f"{name.partition('=')[0]}-{digest}-py{python}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A second one waits, and then finds it there: it would take away what the first one makes.
    with folder.with_name(f"{folder.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            say(f"installing {name} into {folder} (once; {size})")
            _install(folder, lock, name)
    return folder


def _install(folder: Path, lock: Path, name: str) -> None:
    # What an interrupted installation left is made anew.
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    command = [
        str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check",
        # The lock is whole; pip's own resolver would ask for a hash of each range of versions.
        "--no-deps", "--require-hashes", "--requirement", str(lock),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        hint = (
            "; inside a rehearsal nobody's pip settings are seen: run `r1 bench prepare` outside"
            if "R1_REHEARSAL_STATE" in os.environ
            else ""
        )
        raise ToolFailed(f"{name} could not be installed: {last}{hint}")
    (folder / "installed").touch()


def run(
    tool: Path, route: Route, load: Load, words: int, answered: Callable[[int], None]
) -> dict[str, Any]:
    """Sends the load.

    Args:
        tool: From `find_or_install`.
        route: Where to.
        load: What.
        words: Of each prompt (`words_for`).
        answered: Called with how many measured requests were answered so far.

    Returns:
        The tool's results, as it wrote them.

    Raises:
        ToolFailed: it ended without results; says its last lines.
    """
    with tempfile.TemporaryDirectory(prefix="r1-bench-") as name:
        folder = Path(name)
        _write_tokenizer(folder / "tokenizer")
        with (folder / "prompts.jsonl").open("w") as file:
            for text in prompts(words, load.warmup + load.requests):
                file.write(json.dumps({"text": text}) + "\n")
        (folder / "bench.yaml").write_text(yaml.safe_dump(configuration(folder, route, load)))
        environment = {**os.environ, "R1_KEY": route.key or "none"}
        if route.authority:
            environment["SSL_CERT_FILE"] = str(route.authority)
        command = [str(tool), "profile", "--config", str(folder / "bench.yaml"), "--ui", "none"]
        with (folder / "said").open("w") as said:
            status = _watched(
                command,
                environment,
                said,
                folder / _RECORDS,
                lambda n: answered(max(0, n - load.warmup)),
            )
        results = folder / RESULTS
        if status or not results.exists():
            told = _refusals(folder / _RECORDS) or _last_lines(folder / "said")
            raise ToolFailed("\n".join([f"{NAME} ended with status {status}:", *told]))
        return json.loads(results.read_text())


def configuration(folder: Path, route: Route, load: Load) -> dict[str, Any]:
    """The tool's own configuration of one run; the key is named there, not written."""
    there = urlsplit(route.completions)
    arrivals: dict[str, Any] = (
        {"type": "concurrency", "concurrency": load.concurrency}
        if load.rate is None
        else {"type": "poisson", "rate": load.rate}
    )
    warmup = {"type": "concurrency", "concurrency": load.warmup, "requests": load.warmup}
    return {
        "schemaVersion": "2.0",
        "benchmark": {
            "model": route.model,
            "endpoint": {
                # In two parts: to one it would add /v1 wherever that isn't the last part.
                "url": f"{there.scheme}://{there.netloc}",
                "path": there.path,
                "type": "chat",
                "streaming": True,
                "apiKey": "${R1_KEY}",
                "timeout": _REQUEST_TIMEOUT_S,
                # Tokens are those that the server counts, not those of a tokenizer here.
                "useServerTokenCount": True,
                "useLegacyMaxTokens": True,
                "extra": {
                    "max_tokens": load.output, "min_tokens": load.output, "ignore_eos": True
                },
            },
            "tokenizer": {"name": str(folder / "tokenizer")},
            "dataset": {
                "type": "file", "path": str(folder / "prompts.jsonl"), "format": "single_turn",
                "sampling": "sequential",
            },
            "phases": [
                {"name": "warmup", "excludeFromResults": True, **warmup},
                {"name": "profiling", "requests": load.requests, **arrivals},
            ],
            "artifacts": {"dir": str(folder)},
            "gpuTelemetry": {"enabled": False},
            "serverMetrics": {"enabled": False},
        },
    }  # fmt: skip


def _write_tokenizer(folder: Path) -> None:
    """One that splits at blanks: the tool loads one, and counts nothing with it."""
    model = {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}
    folder.mkdir()
    (folder / "tokenizer.json").write_text(
        json.dumps({
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
            "normalizer": None, "pre_tokenizer": {"type": "WhitespaceSplit"},
            "post_processor": None, "decoder": None, "model": model,
        })
    )  # fmt: skip
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"})
    )


def _refusals(records: Path) -> list[str]:
    """What its requests failed by, each kind once."""
    lines = records.read_text().splitlines() if records.exists() else []
    errors = Counter(
        json.dumps(found) for line in lines if (found := json.loads(line).get("error"))
    )
    return [f"{count} × {error}" for error, count in errors.most_common(3)]


def _last_lines(said: Path) -> list[str]:
    return [line for line in said.read_text().splitlines() if line.strip()][-12:]


def _watched(
    command: list[str],
    environment: dict[str, str],
    said: Any,
    records: Path,
    answered: Callable[[int], None],
) -> int:
    process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        while process.poll() is None:
            time.sleep(_POLL_S)
            if records.exists():
                answered(records.read_text().count("\n"))
    except KeyboardInterrupt:
        # The terminal told the tool as well; it ends its own workers.
        process.terminate()
        process.wait(30)
        raise
    return process.returncode
