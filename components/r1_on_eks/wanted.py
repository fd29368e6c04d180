"""What not every stack has."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pulumi import Resource, ResourceOptions

_Args = TypeVar("_Args")
_Component = TypeVar("_Component", bound=Resource)


def wanted(
    component: Callable[[str, _Args, ResourceOptions], _Component],
    name: str,
    args: Sequence[_Args],
    opts: ResourceOptions,
) -> list[_Component]:
    """One component, or none where it is given nothing."""
    return [component(name, one, opts) for one in args]
