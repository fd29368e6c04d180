"""What the cluster itself says: nodes, replicas of each variant, all other pods, jobs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from r1_on_eks.operations.readiness.finding import Finding, Standing, lacking, ready, unknown
from r1_on_eks.operations.status.on_aws import describe_node_group
from r1_on_eks.operations.status.pods import is_over, is_ready, is_well, trouble_of
from r1_on_eks.operations.status.scene import NoCluster, NoRights, Scene
from r1_on_eks.plan import Model
from r1_on_eks.plan.monitoring.policies import OPERATOR_PODS
from r1_on_eks.plan.names import MONITORING_NAMESPACE, NAMESPACE, POOL_LABEL
from r1_on_eks.plan.pools import Pool
from r1_on_eks.plan.quality import CHECK_PODS
from r1_on_eks.plan.scaling import NODE_SECONDS

API_SERVER, NODES, PODS, JOBS = "API server", "nodes", "other pods", "jobs"
PROMETHEUS = "Prometheus"
_PRIVATE = "it is private: use a VPN, a bastion or a runner in the VPC"
_RIGHTS = (
    "aws sts get-caller-identity  # is it one of the admins of the stack's file? export"
    " AWS_PROFILE=…"
)
_OPERATOR = OPERATOR_PODS["app.kubernetes.io/name"]
_SHOWN = 4
_INSTANCE = "app.kubernetes.io/instance"
# Kubernetes puts it on the pods of a Job (1.27 and later).
_JOB = "batch.kubernetes.io/job-name"
_WORKLOADS = (("apps/v1", "deployments"), ("leaderworkerset.x-k8s.io/v1", "leaderworkersets"))


def api_server(scene: Scene) -> Iterable[Finding]:
    """Whether it answers; the one line that stands for all that it wasn't asked."""
    cluster = scene.cluster()
    if cluster is None:
        return []
    try:
        scene.listed("/api/v1/nodes")
    except NoRights as refused:
        # Whoever is answered is in the right network.
        return [lacking(API_SERVER, f"{cluster.get('endpoint', '–')}: {refused}", _RIGHTS)]
    except NoCluster as silent:
        access = cluster.get("resourcesVpcConfig", {})
        public = ", ".join(access.get("publicAccessCidrs", ()))
        way = (
            f"from outside {public}: endpoint.public_from; from inside: aws eks describe-cluster"
            f" --name {cluster['name']}"
            if access.get("endpointPublicAccess")
            else _PRIVATE
        )
        return [lacking(API_SERVER, f"{cluster.get('endpoint', '–')}: {silent}", way)]
    return [ready(API_SERVER, f"{cluster['endpoint']} answers")]


def nodes(scene: Scene) -> Iterable[Finding]:
    """Asks for all nodes; holds each pool's against the plan."""
    found = scene.listed("/api/v1/nodes")
    plan = scene.plan
    for pool in (plan.system_pool, *plan.gpu_pools):
        label = pool.labels.get(POOL_LABEL)
        of_pool = [one for one in found if _label(one, POOL_LABEL) == label]
        least = 0 if plan.autoscaled and label else pool.nodes
        yield _nodes(scene, pool, of_pool, least)


def _nodes(scene: Scene, pool: Pool, found: Sequence[Mapping[str, Any]], wanted: int) -> Finding:
    subject = f"{NODES} {pool.name}"
    bad = [one for one in found if not _is_ready(one)]
    told = f"{len(found) - len(bad)} of {max(wanted, len(found))} ready"
    if bad:
        reason = _condition(bad[0]).get("message", "it tells nothing")
        told = f"{told}; {_names(bad)}: {reason}"
        return lacking(subject, told, f"kubectl describe node {bad[0]['metadata']['name']}")
    if len(found) < wanted:
        return lacking(subject, told, describe_node_group(scene, pool))
    if cordoned := [one for one in found if one["spec"].get("unschedulable")]:
        told = f"{told}; cordoned: {_names(cordoned)}"
        fix = f"kubectl uncordon {cordoned[0]['metadata']['name']}  # unless somebody works on it"
        return unknown(subject, told, fix)
    return ready(subject, told)


