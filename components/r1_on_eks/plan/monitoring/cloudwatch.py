"""What is asked of CloudWatch about the file system of the weights."""

from typing import Any

from r1_on_eks.plan.monitoring.policies import CLOUDWATCH_PODS
from r1_on_eks.plan.monitoring.storage_alerts import FSX_PERIOD_SECONDS

# FSx for Lustre user guide, monitoring-cloudwatch, 2026-11: each is a sum over the file system.
_FIGURES = ("FreeDataStorageCapacity", "DataReadBytes", "DataWriteBytes", "DataReadOperations")

CLOUDWATCH_ACCOUNT = CLOUDWATCH_PODS["app.kubernetes.io/name"]
_SECONDS_OF_A_MONTH = 730 * 3600
# Each figure once a period: the exporter asks by itself, however often it is scraped.
ASKED_A_MONTH = len(_FIGURES) * _SECONDS_OF_A_MONTH // FSX_PERIOD_SECONDS


def cloudwatch_queries(region: str, file_system_id: Any) -> dict[str, Any]:
    """The configuration of the exporter (YACE, docs/configuration.md, 2026-11).

    Args:
        region: AWS Region.
        file_system_id: The file system; goes in as it is.
    """
    return {
        "apiVersion": "v1alpha1",
        "static": [
            {
                "name": "weights",
                "namespace": "AWS/FSx",
                "regions": [region],
                "dimensions": [{"name": "FileSystemId", "value": file_system_id}],
                "metrics": [
                    {
                        "name": figure,
                        "statistics": ["Sum"],
                        "period": FSX_PERIOD_SECONDS,
                        "length": FSX_PERIOD_SECONDS,
                    }
                    for figure in _FIGURES
                ],
            }
        ],
    }
