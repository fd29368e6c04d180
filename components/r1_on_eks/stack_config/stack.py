"""The whole of a stack file: the mapping under `r1-on-eks:stack`."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Tag, model_validator

from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.stack_config.section import Either, Ranges, Section, pattern, row_of
from r1_on_eks.stack_config.variant import VariantName, WantedVariant
from r1_on_eks.stack_config.weights import Weights


def _admin(value: str) -> str:
    if re.fullmatch(r"arn:aws(-[a-z-]+)?:iam::\d{12}:(role|user)/[\w+=,.@/-]+", value):
        return value
    raise ValueError(
        "is not the ARN of an IAM role; write arn:aws:iam::<account>:role/<name>"
        " (a role that was assumed has its role's ARN, not sts::…:assumed-role)"
    )


class StackConfig(Section):
    """One stack: what is wanted, in the words of its file."""

    name: Annotated[str, pattern(r"^[a-z]([a-z0-9.-]{0,30}[a-z0-9])?$")]
    """Pulumi's name of the stack; no key of its file."""
    production: bool
    """Whether it is there to stay: what holds state is protected."""
    deletion_protection: bool | None = None
    """Whether it can't be destroyed, by Pulumi or in AWS; as `production` if not said."""
    lifetime: Annotated[str, pattern(r"^[1-9]\d{0,3}[mhd]$")] | None = None
    """How long it may stand before `r1 expire` destroys it: 90m, 8h, 2d; none: for ever."""
    region: Annotated[str, pattern(r"^[a-z]{2}(-[a-z]+)+-\d$")]
    """AWS Region."""
    zones: Annotated[tuple[str, ...], Field(min_length=2, max_length=4, strict=False)]
    """Availability Zones of the network; the control plane needs two."""
    gpu_zone: str
    """The zone of GPU nodes and file system, which another one replaces; it sells their type."""
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
    weights: Weights
    """Where the weights lie, and how they come to the GPUs."""
    variants: Annotated[dict[VariantName, WantedVariant], Field(min_length=1)]
    """Which variants stand up, and what is asked of each; `7b: {}` for the defaults."""
    gateway: Annotated[Annotated[Literal["internal"], Tag("_word")] | Ranges, Either] = "internal"
    """Who reaches the gateway: `internal` for the network alone, or public_from ranges."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for zone in self.zones:
            if not re.fullmatch(re.escape(self.region) + "[a-z]", zone):
                raise ValueError(f"zones: {zone} is not in {self.region}; write {self.region}a")
        if len(set(self.zones)) != len(self.zones):
            raise ValueError("zones: each zone once")
        if len(set(self.private_endpoints)) != len(self.private_endpoints):
            raise ValueError("private_endpoints: each service once")
        if self.gpu_zone not in self.zones:
            raise ValueError(f"gpu_zone: {self.gpu_zone} is none of {', '.join(self.zones)}")
        said = self.deletion_protection
        if self.lifetime is not None and (self.production if said is None else said):
            raise ValueError(
                f"lifetime: {self.lifetime} is for test stacks; a protected stack does not expire"
            )
        on_lustre = self.weights.storage == "fsx"
        if on_lustre and not KUBERNETES_VERSIONS[self.kubernetes].lustre_client:
            raise ValueError(
                f"kubernetes: {self.kubernetes} nodes are not known to mount Lustre;"
                " use 1.35, or weights.storage s3-stream"
            )
        return self
