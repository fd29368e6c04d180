"""The provider's own configuration: which cluster, and how objects are written to it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import provider_pb2

from r1_on_eks.rehearsal.kubernetes_provider.cluster import ApplyOptions
from r1_on_eks.rehearsal.kubernetes_provider.connection import (
    Unreachable,
    active_cluster,
    choose_context,
    parse_kubeconfig,
)
from r1_on_eks.rehearsal.property_values import UNKNOWN, to_python, without_secrets

IDENTIFIER = "clusterIdentifier"
PREFIX = "kubernetes:config:"
UNKNOWN_KUBECONFIG = "the kubeconfig is not known yet"


@dataclass(frozen=True)
class Settings:
    """What Configure was given.

    Attributes:
        kubeconfig: With its context chosen; None when there is none.
        unreachable: Why there is none.
        namespace: For objects that name none; "" takes the kubeconfig's.
        apply: How objects are written.
        delete_unreachable: Forget objects whose cluster doesn't answer.
        config_map_mutable: Change ConfigMaps in place.
        secret_mutable: Change Secrets in place.
    """

    kubeconfig: dict[str, Any] | None
    unreachable: str
    namespace: str
    apply: ApplyOptions
    delete_unreachable: bool
    config_map_mutable: bool
    secret_mutable: bool


def read_settings(request: provider_pb2.ConfigureRequest) -> Settings:
    """Read the configuration; the environment fills in what it leaves out."""
    values = _values(request)

    def flag(name: str, variable: str, default: bool) -> bool:
        given = values.get(name, os.environ.get(variable))
        return default if given in (None, "") else str(given).lower() == "true"

    def text(name: str) -> str:
        given = values.get(name)
        return given if isinstance(given, str) else ""

    if text("renderYamlToDirectory"):
        raise ValueError(
            "the rehearsal's stand-in does not render YAML to a directory; "
            "install the official Kubernetes provider"
        )
    kubeconfig, unreachable = _kubeconfig(values)
    if kubeconfig is not None:
        kubeconfig = choose_context(kubeconfig, text("context"), text("cluster"))
    return Settings(
        kubeconfig=kubeconfig,
        unreachable=unreachable,
        namespace=text("namespace"),
        apply=ApplyOptions(
            server_side=flag("enableServerSideApply", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", True),
            patch_force=flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE", False),
            upsert=flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS", False),
        ),
        delete_unreachable=flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE", False),
        config_map_mutable=flag(
            "enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE", False
        ),
        secret_mutable=flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE", False),
    )


def diff_settings(olds: dict[str, Any], news: dict[str, Any]) -> provider_pb2.DiffResponse:
    """Whether a changed configuration means another cluster, so that its objects are replaced.

    With a cluster identifier on both sides only that decides; otherwise the active cluster of the
    kubeconfig does. A kubeconfig that isn't known yet counts as another cluster.
    """
    old, new = without_secrets(olds), without_secrets(news)
    changed = sorted(
        key for key in {*old, *new} if old.get(key) != new.get(key) or new.get(key) is UNKNOWN
    )
    if not changed:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)
    before, after = old.get(IDENTIFIER), new.get(IDENTIFIER)
    same_identity = bool(after) and before == after and after is not UNKNOWN
    replaces = [IDENTIFIER] if before and after and before != after else []
    sources = ["kubeconfig", "context", "cluster"]
    unknown = next((key for key in sources if new.get(key) is UNKNOWN), None)
    if unknown:
        changed, replaces = [unknown], [*replaces, unknown]
    elif _points_elsewhere(old, new):
        replaces += [key for key in sources if key in changed]
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME,
        diffs=changed,
        replaces=[] if same_identity else replaces,
    )


def _values(request: provider_pb2.ConfigureRequest) -> dict[str, Any]:
    values = {
        key: value
        for key, value in without_secrets(to_python(request.args)).items()
        if value is not None
    }
    for key, value in request.variables.items():
        values.setdefault(key.removeprefix(PREFIX), value)
    return values


def _kubeconfig(values: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    given = values.get("kubeconfig")
    if given is UNKNOWN:
        return None, UNKNOWN_KUBECONFIG
    if not given:
        ambient = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config"
        if not Path(ambient).expanduser().is_file():
            return None, f"no kubeconfig was given and there is none at {ambient}"
        given = ambient
    try:
        return parse_kubeconfig(given), ""
    except Unreachable as error:
        return None, f"failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- {error}"


def _points_elsewhere(old: dict[str, Any], new: dict[str, Any]) -> bool:
    before, after = _active(old), _active(new)
    return before is not None and after is not None and before != after


def _active(values: dict[str, Any]) -> str | None:
    if not values.get("kubeconfig"):
        return None
    try:
        kubeconfig = parse_kubeconfig(values["kubeconfig"])
    except Unreachable:
        return None
    chosen = choose_context(
        kubeconfig, str(values.get("context") or ""), str(values.get("cluster") or "")
    )
    found = active_cluster(chosen)
    return None if found is None else json.dumps(found, sort_keys=True)
