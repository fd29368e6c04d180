"""Auto Scaling spreads instances over the subnets of a group; moto starts all in the first one.

moto also forgets the Region of these instances, so that they have names of us-east-1.

Source: EC2 Auto Scaling user guide, ec2-auto-scaling-availability-zone-balanced.
"""

from collections.abc import Callable
from typing import Any

_Method = Callable[..., Any]


def replace_autoscaling_group_instances(original: _Method) -> _Method:
    """Starts the instances one by one, each where the fewest are."""

    def balanced(self: Any, count_needed: int, propagated_tags: dict[str, str]) -> None:
        subnets = (self.vpc_zone_identifier or "").split(",")
        if subnets == [""]:
            original(self, count_needed, propagated_tags)
            return
        whole = self.vpc_zone_identifier
        for _ in range(count_needed):
            taken = [state.instance.subnet_id for state in self.active_instances()]
            self.vpc_zone_identifier = min(subnets, key=taken.count)
            try:
                original(self, 1, propagated_tags)
            finally:
                self.vpc_zone_identifier = whole
            for state in self.instance_states:
                state.instance.region_name = self.autoscaling_backend.region_name

    return balanced
