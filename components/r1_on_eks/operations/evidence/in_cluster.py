"""Experiments on a stack that stands: through kubectl, AWS and its own gateway."""

import base64
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from r1_on_eks.catalog.eks_parts import ADDONS
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.operations.evidence.experiment import (
    CLUSTER,
    Bench,
    Experiment,
    NotNow,
    Outcome,
    judged,
)
from r1_on_eks.operations.gateway_requests import asked
from r1_on_eks.operations.inventory import KINDS
from r1_on_eks.plan import Model
from r1_on_eks.plan.names import NAMESPACE, POOL_LABEL, cluster_name
from r1_on_eks.plan.server import MOUNT

_WAIT_S = 60
# Nothing of ours may open it: a public resolver, by address.
_OUTSIDE = ("1.1.1.1", 443)
_DIAL = (
    "import socket,sys\n"
    "try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 8); print('connected')\n"
    "except OSError as error: print('refused', type(error).__name__)"
)


def _pod_of(bench: Bench, model: Model) -> str:
    answer = bench.kubectl(
        "-n", NAMESPACE, "get", "pods", "-o", "json", "--field-selector", "status.phase=Running",
        "-l", f"app.kubernetes.io/instance={model.server.name}",
    )  # fmt: skip
    pods = json.loads(answer)["items"]
    if not pods:
        raise NotNow(f"no pod of {model.placement.variant.name} is running")
    return pods[0]["metadata"]["name"]


def _on_gpus(bench: Bench) -> list[Model]:
    found = [one for one in bench.ground.plan.models if not one.placement.on_cpu]
    if not found:
        raise NotNow("the stack has no GPU")
    return found


def _inside(bench: Bench, pod: str, *command: str) -> str:
    return bench.kubectl("-n", NAMESPACE, "exec", pod, "--", *command)


def _gpus(bench: Bench) -> Outcome:
    """In the server's own pod: it has all GPUs, so that a Job for itself would wait for ever."""
    told, good = [], True
    for model in _on_gpus(bench):
        out = _inside(
            bench, _pod_of(bench, model), "nvidia-smi",
            "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits",
        )  # fmt: skip
        rows = [[cell.strip() for cell in line.split(",")] for line in out.splitlines() if line]
        placement = model.placement
        least = placement.gpu.torch_visible_gib * 1024
        good &= len(rows) == placement.tensor_parallel
        good &= all(float(row[1]) >= least for row in rows)
        told.append(f"{placement.variant.name}: {len(rows)} × {', '.join(rows[0])} MiB, driver")
    return judged(good, "; ".join(told))


def _device_plugin(bench: Bench) -> Outcome:
    told, good = [], True
    for pool in bench.ground.plan.gpu_pools:
        row = INSTANCE_TYPES[pool.instance_type]
        label = f"{POOL_LABEL}={pool.name}"
        nodes = json.loads(bench.kubectl("get", "nodes", "-o", "json", "-l", label))["items"]
        seen = [int(one["status"]["allocatable"].get("nvidia.com/gpu", 0)) for one in nodes]
        good &= len(seen) >= pool.nodes and all(one == row.gpus for one in seen)
        told.append(f"{pool.name}: {seen} GPUs allocatable, {row.gpus} expected on {pool.nodes}")
    return judged(good, "; ".join(told))


def _lustre(bench: Bench) -> Outcome:
    if bench.ground.plan.storage is None:
        raise NotNow("the stack streams its weights; it has no file system")
    model = bench.ground.plan.models[0]
    mounts = _inside(bench, _pod_of(bench, model), "cat", "/proc/mounts")
    lines = [line for line in mounts.splitlines() if f" {MOUNT}" in line]
    return judged(any(" lustre " in line for line in lines), "; ".join(lines) or "not mounted")


def _fetched(bench: Bench) -> Outcome:
    """Whether the disks hold what was only read a byte of."""
    plan = bench.ground.plan
    if plan.storage is None:
        raise NotNow("the stack streams its weights; it has no file system")
    kind = KINDS["aws:fsx/lustreFileSystem:LustreFileSystem"]
    account, now = bench.ground.account, bench.ground.now
    (found, *_) = [*kind.things(account, bench.ground.stack), None]
    if found is None:
        raise NotNow("the stack's file system does not stand")
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/FSx", MetricName="FreeDataStorageCapacity",
        Dimensions=[{"Name": "FileSystemId", "Value": found.id}],
        StartTime=now - timedelta(hours=1), EndTime=now, Period=60, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    if not points:
        raise NotNow("CloudWatch has no FreeDataStorageCapacity of the last hour")
    free = max(points, key=lambda one: one["Timestamp"])["Sum"]
    used = plan.storage.file_system.capacity_gib - free / 2**30
    return judged(
        used >= plan.storage.weights_gib * 0.98,
        f"{used:.0f} GiB used on its disks, {plan.storage.weights_gib:.0f} GiB of weights",
    )


