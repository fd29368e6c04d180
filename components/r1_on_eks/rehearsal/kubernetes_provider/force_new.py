"""Which changes of which kinds can't be made in place and replace the object.

The table is pulumi-kubernetes' own (provider/pkg/provider/diff.go, 4.32.0).
"""

from typing import Any

IDENTITY = ("metadata.name", "metadata.namespace")

_VOLUME_SOURCES = (
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
)
_POD_FIELDS = (
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "volumes",
)
_CONTAINER_FIELDS = (
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
)


def _under(prefix: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{prefix}.{field}" for field in fields)


_SELECTOR = ("spec.selector",)
_STATEFUL_SET = _under(
    "spec",
    (
        "podManagementPolicy",
        "revisionHistoryLimit",
        "selector",
        "serviceName",
        "volumeClaimTemplates",
    ),
)
_JOB = _under("spec", ("completions", "parallelism", "selector", "template"))
_BINDING = ("roleRef",)

_FORCE_NEW: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps/v1", "DaemonSet"): _SELECTOR,
    ("apps/v1", "Deployment"): _SELECTOR,
    ("apps/v1", "StatefulSet"): _STATEFUL_SET,
    ("batch/v1", "Job"): _JOB,
    ("policy/v1beta1", "PodDisruptionBudget"): ("spec",),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): _BINDING,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): _BINDING,
    ("storage.k8s.io/v1", "StorageClass"): ("parameters", "provisioner"),
    ("v1", "PersistentVolume"): _under("spec", _VOLUME_SOURCES),
    ("v1", "PersistentVolumeClaim"): _under(
        "spec",
        ("accessModes", "selector", "storageClassName", "volumeName"),
    ),
    ("v1", "Pod"): (
        *_under("spec", _POD_FIELDS),
        *_under("spec.containers[*]", _CONTAINER_FIELDS),
        *_under("spec.initContainers[*]", _CONTAINER_FIELDS),
    ),
    ("v1", "ResourceQuota"): ("spec.scopes",),
    ("v1", "Secret"): ("type",),
    ("v1", "Service"): ("spec.clusterIP",),
}


def force_new_paths(
    document: dict[str, Any],
    *,
    config_map_mutable: bool,
    secret_mutable: bool,
) -> tuple[str, ...]:
    """The paths whose change replaces this object.

    Args:
        document: The new inputs.
        config_map_mutable: The provider's `enableConfigMapMutable`.
        secret_mutable: The provider's `enableSecretMutable`.
    """
    kind = (str(document.get("apiVersion", "")), str(document.get("kind", "")))
    immutable = document.get("immutable") is True
    if kind == ("v1", "Secret") and (not secret_mutable or immutable):
        return (*IDENTITY, "type", "stringData", "data")
    if kind == ("v1", "ConfigMap") and (not config_map_mutable or immutable):
        return (*IDENTITY, "binaryData", "data")
    return (*IDENTITY, *_FORCE_NEW.get(kind, ()))


def forces_new(path: list[str | int], value: Any, force_new: tuple[str, ...]) -> bool:
    """Whether a change at `path` to `value` touches a path that forces replacement."""
    return any(_touches(path, value, pattern) for pattern in force_new)


def _touches(path: list[str | int], value: Any, pattern: str) -> bool:
    steps: list[str] = []
    for part in pattern.split("."):
        name, star, _ = part.partition("[*]")
        steps += [name, "*"] if star else [name]
    for index, step in enumerate(steps):
        if index < len(path):
            here = path[index]
            if not (isinstance(here, int) if step == "*" else here == step):
                return False
        elif not (isinstance(value, dict) and step in value):
            return False
        else:
            value = value[step]
    return True
