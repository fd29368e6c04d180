"""Whether a variant fits the instances that it is put on."""

from dataclasses import dataclass

from r1_on_eks.catalog.attention import attention_backend
from r1_on_eks.catalog.gpus import GPUS, Gpu
from r1_on_eks.catalog.instances import INSTANCE_TYPES, InstanceType
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan import on_cpu
from r1_on_eks.plan.estimate import replica_of
from r1_on_eks.plan.fit import Memory, runs_on
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.purchase import (
    CAPACITY_BLOCK,
    ON_DEMAND,
    RESERVATION,
    Purchase,
    sold_as_block,
)
from r1_on_eks.plan.refusal import too_large
from r1_on_eks.plan.site import Site
from r1_on_eks.plan.speed import Replica


class DoesNotFit(ValueError):
    """A variant does not fit where the stack file puts it; the message names what would."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One variant on instances.

    Attributes:
        variant: The model.
        checkpoint: The model in the precision that is served.
        instance: The type that every node of its pool has.
        nodes: Instances that it needs.
        replicas: Complete copies that answer.
        tensor_parallel: GPUs of one replica inside a node.
        stages: Nodes of one replica.
        context: Longest sequence served, in tokens.
        concurrency: Requests that one replica works on at a time.
        utilization: Share of each GPU's memory that vLLM may take.
        pool: Name of the pool that it shares, or None for one of its own.
        reserved: Whether it stands without nodes and replicas until it is wanted.
        purchase: How its nodes are bought.
        replaceable: Whether they may be ended though the like may not come back.
        warm: Instances that wait beside them, stopped.
        memory: What of each GPU goes where.
    """

    variant: Variant
    checkpoint: Checkpoint
    instance: InstanceType
    nodes: int
    replicas: int
    tensor_parallel: int
    stages: int
    context: int
    concurrency: int
    utilization: float
    pool: str | None
    reserved: bool
    purchase: Purchase
    replaceable: bool
    warm: int
    memory: Memory

    @property
    def gpus(self) -> int:
        """GPUs of all replicas together."""
        return 0 if self.on_cpu else self.replicas * self.tensor_parallel * self.stages

    @property
    def irreplaceable(self) -> bool:
        """Whether its nodes, once ended, may not come back: P types without a reservation."""
        sure = self.replaceable or self.purchase.reservation_id is not None
        return self.instance.scarce and not sure

    @property
    def on_cpu(self) -> bool:
        """Whether it stands on instances without GPU."""
        return self.instance.gpus == 0

    @property
    def gpu(self) -> Gpu:
        """What each of them is.

        Raises:
            KeyError: it stands on instances without.
        """
        return GPUS[self.instance.gpu_model]

    @property
    def replica(self) -> Replica:
        """One of its replicas, as the speed model sees it.

        Raises:
            KeyError: it stands on instances without GPU.
        """
        return replica_of(
            self.variant,
            self.checkpoint,
            self.gpu,
            tensor_parallel=self.tensor_parallel,
            pipeline_parallel=self.stages,
        )

    @property
    def node_share(self) -> float:
        """What one replica has of each of its nodes: by GPUs, or all of it."""
        return 1.0 if self.on_cpu else self.tensor_parallel / self.instance.gpus

    @property
    def batched_tokens(self) -> int:
        """Tokens of one step, of prompts and answers together; its memory is reckoned with it."""
        return on_cpu.BATCHED_TOKENS if self.on_cpu else self.gpu.batched_tokens

    @property
    def attention(self) -> str:
        """The attention kernels that vLLM takes there."""
        if self.on_cpu:
            return on_cpu.ATTENTION
        return attention_backend(
            self.gpu.compute_capability, latent=self.variant.latent is not None
        )


def place(variant_name: str, layout: Layout) -> Placement:
    """Decides nodes and memory for one variant.

    Raises:
        DoesNotFit: saying which number is wrong and what would work.
    """
    key = f"variants.{variant_name}"
    instance = INSTANCE_TYPES[layout.instance]
    if instance.gpus == 0:
        return _place_on_cpu(key, VARIANTS[variant_name], instance, layout)
    site = _site(key, VARIANTS[variant_name], layout)
    _check_purchase(key, layout)
    _check_warm(key, site)
    _check_split(key, site)
    found = site.memory
    if not found.fits:
        raise DoesNotFit(too_large(key, site))
    return _placement(site, found)


def _placement(site: Site, found: Memory) -> Placement:
    layout = site.layout
    return Placement(
        variant=site.variant,
        checkpoint=site.checkpoint,
        instance=site.instance,
        nodes=nodes_of(site.instance, layout.tensor_parallel, layout.stages, layout.replicas),
        replicas=layout.replicas,
        tensor_parallel=layout.tensor_parallel,
        stages=layout.stages,
        context=layout.context,
        concurrency=layout.concurrency,
        utilization=layout.gpu_memory_utilization,
        pool=layout.pool,
        reserved=layout.reserved,
        purchase=layout.purchase,
        replaceable=layout.replaceable,
        warm=layout.warm,
        memory=found,
    )


