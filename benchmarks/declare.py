"""How long the program takes to declare a stack, from the first import to the last registration.

    python benchmarks/declare.py

Prints it as a ratio to importing Pulumi's three packages and touching the same resource classes
(fresh interpreters, engine mocked), and how the time grows from 7 model services to 50.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent
_RUNS = 5
_MANY = 50
_TOUCH = """\
import pulumi, pulumi_aws, pulumi_kubernetes
for path in {paths!r}:
    found = {{"aws": pulumi_aws, "kubernetes": pulumi_kubernetes}}[path[0]]
    for part in path[1:]:
        found = getattr(found, part)
"""


def main(argv: list[str]) -> int:
    """Prints times and ratios; with `declare NUMBER` it is the process that is timed."""
    if argv[:1] == ["declare"]:
        print(json.dumps(declare(int(argv[1]))))
        return 0
    one = _timed("declare", "7")
    touched = _TOUCH.format(paths=sorted(map(_path_of, one["types"])))
    floor = statistics.median(_seconds([sys.executable, "-c", touched]) for _ in range(_RUNS))
    whole = statistics.median(_timed("declare", "7")["whole"] for _ in range(_RUNS))
    few, many = (
        statistics.median(_timed("declare", str(number))["declaring"] for _ in range(_RUNS))
        for number in (7, _MANY)
    )
    print(f"import, and touch {len(one['types'])} resource classes  {floor:6.2f} s   1.00 ×")
    print(f"declare all-variants, {one['resources']} resources     {whole:6.2f} s  "
          f"{whole / floor:5.2f} × (aim: 1.50 at most)")  # fmt: skip
    print(f"of that, declaring 7 model services       {few:6.2f} s   1.00 ×")
    print(f"declaring {_MANY} model services               {many:6.2f} s  "
          f"{many / few:5.2f} × (linear: {_MANY / 7:.2f})")  # fmt: skip
    return 0


def declare(services: int) -> dict[str, Any]:
    """Declares all-variants, or so many services; seconds, resources, and their types."""
    began = time.perf_counter()
    from r1_on_eks.registration import registered_by

    found = registered_by(_program(services), stack="all-variants")
    ours = {one.type for one in found if one.type.startswith(("aws:", "kubernetes:"))}
    return {
        "declaring": time.perf_counter() - began,
        "resources": len(found),
        "types": sorted(ours),
    }


def _program(services: int) -> Any:
    import yaml
    from r1_on_eks import declare as declare_stack
    from r1_on_eks import parse_stack_config, read_decisions
    from r1_on_eks.catalog.variants import VARIANTS

    content = yaml.safe_load((PROJECT / "stacks" / "Pulumi.all-variants.yaml").read_text())
    settings = {"name": "all-variants", **content["config"]["r1-on-eks:stack"]}
    if services == len(VARIANTS):
        decisions = read_decisions(PROJECT / "stacks", "all-variants")
        return lambda: declare_stack(parse_stack_config(settings), decisions)
    import dataclasses

    for number in range(services):
        name = f"{number + 1}b-copy"
        VARIANTS[name] = dataclasses.replace(VARIANTS["1.5b"], name=name)
    settings["weights"]["fsx"] = {"capacity_gib": 2400, "mbps_per_tib": 500}
    settings["variants"] = {name: _FIXED for name in VARIANTS if name.endswith("-copy")}
    return lambda: declare_stack(parse_stack_config(settings))


_FIXED = {
    "instance": "g6.xlarge", "precision": "bf16", "tensor_parallel": 1, "stages": 1,
    "replicas": 1, "concurrency": 4, "gpu_memory_utilization": 0.92,
}  # fmt: skip


def _path_of(kind: str) -> tuple[str, ...]:
    """`aws:ec2/vpc:Vpc` → aws.ec2.Vpc; `kubernetes:apps/v1:Deployment` → apps.v1.Deployment."""
    package, module, name = kind.split(":")
    if package == "aws":
        return package, module.partition("/")[0], name
    group, _, version = module.rpartition("/")
    return package, group.partition(".")[0] or "core", version, name


def _timed(*words: str) -> dict[str, Any]:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, *words], check=True, capture_output=True, text=True
    )
    return {**json.loads(done.stdout), "whole": time.perf_counter() - began}


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
