"""Which container image is pulled, and from where."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from r1_on_eks.catalog.images import (
    CLUSTER_AUTOSCALERS,
    OF_MONITORING,
    OF_SCALING,
    PYTHON_WITH_BOTO3,
    every_image,
)
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.plan.names import cluster_name
from r1_on_eks.stack_config import StackConfig
from r1_on_eks.stack_config.pinned import Pinned

DOCKER_HUB = "docker.io"


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A public registry that ECR fetches from by itself.

    Attributes:
        word: Its folder in our repositories' names.
        url: As ECR spells it (ECR API reference, CreatePullThroughCacheRule, 2026-11).
        needs_secret: Whether it takes nobody without a name.
    """

    word: str
    url: str
    needs_secret: bool = False


# nvcr.io is none of them.
UPSTREAMS = {
    DOCKER_HUB: Upstream(word="docker-hub", url="registry-1.docker.io", needs_secret=True),
    "registry.k8s.io": Upstream(word="k8s", url="registry.k8s.io"),
    "public.ecr.aws": Upstream(word="ecr-public", url="public.ecr.aws"),
    "quay.io": Upstream(word="quay", url="quay.io"),
}


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Our registry between nodes and public ones.

    Attributes:
        registry: `111122223333.dkr.ecr.us-west-2.amazonaws.com`.
        folder: First part of its repositories' names, so that two stacks don't meet.
        copied: Registry and folder of what ECR can't fetch.
        docker_hub_secret: ARN of the secret with Docker Hub's user and token.
    """

    registry: str
    folder: str
    copied: str
    docker_hub_secret: str

    def repository(self, image: str) -> str | None:
        """Name of the repository that caches an image, or None for one that is copied."""
        registry, path = split(image)
        upstream = UPSTREAMS.get(registry)
        return f"{self.folder}/{upstream.word}/{path}" if upstream else None


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """How images are named in pods.

    Attributes:
        digests: Image by tag to its digest.
        mirror: Our own registry, or None where nodes ask the public ones.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    mirror: Mirror | None = None

    def of(self, image: str) -> str:
        """What a pod names: `image`, from the mirror where there is one, with its digest if known.

        The digest is the publisher's own: a mirror that answers anything else is refused by it.
        """
        if split(image) not in map(split, every_image()):
            # One of the stack file: its owner says from where.
            return image
        digest = self.digests.get(image)
        pinned = f"@{digest}" if digest else ""
        if self.mirror is None:
            return f"{image}{pinned}"
        tag = image.rpartition(":")[2]
        repository = self.mirror.repository(image)
        if repository is None:
            return f"{self.mirror.copied}/{split(image)[1]}:{tag}{pinned}"
        return f"{self.mirror.registry}/{repository}:{tag}{pinned}"


def split(image: str) -> tuple[str, str]:
    """Registry and path of an image named in full: `docker.io` and `vllm/vllm-openai`."""
    registry, _, rest = image.partition("/")
    return registry, rest.rpartition(":")[0]


def image_source(config: StackConfig, pinned: Pinned) -> ImageSource:
    """The images of a stack."""
    wanted = config.image_mirror
    if wanted is None:
        return ImageSource(digests=pinned.images)
    ending = ".cn" if config.region.startswith("cn-") else ""
    return ImageSource(
        digests=pinned.images,
        mirror=Mirror(
            registry=f"{config.owner}.dkr.ecr.{config.region}.amazonaws.com{ending}",
            folder=cluster_name(config.name),
            copied=wanted.copied,
            docker_hub_secret=wanted.docker_hub_secret,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class CachedImages:
    """What ECR caches of one public registry.

    Attributes:
        word: `docker-hub`.
        folder: First part of all repositories of the stack.
        prefix: What the cache rule is for: folder and word.
        upstream: The registry as ECR spells it.
        secret_arn: Its credentials, or None where it takes anybody.
        repositories: Names of the repositories.
    """

    word: str
    folder: str
    prefix: str
    upstream: str
    secret_arn: str | None
    repositories: tuple[str, ...]


def images_in(config: StackConfig) -> tuple[str, ...]:
    """What a stack may run; of Jobs, monitoring and autoscaling where its file asks for them."""
    runs_python = config.weights.sync_from or config.quality or _fetches(config)
    autoscaler = {CLUSTER_AUTOSCALERS[config.kubernetes]} if config.cluster_autoscaler else set()
    absent = [
        *(() if runs_python else (PYTHON_WITH_BOTO3,)),
        *(() if config.monitoring else OF_MONITORING),
        *(() if config.scales else OF_SCALING),
        *({*CLUSTER_AUTOSCALERS.values()} - autoscaler),
    ]
    return tuple(one for one in every_image() if one not in absent)


def _fetches(config: StackConfig) -> bool:
    """Whether servers without GPU have their weights fetched from the bucket before them."""
    wanted = [one.instance for one in config.variants.values() if one.instance]
    return config.weights.streamed and not all(INSTANCE_TYPES[one].gpus for one in wanted)


def caches_of(mirror: Mirror, images: Iterable[str]) -> tuple[CachedImages, ...]:
    """The caches for these images, one per public registry that ECR can fetch from."""
    wanted: dict[str, dict[str, None]] = {}
    for image in images:
        if repository := mirror.repository(image):
            wanted.setdefault(split(image)[0], {})[repository] = None
    return tuple(
        CachedImages(
            word=upstream.word,
            folder=mirror.folder,
            prefix=f"{mirror.folder}/{upstream.word}",
            upstream=upstream.url,
            secret_arn=mirror.docker_hub_secret if upstream.needs_secret else None,
            repositories=tuple(wanted[registry]),
        )
        for registry, upstream in UPSTREAMS.items()
        if registry in wanted
    )


_CONTAINERS = {"containers", "initContainers", "init_containers"}


def in_pods(value: Any, images: ImageSource) -> Any:
    """A Kubernetes object with the images of its containers as `images` names them."""
    if isinstance(value, Mapping):
        return {
            key: [_container(one, images) for one in part]
            if key in _CONTAINERS and isinstance(part, Sequence)
            else in_pods(part, images)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [in_pods(one, images) for one in value]
    if hasattr(type(value), "_pulumi_input_type"):
        # A pod inside an object for which Pulumi has no type.
        renamed = copy.copy(value)
        vars(renamed).update(in_pods(vars(value), images))
        return renamed
    return value


def _container(container: Any, images: ImageSource) -> Any:
    return {**container, "image": images.of(container["image"])}
