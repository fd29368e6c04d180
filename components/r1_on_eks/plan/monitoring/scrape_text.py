"""The same scrapes as Prometheus' own configuration, which Amazon's collector takes."""

import re
from collections.abc import Sequence
from typing import Any

import yaml

from r1_on_eks.plan.monitoring.scrapes import (
    INTERVAL_SECONDS,
    KUBELET_JOB,
    KUBELET_SCRAPES,
    KubeletScrape,
    Relabel,
    Scrape,
)

_POD = "__meta_kubernetes_pod"
_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


def scrape_configuration(scrapes: Sequence[Scrape], stack: str) -> str:
    """Text of the configuration.

    Source of what the collector takes: Amazon Managed Service for Prometheus user guide,
    AMP-collector-how-to, 2026-11. It is not yet run on AWS.

    Args:
        scrapes: Pods.
        stack: A label of every series.
    """
    configuration = {
        "global": {
            "scrape_interval": f"{INTERVAL_SECONDS}s",
            "external_labels": {"stack": stack},
        },
        "scrape_configs": [
            *(_of_pods(scrape) for scrape in scrapes),
            *(_of_kubelets(one) for one in KUBELET_SCRAPES),
        ],
    }
    return yaml.safe_dump(configuration, sort_keys=False)


def _of_pods(scrape: Scrape) -> dict[str, Any]:
    chosen = [
        Relabel(sources=(f"{_POD}_label_{_meta(key)}",), regex=value, action="keep")
        for key, value in scrape.pods.items()
    ]
    steps = (
        Relabel(sources=(f"{_POD}_phase",), regex="(Failed|Succeeded)", action="drop"),
        *chosen,
        Relabel(sources=(f"{_POD}_container_port_number",), regex=str(scrape.port), action="keep"),
        *(
            Relabel(sources=(f"{_POD}_{source}",), target=label)
            for source, label in (("name", "pod"), ("container_name", "container"))
        ),
        Relabel(sources=("__meta_kubernetes_namespace",), target="namespace"),
        *scrape.relabel,
    )
    names = {"names": [scrape.namespace]}
    return {
        "job_name": scrape.job,
        "metrics_path": scrape.path,
        "scrape_interval": f"{scrape.interval_seconds}s",
        "honor_labels": scrape.honest,
        "kubernetes_sd_configs": [{"role": "pod", "namespaces": names}],
        "relabel_configs": _written(steps),
        "metric_relabel_configs": _written(scrape.metric_relabel),
    }


def _of_kubelets(one: KubeletScrape) -> dict[str, Any]:
    # Through the API server: the collector may not open the nodes' own port.
    name = f"kubelet-{one.path.rpartition('/')[2]}"
    steps = (
        Relabel(target="job", replacement=KUBELET_JOB),
        Relabel(target="metrics_path", replacement=one.path),
        Relabel(sources=("__meta_kubernetes_node_name",), target="node"),
        Relabel(target="__address__", replacement="kubernetes.default.svc:443"),
        Relabel(
            sources=("__meta_kubernetes_node_name",),
            regex="(.+)",
            target="__metrics_path__",
            replacement=f"/api/v1/nodes/$1/proxy{one.path}",
        ),
    )
    return {
        "job_name": name,
        "scheme": "https",
        "honor_labels": True,
        "tls_config": {"ca_file": f"{_FOLDER}/ca.crt"},
        "authorization": {"credentials_file": f"{_FOLDER}/token"},
        "kubernetes_sd_configs": [{"role": "node"}],
        "relabel_configs": _written(steps),
        "metric_relabel_configs": _written(one.metric_relabel),
    }


def _meta(label: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", label)


def _written(steps: Sequence[Relabel]) -> list[dict[str, Any]]:
    return [step.written(camel=False) for step in steps]
