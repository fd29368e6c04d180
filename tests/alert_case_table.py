"""A case for every alert: `CASES` by its name."""

from alert_cases import (
    ALWAYS,
    BIG,
    CHECK,
    GPU,
    NODE,
    OTHER_CHECK,
    OTHER_POD,
    PLAN,
    POD,
    SERVER,
    SMALL,
    STATE,
    Case,
    Fires,
    Quiet,
    Series,
    answered,
    check_job,
    constant,
    cronjob,
    gateway_answers,
    mean_of,
    node_of,
    replicas,
    starting,
    statuses,
    up,
    vllm,
)
from r1_on_eks.plan.monitoring.gpu_alerts import REBOOTED_FOR, REPLACED_FOR

V70, V7 = {"variant": "70b"}, {"variant": "7b"}
P70 = {**V70, "pod": POD["pod"]}
START_MINUTES = BIG.server.timeline.from_schedule_seconds // 60
MEMORY = BIG.placement.instance.memory_gib * 2**30
FIRST, EACH = "time_to_first_token_seconds", "request_time_per_output_token_seconds"
FSX = {"job": "fsx"}
CAPACITY = PLAN.storage.file_system.capacity_gib * 2**30
STEADY = CAPACITY / 2**40 * 500e6
ON_GPU = {key: GPU[key] for key in ("node", "gpu", "pod", "variant")}
ALWAYS_SCRAPED = ("gateway", "nginx", "node", "kube-state-metrics", "kubelet")
SCRAPED = (*ALWAYS_SCRAPED, "dcgm", "fsx")


def over(name, mean, limit):
    """A mean over its limit for two hours; of the other variant for the last minutes alone."""
    high, low = round(mean * 600), round(limit * 300)
    return Fires(
        [
            *mean_of(name, f"0+{high}{ALWAYS}", f"0+600{ALWAYS}"),
            *mean_of(name, f"0+{low}x110 {low * 110}+{high}x600", f"0+600{ALWAYS}", "7b"),
        ],
        [V70],
        since=1,
        at=122,
    )


def slower(name, mean):
    """Slower than predicted; the other variant too, but with more traffic than was asked."""
    return Fires(
        [
            *mean_of(name, f"0+{mean * 60}{ALWAYS}", f"0+60{ALWAYS}"),
            *mean_of(name, f"0+{mean * 60}{ALWAYS}", f"0+60{ALWAYS}", "7b"),
            answered(f"0+12{ALWAYS}"),
            answered(f"0+120{ALWAYS}", "7b"),
        ],
        [V70],
        since=1,
    )


def gone(job):
    others = up(*(one for one in (*SCRAPED, "vllm") if one != job))
    return Fires([*others, *replicas(1, 1), node_of("r1-70b")], [{"job": job}], by_labels=False)


def check_failed(reason, other):
    """A check that failed for `reason`, beside what is no reason to tell of it."""
    fails = check_job(CHECK, 1000, reason)
    beside = [
        # Another failed otherwise, and runs again.
        *check_job(OTHER_CHECK, 1000, other),
        *check_job(OTHER_CHECK, 2000, None),
        *cronjob(OTHER_CHECK, 10, 500),
        # Some other CronJob failed.
        *check_job("nightly", 1000, reason),
        *cronjob("nightly", 10),
        # What belongs to no check of ours: it succeeded later, or failed otherwise.
        *cronjob(CHECK, 10, 5000, namespace="another"),
        *cronjob(CHECK, 10, 5000, job="another"),
        *check_job(CHECK, 1000, other, namespace="another"),
        *check_job(CHECK, 1000, other, job="another"),
    ]
    told = [{"cronjob": CHECK}]
    # Of one that fell, the alert looks for the absence of a reason.
    alone = [one for one in fails if reason or one.name != "kube_job_status_failed"]
    return Case(
        [
            Fires([*alone, *cronjob(CHECK, 10)], told),
            Fires([*fails, *cronjob(CHECK, 10, 500), *beside], told, by_labels=False),
        ],
        [
            # Since then one succeeded; the failed one is still there.
            Quiet([*fails, *cronjob(CHECK, 10, 1100)], 30),
            Quiet([*check_job(CHECK, 1000, other), *cronjob(CHECK, 10)], 30),
            Quiet([*check_job(CHECK, 1000, None), *cronjob(CHECK, 10)], 30),
        ],
    )


