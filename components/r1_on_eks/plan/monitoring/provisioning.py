"""What Grafana finds when it starts: where Prometheus is, and the dashboards."""

import yaml

from r1_on_eks.plan.monitoring.policies import PROMETHEUS_PORT
from r1_on_eks.plan.monitoring.scrapes import INTERVAL_SECONDS
from r1_on_eks.plan.names import MONITORING_NAMESPACE

PROVISIONING_FOLDER = "/etc/grafana/provisioning"
DASHBOARDS_FOLDER = "/etc/dashboards"
# As dashboards name it.
DATASOURCE = "prometheus"
# The Service that the operator makes for the pods of every Prometheus.
_SERVICE = "prometheus-operated"


def provisioning_files() -> dict[str, str]:
    """Files by name; `datasources.prometheus.yaml` goes to datasources/prometheus.yaml."""
    source = {
        "name": "Prometheus",
        "uid": DATASOURCE,
        "type": "prometheus",
        "access": "proxy",
        "url": f"http://{_SERVICE}.{MONITORING_NAMESPACE}.svc.cluster.local:{PROMETHEUS_PORT}",
        "isDefault": True,
        "editable": False,
        "jsonData": {"timeInterval": f"{INTERVAL_SECONDS}s", "httpMethod": "POST"},
    }
    provider = {
        "name": "r1",
        "type": "file",
        "folder": "r1-on-eks",
        "allowUiUpdates": False,
        "options": {"path": DASHBOARDS_FOLDER},
    }
    return {
        "datasources.prometheus.yaml": _text({"apiVersion": 1, "datasources": [source]}),
        "dashboards.r1.yaml": _text({"apiVersion": 1, "providers": [provider]}),
    }


def _text(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False)
