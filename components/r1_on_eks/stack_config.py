"""What one stack asks for: the object `r1-on-eks:stack` of a stack file, parsed once."""

import difflib
import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    model_validator,
)

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.config_errors import sentences

# Fewer choices than this are all named; of more, the nearest.
_LISTED = 5


class StackConfigError(ValueError):
    """What is wrong with a stack file: one line per key, each saying what would work."""


def parse_stack_config(stack: Mapping[str, Any]) -> "StackConfig":
    """Parses the mapping under `r1-on-eks:stack`.

    Raises:
        StackConfigError: one line for each key that is wrong.
    """
    try:
        return StackConfig.model_validate(stack)
    except ValidationError as error:
        raise StackConfigError("\n".join(sentences(error.errors()))) from None


def workload_of(**numbers: float) -> "Workload":
    """A workload from numbers that somebody typed.

    Raises:
        StackConfigError: one line for each number that is wrong.
    """
    try:
        return Workload.model_validate(numbers)
    except ValidationError as error:
        raise StackConfigError("\n".join(sentences(error.errors()))) from None


def parse_pins(content: Mapping[str, Any]) -> dict[str, "Pin"]:
    """Parses the content of a file of pinned placements, by variant.

    Raises:
        StackConfigError: one line for each key that is wrong.
    """
    try:
        return _Pins.model_validate({"pins": content}).pins
    except ValidationError as error:
        raise StackConfigError("\n".join(sentences(error.errors()))) from None


def _row_of(rows: Mapping[str, object], what: str) -> AfterValidator:
    def check(value: str) -> str:
        if value in rows:
            return value
        nearest = difflib.get_close_matches(value, rows, n=1) if len(rows) > _LISTED else []
        known = ", ".join(list(rows)[:_LISTED])
        more = f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
        hint = f"did you mean {nearest[0]}?" if nearest else f"known are {known}{more}"
        raise ValueError(f"is not {what} of the catalogue; {hint}")

    return AfterValidator(check)


