"""Alerts of the file system of the weights, as CloudWatch tells them."""

from r1_on_eks.plan.monitoring.alert import WARNING, Alert, Step
from r1_on_eks.plan.monitoring.typed import (
    FILE_SYSTEM,
    STARTING_PODS,
)

# The exporter asks CloudWatch for sums over so long: each answer costs money.
FSX_PERIOD_SECONDS = 300


def last_told(series: str) -> str:
    """What CloudWatch said last: asked as seldom, a series has gaps where Prometheus looks."""
    return f'sum(last_over_time({series}{{job="fsx"}}[{2 * FSX_PERIOD_SECONDS + 60}s]))'


_READ = f"{last_told('aws_fsx_data_read_bytes_sum')} / {FSX_PERIOD_SECONDS}"

STORAGE_ALERTS = (
    Alert(
        name="FileSystemFull",
        severity=WARNING,
        expr=(
            f"{last_told('aws_fsx_free_data_storage_capacity_sum')}"
            " / r1_plan:file_system_bytes:capacity < 0.1"
        ),
        hold="15m",
        summary="The file system of the weights is nearly full",
        description="{{ $value | humanizePercentage }} left.",
        means="It holds what was imported from the bucket: more checkpoints than are served.",
        first=(
            Step(
                "Weights beside capacity: what is in the bucket that no variant serves?",
                "r1 plan STACK",
            ),
            Step("How large is it, and is it well?", FILE_SYSTEM),
            Step("capacity_gib in the stack file only grows: the next of 1200, 2400, 4800 …"),
        ),
    ),
    Alert(
        name="FileSystemSlow",
        severity=WARNING,
        expr=f"{_READ} > 0.9 * r1_plan:file_system_bytes_per_second:steady",
        hold="30m",
        summary="The file system of the weights reads as fast as it can",
        description="{{ $value | humanize1024 }}B/s for half an hour.",
        means="Servers start slower than planned; burst credits are used up.",
        first=(
            Step("Which pods are starting?", STARTING_PODS),
            Step(
                "A server that starts again and again reads its weights each time: ModelRestarts.",
            ),
            Step("Wait, or mbps_per_tib in the stack file, which replaces the file system."),
        ),
    ),
)
