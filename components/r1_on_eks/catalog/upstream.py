"""What others made and runs in the cluster: where from, and what of it was verified how.

Charts that travel inside Go modules are rendered with Helm's library at development time, by
tools/upstream_objects.py; what came out is kept here, so that `pulumi up` needs Python alone.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from r1_on_eks.catalog import images

LWS_NAMESPACE = "lws-system"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of others.

    Attributes:
        name: What it is.
        version: Its version, as its own makers count.
        image: What runs, or "" where AWS brings it.
        source: Where its objects or options were read.
        license: Of what is kept in this repository, or was read.
        verified: What was verified, and how.
        open: What was not.
    """

    name: str
    version: str
    image: str
    source: str
    license: str
    verified: str
    open: str


PARTS = (
    Part(
        name="LeaderWorkerSet: definitions, controller, webhooks",
        version="0.9.0 (chart 0.1.0)",
        image=images.LEADER_WORKER_SET,
        source="Go module sigs.k8s.io/lws, charts/lws, rendered by tools/upstream_objects.py into"
        " catalog/lws_objects.jsonl",
        license="Apache-2.0",
        verified="rendered again without a difference (tests/test_upstream.py); controller and"
        " webhooks built from the module run in the rehearsal with the chart's own rights"
        " (tests/test_controllers.py)",
        open="the image itself; on EKS a webhook is reached through the cluster's security group",
    ),
    Part(
        name="NVIDIA device plugin",
        version="0.19.3",
        image=images.DEVICE_PLUGIN,
        source="our DaemonSet (resources/accelerators.py) beside the chart in Go module"
        " github.com/NVIDIA/k8s-device-plugin",
        license="Apache-2.0",
        verified="image, rights, settings, mounts and tolerations are the rendered chart's"
        " (tests/test_upstream.py); 0.20.0 could not be read",
        open="on a GPU; its folders for MPS and CDI are left out, since neither is used",
    ),
    Part(
        name="AWS EFA device plugin",
        version="v0.5.20",
        image=images.EFA_PLUGIN,
        source="our DaemonSet (resources/interconnect.py) after the template in aws/eks-charts"
        " stable/aws-efa-k8s-device-plugin, which is in no package registry",
        license="Apache-2.0",
        verified="its template and values read, 2026-11; in the rehearsal it is scheduled on nodes"
        " with adapters alone (tests/test_group.py)",
        open="the image, whose tag was read for EKS's own registry and not for the public one",
    ),
    Part(
        name="vLLM",
        version="0.33.0",
        image=images.VLLM,
        source="wheel on PyPI: its parser's options (catalog/vllm_options.json)",
        license="Apache-2.0",
        verified="every command line of every stack (tests/test_vllm_options.py); /health read in"
        " the wheel",
        open="on a GPU. Over nodes its image has no libfabric and no aws-ofi-nccl"
        " (vllm-project/vllm#55783, open 2026-09): NCCL then takes TCP, not EFA",
    ),
    Part(
        name="vLLM for processors",
        version="0.33.0",
        image=images.VLLM_ON_CPU,
        source="vLLM's docs, installation/cpu, 2026-11",
        license="Apache-2.0",
        verified="its options are those of the same wheel",
        open="the image: its tag was not looked up",
    ),
    Part(
        name="Python with boto3, AWS Lambda's",
        version="3.13",
        image=images.PYTHON_WITH_BOTO3,
        source="public repositories that build on it; boto3 in it: AWS Lambda developer guide,"
        " lambda-python, 2026-11",
        license="Apache-2.0",
        verified="the commands of the Job and of fetch-weights, in a Python of this machine with"
        " no package but boto3 (tests/test_weights_job.py, test_weights_fetched.py)",
        open="the image, and where in it boto3 lies",
    ),
    Part(
        name="Nginx, unprivileged, with njs",
        version="1.30.4",
        image=images.NGINX,
        source="Debian testing's package of the same minor version, in the rehearsal",
        license="BSD-2-Clause",
        verified="the deployed configuration serves streamed answers through a real Nginx in"
        " every rehearsal",
        open="the image",
    ),
    Part(
        name="Prometheus operator: definitions, controller",
        version="0.85.0",
        image=images.PROMETHEUS_OPERATOR,
        source="Go module github.com/prometheus-operator/prometheus-operator,"
        " example/prometheus-operator-crd, without its descriptions, by tools/upstream_objects.py"
        " into catalog/prometheus_objects.jsonl; rights and Deployment are our own, after"
        " example/rbac/prometheus-operator",
        license="Apache-2.0",
        verified="written again without a difference (tests/test_upstream.py); the operator built"
        " from the module runs in the rehearsal with our rights and makes Prometheus' pod;"
        " Prometheus 3.5 runs the configuration that it makes (tests/test_scraping.py)",
        open="the images of operator and reloader",
    ),
    *(
        Part(
            name=f"KEDA: {name}",
            version="2.21.0",
            image=image,
            source="Go module github.com/kedacore/keda/v2: config/crd with its patch, without"
            " descriptions, by tools/upstream_objects.py into catalog/keda_objects.jsonl; rights"
            " and Deployments are our own, after config/rbac and config/" + folder,
            license="Apache-2.0",
            verified="definitions written again without a difference (tests/test_upstream.py);"
            " built from the module it scales a rehearsed cluster, with our command line and"
            " rights (tests/test_scaled_cluster.py)",
            open="the image",
        )
        for name, image, folder in (
            ("definitions, operator", images.KEDA, "manager"),
            ("metrics server", images.KEDA_METRICS, "metrics-server"),
        )
    ),
    *(
        Part(
            name=f"Cluster autoscaler, for Kubernetes {version}",
            version=image.rpartition(":")[2].removeprefix("v"),
            image=image,
            source="rights and command line: its README for AWS and its example beside it; the"
            " tag: as kOps deploys it",
            license="Apache-2.0",
            verified="its rights in AWS and in the cluster, as declared",
            open="the image, its command line, every decision of it: its module is not served, so"
            " in the rehearsal a stated rule stands in its place",
        )
        for version, image in images.CLUSTER_AUTOSCALERS.items()
    ),
    *(
        Part(
            name=name,
            version=image.rpartition(":")[2].removeprefix("v"),
            image=image,
            source=source,
            license=license_,
            verified=verified,
            open=f"the image{open_}",
        )
        for name, image, source, license_, verified, open_ in (
            (
                "Configuration reloader of the operator",
                images.CONFIG_RELOADER,
                "named by the operator's module",
                "Apache-2.0",
                "–",
                "",
            ),
            (
                "Prometheus",
                images.PROMETHEUS,
                "named by the operator's module",
                "Apache-2.0",
                "Debian testing's package of the same minor version, in the rehearsal",
                "",
            ),
            (
                "Alertmanager",
                images.ALERTMANAGER,
                "named by the operator's module",
                "Apache-2.0",
                "the server built from the module runs the deployed configuration"
                " (tests/test_alertmanager.py)",
                "",
            ),
            (
                "Node exporter",
                images.NODE_EXPORTER,
                "its README's advice for Kubernetes",
                "Apache-2.0",
                "–",
                "",
            ),
            (
                "kube-state-metrics",
                images.KUBE_STATE_METRICS,
                "its examples/standard, for the rights",
                "Apache-2.0",
                "–",
                "",
            ),
            (
                "DCGM exporter",
                images.DCGM_EXPORTER,
                "its chart's template, for rights and mounts; its etc/default-counters.csv",
                "Apache-2.0",
                "–",
                ", on a GPU",
            ),
            (
                "Exporter of nginx",
                images.NGINX_EXPORTER,
                "its README",
                "Apache-2.0",
                "stub_status, which it reads, on a real nginx",
                "",
            ),
            (
                "Exporter of CloudWatch (YACE)",
                images.CLOUDWATCH_EXPORTER,
                "its docs/configuration.md",
                "Apache-2.0",
                "–",
                "; names of its metrics are those of its documentation",
            ),
            (
                "Grafana",
                images.GRAFANA,
                "its documentation of provisioning",
                "AGPL-3.0, none of it kept here",
                "–",
                "",
            ),
        )
    ),
    Part(
        name="EKS add-ons: VPC CNI, kube-proxy, CoreDNS, Pod Identity agent, FSx CSI driver",
        version="EKS's default for the cluster's version",
        image="",
        source="EKS user guide, workloads-add-ons-available-eks",
        license="–",
        verified="names, settings and order, against a stand-in for EKS",
        open="that they run",
    ),
)


