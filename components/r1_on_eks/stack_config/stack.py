"""The whole of a stack file: the mapping under `r1-on-eks:stack`."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Tag, model_validator

from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.stack_config.gateway import Gateway
from r1_on_eks.stack_config.images import ImageMirror
from r1_on_eks.stack_config.monitoring import Monitoring, check_served
from r1_on_eks.stack_config.network import GivenNetwork
from r1_on_eks.stack_config.quality import Quality
from r1_on_eks.stack_config.section import Either, Ranges, Section, pattern, row_of
from r1_on_eks.stack_config.spending import ApiPrice, Budget, Discounts, Usage
from r1_on_eks.stack_config.variant import VariantName, WantedVariant
from r1_on_eks.stack_config.weights import Weights


def _admin(value: str) -> str:
    if re.fullmatch(r"arn:aws(-[a-z-]+)?:iam::\d{12}:(role|user)/[\w+=,.@/-]+", value):
        return value
    raise ValueError(
        "is not the ARN of an IAM role; write arn:aws:iam::<account>:role/<name>"
        " (a role that was assumed has its role's ARN, not sts::…:assumed-role)"
    )


# What nodes and pods ask of AWS, where nothing else leads outside (EKS user guide,
# private-clusters, 2026-11): their names, their images, their permissions.
_WITHOUT_INTERNET = ("ec2", "ecr", "eks-auth", "sts")


# With the longest word of a registry behind it: 30 (terraform-provider-aws
# internal/service/ecr/pull_through_cache_rule.go).
_MIRRORED_NAME = 19
_Given = Annotated[GivenNetwork, Tag("_section")]


class StackConfig(Section):
    """One stack: what is wanted, in the words of its file."""

    name: Annotated[str, pattern(r"^[a-z]([a-z0-9.-]{0,30}[a-z0-9])?$")]
    """Pulumi's name of the stack; no key of its file."""
    production: bool
    """Whether it is there to stay: what holds state is protected."""
    deletion_protection: bool | None = None
    """Whether it can't be destroyed, by Pulumi or in AWS; as `production` if not said."""
    allow_unpinned: bool = False
    """Whether a production stack may name what `r1 pins refresh` has yet to look up."""
    account: Annotated[str, pattern(r"^\d{12}$")] | None = None
    """AWS account, the only one that it may stand in; the administrators' if not said."""
    lifetime: Annotated[str, pattern(r"^[1-9]\d{0,3}[mhd]$")] | None = None
    """How long it may stand before `r1 expire` destroys it: 90m, 8h, 2d; none: for ever."""
    region: Annotated[str, pattern(r"^[a-z]{2}(-[a-z]+)+-\d$")]
    """AWS Region."""
    zones: Annotated[tuple[str, ...], Field(min_length=2, max_length=4, strict=False)] | None = (
        None
    )
    """Availability Zones of the network; if not said, those that `r1 pins refresh` chose once."""
    gpu_zone: str | None = None
    """The zone of GPU nodes and file system, which another one replaces; it sells their type.

    If not said, the one that `r1 pins refresh` chose once.
    """
    network: Annotated[Annotated[Literal["own"], Tag("_word")] | _Given, Either] = "own"
    """`own` for a VPC of the stack's own, or the ids of one that exists."""
    outbound: Literal["nat", "none"] = "nat"
    """How nodes reach the internet: `nat`, or `none`, with image_mirror and private_endpoints."""
    kubernetes: Annotated[str, row_of(KUBERNETES_VERSIONS, "a Kubernetes version")]
    """Kubernetes version of the control plane."""
    admins: Annotated[
        tuple[Annotated[str, AfterValidator(_admin)], ...], Field(min_length=1, strict=False)
    ]
    """ARNs of the IAM roles that administer the cluster."""
    endpoint: Annotated[Annotated[Literal["private"], Tag("_word")] | Ranges, Either]
    """Who reaches the API server: `private` for the network alone, or public_from ranges."""
    private_endpoints: Annotated[
        tuple[Literal["ec2", "ecr", "eks-auth", "logs", "sts"], ...], Field(strict=False)
    ] = ()
    """AWS services reached inside the network, not through NAT; S3 always is, at no price."""
    image_mirror: ImageMirror | None = None
    """Where images come from, if not from their public registries."""
    cluster_autoscaler: bool = False
    """Whether a cluster autoscaler sizes the GPU pools, from none to their nodes."""
    weights: Weights
    """Where the weights lie, and how they come to the GPUs."""
    variants: Annotated[dict[VariantName, WantedVariant], Field(min_length=1)]
    """Which variants stand up, and what is asked of each; `7b: {}` for the defaults."""
    gateway: Annotated[
        Annotated[Literal["internal"], Tag("_word")] | Annotated[Gateway, Tag("_section")], Either
    ] = "internal"
    """`internal` for the network alone, or who reaches it, with which keys, and what answers."""
    monitoring: Monitoring | None = None
    """What is measured, kept and told; without it, nothing is."""
    quality: Quality | None = None
    """Which questions are put to the models on a schedule; none without it."""
    usage: Usage = Usage()
    """What `r1 cost` assumes of a month: gigabytes, requests."""
    budget: Budget = Budget()
    """What the stack may cost: `r1 cost` exits with 1 above it."""
    discounts: Discounts = Field(default_factory=dict)
    """Percent off AWS's prices by service, as your agreement has it: {EC2: 12}."""
    api_price: ApiPrice | None = None
    """Somebody else's price of the same tokens, for the break-even of `r1 cost`."""

    @property
    def gateway_section(self) -> Gateway:
        """What its word stands for, too."""
        return Gateway() if self.gateway == "internal" else self.gateway

    @property
    def owner(self) -> str:
        """The account that it stands in."""
        return self.account or _account_of(self.admins[0])

    @property
    def scales(self) -> bool:
        """Whether replicas of any variant follow the requests."""
        return any(one.scale for one in self.variants.values())

    @property
    def checked(self) -> tuple[str, ...]:
        """Variants that the quality checks ask."""
        if self.quality is None:
            return ()
        return self.quality.variants or tuple(
            name for name, wanted in self.variants.items() if wanted.always_stands
        )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.zones is not None:
            _check_zones(self.zones, self.region)
        if len(set(self.private_endpoints)) != len(self.private_endpoints):
            raise ValueError("private_endpoints: each service once")
        if self.gpu_zone is not None and self.gpu_zone not in (self.zones or (self.gpu_zone,)):
            raise ValueError(f"gpu_zone: {self.gpu_zone} is none of {', '.join(self.zones or ())}")
        if self.account is None and len(accounts := {*map(_account_of, self.admins)}) > 1:
            raise ValueError(
                f"admins: of {' and '.join(sorted(accounts))}; write account:"
                " with the one that the stack stands in"
            )
        said = self.deletion_protection
        if self.lifetime is not None and (self.production if said is None else said):
            raise ValueError(
                f"lifetime: {self.lifetime} is for test stacks; a protected stack does not expire"
            )
        self._gateway_agrees()
        self._what_scales_is_there()
        self._quality_agrees()
        on_lustre = self.weights.storage == "fsx"
        if on_lustre and not KUBERNETES_VERSIONS[self.kubernetes].lustre_client:
            raise ValueError(
                f"kubernetes: {self.kubernetes} nodes are not known to mount Lustre;"
                " use 1.35, or weights.storage s3-stream"
            )
        return self

    def _what_scales_is_there(self) -> None:
        scaled = [name for name, one in self.variants.items() if one.scale]
        if scaled and not self.cluster_autoscaler:
            raise ValueError(
                f"variants.{scaled[0]}.scale: its nodes stay, and are paid, unless an autoscaler"
                " ends them; write cluster_autoscaler: true"
            )
        check_served(
            self.monitoring,
            anomaly_usd=self.budget.anomaly_usd,
            scaled=next(iter(scaled), None),
            outbound=self.outbound,
        )
        if self.cluster_autoscaler and self.outbound == "none":
            raise ValueError(
                "cluster_autoscaler: outbound none leaves it no way to Auto Scaling; write"
                " outbound: nat, or cluster_autoscaler: false"
            )

    def _quality_agrees(self) -> None:
        if self.quality is None:
            return
        for name in self.checked:
            if name not in self.variants:
                raise ValueError(
                    f"quality.variants: {name} is none of the stack's variants;"
                    f" write one of {', '.join(self.variants)}"
                )
            if not self.variants[name].always_stands:
                raise ValueError(
                    f"quality.variants: of {name} no replica always stands that could be asked;"
                    " leave it out"
                )
        if not self.checked:
            raise ValueError(
                "quality: of no variant a replica always stands that could be asked; leave it out"
            )
        image = self.quality.image
        if self.production and not self.allow_unpinned and "@sha256:" not in image:
            raise ValueError(
                f"quality.image: {image} can be moved by whoever may push it; write its digest"
                " behind it, @sha256:…, or allow_unpinned: true"
            )
        if self.outbound == "none" and ".dkr.ecr." not in image:
            raise ValueError(
                f"quality.image: outbound: none leaves no way to {image.partition('/')[0]}; push"
                " it to the account's ECR"
            )

    def _gateway_agrees(self) -> None:
        gateway, known = self.gateway_section, ", ".join(self.variants)
        if self.production and gateway.tls is None:
            raise ValueError(
                "gateway: a production stack speaks TLS; write"
                " gateway: {tls: {secret: gateway-tls}} and make that Secret, or production: false"
            )
        if self.production and gateway.open:
            raise ValueError(
                "gateway.open: a production stack asks for keys; remove it, or write"
                " production: false"
            )
        named = [
            *(
                (f"splits.{name}.percent", one)
                for name, s in gateway.splits.items()
                for one in s.percent
            ),
            *(("fallback", one) for pair in gateway.fallback.items() for one in pair),
        ]
        for key, variant in named:
            if variant not in self.variants:
                raise ValueError(
                    f"gateway.{key}: {variant} is none of the stack's variants;"
                    f" write one of {known}"
                )

    @model_validator(mode="after")
    def _fits_the_registry(self) -> Self:
        if self.image_mirror is not None and len(self.name) > _MIRRORED_NAME:
            raise ValueError(
                f"image_mirror: {self.name} has {len(self.name)} characters, and ECR's cache takes"
                f" {_MIRRORED_NAME} of a stack's name; give it a shorter one"
            )
        return self

    @model_validator(mode="after")
    def _has_a_way_to_what_it_needs(self) -> Self:
        if self.network != "own":
            _check_given(self, self.network)
        elif self.outbound == "none":
            missing = [one for one in _WITHOUT_INTERNET if one not in self.private_endpoints]
            if missing:
                raise ValueError(
                    f"outbound: none leaves no way to {', '.join(missing)}; write"
                    f" private_endpoints: [{', '.join(_WITHOUT_INTERNET)}]"
                )
            if self.image_mirror is None:
                raise ValueError(
                    "outbound: none leaves no way to public registries; write"
                    " image_mirror: {docker_hub_secret: …, copied: …}"
                )
            source = self.weights.sync_from
            if source == "hub":
                raise ValueError(
                    "outbound: none leaves no way to the hub; write weights.sync_from:"
                    " s3://bucket, or leave it out and run r1 weights sync where there is one"
                )
        return self