def _policies(bench: Bench) -> Outcome:
    """From a server that may open nothing, to the internet; where it streams, on another port."""
    model = bench.ground.plan.models[0]
    host, port = _OUTSIDE
    # Servers that stream may open 443 anywhere, and nothing else.
    port = port if bench.ground.plan.storage else 853
    told = _inside(bench, _pod_of(bench, model), "python3", "-c", _DIAL, host, str(port)).strip()
    return judged(told.startswith("refused"), f"{host}:{port} from {model.server.name}: {told}")


def _addons(bench: Bench) -> Outcome:
    eks, name = bench.ground.account.client("eks"), cluster_name(bench.ground.stack)
    wanted = [one for one in ADDONS if bench.ground.plan.storage or one != "aws-fsx-csi-driver"]
    seen = {
        addon: eks.describe_addon(clusterName=name, addonName=addon)["addon"] for addon in wanted
    }
    told = ", ".join(f"{one} {row['addonVersion']} {row['status']}" for one, row in seen.items())
    return judged(all(row["status"] == "ACTIVE" for row in seen.values()), told)


def _memory(bench: Bench) -> Outcome:
    told, good = [], True
    for model in _on_gpus(bench):
        log = bench.kubectl("-n", NAMESPACE, "logs", _pod_of(bench, model))
        found = re.search(r"GPU KV cache size: ([\d,]+) tokens", log)
        if found is None:
            raise NotNow("its log no longer has the line of its cache: restart the server")
        placement = model.placement
        tokens, needed = int(found[1].replace(",", "")), placement.context
        share = placement.memory.cache_needed / placement.memory.cache
        good &= tokens >= needed
        told.append(
            f"{placement.variant.name}: {tokens:,} tokens of cache, {needed:,} for one full"
            f" sequence; the plan uses {share:.0%} of it"
        )
    return judged(good, "; ".join(told))


def _balancer(bench: Bench) -> str:
    kind = KINDS["aws:lb/loadBalancer:LoadBalancer"]
    for one in kind.things(bench.ground.account, bench.ground.stack):
        return str(one.about["DNSName"])
    raise NotNow("the stack's load balancer does not stand")


def _first_request(bench: Bench) -> Outcome:
    tls = bench.ground.config.gateway_section.tls is not None
    base = f"{'https' if tls else 'http'}://{_balancer(bench)}{':443' if tls else ':80'}"
    status, _ = _ask(f"{base}/healthz")
    told = [f"/healthz {status}"]
    model = bench.ground.plan.models[0].placement.variant.name
    body = {"model": model, "messages": [{"role": "user", "content": "1 + 1 = ?"}],
            "max_tokens": 64}  # fmt: skip
    path = f"{base}/api/v1/{model}/chat/completions"
    stranger, _ = _ask(path, body)
    told.append(f"without a key {stranger}")
    opened = bench.ground.config.gateway_section.open
    good = status == 200 and (opened or stranger == 401)
    if bench.key is None:
        return judged(good, "; ".join([*told, "no R1_KEY given: no answer was asked for"]))
    with _certificate(bench) as certificate:
        answered, text = _ask(path, body, bench.key, certificate)
    told.append(f"with a key {answered} {text[:200]}")
    return judged(good and answered == 200, "; ".join(told))


