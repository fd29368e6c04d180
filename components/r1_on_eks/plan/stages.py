"""From `pulumi up` to the first answer of a variant, stage by stage: what each takes, and may."""

from dataclasses import dataclass

from r1_on_eks.plan import Model
from r1_on_eks.plan.loading import stream_seconds
from r1_on_eks.plan.storage import Storage
from r1_on_eks.plan.sync import Sync
from r1_on_eks.plan.timeline import (
    IMAGE_PULL_SECONDS,
    reading_limit_seconds,
    warm_up_limit_seconds,
)

SYNC, FETCH, NODES, IMAGE, LOAD, COMPILE = (
    "to S3", "to FSx", "nodes", "image", "to GPUs", "compile",
)  # fmt: skip
# Of the AWS provider for a node group (terraform-provider-aws, aws_eks_node_group, timeouts; as
# remembered): no program of ours says another.
_NODE_GROUP_SECONDS = 3600
# Of dense models in public logs; nobody published one of a mixture of experts on its own.
_COMPILED_SECONDS = (23.0, 142.0)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a start.

    Attributes:
        name: One of the six above.
        likely_s: Seconds that it is expected to take, from and to; None where nobody measured.
        most_s: Seconds after which something is wrong.
        held_by: What gives up then.
    """

    name: str
    likely_s: tuple[float, float] | None
    most_s: int
    held_by: str


def stages_of(model: Model, storage: Storage | None, sync: Sync | None) -> tuple[Stage, ...]:
    """The stages of a variant's first start, in their order.

    Args:
        model: Of the plan.
        storage: The file system; None where weights are streamed.
        sync: What fills the bucket for all variants first; None where nothing in the cluster does.
    """
    placement = model.placement
    filled = () if sync is None else (
        Stage(
            name=SYNC, likely_s=None, most_s=sync.limit_seconds,
            held_by="the sync Job's deadline",
        ),
    )  # fmt: skip
    fetch = () if model.preload is None else (
        Stage(
            name=FETCH, likely_s=None, most_s=model.preload.limit_seconds,
            held_by="the preload Job's deadline",
        ),
    )  # fmt: skip
    reading = stream_seconds(placement) if storage is None else storage.read_minutes * 60
    load_minutes = None if storage is None else storage.load_minutes
    dense = placement.variant.experts is None and not placement.on_cpu
    probe = "the start-up probe, with the next stage"
    return (
        *filled,
        *fetch,
        Stage(
            name=NODES,
            likely_s=None,
            most_s=_NODE_GROUP_SECONDS,
            held_by="the AWS provider's wait for a node group",
        ),
        Stage(
            name=IMAGE, likely_s=None, most_s=IMAGE_PULL_SECONDS, held_by="the rollout's deadline"
        ),
        Stage(
            name=LOAD,
            likely_s=(reading, reading),
            most_s=reading_limit_seconds(placement, load_minutes),
            held_by=probe,
        ),
        Stage(
            name=COMPILE,
            likely_s=_COMPILED_SECONDS if dense else None,
            most_s=warm_up_limit_seconds(placement),
            held_by="the start-up probe",
        ),
    )
