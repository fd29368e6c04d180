"""The Pulumi program: the stack's configuration, parsed once and declared."""

import pulumi
from r1_on_eks import DoesNotFit, StackConfigError, declare, parse_stack_config

wanted = pulumi.Config("r1-on-eks").require_object("stack")
try:
    declare(parse_stack_config({"name": pulumi.get_stack()} | wanted))
except (StackConfigError, DoesNotFit) as error:
    raise pulumi.RunError(f"Pulumi.{pulumi.get_stack()}.yaml\n{error}") from None