@contextmanager
def _certificate(bench: Bench) -> Iterator[Path | None]:
    """The gateway's own, from its Secret: by the balancer's name no other would be believed."""
    tls = bench.ground.config.gateway_section.tls
    if tls is None:
        yield None
        return
    found = bench.kubectl("-n", NAMESPACE, "get", "secret", tls.secret, "-o",
                          r"jsonpath={.data.tls\.crt}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.pem"
        file.write_bytes(base64.b64decode(found))
        yield file


def _ask(
    url: str, body: Any = None, key: str | None = None, certificate: Path | None = None
) -> tuple[int, str]:
    answer = asked(url, body, key, _WAIT_S, certificate)
    if answer.status == 0:
        raise NotNow(f"{url} is not reached from here: {answer.told}")
    return answer.status, answer.told


def _groups(bench: Bench) -> Iterator[Model]:
    found = [one for one in bench.ground.plan.models if one.group]
    if not found:
        raise NotNow("no variant of the stack is laid over nodes")
    yield from found


def _efa(bench: Bench) -> Outcome:
    told = []
    for model in _groups(bench):
        log = bench.kubectl("-n", NAMESPACE, "logs", _pod_of(bench, model))
        lines = re.findall(r"NET/\S+.*|Using network .*", log)
        told += lines[:3] or ["no line of NCCL's network: set NCCL_DEBUG=INFO"]
    return judged(any("Provider is efa" in line for line in told), "; ".join(told))


def _group_answers(bench: Bench) -> Outcome:
    told, good = [], True
    for model in _groups(bench):
        answer = bench.kubectl("-n", NAMESPACE, "get", "leaderworkersets", "-o", "json")
        for one in json.loads(answer)["items"]:
            conditions = {c["type"]: c["status"] for c in one["status"].get("conditions", ())}
            good &= conditions.get("Available") == "True"
            told.append(f"{one['metadata']['name']} of {model.server.name}: {conditions}")
    return judged(good, "; ".join(told))


IN_CLUSTER = (
    Experiment(
        name="GPUs", needs=CLUSTER, run=_gpus,
        claims=("drivers, device plugin, efa, mounting lustre",),
        steps="kubectl -n r1 exec POD -- nvidia-smi --query-gpu=name,memory.total,driver_version"
        " --format=csv,noheader,nounits, in each variant's own pod",
        expected="as many GPUs as tensor_parallel, each with the memory of the catalogue",
    ),
    Experiment(
        name="device plugin", needs=CLUSTER, run=_device_plugin,
        claims=("on a gpu; its folders for mps and cdi are left out",),
        steps="kubectl get nodes -l r1-on-eks/variant-pool=POOL -o json",
        expected="allocatable nvidia.com/gpu is the number of the type's GPUs",
    ),
    Experiment(
        name="Lustre", needs=CLUSTER, run=_lustre,
        claims=("drivers, device plugin, efa, mounting lustre",),
        steps="kubectl -n r1 exec POD -- cat /proc/mounts",
        expected="/weights is mounted with type lustre",
    ),
    Experiment(
        name="fetch", needs=CLUSTER, run=_fetched,
        claims=("that reading a byte fetches a file is how lustre's hsm works",),
        steps="cloudwatch GetMetricStatistics AWS/FSx FreeDataStorageCapacity after the preload",
        expected="its disks hold as much as the weights",
    ),
    Experiment(
        name="network policies", needs=CLUSTER, run=_policies,
        claims=("that the vpc cni enforces them",),
        steps="kubectl -n r1 exec POD -- python3 -c … 1.1.1.1 443 (853 where it streams)",
        expected="refused or timed out",
    ),
    Experiment(
        name="add-ons", needs=CLUSTER, run=_addons, claims=("that they run",),
        steps="eks DescribeAddon of each", expected="all ACTIVE",
    ),
    Experiment(
        name="memory", needs=CLUSTER, run=_memory,
        claims=("the model: memory, speed, quality", "on a gpu. over nodes its image has no"),
        steps="kubectl -n r1 logs POD: GPU KV cache size",
        expected="it has room for a sequence of full length",
    ),
    Experiment(
        name="first request", needs=CLUSTER, run=_first_request,
        claims=("the nlb in front of it, your certificate",),
        steps="GET /healthz, then POST /api/v1/VARIANT/chat/completions without a key and with"
        " R1_KEY, through the load balancer's own name",
        expected="200; 401 without a key; an answer with one",
    ),
    Experiment(
        name="EFA", needs=CLUSTER, run=_efa, claims=("not verified: efa itself",),
        steps="kubectl -n r1 logs LEADER with NCCL_DEBUG=INFO",
        expected="NET/OFI Selected Provider is efa",
    ),
    Experiment(
        name="group", needs=CLUSTER, run=_group_answers,
        claims=("both are experimental", "on eks a webhook is reached through", "experimental;"),
        steps="kubectl -n r1 get leaderworkersets -o json", expected="Available",
    ),
)  # fmt: skip
