"""Attributes of target groups, as far as AWS takes them and moto doesn't.

Source: Elastic Load Balancing API reference, TargetGroupAttribute (2026-11).
"""

from collections.abc import Callable
from typing import Any

_DELAY, _HOUR = "deregistration_delay.timeout_seconds", "3600"


def modify_target_group_attributes(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes a whole hour: AWS's range is 0 to 3600 seconds, the last included."""

    def inclusive(self: Any, target_group_arn: str, attributes: dict[str, Any]) -> Any:
        whole = {_DELAY: _HOUR} if str(attributes.get(_DELAY)) == _HOUR else {}
        rest = {key: value for key, value in attributes.items() if key not in whole}
        answer = original(self, target_group_arn, rest)
        self.target_groups[target_group_arn].attributes.update(whole)
        return answer

    return inclusive
