"""What AWS says of cluster, node groups, file system and a managed Prometheus."""

from collections.abc import Iterable, Mapping
from typing import Any

from r1_on_eks.operations.advice import lacks_capacity, never_joined, on_capacity, on_nodes
from r1_on_eks.operations.inventory import KINDS, Thing
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.status.scene import Scene
from r1_on_eks.plan.names import cluster_name
from r1_on_eks.plan.pools import Pool
from r1_on_eks.stack_file import STACKS

CLUSTER, NODE_GROUPS, FILE_SYSTEM = "cluster", "node groups", "file system"
METRICS = "managed Prometheus"
_LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
_LINK = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"
_WORKSPACE, _SCRAPER = "aws:amp/workspace:Workspace", "aws:amp/scraper:Scraper"
_IN_CHANGE = ("CREATING", "UPDATING", "DELETING")


def cluster(scene: Scene) -> Iterable[Finding]:
    """Asks EKS."""
    found = scene.cluster()
    if found is None:
        told = f"AWS has no cluster {cluster_name(scene.stack)}"
        return [lacking(CLUSTER, told, f"pulumi up --stack {scene.stack}")]
    status = found["status"]
    issues = _issues(found)
    if status in _IN_CHANGE:
        return [unknown(CLUSTER, f"{found['name']} is {status}", "wait for it")]
    if status != "ACTIVE" or issues:
        see = f"aws eks describe-cluster --name {found['name']} --region {scene.config.region}"
        return [lacking(CLUSTER, f"{found['name']} is {status}{issues}", see)]
    return [ready(CLUSTER, f"{found['name']} is ACTIVE, Kubernetes {found.get('version', '–')}")]


def node_groups(scene: Scene) -> Iterable[Finding]:
    """Asks EKS about each of the plan's."""
    plan = scene.plan
    if scene.cluster() is None:
        return
    there = {one.id.partition(":")[2]: one for one in scene.node_groups()}
    for pool in (plan.system_pool, *plan.gpu_pools):
        yield _node_group(scene, pool, there.get(pool.node_group))


def _node_group(scene: Scene, pool: Pool, found: Thing | None) -> Finding:
    subject, up = f"node group {pool.name}", f"pulumi up --stack {scene.stack}"
    if found is None:
        return lacking(subject, f"AWS has no node group {pool.node_group}", up)
    sizes = found.about.get("scalingConfig", {})
    told = (
        f"{found.status}, {sizes.get('desiredSize', '?')} × {pool.instance_type}"
        f" ({sizes.get('minSize', '?')}–{sizes.get('maxSize', '?')}){_issues(found.about)}"
    )
    if found.status in _IN_CHANGE:
        return unknown(subject, told, "wait for it")
    if found.status != "ACTIVE" or _issues(found.about):
        return lacking(subject, told, _mend(scene, pool, found))
    if sizes.get("desiredSize", pool.nodes) < pool.nodes and not scene.plan.autoscaled:
        return lacking(subject, f"{told}; the plan has {pool.nodes}", up)
    return ready(subject, told)


def _mend(scene: Scene, pool: Pool, found: Thing) -> str:
    told = _issues(found.about)
    if lacks_capacity(told):
        return next(iter(on_capacity(scene.stack, pool.node_group, STACKS)), "")
    if never_joined(told):
        issues = found.about["health"]["issues"]
        instances = [one for issue in issues for one in issue.get("resourceIds", [])]
        return on_nodes(found.id, instances)[0]
    if found.status in KINDS[found.kind].broken:
        return f"r1 recover {scene.stack}"
    return describe_node_group(scene, pool)


def describe_node_group(scene: Scene, pool: Pool) -> str:
    """What to type to see AWS's own words on it."""
    return (
        f"aws eks describe-nodegroup --cluster-name {cluster_name(scene.stack)}"
        f" --nodegroup-name {pool.node_group} --region {scene.config.region}"
    )


def _issues(about: Mapping[str, Any]) -> str:
    issues = (about.get("health") or {}).get("issues") or ()
    return "".join(f"; {one.get('code')}: {one.get('message')}" for one in issues)


def file_system(scene: Scene) -> Iterable[Finding]:
    """Asks FSx about the file system, and about its links to the bucket."""
    if scene.plan.storage is None:
        return
    found = next(iter(KINDS[_LUSTRE].things(scene.account, scene.stack)), None)
    if found is None:
        yield lacking(
            FILE_SYSTEM, "FSx has none of this stack", f"pulumi up --stack {scene.stack}"
        )
        return
    told = f"{found.id} is {found.status}, {found.about['StorageCapacity']} GiB"
    see = f"describe-file-systems --file-system-ids {found.id}"
    yield _lifecycle(FILE_SYSTEM, told, found, see)
    for link in KINDS[_LINK].things(scene.account, scene.stack):
        path = link.about.get("DataRepositoryPath", "its bucket")
        see = f"describe-data-repository-associations --association-ids {link.id}"
        yield _lifecycle("link to the bucket", f"{path} is {link.status}", link, see)


def _lifecycle(subject: str, told: str, found: Thing, see: str) -> Finding:
    failure = found.about.get("FailureDetails") or found.about.get("LifecycleTransitionReason")
    if failure:
        told += f": {failure.get('Message')}"
    if found.status == "AVAILABLE":
        return ready(subject, told)
    if found.status in _IN_CHANGE:
        return unknown(subject, told, "wait for it")
    return lacking(subject, told, f"aws fsx {see}")


def metrics(scene: Scene) -> Iterable[Finding]:
    """Asks Amazon's Prometheus, where it watches, about the workspace and its collector."""
    monitoring = scene.plan.monitoring
    if monitoring is None or not monitoring.managed:
        return
    for part, type_ in (("workspace", _WORKSPACE), ("collector", _SCRAPER)):
        found = next(iter(KINDS[type_].things(scene.account, scene.stack)), None)
        yield _watching(scene, f"metrics' {part}", found)


def _watching(scene: Scene, subject: str, found: Thing | None) -> Finding:
    if found is None:
        told = "AWS has none of this stack, and no alert can fire"
        return lacking(subject, told, f"pulumi up --stack {scene.stack}")
    why = found.about.get("statusReason")
    told = f"{found.id} is {found.status}" + (f": {why}" if why else "")
    if found.status == "ACTIVE":
        return ready(subject, told)
    if found.status in _IN_CHANGE:
        return unknown(subject, told, "wait for it")
    return lacking(subject, f"{told}, and no alert can fire", f"pulumi up --stack {scene.stack}")
