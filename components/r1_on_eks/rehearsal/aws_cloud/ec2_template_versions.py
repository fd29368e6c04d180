"""Every version of a launch template starts instances; in moto the first one with user data does.

Source: EC2 API reference, CreateLaunchTemplateVersion (UserData is base64 text, as in the first).
"""

from collections.abc import Callable
from typing import Any

from moto.ec2.utils import parse_user_data

_Method = Callable[..., Any]


def create_version(original: _Method) -> _Method:
    """Reads user data as that of the first version."""

    def with_user_data(self: Any, data: dict[str, Any], description: str) -> Any:
        if isinstance(data.get("UserData"), str):
            data = {**data, "UserData": parse_user_data(data["UserData"])}
        return original(self, data, description)

    return with_user_data
