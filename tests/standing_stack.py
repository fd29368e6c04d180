"""prod-70b as it stands and is well: what Pulumi, AWS, the cluster and the gateway answer."""

import copy
import json
import ssl
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import ready_account as account
from r1_on_eks.operations.cluster_api import ApiServerSilent
from r1_on_eks.operations.pulumi_cli import PulumiFailed
from r1_on_eks.stack_file import plan_of

STACK = "prod-70b"
PLAN = plan_of(STACK)
TAGS = {"r1:stack": STACK}
SYSTEM, GPU = PLAN.system_pool, PLAN.gpu_pools[0]
LINK = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"
POD = "r1-70b-5c9d"


def moment(minutes_ago: float = 0) -> str:
    """As Kubernetes and Pulumi write it."""
    return (account.DAY - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:{STACK}::r1-on-eks::{kind}::{name}"


def _resource(kind: str, name: str, **inputs: Any) -> dict[str, Any]:
    return {"urn": urn(kind, name), "type": kind, "custom": True, "id": name, "inputs": inputs}


def _group_declared(pool: Any) -> dict[str, Any]:
    return _resource(
        "aws:eks/nodeGroup:NodeGroup", pool.name, nodeGroupName=pool.node_group,
        instanceTypes=[pool.instance_type], diskSize=20,
        scalingConfig={"minSize": 0, "desiredSize": pool.nodes, "maxSize": pool.most},
    )  # fmt: skip


def deployment(**other: Any) -> dict[str, Any]:
    """What `pulumi stack export` answers; parts of it others."""
    outputs = {"cluster": STACK, "gateway": "https://nlb.example", "routes": PLAN.gateway.paths}
    stack = {"urn": urn("pulumi:pulumi:Stack", "s"), "type": "pulumi:pulumi:Stack"}
    resources = [
        {**stack, "custom": False, "outputs": outputs},
        _resource("aws:eks/cluster:Cluster", "cluster", version="1.35"),
        *map(_group_declared, (SYSTEM, GPU)),
    ]
    return {"deployment": {"resources": resources, **other}}


PENDING = [{"type": "creating", "resource": {
    "urn": urn("aws:eks/nodeGroup:NodeGroup", "r1-70b"), "type": "aws:eks/nodeGroup:NodeGroup",
}}]  # fmt: skip


def entry(result: str = "succeeded", kind: str = "update") -> dict[str, Any]:
    """One entry of its history."""
    return {"kind": kind, "result": result, "startTime": moment(90), "endTime": moment(60)}


class Pulumi:
    """Stands in for the `pulumi` on PATH."""

    def __init__(self, project: Any, backend: str) -> None:
        self.stack, self.project = STACK, project
        self.state: Any = deployment()
        self.entries = [entry()]
        self._backend = backend

    def export(self) -> Any:
        if isinstance(self.state, str):
            raise PulumiFailed(self.state)
        return self.state

    def history(self, newest: int = 0) -> list[dict[str, Any]]:
        self.export()
        return self.entries[: newest or None]

    def backend(self) -> str:
        return self._backend


def group(pool: Any, **other: Any) -> dict[str, Any]:
    """A node group, as EKS describes it."""
    sizes = {"minSize": 0, "desiredSize": pool.nodes, "maxSize": pool.most}
    found = {"status": "ACTIVE", "tags": TAGS, "scalingConfig": sizes, **other}
    return {"nodegroup": found}


def groups(**others: Any) -> Any:
    """EKS's answers about node groups, `gpu` or `system` as given."""
    rows = {
        SYSTEM.node_group: others.get("system", group(SYSTEM)),
        GPU.node_group: others.get("gpu", group(GPU)),
    }
    return {
        "eks.ListNodegroups": {"nodegroups": [name for name, row in rows.items() if row]},
        "eks.DescribeNodegroup": lambda asked: rows[asked["nodegroupName"]],
    }


def issue(code: str, message: str) -> dict[str, Any]:
    """What is wrong with a node group."""
    return {"issues": [{"code": code, "message": message, "resourceIds": ["i-0abc"]}]}


def lustre(**other: Any) -> dict[str, Any]:
    """The file system, as FSx describes it."""
    found = {
        "FileSystemId": "fs-0123456789abcdef0", "Lifecycle": "AVAILABLE", "StorageCapacity": 1200,
        "Tags": [{"Key": key, "Value": value} for key, value in TAGS.items()], **other,
    }  # fmt: skip
    return {"FileSystems": [found]}


def answers() -> dict[str, Any]:
    """What AWS answers."""
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    link = {"AssociationId": "dra-0123456789abcdef0", "Lifecycle": "AVAILABLE", "Tags": tags,
            "DataRepositoryPath": "s3://example-r1-weights"}  # fmt: skip
    return account.answers() | groups() | {
        "eks.DescribeCluster": account.cluster(
            version="1.35", endpoint="https://api.example", certificateAuthority={"data": ""},
        ),
        "fsx.DescribeFileSystems": lustre(),
        "fsx.DescribeDataRepositoryAssociations": {"Associations": [link]},
    }  # fmt: skip


def node(name: str, pool: Any, *, ready: bool = True, **spec: Any) -> dict[str, Any]:
    """A node; not ready, its kubelet is silent."""
    condition = {"type": "Ready", "status": str(ready), "message": "Kubelet stopped posting"}
    return {"metadata": {"name": name, "labels": pool.labels}, "spec": spec,
            "status": {"conditions": [condition]}}  # fmt: skip


def pod(name: str = POD, instance: str | None = "r1-70b", *, ready: bool = True, since: float = 5,
        container: Any = None, **conditions: Any) -> dict[str, Any]:  # fmt: skip
    """A pod; `container` is the status of its one, not ready, container."""
    labels = {"app.kubernetes.io/instance": instance} if instance else {"app": name}
    told = [{"type": "Ready", "status": str(ready)},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": moment(since),
             **conditions}]  # fmt: skip
    status: dict[str, Any] = {"phase": "Running", "conditions": told}
    if container:
        first = container.get("name", "vllm") != "vllm"
        status["initContainerStatuses" if first else "containerStatuses"] = [
            {"name": "vllm", "ready": False, "restartCount": 7, "state": {}, **container}
        ]
    metadata = {"name": name, "namespace": "r1", "labels": labels,
                "creationTimestamp": moment(since)}  # fmt: skip
    return {"metadata": metadata, "status": status}


