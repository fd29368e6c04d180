"""What runs by version and was not looked up; and whether the stack fits at all."""

from collections.abc import Iterable, Mapping

from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.plan import Plan
from r1_on_eks.plan.images import image_source, images_in
from r1_on_eks.plan.versions import Versions, pins_of

PINS = "pins"
PLAN = "plan"


def pin_finding(
    stack: str, pins: Mapping[str, str | None], *, production: bool, allowed: bool
) -> Finding:
    """Whether everything that runs by version was looked up.

    Args:
        stack: Its name.
        pins: As `pins_of` answers them.
        production: Whether the stack is there to stay.
        allowed: Whether its file says `allow_unpinned: true`.
    """
    missing = [what for what, pin in pins.items() if pin is None]
    if not missing:
        return ready(PINS, f"all {len(pins)} versions and digests")
    named = f"{', '.join(missing[:2])}{' …' if len(missing) > 2 else ''}"
    told = f"{len(missing)} of {len(pins)} are unpinned: {named}"
    fix = f"r1 pins refresh {stack}"
    if production and not allowed:
        return lacking(PINS, f"{told}; pulumi up refuses a production stack", fix)
    return unknown(PINS, f"{told}; what runs is what is newest on the day", fix)


def pinned(ground: Ground) -> Iterable[Finding]:
    """Asks nobody."""
    config = ground.config
    found = pins_of(
        Versions.of(config, ground.pinned), image_source(config, ground.pinned), images_in(config)
    )
    return [
        pin_finding(
            ground.stack, found, production=config.production, allowed=config.allow_unpinned
        )
    ]


def plan_finding(stack: str, decided: Plan | str) -> Finding:
    """Whether everything that the stack's file asks for fits where it is put."""
    if isinstance(decided, str):
        return lacking(
            PLAN, "; ".join(decided.splitlines()), f"r1 plan {stack} --refresh, or as it says"
        )
    pools = ", ".join(
        f"{pool.nodes} × {pool.instance_type} {pool.purchase.way}" for pool in decided.gpu_pools
    )
    return ready(PLAN, f"{', '.join(m.placement.variant.name for m in decided.models)} on {pools}")


def decided(ground: Ground) -> Iterable[Finding]:
    """Asks nobody."""
    return [plan_finding(ground.stack, ground.decided)]
