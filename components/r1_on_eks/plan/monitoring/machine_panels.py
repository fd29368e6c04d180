"""Rows of what stands below all variants: GPUs, nodes, the file system."""

from r1_on_eks.plan.monitoring.panel import (
    BYTES,
    BYTES_PER_SECOND,
    CELSIUS,
    NUMBER,
    SECONDS,
    SHARE,
    WATT,
    Panel,
    Row,
    drawn,
    planned,
)
from r1_on_eks.plan.monitoring.storage_alerts import FSX_PERIOD_SECONDS
from r1_on_eks.plan.names import NAMESPACE

_OF_GPU = "{{node}} {{gpu}}"
GPUS = Row(
    title="GPUs",
    panels=(
        Panel(
            title="Busy",
            unit=SHARE,
            most=1,
            queries=(drawn("r1:gpu_busy:mean"),),
            said="Some kernel ran; 80 % and more is the aim under load.",
        ),
        Panel(
            title="Arithmetic units at work",
            unit=SHARE,
            most=1,
            queries=(
                drawn("r1:gpu_sm_active:mean", "{{variant}}"),
                drawn("r1:gpu_tensor_active:mean", "{{variant}}, tensor cores"),
            ),
        ),
        Panel(
            title="Memory in use",
            unit=SHARE,
            most=1,
            queries=(drawn("r1:gpu_memory_used:max"),),
            said="vLLM takes its share at the start; what grows later is a leak.",
        ),
        Panel(
            title="Power",
            unit=WATT,
            queries=(
                drawn('sum by (node) (DCGM_FI_DEV_POWER_USAGE{job="dcgm"})', "{{node}}"),
            ),
        ),
        Panel(
            title="Temperature",
            unit=CELSIUS,
            queries=(drawn('DCGM_FI_DEV_GPU_TEMP{job="dcgm"}', _OF_GPU),),
        ),
        Panel(
            title="Time with a lowered clock",
            unit=SHARE,
            queries=(
                drawn('rate(DCGM_FI_DEV_THERMAL_VIOLATION{job="dcgm"}[5m]) / 1e9',
                      f"{_OF_GPU}, heat"),
                drawn('rate(DCGM_FI_DEV_POWER_VIOLATION{job="dcgm"}[5m]) / 1e9',
                      f"{_OF_GPU}, power"),
            ),
        ),
        Panel(
            title="Xid errors",
            unit=NUMBER,
            queries=(
                drawn('sum by (node, gpu, xid) (DCGM_EXP_XID_ERRORS_COUNT{job="dcgm"})',
                      f"{_OF_GPU}: {{{{xid}}}}"),
            ),
        ),
        Panel(
            title="Rows of memory replaced",
            unit=NUMBER,
            queries=(
                drawn('DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS{job="dcgm"}', _OF_GPU),
            ),
        ),
    ),
)  # fmt: skip


_DISK = 'job="node",mountpoint=~"/|/mnt/k8s-disks/0"'
_STATE = f'job="kube-state-metrics",namespace="{NAMESPACE}"'
CAPACITY = Row(
    title="Capacity",
    panels=(
        Panel(
            title="Replicas",
            unit=NUMBER,
            queries=(
                drawn("r1:replicas:ready", "{{variant}}, ready"),
                drawn("r1:replicas:wanted", "{{variant}}, wanted"),
                planned("r1_plan:replicas:most", "{{variant}}, at most"),
            ),
        ),
        Panel(
            title="GPU nodes",
            unit=NUMBER,
            queries=(
                drawn("r1:nodes:count", "{{pool}}"),
                planned("r1_plan:nodes:wanted", "{{pool}}, planned"),
            ),
        ),
        Panel(
            title="Pods without a node",
            unit=NUMBER,
            queries=(
                drawn(f"sum(kube_pod_status_unschedulable{{{_STATE}}}) or vector(0)", "pods"),
            ),
        ),
        Panel(
            title="Pods that start",
            unit=SECONDS,
            queries=(
                drawn("r1:pod_starting:seconds", "{{pod}}"),
                planned("r1_plan:start_seconds:limit", "{{variant}}, at most"),
            ),
        ),
        Panel(
            title="Memory of nodes, free",
            unit=SHARE,
            most=1,
            queries=(
                drawn(
                    'node_memory_MemAvailable_bytes{job="node"}'
                    ' / node_memory_MemTotal_bytes{job="node"}',
                    "{{node}}",
                ),
            ),
        ),
        Panel(
            title="Disks of nodes, free",
            unit=SHARE,
            most=1,
            queries=(
                drawn(
                    f"node_filesystem_avail_bytes{{{_DISK}}}"
                    f" / node_filesystem_size_bytes{{{_DISK}}}",
                    "{{node}} {{mountpoint}}",
                ),
            ),
        ),
    ),
)


_READ = f'sum(aws_fsx_data_read_bytes_sum{{job="fsx"}}) / {FSX_PERIOD_SECONDS}'
FILE_SYSTEM = Row(
    title="File system of the weights",
    panels=(
        Panel(
            title="Read",
            unit=BYTES_PER_SECOND,
            queries=(
                drawn(_READ, "read"),
                planned("r1_plan:file_system_bytes_per_second:steady", "disks, steadily"),
            ),
        ),
        Panel(
            title="Free",
            unit=BYTES,
            queries=(
                drawn('sum(aws_fsx_free_data_storage_capacity_sum{job="fsx"})', "free"),
                planned("r1_plan:file_system_bytes:capacity", "capacity"),
            ),
        ),
    ),
)