def _check_purchase(key: str, layout: Layout) -> None:
    if layout.purchase.way == CAPACITY_BLOCK and not sold_as_block(layout.instance):
        raise DoesNotFit(
            f"{key}.purchase: no capacity block of {layout.instance} is known to be sold;"
            " of p4d, p4de, p5, p5e, p5en and p6 there are; use on-demand or spot"
        )


def _place_on_cpu(key: str, variant: Variant, instance: InstanceType, layout: Layout) -> Placement:
    if not instance.cpu_model or variant.parameters > on_cpu.MOST_PARAMETERS:
        able = [name for name, row in VARIANTS.items() if row.parameters <= on_cpu.MOST_PARAMETERS]
        raise DoesNotFit(
            f"{key}.instance: {instance.name} has no GPU; {', '.join(able)} alone is served"
            " without"
        )
    if layout.precision not in (None, on_cpu.PRECISION):
        raise DoesNotFit(
            f"{key}.precision: {layout.precision}; {instance.name} has no GPU, and serves"
            f" {on_cpu.PRECISION} alone"
        )
    if (layout.tensor_parallel, layout.stages) != (1, 1):
        raise DoesNotFit(
            f"{key}: {instance.name} has no GPU to split a replica over; write"
            " tensor_parallel: 1 and leave stages out"
        )
    site = Site(variant=variant, checkpoint=variant.published, instance=instance, layout=layout)
    _check_context(key, site)
    tokens = layout.context * layout.concurrency
    found = on_cpu.memory_on_cpu(variant, variant.published, instance, tokens=tokens)
    if on_cpu.cache_gib(found) > found.cache:
        most = max(0, int(int(found.cache) / found.cache_per_token / layout.context))
        raise DoesNotFit(
            f"{key}.concurrency: {layout.concurrency} requests of {layout.context} tokens need"
            f" {on_cpu.cache_gib(found)} GiB of {instance.name}, which has"
            f" {max(0.0, found.cache):.1f} for them; at most {most} fit"
        )
    return _placement(site, found)


def _check_warm(key: str, site: Site) -> None:
    if site.layout.warm == 0:
        return
    # EC2 Auto Scaling user guide, ec2-auto-scaling-warm-pools: no Spot, no capacity blocks.
    if site.layout.purchase.way not in (ON_DEMAND, RESERVATION):
        raise DoesNotFit(
            f"{key}.warm: {site.layout.purchase.way} instances can't wait stopped; leave warm out,"
            " or use on-demand"
        )
    if site.instance.scarce:
        raise DoesNotFit(
            f"{key}.warm: a stopped {site.instance.name} gives its GPUs back, and may not get them"
            " again; leave warm out"
        )


def nodes_of(instance: InstanceType, tensor_parallel: int, stages: int, replicas: int) -> int:
    """Instances for so many replicas: several to a node, or several nodes to each."""
    if instance.gpus == 0:
        return replicas
    if stages > 1:
        return replicas * stages
    return -(-replicas // (instance.gpus // tensor_parallel))


def _site(key: str, variant: Variant, layout: Layout) -> Site:
    instance = INSTANCE_TYPES[layout.instance]
    by_precision = {checkpoint.precision: checkpoint for checkpoint in variant.checkpoints}
    precision = layout.precision or variant.published.precision
    if precision not in by_precision:
        raise DoesNotFit(
            f"{key}.precision: {precision}; {variant.name} is published in"
            f" {', '.join(by_precision)}"
        )
    site = Site(
        variant=variant, checkpoint=by_precision[precision], instance=instance, layout=layout
    )
    gpu = site.gpu
    if runs_on(site.checkpoint, gpu) is None:
        able = [other.precision for other in variant.checkpoints if runs_on(other, gpu)]
        raise DoesNotFit(
            f"{key}.precision: {gpu.name} (compute capability {gpu.compute_capability}) has no"
            f" arithmetic for {precision}; it has for {', '.join(able) or 'none'}"
        )
    return site


def _check_split(key: str, site: Site) -> None:
    variant, instance, layout = site.variant, site.instance, site.layout
    choices = ", ".join(map(str, site.degrees))
    if layout.tensor_parallel > instance.gpus:
        raise DoesNotFit(
            f"{key}.tensor_parallel: {layout.tensor_parallel} GPUs on one {instance.name},"
            f" which has {instance.gpus}; possible there: {choices}"
        )
    if layout.tensor_parallel not in site.degrees:
        raise DoesNotFit(
            f"{key}.tensor_parallel: {layout.tensor_parallel} does not divide the attention"
            f" heads and layers of {variant.name} in {site.checkpoint.precision}; possible on"
            f" {instance.name}: {choices}"
        )
    if layout.stages > 1 and layout.tensor_parallel != instance.gpus:
        raise DoesNotFit(
            f"{key}.stages: a replica over {layout.stages} nodes takes all {instance.gpus} GPUs"
            f" of each; tensor_parallel is {layout.tensor_parallel}"
        )
    _check_context(key, site)


def _check_context(key: str, site: Site) -> None:
    variant, context = site.variant, site.layout.context
    if context > variant.context:
        raise DoesNotFit(
            f"{key}.context: {context} tokens; {variant.name} ends at {variant.context}"
        )
