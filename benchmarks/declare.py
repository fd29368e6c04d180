"""How long the program takes to declare a stack, from the first import to the last registration.

    python benchmarks/declare.py

Prints it as a ratio to importing Pulumi's three packages and touching the same resource classes,
beside what Pulumi itself takes to register as many resources with the same properties; and how
the time after the imports grows from 7 model services to 50. Fresh interpreters, engine mocked.
Seconds are of processor time, so that what else the machine does is left out; the median counts.
"""

import dataclasses
import json
import resource
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent
_RUNS = 5
_MANY = 50
_SEVEN = 7


def main(argv: list[str]) -> int:
    """Prints times and ratios; with further words it is the process that is timed."""
    if argv:
        print(json.dumps(_PARTS[argv[0]](*argv[1:])))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        recorded = str(Path(folder) / "registered.json")
        one = _run("record", recorded)
        floor = _median("touch", recorded)
        bare = _median("bare", recorded)
        whole = _median("declare", str(_SEVEN))
        few, many = (
            statistics.median(
                _run("declare-imported", recorded, str(number))["declaring"] for _ in range(_RUNS)
            )
            for number in (_SEVEN, _MANY)
        )
    number, classes = one["resources"], one["classes"]
    for told, seconds, note in (
        (f"import, and touch {classes} resource classes", floor, ""),
        (f"the same, and register {number} resources without us", bare, ""),
        (f"declare all-variants, {number} resources", whole, "(aim: 1.50 × at most)"),
    ):
        print(f"{told:52}{seconds:6.2f} s{seconds / floor:7.2f} ×  {note}".rstrip())
    print("after the imports:")
    for services, seconds, note in (
        (_SEVEN, few, ""), (_MANY, many, f"(linear would be {_MANY / _SEVEN:.2f} ×)"),
    ):  # fmt: skip
        told = f"declare {services} model services"
        print(f"{told:52}{seconds:6.2f} s{seconds / few:7.2f} ×  {note}".rstrip())
    return 0


def record(file: str) -> dict[str, Any]:
    """Writes what all-variants registers, for the processes that do the same without us."""
    from r1_on_eks.registration import registered_by

    found = registered_by(_program(_SEVEN), stack="all-variants")
    rows = [{"type": one.type, "name": one.name, "inputs": one.inputs} for one in found]
    Path(file).write_text(json.dumps(rows))
    return {"resources": len(rows), "classes": len(_paths(rows))}


def touch(file: str) -> dict[str, Any]:
    """What any program that uses these classes does first."""
    _touch(json.loads(Path(file).read_text()))
    return {}


def bare(file: str) -> dict[str, Any]:
    """Registers the recorded resources with the SDK alone: plain values, nothing to wait for."""
    rows = json.loads(Path(file).read_text())
    _touch(rows)
    import pulumi
    from r1_on_eks.registration import registered_by

    def program() -> None:
        for number, row in enumerate(rows):
            # Their providers would not take the mocks' placeholders.
            kind = row["type"].replace("pulumi:providers:", "recorded:index:")
            pulumi.CustomResource(kind, f"{row['name']}-{number}", row["inputs"])

    return {"resources": len(registered_by(program, stack="all-variants"))}


def declare(services: str) -> dict[str, Any]:
    """Runs infra/ for all-variants, or for so many services."""
    from r1_on_eks.registration import registered_by

    return {"resources": len(registered_by(_program(int(services)), stack="all-variants"))}


def declare_imported(file: str, services: str) -> dict[str, Any]:
    """As `declare`, with the seconds of what comes after the imports."""
    _touch(json.loads(Path(file).read_text()))
    from r1_on_eks import program  # noqa: F401
    from r1_on_eks.registration import registered_by

    run = _program(int(services))
    began = time.process_time()
    found = registered_by(run, stack="all-variants")
    return {"declaring": time.process_time() - began, "resources": len(found)}


_PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "record": record,
    "touch": touch,
    "bare": bare,
    "declare": declare,
    "declare-imported": declare_imported,
}


def _program(services: int) -> Callable[[], Any]:
    """infra/, as `pulumi up` runs it, with the configuration of all-variants."""
    import pulumi
    import yaml

    values = yaml.safe_load((PROJECT / "stacks" / "Pulumi.all-variants.yaml").read_text())[
        "config"
    ]
    if services != _SEVEN:
        _multiply(values["r1-on-eks:stack"], services)
    pulumi.runtime.set_all_config({key: json.dumps(value) for key, value in values.items()})
    return lambda: runpy.run_path(str(PROJECT / "infra"), run_name="__main__")


def _multiply(settings: dict[str, Any], services: int) -> None:
    """So many copies of the smallest variant, each on a node of its own."""
    from r1_on_eks.catalog.variants import VARIANTS

    for number in range(services):
        name = f"{number + 1}b-copy"
        VARIANTS[name] = dataclasses.replace(VARIANTS["1.5b"], name=name)
    settings["variants"] = {name: _FIXED for name in VARIANTS if name.endswith("-copy")}


_FIXED = {
    "instance": "g6.xlarge", "precision": "bf16", "tensor_parallel": 1, "stages": 1,
    "replicas": 1, "concurrency": 4, "gpu_memory_utilization": 0.92,
}  # fmt: skip


def _touch(rows: list[dict[str, Any]]) -> None:
    import pulumi_aws
    import pulumi_kubernetes

    for package, *parts in _paths(rows):
        found: Any = {"aws": pulumi_aws, "kubernetes": pulumi_kubernetes}[package]
        for part in parts:
            found = getattr(found, part)


def _paths(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    kinds = {row["type"] for row in rows}
    return sorted(_path_of(kind) for kind in kinds if kind.startswith(("aws:", "kubernetes:")))


def _path_of(kind: str) -> tuple[str, ...]:
    """`aws:ec2/vpc:Vpc` → aws.ec2.Vpc; `kubernetes:apps/v1:Deployment` → apps.v1.Deployment."""
    package, module, name = kind.split(":")
    if package == "aws":
        return package, module.partition("/")[0], name
    group, _, version = module.rpartition("/")
    return package, group.partition(".")[0] or "core", version, name


def _median(*words: str) -> float:
    return statistics.median(_run(*words)["processor"] for _ in range(_RUNS))


def _run(*words: str) -> dict[str, Any]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, __file__, *words], check=True, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(done.stdout), "processor": spent}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