def failed(
    name: str, instance: str | None = None, container: Any = None, **status: Any
) -> dict[str, Any]:
    """A pod that nobody starts again."""
    one = pod(name, instance, ready=False, since=600, container=container)
    one["status"].update(phase="Failed", **status)
    return one


PROMETHEUSES = "/apis/monitoring.coreos.com/v1/namespaces/monitoring/prometheuses"


def workload(replicas: int = 1, ready: int = 1) -> dict[str, Any]:
    """The Deployment of the 70b."""
    metadata = {"name": "r1-70b", "labels": {"app.kubernetes.io/instance": "r1-70b"}}
    return {"metadata": metadata, "spec": {"replicas": replicas},
            "status": {"readyReplicas": ready}}  # fmt: skip


def prometheus(**status: Any) -> dict[str, Any]:
    """The operator's object, with what the operator wrote into it."""
    return {"metadata": {"name": "prometheus"}, "spec": {"replicas": 1}, "status": status}


class Cluster:
    """Stands in for the API server."""

    def __init__(self) -> None:
        self.silent: str | ApiServerSilent | None = None
        self.objects: dict[str, list[Any]] = {
            "/api/v1/nodes": [
                *(node(f"system-{one}", SYSTEM) for one in range(SYSTEM.nodes)), node("p4d-0", GPU)
            ],
            "/api/v1/pods": [pod(), pod("gateway-1", None), pod("gateway-2", None)],
            "/apis/apps/v1/namespaces/r1/deployments": [workload()],
            "/apis/batch/v1/namespaces/r1/jobs": [],
            PROMETHEUSES: [prometheus(availableReplicas=1)],
        }  # fmt: skip

    def get(self, path: str) -> Any:
        if isinstance(self.silent, ApiServerSilent):
            raise self.silent
        if self.silent:
            raise ApiServerSilent(self.silent)
        return {"items": copy.deepcopy(self.objects[path])}


@contextmanager
def gateway(
    statuses: dict[str, int],
    certificate: Path | None = None,
    host: str = "127.0.0.1",
    heard: list[str] | None = None,
) -> Any:
    """A gateway on this machine; `statuses` by path are read at each request.

    What was sent as Authorization is added to `heard`.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path
            sent = self.headers.get("Authorization")
            if sent and heard is not None:
                heard.append(sent)
            opened = path == "/healthz" or sent
            status = statuses.get(path, 200 if opened else 401)
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            body = json.dumps({"asked": path}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - http.server's own name

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