CASES = {
    "ModelDown": Case(
        [
            Fires([*replicas(1, 0), *replicas(2, 2, "7b")], [V70], by_labels=False),
            Fires(
                [*replicas(1, 0), *replicas(2, 0, "7b"), *starting(OTHER_POD)],
                [V70],
                by_labels=False,
            ),
        ],
        [
            Quiet([*replicas(1, 1)], 10),
            Quiet([*replicas(0, 0)], 10),
            Quiet([*replicas(1, 0), *starting(POD)], 10),
        ],
    ),
    "ModelStuck": Case(
        [
            Fires(
                [
                    vllm("num_requests_running", f"3+0{ALWAYS}"),
                    vllm("num_requests_running", f"3+0{ALWAYS}", "7b"),
                    vllm("generation_tokens_total", f"900+0{ALWAYS}"),
                    vllm("generation_tokens_total", f"0+600{ALWAYS}", "7b"),
                ],
                [V70],
                since=1,
            )
        ],
        [
            Quiet(
                [
                    vllm("num_requests_running", f"0+0{ALWAYS}"),
                    vllm("generation_tokens_total", f"900+0{ALWAYS}"),
                ],
                20,
            )
        ],
    ),
    "ModelErrorsFast": Case(
        [
            Fires(
                [
                    *statuses(f"0+6{ALWAYS}", f"0+54{ALWAYS}"),
                    *statuses("0+0x110 0+12x600", f"0+48{ALWAYS}", "7b"),
                ],
                [V70],
                since=1,
                at=125,
            )
        ],
        [Quiet(statuses(f"0+3{ALWAYS}", f"0+57{ALWAYS}"), 125)],
    ),
    "ModelErrorsSlowly": Case(
        [
            Fires(
                [
                    *statuses(f"0+3{ALWAYS}", f"0+57{ALWAYS}"),
                    *statuses("0+0x400 0+6x600", f"0+54{ALWAYS}", "7b"),
                ],
                [V70],
                since=1,
                at=440,
            )
        ],
        [Quiet(statuses(f"0+1{ALWAYS}", f"0+59{ALWAYS}"), 440)],
    ),
    "ModelStartsTooLong": Case(
        [
            Fires(
                [*starting(POD), *starting({**OTHER_POD}, ready=1)],
                [P70],
                since=START_MINUTES + 1,
            )
        ],
        [Quiet([*starting(POD, phase="Failed")], START_MINUTES * 2)],
    ),
    "ModelRestarts": Case(
        [
            Fires(
                [Series("kube_pod_container_status_restarts_total", SERVER, "0+0x60 3+0x600")],
                [SERVER],
                since=61,
            )
        ],
        [
            Quiet(
                [Series("kube_pod_container_status_restarts_total", SERVER, "0+0x60 1+0x600")], 65
            )
        ],
    ),
    "ImageNotPulled": Case(
        [
            Fires(
                [constant("kube_pod_container_status_waiting_reason", 1, SERVER, reason=reason)],
                [{**SERVER, "reason": reason}],
            )
            for reason in ("ErrImagePull", "ImagePullBackOff")
        ],
        [
            Quiet(
                [
                    constant(
                        "kube_pod_container_status_waiting_reason",
                        0,
                        SERVER,
                        reason="ImagePullBackOff",
                    )
                ],
                20,
            )
        ],
    ),
    "VolumeNotMounted": Case(
        [
            Fires(
                [
                    constant(
                        "kube_pod_container_status_waiting_reason",
                        1,
                        SERVER,
                        reason="ContainerCreating",
                    )
                ],
                [{**SERVER, "reason": "ContainerCreating"}],
            )
        ],
        [
            Quiet(
                [
                    constant(
                        "kube_pod_container_status_waiting_reason",
                        0,
                        SERVER,
                        reason="ContainerCreating",
                    )
                ],
                60,
            )
        ],
    ),
    "ModelOutOfMemory": Case(
        [
            Fires(
                [
                    *(
                        constant(
                            "kube_pod_container_status_last_terminated_reason",
                            1,
                            {**SERVER, "pod": pod},
                            reason="OOMKilled",
                        )
                        for pod in (POD["pod"], OTHER_POD["pod"])
                    ),
                    Series("kube_pod_container_status_restarts_total", SERVER, "0+0x60 1+0x600"),
                    constant(
                        "kube_pod_container_status_restarts_total",
                        4,
                        {**SERVER, "pod": OTHER_POD["pod"]},
                    ),
                ],
                [{**SERVER, "reason": "OOMKilled"}],
                since=61,
            )
        ],
        [
            Quiet(
                [
                    constant(
                        "kube_pod_container_status_last_terminated_reason",
                        0,
                        SERVER,
                        reason="OOMKilled",
                    ),
                    Series("kube_pod_container_status_restarts_total", SERVER, "0+0x60 1+0x600"),
                ],
                63,
            )
        ],
    ),
    "ModelMemoryGrows": Case(
        [
            Fires(
                [
                    Series(
                        "container_memory_rss",
                        {**SERVER, "job": "kubelet"},
                        f"{MEMORY * 0.5:.0f}+{MEMORY / 1440:.0f}{ALWAYS}",
                    ),
                    constant(
                        "container_memory_rss",
                        2**33,
                        {**SERVER, "job": "kubelet"},
                        pod=OTHER_POD["pod"],
                    ),
                ],
                [P70],
                since=1,
            )
        ],
        [
            Quiet(
                [
                    Series(
                        "container_memory_rss",
                        {**SERVER, "job": "kubelet"},
                        f"{MEMORY * 0.4:.0f}+{MEMORY * 0.2 / 1440:.0f}{ALWAYS}",
                    )
                ],
                120,
            )
        ],
    ),
    "CacheFull": Case(
        [
            Fires(
                [
                    vllm("kv_cache_usage_perc", f"0.97+0{ALWAYS}"),
                    vllm("kv_cache_usage_perc", f"0.2+0{ALWAYS}", "7b"),
                ],
                [V70],
            )
        ],
        [Quiet([vllm("kv_cache_usage_perc", f"0.9+0{ALWAYS}")], 30)],
    ),
    "ModelPreempts": Case(
        [
            Fires(
                [
                    vllm("num_preemptions_total", f"0+6{ALWAYS}"),
                    vllm("num_preemptions_total", f"0+0{ALWAYS}", "7b"),
                    answered(f"0+60{ALWAYS}"),
                    answered(f"0+60{ALWAYS}", "7b"),
                ],
                [V70],
                since=1,
            )
        ],
        [
            Quiet(
                [
                    vllm("num_preemptions_total", f"0+2{ALWAYS}"),
                    answered(f"0+60{ALWAYS}"),
                ],
                30,
            )
        ],
    ),
    "QueueTooLong": Case(
        [
            Fires(
                [
                    vllm("num_requests_waiting", f"3+0{ALWAYS}"),
                    vllm("num_requests_waiting", f"3+0{ALWAYS}", "7b"),
                    answered(f"0+6{ALWAYS}"),
                    answered(f"0+60{ALWAYS}", "7b"),
                ],
                [V70],
                since=1,
            )
        ],
        [
            Quiet(
                [vllm("num_requests_waiting", f"0+0{ALWAYS}"), answered(f"0+6{ALWAYS}")],
                30,
            )
        ],
    ),
    "ReplicasAtMost": Case(
        [
            Fires(
                [
                    vllm("num_requests_waiting", f"2+0{ALWAYS}"),
                    vllm("num_requests_waiting", f"2+0{ALWAYS}", "7b"),
                    *replicas(1, 1),
                    *replicas(1, 1, "7b"),
                ],
                [V70],
            )
        ],
        [Quiet([vllm("num_requests_waiting", f"0+0{ALWAYS}"), *replicas(1, 1)], 60)],
    ),
    "FirstTokenOverLimit": Case([over(FIRST, 3, 2)]),
    "TokensOverLimit": Case([over(EACH, 0.1, 0.08)]),
    "FirstTokenTail": Case(
        [
            Fires(
                [
                    vllm(f"{FIRST}_bucket", f"0+{step}{ALWAYS}", variant, le=le)
                    for variant, first in (("70b", 0), ("7b", 60))
                    for le, step in (("1", first), ("10", 60), ("+Inf", 60))
                ],
                [V70],
                since=1,
            )
        ],
    ),
    "FirstTokenSlowerThanPlanned": Case([slower(FIRST, 1)]),
    "TokensSlowerThanPlanned": Case([slower(EACH, 0.2)]),
    "GatewayDown": Case(
        [
            Fires([], [{}], by_labels=False),
            Fires(
                [
                    constant("nginx_up", 0, {"job": "nginx", "pod": "gateway-1"}),
                    constant("nginx_up", 1, {"job": "another", "pod": "elsewhere-1"}),
                ],
                [{}],
                by_labels=False,
            ),
        ],
        [
            Quiet(
                [
                    constant("nginx_up", 0, {"job": "nginx", "pod": "gateway-1"}),
                    constant("nginx_up", 1, {"job": "nginx", "pod": "gateway-2"}),
                ],
                10,
            )
        ],
    ),
    "GatewayHalf": Case(
        [
            Fires(
                [
                    constant("nginx_up", 0, {"job": "nginx", "pod": "gateway-1"}),
                    constant("nginx_up", 1, {"job": "nginx", "pod": "gateway-2"}),
                ],
                [{}],
            )
        ],
        [
            Quiet(
                [
                    constant("nginx_up", 1, {"job": "nginx", "pod": "gateway-1"}),
                    constant("nginx_up", 1, {"job": "nginx", "pod": "gateway-2"}),
                ],
                30,
            )
        ],
    ),
    "GatewayDropsConnections": Case(
        [
            Fires(
                [
                    Series(f"nginx_connections_{what}", {"job": "nginx", "pod": pod}, values)
                    for what, pod, values in (
                        ("accepted", "gateway-1", f"0+70{ALWAYS}"),
                        ("handled", "gateway-1", f"0+60{ALWAYS}"),
                        ("accepted", "gateway-2", f"0+70{ALWAYS}"),
                        ("handled", "gateway-2", f"0+70{ALWAYS}"),
                    )
                ],
                [{"job": "nginx", "pod": "gateway-1"}],
                since=1,
            )
        ],
    ),
    "GatewayErrorsFast": Case(
        [
            Fires(
                [
                    *gateway_answers(
                        s502=f"0+2{ALWAYS}",
                        s503=f"0+3{ALWAYS}",
                        s5xx=f"0+1{ALWAYS}",
                        s200=f"0+54{ALWAYS}",
                    ),
                    *gateway_answers("7b", s503="0+0x110 0+12x600", s200=f"0+48{ALWAYS}"),
                ],
                [V70],
                since=1,
                at=125,
            )
        ],
        [
            Quiet(gateway_answers(s503=f"0+4{ALWAYS}", s200=f"0+56{ALWAYS}"), 125),
            # What is answered in place of a sleeper is no error.
            Quiet(gateway_answers(sasleep=f"0+60{ALWAYS}", s503=f"0+0{ALWAYS}"), 125),
            Quiet(
                gateway_answers(
                    s429=f"0+30{ALWAYS}",
                    s413=f"0+9{ALWAYS}",
                    s499=f"0+9{ALWAYS}",
                    s200=f"0+12{ALWAYS}",
                ),
                125,
            ),
        ],
    ),
    "GatewayErrorsSlowly": Case(
        [
            Fires(
                [
                    *gateway_answers(s504=f"0+3{ALWAYS}", s200=f"0+57{ALWAYS}"),
                    *gateway_answers("7b", s504="0+0x400 0+6x600", s200=f"0+54{ALWAYS}"),
                ],
                [V70],
                since=1,
                at=440,
            )
        ],
        [
            Quiet(gateway_answers(s504=f"0+1{ALWAYS}", s200=f"0+59{ALWAYS}"), 440),
            Quiet(gateway_answers(sasleep=f"0+60{ALWAYS}", s504=f"0+0{ALWAYS}"), 440),
        ],
    ),
    "GatewayRefuses": Case(
        [
            Fires(
                [
                    *gateway_answers(s429=f"0+9{ALWAYS}", s200=f"0+51{ALWAYS}"),
                    *gateway_answers("7b", s429=f"0+3{ALWAYS}", s200=f"0+57{ALWAYS}"),
                    # Guesses of keys.
                    *gateway_answers("none", s429=f"0+30{ALWAYS}", s401=f"0+30{ALWAYS}"),
                ],
                [V70],
                since=1,
            )
        ],
        [Quiet(gateway_answers(s503=f"0+30{ALWAYS}", s200=f"0+30{ALWAYS}"), 30)],
    ),
    "PodHasNoNode": Case(
        [
            Fires(
                [constant("kube_pod_status_unschedulable", 1, POD, uid="1")],
                [{"namespace": "r1", "pod": POD["pod"]}],
            )
        ],
        [Quiet([constant("kube_pod_status_unschedulable", 0, POD)], 30)],
    ),
    "NodeNotReady": Case(
        [
            Fires(
                [
                    constant(
                        "kube_node_status_condition",
                        value,
                        {**STATE, "node": node},
                        condition="Ready",
                        status="true",
                    )
                    for node, value in (("a", 0), ("b", 1))
                ],
                [{**STATE, "node": "a", "condition": "Ready", "status": "true"}],
            )
        ],
    ),
    "NodeDiskFull": Case(
        [
            Fires(
                [
                    constant(f"node_filesystem_{what}_bytes", value, NODE, mountpoint=mountpoint)
                    for mountpoint in ("/", "/mnt/k8s-disks/0")
                    for what, value in (("avail", 5e9), ("size", 1e11))
                ],
                [{**NODE, "mountpoint": one} for one in ("/", "/mnt/k8s-disks/0")],
            )
        ],
        [
            Quiet(
                [
                    constant("node_filesystem_avail_bytes", 3e10, NODE, mountpoint="/"),
                    constant("node_filesystem_size_bytes", 1e11, NODE, mountpoint="/"),
                ],
                30,
            )
        ],
    ),
    "NodeMemoryFull": Case(
        [
            Fires(
                [
                    constant("node_memory_MemAvailable_bytes", 3e9, NODE),
                    constant("node_memory_MemTotal_bytes", 1e11, NODE),
                ],
                [NODE],
            )
        ],
        [
            Quiet(
                [
                    constant("node_memory_MemAvailable_bytes", 2e10, NODE),
                    constant("node_memory_MemTotal_bytes", 1e11, NODE),
                ],
                30,
            )
        ],
    ),
    "NodesMissing": Case(
        [
            Fires(
                [node_of("r1-7b", "a"), node_of("r1-7b", "b")],
                [{"pool": "r1-70b"}],
                by_labels=False,
            ),
            Fires(
                [node_of("r1-7b", "a"), node_of("r1-70b", "b")],
                [{"pool": "r1-7b"}],
                by_labels=False,
            ),
        ],
    ),
    "TargetDown": Case(
        [
            Fires(
                [
                    *up(*SCRAPED, value=0),
                    *(
                        constant(
                            "up", 0, {"job": "vllm", "pod": pod["pod"], "instance": "pod:8000"}
                        )
                        for pod in (POD, OTHER_POD)
                    ),
                    *starting(OTHER_POD),
                ],
                [
                    *({"job": job, "instance": f"{job}:80"} for job in SCRAPED),
                    {"job": "vllm", "pod": POD["pod"], "instance": "pod:8000"},
                ],
            )
        ],
        [Quiet(up(*SCRAPED, "vllm"), 30)],
    ),
    "MetricsMissing": Case(
        [gone(job) for job in (*ALWAYS_SCRAPED, "vllm", "dcgm")],
        [
            Quiet([*up(*SCRAPED, "vllm", value=0), *replicas(1, 1), node_of("r1-70b")], 60),
            Quiet([*up(*ALWAYS_SCRAPED), *replicas(1, 0)], 60),
        ],
    ),
    "GpuFailed": Case(
        [
            Fires([constant("DCGM_EXP_XID_ERRORS_COUNT", 1, GPU, xid=xid)], [{**GPU, "xid": xid}])
            for xid in map(str, REPLACED_FOR)
        ],
        [Quiet([constant("DCGM_EXP_XID_ERRORS_COUNT", 1, GPU, xid="94")], 10)],
    ),
    "GpuNeedsReboot": Case(
        [
            Fires([constant("DCGM_EXP_XID_ERRORS_COUNT", 1, GPU, xid=xid)], [{**GPU, "xid": xid}])
            for xid in map(str, REBOOTED_FOR)
        ],
        [Quiet([constant("DCGM_EXP_XID_ERRORS_COUNT", 1, GPU, xid="79")], 10)],
    ),
    "GpuThrottledByHeat": Case(
        [
            Fires(
                [Series("DCGM_FI_DEV_THERMAL_VIOLATION", GPU, f"0+6000000000{ALWAYS}")],
                [GPU],
                since=3,
            )
        ],
        [Quiet([Series("DCGM_FI_DEV_THERMAL_VIOLATION", GPU, f"0+2000000000{ALWAYS}")], 30)],
    ),
    "GpuMemoryError": Case(
        [
            Fires(
                [Series("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", GPU, "0+0x60 1+0x600")],
                [GPU],
                since=61,
            )
        ],
        [Quiet([constant("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", 3, GPU)], 62)],
    ),
    "GpuRowsRemapped": Case(
        [
            Fires(
                [Series("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", GPU, "2+0x60 3+0x600")],
                [GPU],
                since=61,
            )
        ],
        [Quiet([constant("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", 3, GPU)], 62)],
    ),
    "GpuRowsNotRemapped": Case(
        [Fires([constant("DCGM_FI_DEV_ROW_REMAP_FAILURE", 1, GPU)], [GPU])],
        [Quiet([constant("DCGM_FI_DEV_ROW_REMAP_FAILURE", 0, GPU)], 10)],
    ),
    "GpusIdle": Case(
        [
            Fires(
                [
                    constant("DCGM_FI_PROF_SM_ACTIVE", 0.01, GPU, variant="7b"),
                    constant("DCGM_FI_PROF_SM_ACTIVE", 0.01, GPU),
                    node_of("r1-7b"),
                ],
                [V7],
                by_labels=False,
            )
        ],
        [
            Quiet(
                [
                    constant("DCGM_FI_PROF_SM_ACTIVE", 0.2, GPU, variant="7b"),
                    node_of("r1-7b"),
                ],
                90,
            )
        ],
    ),
    "GpusUnderused": Case(
        [
            Fires(
                [
                    constant("DCGM_FI_DEV_GPU_UTIL", 50, GPU),
                    constant("DCGM_FI_DEV_GPU_UTIL", 50, GPU, variant="7b"),
                    vllm("num_requests_waiting", f"2+0{ALWAYS}"),
                    vllm("num_requests_waiting", f"0+0{ALWAYS}", "7b"),
                ],
                [V70],
            )
        ],
        [
            Quiet(
                [
                    constant("DCGM_FI_DEV_GPU_UTIL", 95, GPU),
                    vllm("num_requests_waiting", f"2+0{ALWAYS}"),
                ],
                60,
            )
        ],
    ),
    "FileSystemFull": Case(
        [Fires([constant("aws_fsx_free_data_storage_capacity_sum", CAPACITY * 0.05, FSX)], [{}])],
        [Quiet([constant("aws_fsx_free_data_storage_capacity_sum", CAPACITY * 0.5, FSX)], 30)],
    ),
    "FileSystemSlow": Case(
        [Fires([constant("aws_fsx_data_read_bytes_sum", STEADY * 300 * 0.95, FSX)], [{}])],
        [Quiet([constant("aws_fsx_data_read_bytes_sum", STEADY * 300 * 0.5, FSX)], 60)],
    ),
    "QualityFell": check_failed("", "BackoffLimitExceeded"),
    "QualityNotMeasured": check_failed("BackoffLimitExceeded", ""),
}
assert SMALL.placement.replicas == 2
