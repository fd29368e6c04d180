"""Experiments that a person has to carry out: they cost a standing stack, or judgement."""

from r1_on_eks.operations.evidence.experiment import PERSON, Experiment
from r1_on_eks.operations.readiness.billing import least_usd_per_month
from r1_on_eks.operations.readiness.ground import Ground

# A test stack lives that long (its file's `lifetime`), and is destroyed.
_HOURS = 8
_HOURS_PER_MONTH = 730


def _standing(ground: Ground) -> float | None:
    monthly = least_usd_per_month(ground.plan)
    return None if monthly is None else monthly / _HOURS_PER_MONTH * _HOURS


BY_PEOPLE = (
    Experiment(
        name="up, again, down",
        needs=PERSON,
        claims=(
            "not yet run on aws",
            "how long aws takes; eventual consistency",
            "limits that aws does not document",
        ),
        steps="pulumi up --stack STACK; pulumi preview --expect-no-changes --stack STACK; pulumi"
        " stack history --json; pulumi destroy --stack STACK; r1 sweep STACK",
        expected="it stands up, has no change, is destroyed, and nothing is left; the history has"
        " the minutes",
        usd=_standing,
    ),
    Experiment(
        name="roles of no more than they need",
        needs=PERSON,
        claims=("that they suffice on aws is not tried",),
        steps="four roles with what r1 check STACK --policy, --policy preview, --policy check and"
        " --policy sweep print, and the states' bucket; with each what it is for: pulumi up,"
        " pulumi preview --refresh, r1 check, r1 recover; pulumi destroy with the first, r1 sweep"
        " --delete with the last",
        expected="no AccessDenied and no UnauthorizedOperation; the preview shows no change",
        usd=_standing,
    ),
    Experiment(
        name="speed and quality",
        needs=PERSON,
        claims=(
            "the model: memory, speed, quality",
            "not yet run on aws: a load on a real server",
            "if it behaves over nodes as inside one: not measured",
            "has no published measurement: it is marked",
            "what your traffic looks like",
        ),
        steps="r1 bench STACK --gateway https://your.name, and answers read by somebody who knows"
        " what they should be",
        expected="first token, time per token and throughput inside r1 plan's intervals",
        usd=_standing,
    ),
    Experiment(
        name="scaling",
        needs=PERSON,
        claims=(
            "replicas of a variant that is scaled, with keda and cluster-autoscaler",
            "the image, its command line, every decision of it",
            "cluster-autoscaler itself: here a stated rule sizes the group",
        ),
        steps="scale: {min: 0, wake: true}, replicas: 2, cluster_autoscaler: true and monitoring"
        " in a test stack's file; an hour of nothing, one request, then a load of twice the rate"
        " for an hour, then none",
        expected="nodes gone within two hours; the request answered 503 with Retry-After, and a"
        " replica within it; a second one within the start that r1 scale prints; all gone within"
        " two hours of the load's end",
        usd=_standing,
    ),
    Experiment(
        name="SCRATCH_2",
        needs=PERSON,
        claims=("an association with a bucket on scratch_2 was not tried",),
        steps="weights.fsx: {deployment: SCRATCH_2} in a test stack's file, pulumi up",
        expected="FSx makes the association",
        usd=_standing,
    ),
    Experiment(
        name="monitoring",
        needs=PERSON,
        claims=(
            "the images of operator and reloader",
            "the image, on a gpu",
            "the image; names of its metrics are those of its documentation",
            "figures of gpus, nodes and cloudwatch; grafana's pages",
        ),
        steps="monitoring: {kind: prometheus, notify: {sns: …}} in a test stack's file, pulumi up;"
        " kubectl -n monitoring port-forward pod/prometheus-prometheus-0 9090, then /targets and"
        " the expressions of r1:gpu_…; the same of deployment/grafana 3000; a replica deleted",
        expected="every target is up, profiling counters of DCGM among them; every panel of"
        " Grafana has data; the topic is told of the replica",
        usd=_standing,
    ),
    Experiment(
        name="cost anomalies",
        needs=PERSON,
        claims=("not yet run on aws: a monitor of the stack's tag",),
        steps="budget: {anomaly_usd: 1} beside monitoring.notify.sns in a test stack's file, in an"
        " account that pays for itself; r1 check STACK; pulumi up; pulumi refresh --diff; pulumi"
        " preview --expect-no-changes; after ten days, an instance more for a day",
        expected="AWS makes monitor and subscription, neither is replaced after the refresh, and"
        " the topic is told within a day of the instance",
        usd=_standing,
    ),
    Experiment(
        name="gateway's roll-out",
        needs=PERSON,
        claims=("a roll-out under load through its balancer",),
        steps="a test stack that stands; new connections without pause (curl in a loop, a list of"
        " models); kubectl -n r1 rollout restart deployment gateway; after it, the statuses",
        expected="every connection is accepted and answered 200",
        usd=_standing,
    ),
    Experiment(
        name="weights by a Job",
        needs=PERSON,
        claims=("the image, and where in it boto3 lies",),
        steps="weights: {sync_from: hub} in a test stack's file, pulumi up; kubectl -n r1 logs of"
        " the Job; r1 weights STACK",
        expected="the Job imports boto3, ends, and every file is complete in the bucket",
        usd=_standing,
    ),
    Experiment(
        name="weights checked at start",
        needs=PERSON,
        claims=("that vllm's image has boto3 was read",),
        steps="weights: {storage: s3-stream} in a test stack's file, pulumi up with one shard"
        " taken out of the bucket; kubectl -n r1 logs of the pod's container weights-complete;"
        " the shard back; the same with edge-1.5b-cpu, whose container is fetch-weights",
        expected="the container names the shard, and ends by itself once it is back",
        usd=_standing,
    ),
    Experiment(
        name="quality checks",
        needs=PERSON,
        claims=("not yet run on aws: the image, built by its recipe, in the cronjob",),
        steps="the image of examples/quality built and pushed, its name and two tasks as quality"
        " in a test stack's file, pulumi up; kubectl -n r1 create job --from=cronjob/quality-7b"
        " quality-7b-1, twice, and a third time with a figure of quality-history raised to 1;"
        " kubectl -n r1 get configmap quality-history -o yaml",
        expected="two checks end well, figures of both are in the ConfigMap, the third fails at"
        " once and QualityFell is told",
        usd=_standing,
    ),
)
