"""A variant in one precision on one instance type, and the memory that it takes there."""

import dataclasses
from dataclasses import dataclass

from r1_on_eks.catalog.gpus import GPUS, Gpu
from r1_on_eks.catalog.instances import InstanceType
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.plan.degrees import tensor_parallel_degrees
from r1_on_eks.plan.fit import Memory, memory, most_at_a_time
from r1_on_eks.plan.layout import Layout


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a layout would stand, in rows of the catalogue.

    Attributes:
        variant: The model.
        checkpoint: In which precision.
        instance: On which type, which has GPUs.
        layout: Split, length and number of requests.
    """

    variant: Variant
    checkpoint: Checkpoint
    instance: InstanceType
    layout: Layout

    @property
    def gpu(self) -> Gpu:
        """The GPU of the instance type."""
        return GPUS[self.instance.gpu_model]

    @property
    def memory(self) -> Memory:
        """What it takes of each GPU."""
        return memory(
            self.variant,
            self.checkpoint,
            self.gpu,
            tensor_parallel=self.layout.tensor_parallel,
            pipeline_parallel=self.layout.stages,
            utilization=self.layout.gpu_memory_utilization,
            context=self.layout.context,
            concurrency=self.layout.concurrency,
        )

    @property
    def most_at_a_time(self) -> int:
        """Requests of full length that fit at a time, up to those of the layout."""
        return most_at_a_time(
            self.variant,
            self.checkpoint,
            self.gpu,
            tensor_parallel=self.layout.tensor_parallel,
            pipeline_parallel=self.layout.stages,
            utilization=self.layout.gpu_memory_utilization,
            context=self.layout.context,
            most=self.layout.concurrency,
        )

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees of tensor parallelism that are possible inside a node."""
        possible = tensor_parallel_degrees(self.variant, self.checkpoint)
        return tuple(degree for degree in possible if degree <= self.instance.gpus)

    def with_checkpoint(self, checkpoint: Checkpoint) -> "Site":
        """The same in another precision."""
        return dataclasses.replace(self, checkpoint=checkpoint)

    def with_layout(self, **numbers: int) -> "Site":
        """The same with other numbers in its layout."""
        return dataclasses.replace(self, layout=dataclasses.replace(self.layout, **numbers))
