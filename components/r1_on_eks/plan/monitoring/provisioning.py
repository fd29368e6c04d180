"""What Grafana finds when it starts: where Prometheus is, and the dashboards."""

from typing import Any

import yaml

from r1_on_eks.plan.monitoring.policies import PROMETHEUS_PORT
from r1_on_eks.plan.monitoring.scrapes import INTERVAL_SECONDS
from r1_on_eks.plan.names import MONITORING_NAMESPACE

PROVISIONING_FOLDER = "/etc/grafana/provisioning"
DASHBOARDS_FOLDER = "/etc/dashboards"
ADDRESS_VARIABLE = "R1_WORKSPACE_URL"
"""Of Grafana's pod, which reads it into its files."""
# As dashboards name it.
DATASOURCE = "prometheus"
# The Service that the operator makes for the pods of every Prometheus.
_SERVICE = "prometheus-operated"


_SOURCES, _DASHBOARDS = "datasources.prometheus.yaml", "dashboards.r1.yaml"
PROVISIONING_FILES = (_SOURCES, _DASHBOARDS)
"""`datasources.prometheus.yaml` goes to datasources/prometheus.yaml."""
_SETTINGS = {"timeInterval": f"{INTERVAL_SECONDS}s", "httpMethod": "POST"}


def cluster_source() -> dict[str, Any]:
    """Where the cluster's Prometheus answers."""
    address = f"{_SERVICE}.{MONITORING_NAMESPACE}.svc.cluster.local:{PROMETHEUS_PORT}"
    return {"url": f"http://{address}", "jsonData": _SETTINGS}


def workspace_source(region: str) -> dict[str, Any]:
    """Where a workspace of Amazon's answers: requests are signed, and AWS assigns the address.

    Args:
        region: Where it is.
    """
    # With the credentials that the SDK finds: those of Pod Identity.
    signed = {"sigV4Auth": True, "sigV4AuthType": "default", "sigV4Region": region}
    return {"url": f"${{{ADDRESS_VARIABLE}}}", "jsonData": {**_SETTINGS, **signed}}


def provisioning_files(source: dict[str, Any]) -> dict[str, str]:
    """Files by the names of PROVISIONING_FILES.

    Args:
        source: Address and settings of what answers queries.
    """
    named = {
        "name": "Prometheus",
        "uid": DATASOURCE,
        "type": "prometheus",
        "access": "proxy",
        "url": source["url"],
        "isDefault": True,
        "editable": False,
        "jsonData": source["jsonData"],
    }
    provider = {
        "name": "r1",
        "type": "file",
        "folder": "r1-on-eks",
        "allowUiUpdates": False,
        "options": {"path": DASHBOARDS_FOLDER},
    }
    return {
        _SOURCES: _text({"apiVersion": 1, "datasources": [named]}),
        _DASHBOARDS: _text({"apiVersion": 1, "providers": [provider]}),
    }


def _text(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False)
