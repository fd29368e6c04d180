"""What stands up in a rehearsal, on one screen: the end of `make up`."""

import json
import time
from collections import Counter
from typing import Any

from kubernetes import client, config
from rich.console import Console
from rich.table import Table

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.rehearsal.cloud import Rehearsal
from r1_on_eks.rehearsal.gateway import Gateway
from r1_on_eks.rehearsal.question import ask
from r1_on_eks.screen import screen

# EKS user guide and price list, read 2026-09: a control plane in standard support.
_EKS_USD_PER_HOUR = 0.10
# They bill by the hour as well, and nothing here prices them yet.
_NOT_PRICED = {
    "aws:ec2/natGateway:NatGateway": "NAT gateway",
    "aws:ec2/eip:Eip": "public IPv4",
    "aws:fsx/lustreFileSystem:LustreFileSystem": "FSx for Lustre",
    "aws:lb/loadBalancer:LoadBalancer": "NLB",
    "aws:kms/key:Key": "KMS key",
    "aws:cloudwatch/logGroup:LogGroup": "logs",
}
_QUESTION = "Which is larger, 9.11 or 9.9?"


def print_report(rehearsal: Rehearsal, stack: str) -> int:
    """Prints the report on `stack`; returns 0 when its gateway answered, else 1."""
    console = screen()
    resources = _declared(rehearsal, stack)
    if not resources:
        console.print(
            f"nothing of {stack} stands up in this rehearsal; try: "
            f"r1 rehearse -- pulumi up --yes --stack {stack}"
        )
        return 1
    console.print(f"\n[bold]{stack}[/bold], rehearsed on this machine")
    _print_resources(console, resources)
    for cluster in rehearsal.clusters():
        _print_cluster(console, rehearsal, cluster)
    answered = _print_gateway(console, rehearsal.gateway(), rehearsal.key())
    _print_price(console, resources)
    console.print(
        f"\nnext:  r1 rehearse -- r1 status {stack}"
        "\n       r1 rehearse -- kubectl get pods --all-namespaces -o wide"
        "\n       r1 rehearse -- pulumi preview"
        f" --stack {stack}\n       make down STACK={stack}"
    )
    return 0 if answered else 1


def _declared(rehearsal: Rehearsal, stack: str) -> list[dict[str, Any]]:
    for checkpoint in (rehearsal.state.backend / ".pulumi" / "stacks").glob(f"*/{stack}.json"):
        latest = json.loads(checkpoint.read_text())["checkpoint"].get("latest") or {}
        return [r for r in latest.get("resources", []) if r["type"] != "pulumi:pulumi:Stack"]
    return []


def _print_resources(console: Console, resources: list[dict[str, Any]]) -> None:
    kinds = Counter(
        "components" if not r["custom"] else r["type"].split(":")[0]
        for r in resources
        if not r["type"].startswith("pulumi:")
    )
    parts = [f"{kinds['aws']} AWS resources", f"{kinds['kubernetes']} Kubernetes objects"]
    console.print(f"created: {', '.join(parts)} in {kinds['components']} components")


def _print_cluster(console: Console, rehearsal: Rehearsal, cluster: str) -> None:
    with config.new_client_from_config(str(rehearsal.admin_kubeconfig(cluster))) as api:
        core = client.CoreV1Api(api)
        present: Any = api.sanitize_for_serialization(core.list_node())
        running: Any = api.sanitize_for_serialization(core.list_namespaced_pod("r1"))
    console.print(f"cluster {cluster}")
    nodes = Table("node", "instance type", "zone", "GPUs", box=None, pad_edge=False)
    types = {}
    for node in present["items"]:
        name, labels = node["metadata"]["name"], node["metadata"]["labels"]
        types[name] = labels["node.kubernetes.io/instance-type"]
        gpus = node["status"]["allocatable"].get("nvidia.com/gpu", "–")
        nodes.add_row(name, types[name], labels["topology.kubernetes.io/zone"], gpus)
    pods = Table("pod", "phase", "on", "GPUs", box=None, pad_edge=False)
    pods.columns[0].overflow = "fold"
    for pod in running["items"]:
        limits = [c.get("resources", {}).get("limits", {}) for c in pod["spec"]["containers"]]
        gpus = sum(int(limit.get("nvidia.com/gpu", 0)) for limit in limits)
        node = pod["spec"].get("nodeName")
        # Without the Region's domain a pod is one line of 80 columns.
        where = f"{types[node]} {node.partition('.')[0]}" if node else "not scheduled"
        pods.add_row(pod["metadata"]["name"], pod["status"]["phase"], where, str(gpus or "–"))
    console.print(nodes, pods)


def _print_gateway(console: Console, gateway: Gateway | None, key: str) -> bool:
    if gateway is None:
        console.print("gateway: none is deployed")
        return False
    console.print(f"gateway {gateway.url}")
    for problem in gateway.problems:
        console.print(f"  problem: {problem}")
    answered = False
    for variant in gateway.variants:
        console.print(f"  {gateway.url}/api/v1/{variant}/chat/completions")
        if not answered:
            answered = _print_answer(console, gateway, variant, key)
    return answered


def _print_answer(console: Console, gateway: Gateway, variant: str, key: str) -> bool:
    console.print(f"    ask: {_QUESTION}\n    answer: ", end="")
    began, first = time.monotonic(), None
    pieces = ask(gateway.url, variant, _QUESTION, key=key, authority=gateway.authority)
    for piece in pieces:
        first = first or time.monotonic() - began
        console.print(piece, end="", markup=False)
    if first is None:
        console.print("(nothing came)")
        return False
    total = time.monotonic() - began
    console.print(f"\n    streamed: first piece after {first:.2f} s, the last after {total:.2f} s")
    return True


def _print_price(console: Console, resources: list[dict[str, Any]]) -> None:
    total, lines = 0.0, []
    for resource in resources:
        inputs = resource.get("inputs", {})
        if resource["type"] == "aws:eks/cluster:Cluster":
            total += _EKS_USD_PER_HOUR
            lines.append(f"EKS control plane ${_EKS_USD_PER_HOUR:.2f}")
        if resource["type"] == "aws:eks/nodeGroup:NodeGroup":
            count = int(inputs["scalingConfig"]["desiredSize"])
            for name in inputs.get("instanceTypes", []):
                price = INSTANCE_TYPES[name].on_demand_usd_per_hour
                lines.append(f"{count} × {name} " + (f"${price:.2f}" if price else "not priced"))
                total += count * (price or 0.0)
    unpriced = sorted({n for r in resources if (n := _NOT_PRICED.get(r["type"]))})
    console.print(f"dollars per hour so far as known: ${total:.2f} ({'; '.join(lines)})")
    console.print(f"  not in it: {', '.join(unpriced)}")