def _names(objects: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(one["metadata"]["name"] for one in objects[:_SHOWN])


def replicas(scene: Scene) -> Iterable[Finding]:
    """Of each variant: how many are ready, and why the others are not."""
    plan, pods = scene.plan, scene.pods()
    asked = _WORKLOADS if plan.spans_nodes else _WORKLOADS[:1]
    workloads = [one for group, kind in asked for one in scene.own(group, kind)]
    for model in plan.models:
        mine = [one for one in workloads if _label(one, _INSTANCE) == model.server.name]
        of_model = [one for one in pods if _label(one, _INSTANCE) == model.server.name]
        yield _replicas(scene, model, mine, of_model, scene.now)


def _replicas(
    scene: Scene,
    model: Model,
    workloads: Sequence[Mapping[str, Any]],
    pods: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Finding:
    subject = f"replicas {model.placement.variant.name}"
    if not workloads:
        told = f"the cluster has no workload of {model.name}"
        return lacking(subject, told, f"pulumi up --stack {scene.stack}")
    wanted = sum(one["spec"].get("replicas", 1) for one in workloads)
    there = sum(one.get("status", {}).get("readyReplicas", 0) for one in workloads)
    told = f"{there} of {wanted} ready"
    if wanted == 0:
        return ready(subject, "0 wanted: reserved, or scaled in")
    waiting = [one for one in pods if not is_ready(one)]
    # Those that are over say why others are not ready only where no other stands in their place.
    alive = [one for one in waiting if not is_over(one)]
    node_seconds = NODE_SECONDS if model.scaling else 0
    troubles = [
        trouble_of(one, now, model.server.timeline, node_seconds=node_seconds)
        for one in alive or waiting
    ]
    troubles.sort(key=lambda one: one.standing is not Standing.LACKING)
    if there >= wanted and not any(one.standing is Standing.LACKING for one in troubles):
        return ready(subject, told)
    if not troubles:
        see = f"kubectl -n {NAMESPACE} describe deployment {model.name}"
        return lacking(subject, f"{told}; no pod of it exists", see)
    worst = troubles[0]
    standing = worst.standing if alive else Standing.LACKING
    return Finding(standing, subject, f"{told}; {worst.told}", worst.fix)


def pods(scene: Scene) -> Iterable[Finding]:
    """All that are no model server's: gateway, DNS, drivers, plug-ins."""
    servers = {model.server.name for model in scene.plan.models}
    others = [
        one
        for one in scene.pods()
        if _label(one, _INSTANCE) not in servers and not _is_told_by_its_job(one)
    ]
    troubled = [trouble_of(one, scene.now, None) for one in others if not is_well(one)]
    bad = [one for one in troubled if one.standing is Standing.LACKING]
    if bad:
        told = "; ".join(one.told for one in bad[:_SHOWN])
        more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        return [
            lacking(PODS, f"{len(bad)} of {len(others)} are not well: {told}{more}", bad[0].fix)
        ]
    if troubled:
        told = "; ".join(one.told for one in troubled[:_SHOWN])
        told = f"{len(troubled)} of {len(others)} are not ready: {told}"
        return [unknown(PODS, told, troubled[0].fix)]
    return [ready(PODS, f"all {len(others)} are well")]


def _is_told_by_its_job(pod: Mapping[str, Any]) -> bool:
    """Whether it is a Job's that failed, or a check's, which asks for hours before it is ready."""
    asks = all(_label(pod, key) == value for key, value in CHECK_PODS.items())
    return asks or (is_over(pod) and _owner(pod, "Job") is not None)


def prometheus(scene: Scene) -> Iterable[Finding]:
    """Whether its operator made it: without a pod nothing else tells that nobody watches."""
    monitoring = scene.plan.monitoring
    if monitoring is None or monitoring.managed:
        return []
    found = scene.listed(
        f"/apis/monitoring.coreos.com/v1/namespaces/{MONITORING_NAMESPACE}/prometheuses"
    )
    if not found:
        told = "the cluster has none, and no alert can fire"
        return [lacking(PROMETHEUS, told, f"pulumi up --stack {scene.stack}")]
    return [_prometheus(one) for one in found]


def _prometheus(one: Mapping[str, Any]) -> Finding:
    status = one.get("status", {})
    wanted, there = one["spec"].get("replicas", 1), status.get("availableReplicas", 0)
    told = f"{there} of {wanted} ready"
    if there >= wanted:
        return ready(PROMETHEUS, told)
    said = [c["message"] for c in status.get("conditions", ()) if c.get("message")]
    why = said[0] if said else "its operator says nothing of it"
    see = f"kubectl -n {MONITORING_NAMESPACE} logs deployment/{_OPERATOR}"
    return lacking(PROMETHEUS, f"{told}, and no alert can fire: {why}", see)


def jobs(scene: Scene) -> Iterable[Finding]:
    """Those that bring weights, and the newest of each that comes again: which failed, run."""
    for one in _newest(scene.own("batch/v1", "jobs")):
        name, status = one["metadata"]["name"], one.get("status", {})
        conditions = {c["type"]: c for c in status.get("conditions", ()) if c["status"] == "True"}
        # Of a check the container that asks comes before the one that compares.
        logs = f"kubectl -n {NAMESPACE} logs job/{name} --all-containers"
        if "Failed" in conditions:
            told = conditions["Failed"].get("message", "it failed")
            yield lacking(f"job {name}", f"{told}{_last_said(scene, name)}", logs)
        elif "Complete" not in conditions and _owner(one, "CronJob") is None:
            yield unknown(f"job {name}", f"it runs{_last_said(scene, name)}", logs)


def _last_said(scene: Scene, job: str) -> str:
    """What its newest pod that failed said last; nothing where none did."""
    failed = [one for one in scene.pods() if _label(one, _JOB) == job and is_over(one)]
    failed.sort(key=lambda one: one["metadata"]["creationTimestamp"])
    said = [
        line
        for one in failed
        for kind in ("initContainerStatuses", "containerStatuses")
        for state in one["status"].get(kind, ())
        for line in state.get("state", {}).get("terminated", {}).get("message", "").splitlines()
    ]
    return f"; its last try said: {said[-1]}" if said else ""


def _newest(all_jobs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of those of one CronJob the newest alone: one that failed before it is past."""
    kept: dict[str, Mapping[str, Any]] = {}
    for one in sorted(all_jobs, key=lambda job: job["metadata"].get("creationTimestamp", "")):
        kept[_owner(one, "CronJob") or one["metadata"]["name"]] = one
    return [*kept.values()]


def _owner(one: Mapping[str, Any], kind: str) -> str | None:
    owners = one["metadata"].get("ownerReferences", ())
    return next((owner["name"] for owner in owners if owner["kind"] == kind), None)


def _label(one: Mapping[str, Any], key: str) -> str | None:
    return one["metadata"].get("labels", {}).get(key)


def _condition(node: Mapping[str, Any]) -> Mapping[str, Any]:
    found = [c for c in node.get("status", {}).get("conditions", ()) if c["type"] == "Ready"]
    return found[0] if found else {}


def _is_ready(node: Mapping[str, Any]) -> bool:
    return _condition(node).get("status") == "True"
