"""What Amazon Managed Service for Prometheus is given: whom to ask, the rules, whom to tell.

The same rows as the operator's objects are made of (objects.py), in Prometheus' own words.
"""

from collections.abc import Iterator, Sequence
from textwrap import indent
from typing import Any

import yaml

from r1_on_eks.plan import Plan
from r1_on_eks.plan.monitoring.notifying import alertmanager_configuration
from r1_on_eks.plan.monitoring.policies import KUBELET_PORT
from r1_on_eks.plan.monitoring.rules import rule_groups
from r1_on_eks.plan.monitoring.scrapes import (
    INTERVAL_SECONDS,
    KUBELET_JOB,
    KUBELET_SCRAPES,
    SCRAPE_TIMEOUT,
    KubeletScrape,
    Relabel,
    Scrape,
    meta,
)

RULES_OF_A_GROUP = 20
"""Rules that a group has at most, where nobody has asked for more.

Source: Service Quotas, as a public copy without a date has it (2026-11).
"""
_POD = "__meta_kubernetes_pod"
# As the example of terraform-provider-aws asks kubelets: through the API server, with the
# collector's token (aws_prometheus_scraper, 2026-11).
_API_SERVER = "kubernetes.default.svc:443"
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def scrape_configuration(scrapes: Sequence[Scrape]) -> str:
    """The collector's configuration: a plain one of Prometheus, with what is asked alone.

    No label is added to all series: they are a workspace's of their own, and rules join series
    that are scraped with series that are recorded, which would lack it.

    Args:
        scrapes: What is asked but for the kubelets.
    """
    configuration = {
        "global": {"scrape_interval": f"{INTERVAL_SECONDS}s", "scrape_timeout": SCRAPE_TIMEOUT},
        "scrape_configs": [
            *(_of_pods(scrape) for scrape in scrapes),
            *(_of_kubelets(scrape) for scrape in KUBELET_SCRAPES),
        ],
    }
    return yaml.safe_dump(configuration, sort_keys=False)


def rules_file(plan: Plan) -> str:
    """The stack's rules as a file of Prometheus."""
    groups = [part for group in rule_groups(plan) for part in _parts(group, plan.stack)]
    return yaml.safe_dump({"groups": groups}, sort_keys=False)


def alert_definition(topic: str) -> str:
    """Whom the service tells: its file has Alertmanager's as a text within.

    Args:
        topic: ARN of an SNS topic, the one receiver that it knows.
    """
    return f"alertmanager_config: |\n{indent(alertmanager_configuration(topic, None), '  ')}"


def _of_pods(scrape: Scrape) -> dict[str, Any]:
    # What the operator makes of a PodMonitor. Namespaces are chosen here and not by discovery:
    # jobs that discover alike share one watch of the API server.
    found = (
        Relabel(sources=("__meta_kubernetes_namespace",), regex=scrape.namespace, action="keep"),
        Relabel(sources=(f"{_POD}_phase",), regex="Failed|Succeeded", action="drop"),
        *(
            Relabel(sources=(f"{_POD}_label_{meta(label)}",), regex=value, action="keep")
            for label, value in scrape.pods.items()
        ),
        Relabel(sources=(f"{_POD}_container_port_number",), regex=str(scrape.port), action="keep"),
        Relabel(sources=("__meta_kubernetes_namespace",), target="namespace"),
        Relabel(sources=(f"{_POD}_container_name",), target="container"),
        Relabel(sources=(f"{_POD}_name",), target="pod"),
    )
    return {
        "job_name": scrape.job,
        "scrape_interval": f"{scrape.interval_seconds}s",
        "metrics_path": scrape.path,
        "honor_labels": scrape.honest,
        "kubernetes_sd_configs": [{"role": "pod"}],
        **_steps((*found, *scrape.relabel), scrape.metric_relabel),
    }


def _of_kubelets(scrape: KubeletScrape) -> dict[str, Any]:
    found = (
        Relabel(target="job", replacement=KUBELET_JOB),
        Relabel(target="metrics_path", replacement=scrape.path),
        Relabel(sources=("__meta_kubernetes_node_name",), target="node"),
        # The kubelet's own address, which the next step hides.
        Relabel(
            sources=("__meta_kubernetes_node_address_InternalIP",),
            target="instance",
            replacement=f"$1:{KUBELET_PORT}",
        ),
        Relabel(target="__address__", replacement=_API_SERVER),
        Relabel(
            sources=("__meta_kubernetes_node_name",),
            target="__metrics_path__",
            replacement=f"/api/v1/nodes/$1/proxy{scrape.path}",
        ),
    )
    return {
        "job_name": f"{KUBELET_JOB}{scrape.path}",
        "scheme": "https",
        "honor_labels": True,
        "authorization": {"credentials_file": _TOKEN},
        "kubernetes_sd_configs": [{"role": "node"}],
        **_steps(found, scrape.metric_relabel),
    }


def _steps(found: Sequence[Relabel], scraped: Sequence[Relabel]) -> dict[str, Any]:
    after = {"metric_relabel_configs": [step.plain() for step in scraped]} if scraped else {}
    return {"relabel_configs": [step.plain() for step in found], **after}


def _parts(group: dict[str, Any], stack: str) -> Iterator[dict[str, Any]]:
    """The group, in as many as the service takes; a part reads what others recorded before."""
    rules = [_named(rule, stack) for rule in group["rules"]]
    for number, start in enumerate(range(0, len(rules), RULES_OF_A_GROUP), start=1):
        name = group["name"] if number == 1 else f"{group['name']}-{number}"
        yield {**group, "name": name, "rules": rules[start : start + RULES_OF_A_GROUP]}


def _named(rule: dict[str, Any], stack: str) -> dict[str, Any]:
    """An alert says of which stack it is; in the cluster, Prometheus adds that."""
    if "alert" not in rule:
        return rule
    return {**rule, "labels": {**rule["labels"], "stack": stack}}