def _account_of(arn: str) -> str:
    return arn.split(":")[4]


def _check_zones(zones: tuple[str, ...], region: str) -> None:
    for zone in zones:
        if not re.fullmatch(re.escape(region) + "[a-z]", zone):
            raise ValueError(f"zones: {zone} is not in {region}; write {region}a")
    if len(set(zones)) != len(zones):
        raise ValueError("zones: each zone once")


def _check_given(stack: StackConfig, given: GivenNetwork) -> None:
    _check_zones(tuple(given.private_subnets), stack.region)
    if stack.zones is not None and set(stack.zones) != set(given.private_subnets):
        raise ValueError(
            f"zones: {', '.join(stack.zones)}, but network.private_subnets has"
            f" {', '.join(given.private_subnets)}; leave zones out"
        )
    if stack.gpu_zone is None or stack.gpu_zone not in given.private_subnets:
        raise ValueError(
            f"gpu_zone: {stack.gpu_zone or 'is missing'}; write one of"
            f" {', '.join(given.private_subnets)}, the zones of network.private_subnets"
        )
    if stack.private_endpoints:
        raise ValueError("private_endpoints: of a given network are its owner's; leave them out")
    if stack.outbound != "nat":
        raise ValueError("outbound: a given network's way out is its owner's; leave it out")
    if stack.gateway_section.public_from is not None and len(given.public_subnets) < 2:
        raise ValueError(
            "network.public_subnets: a gateway that is reached from the internet needs two;"
            " write {us-west-2a: subnet-…, us-west-2b: subnet-…}, or gateway: internal"
        )
