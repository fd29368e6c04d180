"""What the pods of monitoring have alike, in the words of pulumi_kubernetes."""

from typing import Any

NOBODY = 65534


def probe(path: str, port: int, failures: int | None = None) -> dict[str, Any]:
    """A request every ten seconds.

    Args:
        path: Of the request.
        port: Number of the port.
        failures: How many in a row count; three, if not said.
    """
    return {
        "http_get": {"path": path, "port": port},
        "period_seconds": 10,
        # One second, which is Kubernetes' own, is short on a busy node.
        "timeout_seconds": 5,
        **({"failure_threshold": failures} if failures else {}),
    }
