"""Alerts of GPUs, as DCGM tells them."""

from r1_on_eks.plan.monitoring.alert import CRITICAL, INFO, WARNING, Alert, Step
from r1_on_eks.plan.monitoring.typed import (
    DESCRIBE_NODE,
    DRAIN,
    END_INSTANCE,
    INSTANCE_STATUS,
    POD_LOGS,
    REBOOT,
    SCALING_ACTIVITIES,
)

# What EKS's node monitoring agent replaces or reboots a node for (aws/eks-node-monitoring-agent
# v1.7.0, 2026-11).
REPLACED_FOR = (74, 79, 119, 120, 121, 140)
REBOOTED_FOR = (13, 31, 48, 63, 64, 94, 95)
_WHERE = "{{ $labels.node }}, GPU {{ $labels.gpu }}"
_UNCORDON = "kubectl uncordon {{ $labels.node }}"


def _xids(numbers: tuple[int, ...]) -> str:
    listed = "|".join(map(str, numbers))
    return f'DCGM_EXP_XID_ERRORS_COUNT{{job="dcgm",xid=~"{listed}"}} > 0'


_ERRORS = (
    Alert(
        name="GpuFailed",
        severity=CRITICAL,
        expr=_xids(REPLACED_FOR),
        hold="0s",
        summary=f"{_WHERE}: Xid {{{{ $labels.xid }}}}, the node has to be replaced",
        description="{{ $value }} such errors in the last minutes.",
        means="The GPU fell off the bus, its NVLink or its firmware failed; no restart mends"
        " that. With node repair EKS replaces the node in ten minutes.",
        first=(
            Step("AcceleratedHardwareReady False means that EKS is at it.", DESCRIBE_NODE),
            Step("If it is not, move what runs there.", DRAIN),
            Step(
                "Then end its instance, where capacity is reserved or the type is to be had; else"
                " open a case with AWS first.",
                END_INSTANCE,
            ),
        ),
    ),
    Alert(
        name="GpuNeedsReboot",
        severity=WARNING,
        expr=_xids(REBOOTED_FOR),
        hold="0s",
        summary=f"{_WHERE}: Xid {{{{ $labels.xid }}}}",
        description="{{ $value }} such errors in the last minutes.",
        means="13 and 31 are mostly the program's own fault; the others are memory errors that"
        " a reboot clears.",
        first=(
            Step(
                "13 or 31: the log of that pod; the same request again?",
                f"{POD_LOGS} --previous --tail=80",
            ),
            Step("Others: has EKS marked the node?", DESCRIBE_NODE),
            Step("If not, move what runs there and reboot its instance.", f"{DRAIN} && {REBOOT}"),
        ),
    ),
    Alert(
        name="GpuThrottledByHeat",
        severity=WARNING,
        # Nanoseconds, whatever older lists say (NVIDIA/dcgm-exporter#589).
        expr='rate(DCGM_FI_DEV_THERMAL_VIOLATION{job="dcgm"}[5m]) / 1e9 > 0.05',
        hold="10m",
        summary=f"{_WHERE} is too hot and slows down",
        description="{{ $value | humanizePercentage }} of the time its clock is lowered.",
        means="Cooling in AWS's rack; all ranks of a replica wait for the slowest GPU.",
        first=(
            Step("The stack's dashboard, row GPUs: one GPU or the whole node?"),
            Step("Open a case with AWS, with the instance's id.", INSTANCE_STATUS),
            Step(
                "The whole node, and another is to be had: move what runs there and end the"
                " instance.",
                f"{DRAIN} && {END_INSTANCE}",
            ),
        ),
    ),
)

_MEMORY = (
    Alert(
        name="GpuMemoryError",
        severity=CRITICAL,
        expr='increase(DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{job="dcgm"}[15m]) > 0',
        hold="0s",
        summary=f"{_WHERE}: its memory had an error that can't be corrected",
        description="{{ $value | humanize }} double-bit errors in a quarter of an hour.",
        means="What ran on it is wrong or was ended; the row is remapped at the next reset.",
        first=(
            Step("Move what runs there.", DRAIN),
            Step("Reboot its instance.", REBOOT),
            Step(
                "If it comes back, GpuRowsNotRemapped decides whether the node has to go; else let"
                " pods in again.",
                _UNCORDON,
            ),
        ),
    ),
    Alert(
        name="GpuRowsRemapped",
        severity=INFO,
        expr='increase(DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS{job="dcgm"}[1d]) > 0',
        hold="0s",
        summary=f"{_WHERE}: rows of its memory were replaced by spare ones",
        description="{{ $value | humanize }} rows within a day.",
        means="The GPU mends itself; several in a week announce its end.",
        first=(
            Step("The stack's dashboard, row GPUs: how many so far?"),
            Step("Did GpuMemoryError of the same GPU fire lately?"),
            Step(
                "In a quiet hour, so that the remapping takes hold: move what runs there and"
                " reboot its instance.",
                f"{DRAIN} && {REBOOT}",
            ),
        ),
    ),
    Alert(
        name="GpuRowsNotRemapped",
        severity=CRITICAL,
        expr='DCGM_FI_DEV_ROW_REMAP_FAILURE{job="dcgm"} > 0',
        hold="1m",
        summary=f"{_WHERE}: no spare rows are left in its memory",
        description="Remapping failed; the GPU is to be exchanged.",
        means="The next error of its memory ends what runs on it.",
        first=(
            Step("Take no more pods, and move what runs there.", DRAIN),
            Step(
                "End its instance, where another is to be had; AWS exchanges the GPU.",
                END_INSTANCE,
            ),
            Step("Does another come?", SCALING_ACTIVITIES),
        ),
    ),
)

_WORK = (
    Alert(
        name="GpusIdle",
        severity=INFO,
        expr=(
            "max_over_time(r1:gpu_sm_active:mean[30m]) < 0.05 and on (variant)"
            " r1:usd_per_hour:sum > 0"
        ),
        hold="30m",
        summary="{{ $labels.variant }}: its GPUs are paid for and do nothing",
        description="{{ $value | humanizePercentage }} of its GPUs' units worked at most.",
        means="Nobody asks it, or nobody is let in.",
        first=(
            Step("The stack's dashboard: requests a second; errors at the gateway?"),
            Step("What an hour of it costs.", "r1 cost STACK"),
            Step("Not needed now: reserved: true of the variant keeps it declared without nodes."),
        ),
    ),
    Alert(
        name="GpusUnderused",
        severity=INFO,
        expr="r1:gpu_busy:mean < 0.8 and on (variant) r1:requests_waiting:sum > 0",
        hold="30m",
        summary="{{ $labels.variant }}: requests wait while its GPUs are not busy",
        description="Busy {{ $value | humanizePercentage }} of the time; 80 % is the aim.",
        means="Something before the GPUs is the limit: too few at a time, the processor, or"
        " prompts being read.",
        first=(
            Step("The variant's dashboard: answers at a time beside concurrency; cache in use."),
            Step(
                "Cache far from full: raise concurrency (--max-num-seqs); how far?",
                "r1 plan STACK",
            ),
            Step("The node's processors: the API server or the tokenizer at 100 %?"),
        ),
    ),
)

GPU_ALERTS = (*_ERRORS, *_MEMORY, *_WORK)
