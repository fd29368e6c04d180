"""How long it takes to look at every placement of all seven variants, and to load the planner.

    python benchmarks/plan_all.py

Prints the planner's own time as a ratio to `import pydantic`, which every stack file needs.
"""

import subprocess
import sys
import time

_RUNS = 5


def seconds_of(code: str) -> float:
    """The fastest of a few runs of a fresh interpreter, less that of an empty one."""

    def once(text: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", text], check=True)
        return time.perf_counter() - began

    return min(once(code) for _ in range(_RUNS)) - min(once("pass") for _ in range(_RUNS))


def main() -> None:
    """Prints times and ratios."""
    from r1_on_eks.catalog.variants import VARIANTS
    from r1_on_eks.plan.choice import Workload, options

    workload = Workload(
        prompt=1000, output=2000, rate=1.0, context=9000, first_token_s=2.0, per_token_s=0.08
    )
    began = time.perf_counter()
    found = sum(
        len(options(variant, workload, checkpoints=variant.checkpoints))
        for variant in VARIANTS.values()
    )
    searching = time.perf_counter() - began
    pydantic = seconds_of("import pydantic")
    times = {
        "import pydantic": pydantic,
        "import r1_on_eks.plan": seconds_of("import r1_on_eks.plan"),
        f"all placements ({found} meet the workload)": searching,
    }
    for what, seconds in times.items():
        print(f"{what:43}{seconds * 1e3:6.0f} ms {seconds / pydantic:6.1f} × pydantic")


if __name__ == "__main__":
    main()
