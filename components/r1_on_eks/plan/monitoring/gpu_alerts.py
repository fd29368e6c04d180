"""Alerts of GPUs, as DCGM tells them."""

from r1_on_eks.plan.monitoring.alert import CRITICAL, INFO, WARNING, Alert

# What EKS's node monitoring agent replaces or reboots a node for (aws/eks-node-monitoring-agent
# v1.7.0, 2026-11).
REPLACED_FOR = (74, 79, 119, 120, 121, 140)
REBOOTED_FOR = (13, 31, 48, 63, 64, 94, 95)
_WHERE = "{{ $labels.node }}, GPU {{ $labels.gpu }}"
_NODE = "kubectl describe node {{ $labels.node }}"
_DRAIN = "kubectl drain {{ $labels.node }} --ignore-daemonsets --delete-emptydir-data"


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
            f"{_NODE}: AcceleratedHardwareReady False means that EKS is at it.",
            f"If it is not: {_DRAIN}",
            "aws ec2 terminate-instances of its instance, where capacity is reserved or the"
            " type is to be had; else open a case with AWS first.",
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
            "13 or 31: the log of the pod, {{ $labels.pod }}; the same request again?",
            f"{_NODE}: has EKS marked it?",
            f"Others: {_DRAIN}, then reboot its instance.",
        ),
    ),
    Alert(
        name="GpuThrottledByHeat",
        severity=WARNING,
        expr='rate(DCGM_FI_DEV_THERMAL_VIOLATION{job="dcgm"}[5m]) / 1e9 > 0.05',
        hold="10m",
        summary=f"{_WHERE} is too hot and slows down",
        description="{{ $value | humanizePercentage }} of the time its clock is lowered.",
        means="Cooling in AWS's rack; all ranks of a replica wait for the slowest GPU.",
        first=(
            "The stack's dashboard, row GPUs: one GPU or the whole node?",
            "One node: drain it and end the instance, where another is to be had.",
            "Open a case with AWS, with the instance's id.",
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
            f"{_DRAIN}",
            "Reboot its instance: aws ec2 reboot-instances.",
            "If it comes back: GpuRowsNotRemapped decides whether the node has to go.",
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
            "The stack's dashboard, row GPUs: how many so far?",
            "GpuMemoryError of the same GPU lately?",
            "In a quiet hour: drain and reboot, so that the remapping takes hold.",
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
            f"{_DRAIN}",
            "End its instance, where another is to be had; AWS exchanges the GPU.",
            f"{_NODE}: is it still taking pods? kubectl cordon it.",
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
            "The stack's dashboard: requests a second; errors at the gateway?",
            "r1 cost STACK: what an hour of it costs.",
            "Not needed now: reserved: true of the variant keeps it declared without nodes.",
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
            "The variant's dashboard: answers at a time beside concurrency; cache in use.",
            "Cache far from full: raise concurrency (--max-num-seqs); r1 plan STACK says how far.",
            "The node's processors: the API server or the tokenizer at 100 %?",
        ),
    ),
)

GPU_ALERTS = (*_ERRORS, *_MEMORY, *_WORK)