@cache
def lws_objects() -> tuple[dict[str, Any], ...]:
    """The objects of the LeaderWorkerSet chart, one line each in the file, definitions first."""
    return _kept("lws_objects.jsonl")


@cache
def prometheus_objects() -> tuple[dict[str, Any], ...]:
    """The definitions of the Prometheus operator's kinds that a stack uses, one line each."""
    return _kept("prometheus_objects.jsonl")


@cache
def keda_objects() -> tuple[dict[str, Any], ...]:
    """The definitions of all kinds that KEDA's programs watch, one line each."""
    return _kept("keda_objects.jsonl")


def _kept(file: str) -> tuple[dict[str, Any], ...]:
    text = files("r1_on_eks.catalog").joinpath(file).read_text()
    return tuple(json.loads(line) for line in text.splitlines())


def page() -> str:
    """docs/upstream.md."""
    head = ("part", "version", "image", "source, license", "verified", "not verified")
    rows: list[tuple[str, ...]] = [head, ("---",) * len(head)]
    rows += [
        (
            one.name,
            one.version,
            f"`{one.image}`" if one.image else "AWS's",
            f"{one.source} ({one.license})",
            one.verified,
            one.open,
        )
        for one in PARTS
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"""\
# What others made

Every image and chart that a stack here runs. Images are named by tag until their digests are
looked up; nothing in this table was looked up in a registry unless it says so. Written from
`catalog/upstream.py` by `python tools/upstream_objects.py`.

{table}
"""