def _network(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError("is no IPv4 range; write 203.0.113.0/24") from None
    if str(network) != value:
        raise ValueError(f"is not how that range is written; write {network}")
    if network.prefixlen == 0:
        raise ValueError("opens it to everybody; name the ranges that you call from")
    return value


def _admin(value: str) -> str:
    if re.fullmatch(r"arn:aws(-[a-z-]+)?:iam::\d{12}:(role|user)/[\w+=,.@/-]+", value):
        return value
    raise ValueError(
        "is not the ARN of an IAM role; write arn:aws:iam::<account>:role/<name>"
        " (a role that was assumed has its role's ARN, not sts::…:assumed-role)"
    )


def _pattern(expression: str) -> StringConstraints:
    return StringConstraints(pattern=expression)


_Network = Annotated[str, AfterValidator(_network)]


class _Section(BaseModel):
    # Deferred: a program builds the validators of what it parses, not those of every section.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class PublicFrom(_Section):
    """Reachable from these IPv4 ranges of the internet."""

    public_from: Annotated[tuple[_Network, ...], Field(min_length=1, strict=False)]
    """IPv4 ranges, 203.0.113.0/24; never the whole internet."""


class FromReservation(_Section):
    """Instances that were reserved beforehand; the stack makes no reservation itself."""

    capacity_block: Annotated[str, _pattern(r"^cr-[0-9a-f]{8,17}$")] | None = None
    """Id of a Capacity Block for ML: paid in advance, for days or weeks."""
    reservation: Annotated[str, _pattern(r"^cr-[0-9a-f]{8,17}$")] | None = None
    """Id of an On-Demand Capacity Reservation."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.capacity_block is None) == (self.reservation is None):
            raise ValueError("name one: capacity_block or reservation, with its id cr-…")
        return self


def _word_or_section(value: Any) -> str:
    return "_section" if isinstance(value, Mapping | _Section) else "_word"


_Ranges = Annotated[PublicFrom, Tag("_section")]
_Either = Discriminator(_word_or_section)


class FileSystem(_Section):
    """Size and speed of the FSx for Lustre file system; SSD."""

    deployment: Literal["PERSISTENT_2", "SCRATCH_2"] = "PERSISTENT_2"
    """PERSISTENT_2 keeps its data when a server fails; SCRATCH_2 is cheaper and doesn't.

    Another one replaces the file system.
    """
    capacity_gib: int = 1200
    """1200, 2400 or a multiple of 2400. It can only grow: less replaces the file system."""
    mbps_per_tib: Literal[125, 250, 500, 1000] | None = None
    """Throughput for each TiB, of PERSISTENT_2; another one replaces the file system."""

    @model_validator(mode="after")
    def _sold_by_fsx(self) -> Self:
        # FSx API reference, CreateFileSystem StorageCapacity: 1200, 2400, then steps of 2400.
        if self.capacity_gib != 1200 and (self.capacity_gib < 2400 or self.capacity_gib % 2400):
            below = max(1200, self.capacity_gib // 2400 * 2400)
            above = 2400 if self.capacity_gib < 2400 else below + 2400
            raise ValueError(
                f"capacity_gib {self.capacity_gib} is not sold; nearest are {below} and {above}"
            )
        if self.deployment == "PERSISTENT_2" and self.mbps_per_tib is None:
            raise ValueError("PERSISTENT_2 needs mbps_per_tib: 125, 250, 500 or 1000")
        if self.deployment == "SCRATCH_2" and self.mbps_per_tib is not None:
            raise ValueError("SCRATCH_2 has one speed, 200 MB/s per TiB; leave mbps_per_tib out")
        return self


class Weights(_Section):
    """Where the weights lie, and how they come to the GPUs.

    The bucket holds one folder per variant, named as its repository on Hugging Face.
    """

    bucket: Annotated[str, _pattern(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    """Name of the S3 bucket that holds the weights. The stack reads it and never makes it."""
    storage: Literal["fsx", "s3-stream"]
    """`fsx`: a file system that imports from the bucket; `s3-stream`: read from the bucket."""
    fsx: FileSystem | None = None
    """Size and speed of the file system, with storage fsx."""

    @model_validator(mode="after")
    def _file_system_if_wanted(self) -> Self:
        if self.storage == "fsx" and self.fsx is None:
            raise ValueError("storage fsx needs fsx: {deployment, capacity_gib, mbps_per_tib}")
        if self.storage == "s3-stream" and self.fsx is not None:
            raise ValueError("storage s3-stream has no file system; leave fsx out")
        return self


_VariantName = Annotated[str, _row_of(VARIANTS, "a variant")]


class Workload(_Section):
    """What is asked of a variant at its busiest.

    The limits' defaults are those of MLPerf's interactive DeepSeek-R1 server.
    """

    prompt: Annotated[int, Field(ge=1)] = 1000
    """Prompt tokens of a request, on average."""
    output: Annotated[int, Field(ge=1)] = 2000
    """Tokens of an answer, thinking included, on average."""
    rate: Annotated[float, Field(gt=0)] = 1.0
    """Requests per second."""
    context: Annotated[int, Field(ge=1024)] = 8192
    """Longest sequence, prompt and answer."""
    first_token_s: Annotated[float, Field(gt=0)] = 2.0
    """Limit on the average time to the first token, in seconds."""
    per_token_s: Annotated[float, Field(gt=0)] = 0.08
    """Limit on the average time per output token, in seconds."""

    @model_validator(mode="after")
    def _average_within_longest(self) -> Self:
        if self.prompt + self.output > self.context:
            raise ValueError(
                f"context {self.context} is shorter than the average request,"
                f" {self.prompt} and {self.output} tokens; raise it, or lower prompt or output"
            )
        return self


class Overrides(_Section):
    """What of a placement is fixed; the plan decides what is not said."""

    instance: Annotated[str, _row_of(INSTANCE_TYPES, "an instance type")] | None = None
    """EC2 instance type of its nodes."""
    precision: Literal["bf16", "fp8", "int8", "int4"] | None = None
    """Which checkpoint is served."""
    tensor_parallel: Annotated[int, Field(ge=1)] | None = None
    """GPUs of one replica inside a node."""
    stages: Annotated[int, Field(ge=1, le=16)] | None = None
    """Nodes of one replica."""
    replicas: Annotated[int, Field(ge=1, le=64)] | None = None
    """Complete copies."""
    concurrency: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Requests that one replica works on at a time."""
    gpu_memory_utilization: Annotated[float, Field(ge=0.5, le=0.97)] | None = None
    """Share of each GPU's memory that vLLM may take."""
    pool: Annotated[str, _pattern(r"^[a-z][a-z0-9-]{0,20}$")] | None = None
    """Variants of the same pool share its node; `own` for a pool that nothing shares."""


class WantedVariant(Workload, Overrides):
    """One line under `variants`: what is asked, and what of the placement the file decides."""

    purchase: Annotated[
        Annotated[Literal["on-demand", "spot"], Tag("_word")]
        | Annotated[FromReservation, Tag("_section")],
        _Either,
    ] = "on-demand"
    """How its nodes are bought: `on-demand`, `spot`, or by the id of a reservation."""
    replaceable: bool = False
    """Whether a production stack may end its P nodes, though the like may not come back."""
    reserved: bool = False
    """Declared without nodes and replicas: all else is there for the day when it is wanted."""

    @property
    def workload(self) -> Workload:
        """What is asked, alone."""
        return Workload(**{key: getattr(self, key) for key in Workload.model_fields})

    @property
    def overrides(self) -> Overrides:
        """What is fixed, alone."""
        return Overrides(**{key: getattr(self, key) for key in Overrides.model_fields})


class Pin(_Section):
    """A placement that was decided once, with the workload that it was made for."""

    workload: Workload
    placement: Overrides


class _Pins(_Section):
    pins: dict[_VariantName, Pin]


class StackConfig(_Section):
    """One stack: what is wanted, in the words of its file."""

    name: Annotated[str, _pattern(r"^[a-z]([a-z0-9.-]{0,30}[a-z0-9])?$")]
    """Pulumi's name of the stack; no key of its file."""
    production: bool
    """Whether it is there to stay: what holds state is protected."""
    deletion_protection: bool | None = None
    """Whether AWS refuses to delete cluster and load balancer; as `production` if not said."""
    region: Annotated[str, _pattern(r"^[a-z]{2}(-[a-z]+)+-\d$")]
    """AWS Region."""
    zones: Annotated[tuple[str, ...], Field(min_length=2, max_length=4, strict=False)]
    """Availability Zones of the network; the control plane needs two."""
    gpu_zone: str
    """The zone of GPU nodes and file system, which another one replaces; it sells their type."""
    kubernetes: Annotated[str, _row_of(KUBERNETES_VERSIONS, "a Kubernetes version")]
    """Kubernetes version of the control plane."""
    admins: Annotated[
        tuple[Annotated[str, AfterValidator(_admin)], ...], Field(min_length=1, strict=False)
    ]
    """ARNs of the IAM roles that administer the cluster."""
    endpoint: Annotated[Annotated[Literal["private"], Tag("_word")] | _Ranges, _Either]
    """Who reaches the API server: `private` for the network alone, or public_from ranges."""
    private_endpoints: Annotated[
        tuple[Literal["ec2", "ecr", "eks-auth", "logs", "sts"], ...], Field(strict=False)
    ] = ()
    """AWS services reached inside the network, not through NAT; S3 always is, at no price."""
    weights: Weights
    """Where the weights lie, and how they come to the GPUs."""
    variants: Annotated[dict[_VariantName, WantedVariant], Field(min_length=1)]
    """Which variants stand up, and what is asked of each; `7b: {}` for the defaults."""
    gateway: Annotated[Annotated[Literal["internal"], Tag("_word")] | _Ranges, _Either] = (
        "internal"
    )
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
        on_lustre = self.weights.storage == "fsx"
        if on_lustre and not KUBERNETES_VERSIONS[self.kubernetes].lustre_client:
            raise ValueError(
                f"kubernetes: {self.kubernetes} nodes are not known to mount Lustre;"
                " use 1.35, or weights.storage s3-stream"
            )
        return self
