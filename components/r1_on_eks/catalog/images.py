"""Container images, named by tag in this one place.

All are *unpinned*: a tag can be moved by its owner. No digest is written here that nobody looked
up; `1.30.4` of Nginx is the oldest stable version without the known `map` overflow.
"""

VLLM = "docker.io/vllm/vllm-openai:v0.33.0"
# The same engine for processors (vLLM's docs, installation/cpu, 2026-11: tags are
# `v<version>-x86_64`; this one was not looked up). Its Dockerfile installs no streamer and no
# boto3: an init container of the image below fetches the weights.
VLLM_ON_CPU = "docker.io/vllm/vllm-openai-cpu:v0.33.0-x86_64"
# AWS's Python with boto3 in it (Lambda developer guide, lambda-python, 2026-11), from a registry
# that asks for no account. vLLM's image has both too, and all of CUDA besides.
PYTHON_WITH_BOTO3 = "public.ecr.aws/lambda/python:3.13"
NGINX = "docker.io/nginxinc/nginx-unprivileged:1.30.4"
# 0.19.0 to 0.19.2 mount every InfiniBand device by default (NVIDIA/k8s-device-plugin#1837).
DEVICE_PLUGIN = "nvcr.io/nvidia/k8s-device-plugin:v0.19.3"
# Upstream's chart names a registry of EKS's own; this is its public copy, whose tags were read at
# v0.5.7 and v0.5.29. What v0.5.20 runs as was read in its chart (aws/eks-charts, 2026).
EFA_PLUGIN = "public.ecr.aws/eks/aws-efa-k8s-device-plugin:v0.5.20"
# As its chart names it.
LEADER_WORKER_SET = "registry.k8s.io/lws/lws:v0.9.0"
# What the operator names itself in its module of 0.85.0 (pkg/operator/defaults.go): the newest
# Prometheus and Alertmanager that its makers deploy with it.
PROMETHEUS_OPERATOR = "quay.io/prometheus-operator/prometheus-operator:v0.85.0"
CONFIG_RELOADER = "quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0"
PROMETHEUS = "quay.io/prometheus/prometheus:v3.5.0"
ALERTMANAGER = "quay.io/prometheus/alertmanager:v0.28.1"
# Of these, tags that public repositories pull were read, 2026-11.
NODE_EXPORTER = "quay.io/prometheus/node-exporter:v1.9.1"
KUBE_STATE_METRICS = "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.19.1"
DCGM_EXPORTER = "nvcr.io/nvidia/k8s/dcgm-exporter:4.6.1-4.8.4-distroless"
NGINX_EXPORTER = "docker.io/nginx/nginx-prometheus-exporter:1.5.1"
CLOUDWATCH_EXPORTER = "quay.io/prometheuscommunity/yet-another-cloudwatch-exporter:v0.64.0"
GRAFANA = "docker.io/grafana/grafana:12.4.1"
# Tags of the module's version, which public repositories pull (2026-11).
KEDA = "ghcr.io/kedacore/keda:2.21.0"
KEDA_METRICS = "ghcr.io/kedacore/keda-metrics-apiserver:2.21.0"

_AUTOSCALER = "registry.k8s.io/autoscaling/cluster-autoscaler"
# Each is tested with its own version of Kubernetes alone (cluster-autoscaler/README.md). Newest of
# each that kOps deploys (kubernetes/kops, model components, 2026-11).
CLUSTER_AUTOSCALERS = {
    "1.34": f"{_AUTOSCALER}:v1.34.4",
    "1.35": f"{_AUTOSCALER}:v1.35.1",
    "1.36": f"{_AUTOSCALER}:v1.36.0",
}

OF_MONITORING = (
    PROMETHEUS_OPERATOR,
    CONFIG_RELOADER,
    PROMETHEUS,
    ALERTMANAGER,
    NODE_EXPORTER,
    KUBE_STATE_METRICS,
    DCGM_EXPORTER,
    NGINX_EXPORTER,
    CLOUDWATCH_EXPORTER,
    GRAFANA,
)
OF_SCALING = (KEDA, KEDA_METRICS)


def every_image() -> tuple[str, ...]:
    """All of this table."""
    named = [
        value
        for name, value in globals().items()
        if name[0] != "_" and name.isupper() and isinstance(value, str)
    ]
    return (*named, *CLUSTER_AUTOSCALERS.values())
