"""KEDA: its two programs, what they are told, and what they may ask of the API server."""

from typing import Any

from r1_on_eks.plan.names import AUTOSCALING_NAMESPACE, NAMESPACE

OPERATOR, METRICS = "keda-operator", "keda-metrics-apiserver"
OPERATOR_PODS = {"app.kubernetes.io/name": OPERATOR}
METRICS_PODS = {"app.kubernetes.io/name": METRICS}
# Where the operator answers the other program, and that one the API server.
OPERATOR_PORT, METRICS_PORT = 9666, 6443
OPERATOR_HEALTH_PORT = 8081
METRICS_API = "v1beta1.external.metrics.k8s.io"
CERTIFICATES = "keda-certificates"
CERTIFICATES_FOLDER = "/certs"

ENVIRONMENT = {
    "WATCH_NAMESPACE": NAMESPACE,
    "KEDA_CLUSTER_OBJECT_NAMESPACE": AUTOSCALING_NAMESPACE,
    # Else it would read the Secrets of a Deployment that it scales, for triggers to use.
    "KEDA_RESTRICT_SECRET_ACCESS": "true",
}

# It signs the certificates of both, writes them into a Secret, and their authority into the
# description of the metrics API: as config/ of its module 2.21.0 has it.
OPERATOR_ARGUMENTS = (
    "--leader-elect",
    "--zap-log-level=info",
    "--enable-cert-rotation=true",
    "--enable-webhook-patching=false",
    f"--cert-secret-name={CERTIFICATES}",
    f"--cert-dir={CERTIFICATES_FOLDER}",
    f"--operator-service-name={OPERATOR}",
    f"--metrics-server-service-name={METRICS}",
    f"--metrics-service-bind-address=:{OPERATOR_PORT}",
    f"--health-probe-bind-address=:{OPERATOR_HEALTH_PORT}",
    "--enable-prometheus-metrics=false",
)
METRICS_ARGUMENTS = (
    f"--secure-port={METRICS_PORT}",
    "--zap-log-level=error",
    f"--client-ca-file={CERTIFICATES_FOLDER}/ca.crt",
    f"--tls-cert-file={CERTIFICATES_FOLDER}/tls.crt",
    f"--tls-private-key-file={CERTIFICATES_FOLDER}/tls.key",
    f"--cert-dir={CERTIFICATES_FOLDER}",
    f"--metrics-service-address={OPERATOR}.{AUTOSCALING_NAMESPACE}.svc.cluster.local:{OPERATOR_PORT}",
)

_READ = ["get", "list", "watch"]
_LIST = ["list", "watch"]
_CHANGE = [*_READ, "patch", "update"]
_ALL = ["create", "delete", *_CHANGE]
_EVENTS: Any = {
    "api_groups": ["", "events.k8s.io"],
    "resources": ["events"],
    "verbs": ["create", "patch"],
}

# After config/rbac/role.yaml of the module, which gives it every object and every Secret of the
# cluster; here it has the serving namespace, and its own.
OPERATOR_CLUSTER_RULES: list[Any] = [
    {"api_groups": ["apiregistration.k8s.io"], "resources": ["apiservices"], "verbs": _LIST},
    {
        "api_groups": ["apiregistration.k8s.io"],
        "resources": ["apiservices"],
        "resource_names": [METRICS_API],
        "verbs": ["get", "patch", "update"],
    },
    # Kinds without a namespace, of which a stack has no object.
    {
        "api_groups": ["eventing.keda.sh", "keda.sh"],
        "resources": ["clustercloudeventsources", "clustertriggerauthentications"],
        "verbs": _READ,
    },
]
OPERATOR_SERVING_RULES: list[Any] = [
    {
        "api_groups": ["keda.sh"],
        "resources": ["scaledobjects", "scaledobjects/finalizers", "scaledobjects/status"],
        "verbs": _CHANGE,
    },
    {
        "api_groups": ["eventing.keda.sh", "keda.sh"],
        "resources": ["cloudeventsources", "scaledjobs", "triggerauthentications"],
        "verbs": _READ,
    },
    {"api_groups": ["apps"], "resources": ["deployments"], "verbs": _READ},
    {
        "api_groups": ["apps"],
        "resources": ["deployments/scale"],
        "verbs": ["get", "patch", "update"],
    },
    {"api_groups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _ALL},
    _EVENTS,
]
OPERATOR_OWN_RULES: list[Any] = [
    {"api_groups": [""], "resources": ["secrets"], "verbs": ["create", *_LIST]},
    {
        "api_groups": [""],
        "resources": ["secrets"],
        "resource_names": [CERTIFICATES],
        "verbs": ["get", "patch", "update"],
    },
    {
        "api_groups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["create", "get", "patch", "update"],
    },
    _EVENTS,
]
# What it is asked for is the name of a ScaledObject.
METRICS_SERVING_RULES: list[Any] = [
    {"api_groups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": _READ},
]
# Of every server behind the API server: it asks who is asking, and whether he may (Kubernetes,
# "Set up an extension API server").
DELEGATES = "system:auth-delegator"
READS_CALLERS = ("kube-system", "extension-apiserver-authentication-reader")
