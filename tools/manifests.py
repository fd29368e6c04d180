"""Writes the Kubernetes objects of a stack as manifests, for tools that read YAML.

    python tools/manifests.py prod-70b > manifests.yaml

The program runs under mocks: no engine, no account. What AWS would assign is a placeholder.
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from r1_on_eks import declare, parse_stack_config, read_decisions
from r1_on_eks.registration import Registration, registered_by

PROJECT = Path(__file__).parent.parent
# What upstream's objects need and ours don't: checkov's checks that do not hold for them, and why.
EXCUSED = {
    ("DaemonSet", "efa-device-plugin"): {
        "CKV_K8S_19": "it looks for the node's network adapters, as upstream's chart has it",
    },
    ("ClusterRole", "lws-manager-role"): {
        "CKV_K8S_155": "the controller renews the certificate in its own webhooks",
    },
    **{
        ("Deployment", name): {"CKV_K8S_38": "it talks to the API server"}
        for name in ("lws-controller-manager", "prometheus-operator", "kube-state-metrics")
    },
    ("DaemonSet", "dcgm-exporter"): {
        f"CKV_K8S_{number}": "profiling counters are read as root with SYS_ADMIN alone, as"
        " NVIDIA's chart has it; it has a namespace apart"
        for number in (20, 25, 28, 37, 39)
    },
}
_GROUPS = {"networking": "networking.k8s.io", "rbac": "rbac.authorization.k8s.io"}


def manifests(stack: str) -> list[dict[str, Any]]:
    """The Kubernetes objects of one stack, in the order of their registration."""
    path = PROJECT / "stacks" / f"Pulumi.{stack}.yaml"
    settings = yaml.safe_load(path.read_text())["config"]["r1-on-eks:stack"]
    config = parse_stack_config({"name": stack, **settings})
    decisions = read_decisions(path.parent, stack)
    registered = registered_by(lambda: declare(config, decisions), stack=stack)
    return [_manifest(one) for one in registered if one.type.startswith("kubernetes:")]


def _manifest(one: Registration) -> dict[str, Any]:
    _, module, kind = one.type.split(":")
    group, _, version = module.removeprefix("core/").rpartition("/")
    group = _GROUPS.get(group, group)
    written = _whole(one.inputs)
    excused = EXCUSED.get((kind, written["metadata"]["name"]), {})
    skips = {
        f"checkov.io/skip{number}": f"{check}={why}"
        for number, (check, why) in enumerate(excused.items(), start=1)
    }
    if skips:
        written["metadata"].setdefault("annotations", {}).update(skips)
    return {"apiVersion": f"{group}/{version}" if group else version, "kind": kind, **written}


def _whole(value: Any) -> Any:
    """The engine knows floats alone; Kubernetes wants whole numbers."""
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def main(argv: list[str]) -> int:
    """Prints one document per object."""
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    print(yaml.safe_dump_all(manifests(argv[0]), sort_keys=False), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
