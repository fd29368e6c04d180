"""What stands between a destroy and a production stack."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class ProtectionArgs:
    """Inputs of `Protection`.

    Attributes:
        protected: Whether a destroy is refused.
        everything: All that the stack consists of.
    """

    protected: bool
    everything: Sequence[pulumi.Resource]


class Protection(pulumi.ComponentResource):
    """Depends on everything, so a destroy begins with it; protected, a destroy also ends there.

    Without it the engine would delete whatever is not protected itself, and then fail: with
    `--yes --skip-preview` that is most of a stack. A component, since none is ever replaced.
    """

    def __init__(
        self, name: str, args: ProtectionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        first = pulumi.ResourceOptions(protect=args.protected, depends_on=list(args.everything))
        super().__init__(
            "r1:index:Protection", name, None, pulumi.ResourceOptions.merge(opts, first)
        )
        self.register_outputs({})
