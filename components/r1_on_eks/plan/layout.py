"""What a placement is in numbers: the stack file's own, then the pinned ones, then defaults."""

from dataclasses import dataclass

from r1_on_eks.plan.purchase import BOUGHT_ON_DEMAND, Purchase, purchase_of
from r1_on_eks.stack_config import Pin, WantedVariant

UTILIZATION = 0.92
# The word under `pool` for a pool that nothing shares.
OWN = "own"


class NotPinned(ValueError):
    """A variant has no placement, or one that was made for another workload."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One variant on instances, in numbers that nobody has checked yet.

    Attributes:
        instance: Name of the type.
        tensor_parallel: GPUs of one replica inside a node.
        context: Longest sequence served, in tokens.
        concurrency: Requests that one replica works on at a time.
        precision: Which checkpoint is served; the published one if not said.
        stages: Nodes of one replica.
        replicas: Complete copies.
        gpu_memory_utilization: Share of each GPU's memory that vLLM may take.
        pool: Name of the pool that it shares, or None for one of its own.
        reserved: Whether it stands without nodes and replicas until it is wanted.
        purchase: How its nodes are bought.
        replaceable: Whether they may be ended though the like may not come back.
        warm: Instances that wait beside them, stopped.
    """

    instance: str
    tensor_parallel: int
    context: int
    concurrency: int
    precision: str | None = None
    stages: int = 1
    replicas: int = 1
    gpu_memory_utilization: float = UTILIZATION
    pool: str | None = None
    reserved: bool = False
    purchase: Purchase = BOUGHT_ON_DEMAND
    replaceable: bool = False
    warm: int = 0

    @classmethod
    def of(cls, variant: str, wanted: WantedVariant, pin: Pin | None) -> "Layout":
        """Takes each number from the stack file, else from the pin.

        Raises:
            NotPinned: a number is in neither, or the pin was made for another workload.
        """
        key = f"variants.{variant}"
        said = wanted.overrides.model_dump(exclude_none=True)
        if pin:
            _check_same_workload(key, wanted, pin)
            said = pin.placement.model_dump(exclude_none=True) | said
        missing = {"instance", "tensor_parallel", "concurrency"} - said.keys()
        if missing:
            raise NotPinned(f"{key}: no {', '.join(sorted(missing))} is decided yet")
        if said.get("pool") == OWN:
            del said["pool"]
        return cls(
            context=wanted.context,
            reserved=wanted.reserved,
            purchase=purchase_of(wanted.purchase),
            replaceable=wanted.replaceable,
            warm=wanted.warm,
            **said,
        )


def _check_same_workload(key: str, wanted: WantedVariant, pin: Pin) -> None:
    for field in type(pin.workload).model_fields:
        asked, made_for = getattr(wanted, field), getattr(pin.workload, field)
        if asked != made_for:
            raise NotPinned(f"{key}.{field}: {asked}, but its placement is for {made_for}")
