"""What is taken from others and runs in the cluster: where from, and what of it was verified how.

Charts that travel inside Go modules are rendered with Helm's library at development time, by
tools/upstream_objects.py; what came out is kept here, so that `pulumi up` needs Python alone.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

LWS_NAMESPACE = "lws-system"


@cache
def lws_objects() -> tuple[dict[str, Any], ...]:
    """The objects of the LeaderWorkerSet chart, one line each in the file, definitions first."""
    text = files("r1_on_eks.catalog").joinpath("lws_objects.jsonl").read_text()
    return tuple(json.loads(line) for line in text.splitlines())
