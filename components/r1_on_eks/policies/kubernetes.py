"""Rules about objects in a cluster."""

from collections.abc import Iterator, Mapping
from typing import Any

from r1_on_eks.cost.declared import Declared
from r1_on_eks.policies.rule import ADVISORY, MANDATORY, Rule, Setting, Settings
from r1_on_eks.policies.values import true

# A pod's containers are found wherever they are: in a Deployment or what patches one, in a
# LeaderWorkerSet, or in an object of an operator that nobody has heard of yet.
_ALL = ("kubernetes:*",)
# With a Service's patch.
_SERVICES = ("kubernetes:core/v1:Service*",)
_HOLD_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def _service(one: Declared, _: Settings) -> Iterator[str]:
    if one.get("spec", "type") == "LoadBalancer":
        yield (
            "a Service of type LoadBalancer makes a balancer that the stack does not know: it is"
            " in no preview, on no bill of it, and stays after destroy; use NodePort or ClusterIP"
        )


def _containers(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _containers(one)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if key in _HOLD_CONTAINERS and isinstance(one, list):
                yield from (each for each in one if isinstance(each, Mapping))
            else:
                yield from _containers(one)


def _privileged(one: Declared, settings: Settings) -> Iterator[str]:
    for container in _containers(one.inputs):
        context = container.get("securityContext")
        if not isinstance(context, Mapping) or not true(context.get("privileged")):
            continue
        name = f"{_object_name(one)}/{container.get('name')}"
        reason = settings["but"].get(name)
        if reason is None:
            yield f"container {name} is privileged: it owns its node"
        elif not str(reason).strip():
            yield f"container {name} is privileged, and its exception says no reason"


def _object_name(one: Declared) -> str:
    """As people call it in the cluster; the program's name where the cluster's isn't told."""
    told = one.get("metadata", "name") or one.get("metadata", "generateName")
    return told if isinstance(told, str) else one.name


def _digests(one: Declared, _: Settings) -> Iterator[str]:
    for container in _containers(one.inputs):
        image = container.get("image")
        if isinstance(image, str) and "@sha256:" not in image:
            yield f"{image} has no digest: its tag may be another image tomorrow"


def _latest(one: Declared, _: Settings) -> Iterator[str]:
    for container in _containers(one.inputs):
        image = container.get("image")
        if not isinstance(image, str) or "@" in image:
            continue
        tag = image.rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            yield f"{image} is whatever was pushed last; name a version"


_BUT = {
    "but": Setting(kind="object", default={},
                   says="containers that may be, as OBJECT/CONTAINER, each with the reason")
}  # fmt: skip

KUBERNETES = (
    Rule(name="no-hidden-balancer", level=MANDATORY, types=_SERVICES, breaks=_service,
         says="Every load balancer is a resource of its stack."),
    Rule(name="no-privileged-container", level=MANDATORY, types=_ALL, breaks=_privileged,
         settings=_BUT, says="No container is privileged."),
    Rule(name="no-latest-image", level=MANDATORY, types=_ALL, breaks=_latest,
         says="Images have a version."),
    Rule(name="image-digests", level=ADVISORY, types=_ALL, breaks=_digests,
         says="Images are named by digest."),
)  # fmt: skip
