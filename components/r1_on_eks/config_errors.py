"""What is wrong with a stack file, as a colleague would say it: one line per key."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Pydantic names the branch of a union or the key of a mapping it was in; the files don't.
_BRANCHES = {"_word", "_section", "[key]", "pins"}


# How each key is written, for whoever wrote it wrong.
EXAMPLES = {
    "account": 'account: "111122223333"',
    "admins": "admins: [arn:aws:iam::111122223333:role/platform-engineer]",
    "allow_unpinned": "allow_unpinned: true",
    "api_price": "api_price: {input_usd: 0.55, output_usd: 2.19}",
    "anomaly_usd": "anomaly_usd: 200",
    "at_a_time": "at_a_time: 64",
    "bucket": "bucket: example-r1-weights",
    "budget": "budget: {usd_per_month: 20000, increase_percent: 10}",
    "capacity_block": "capacity_block: cr-0123456789abcdef0",
    "capacity_gib": "capacity_gib: 1200",
    "cidr": "cidr: 10.0.0.0/16",
    "cluster_autoscaler": "cluster_autoscaler: true",
    "concurrency": "concurrency: 12",
    "context": "context: 32768",
    "copied": "copied: 111122223333.dkr.ecr.us-west-2.amazonaws.com/mirror",
    "cross_zone_gb": "cross_zone_gb: 20",
    "dashboards": "dashboards: false",
    "days": "days: mon-fri",
    "deletion_protection": "deletion_protection: true",
    "deployment": "deployment: PERSISTENT_2",
    "discounts": "discounts: {EC2: 12}",
    "docker_hub_secret": "docker_hub_secret: arn:aws:secretsmanager:us-west-2:111122223333:"
    "secret:ecr-pullthroughcache/docker-hub-AbCdEf",
    "end": 'end: "19:00"',
    "endpoint": "endpoint: private",
    "endpoint_gb": "endpoint_gb: 50",
    "fallback": "fallback: {70b: 32b}",
    "filter": "filter: flexible-extract",
    "first_token_s": "first_token_s: 2",
    "fsx": "fsx: {capacity_gib: 1200, mbps_per_tib: 250}",
    "gateway": "gateway: {tls: {secret: gateway-tls}}",
    "gpu_memory_utilization": "gpu_memory_utilization: 0.92",
    "gpu_zone": "gpu_zone: us-west-2b",
    "hours": 'hours: {start: "07:30", end: "19:00", zone: Europe/Berlin}',
    "image": "image: 111122223333.dkr.ecr.us-west-2.amazonaws.com/quality:1",
    "image_mirror": "image_mirror: {docker_hub_secret: arn:…, copied: 111122223333.dkr.…/mirror}",
    "increase_percent": "increase_percent: 10",
    "increase_usd": "increase_usd: 500",
    "input_usd": "input_usd: 0.55",
    "instance": "instance: p4d.24xlarge",
    "internet_gb": "internet_gb: 200",
    "keys": "keys: [{name: alice, sha256: …}], the line that r1 key new alice prints",
    "kind": "kind: prometheus",
    "kms_requests": "kms_requests: 10000",
    "kubernetes": 'kubernetes: "1.35"',
    "lifetime": "lifetime: 8h",
    "limits": "limits: {per_minute: 600, at_a_time: 64}",
    "load_balancer_units": "load_balancer_units: 1",
    "load_minutes": "load_minutes: 15",
    "log_gb": "log_gb: 10",
    "mbps_per_tib": "mbps_per_tib: 250",
    "metric": "metric: exact_match",
    "metric_samples_million": "metric_samples_million: 540",
    "min": "min: 1",
    "monitoring": "monitoring: {kind: prometheus, notify: {sns: arn:aws:sns:…}}",
    "name": "prod-70b: small letters, digits, dots and dashes, 32 at most",
    "nat_gb": "nat_gb: 100",
    "network": "network: own",
    "notify": "notify: {sns: arn:aws:sns:us-west-2:111122223333:alerts}",
    "open": "open: true",
    "outbound": "outbound: nat",
    "output": "output: 2000",
    "output_usd": "output_usd: 2.19",
    "per_minute": "per_minute: 600",
    "per_token_s": "per_token_s: 0.08",
    "percent": "percent: {14b: 95, 7b: 5}",
    "pool": "pool: shared",
    "precision": "precision: bf16",
    "private_endpoints": "private_endpoints: [ecr, sts, eks-auth, logs]",
    "private_subnets": "private_subnets: {us-west-2a: subnet-0123456789abcdef0,"
    " us-west-2b: subnet-0123456789abcdef1}",
    "production": "production: true",
    "prompt": "prompt: 1000",
    "public_from": "public_from: [203.0.113.0/24]",
    "public_subnets": "public_subnets: {us-west-2a: subnet-0123456789abcdef2,"
    " us-west-2b: subnet-0123456789abcdef3}",
    "purchase": "purchase: {capacity_block: cr-0123456789abcdef0}",
    "quality": "quality: {image: 111122223333.dkr.…/quality:1, tasks: [{task: answers,"
    " metric: f1}]}",
    "queried_samples_million": "queried_samples_million: 10000",
    "questions": "questions: 200",
    "rate": "rate: 0.3",
    "region": "region: us-west-2",
    "replaceable": "replaceable: true",
    "replicas": "replicas: 2",
    "reservation": "reservation: cr-0123456789abcdef0",
    "reserved": "reserved: true",
    "retention_days": "retention_days: 15",
    "scale": "scale: {min: 1}",
    "schedule": 'schedule: "0 3 * * 0"',
    "scrape_gb": "scrape_gb: 50",
    "secret": "secret: gateway-tls",
    "sha256": "sha256: the 64 digits that r1 key new NAME prints",
    "shots": "shots: 0",
    "sns": "sns: arn:aws:sns:us-west-2:111122223333:alerts",
    "splits": "splits: {assistant: {percent: {14b: 95, 7b: 5}}}",
    "stages": "stages: 2",
    "start": 'start: "07:30"',
    "sticky": "sticky: true",
    "storage": "storage: fsx",
    "strangers": "strangers: {per_minute: 60, at_a_time: 8}",
    "sync_from": "sync_from: hub, https://mirror.example.com or s3://example-bucket",
    "verify": "verify: hashes",
    "task": "task: gsm8k_cot_zeroshot",
    "tasks": "tasks: [{task: answers, metric: f1}]",
    "tensor_parallel": "tensor_parallel: 8",
    "tls": "tls: {secret: gateway-tls}",
    "tolerance": "tolerance: 0.02",
    "usage": "usage: {nat_gb: 100, internet_gb: 10}",
    "usd_per_month": "usd_per_month: 20000",
    "variants": "variants: {7b: {}}",
    "vpc": "vpc: vpc-0123456789abcdef0",
    "wake": "wake: true",
    "warm": "warm: 1",
    "webhook": "webhook: {secret: alert-webhook}",
    "weights": "weights: {bucket: example-r1-weights, storage: s3-stream}",
    "zone": "zone: Europe/Berlin",
    "zones": "zones: [us-west-2a, us-west-2b]",
}


def sentences(errors: Sequence[Any]) -> list[str]:
    """One line for each wrong key: its path, its value, and what would work.

    Args:
        errors: Of a pydantic `ValidationError`.
    """
    paths = {error["loc"] for error in errors}
    # A list whose every entry is wrong is counted as empty too: the entries say it better.
    told = [
        error
        for error in errors
        if error["type"] != "too_short"
        or not any(path[: len(error["loc"])] == error["loc"] != path for path in paths)
    ]
    misspelt = {
        (*error["loc"][:-1], _nearest(str(error["loc"][-1])))
        for error in told
        if error["type"] == "extra_forbidden"
    }
    # Of a key that is only misspelt, one line is enough.
    told = [one for one in told if one["type"] != "missing" or one["loc"] not in misspelt]
    return [_sentence(error) for error in told]


def _sentence(error: Any) -> str:
    path = [str(part) for part in error["loc"] if part not in _BRANCHES]
    key, value, kind = ".".join(path), error["input"], error["type"]
    names = [part for part in path if not part.isdigit()]
    example = _example(names)
    if kind == "missing":
        return f"{key}: is missing; write {example or f'{names[-1]}: …'}"
    if kind == "extra_forbidden":
        nearest = _nearest(names[-1])
        hint = f"did you mean {nearest}?" if nearest else "remove it"
        hint = _ELSEWHERE.get(" ".join(names[-2:]), hint)
        return f"{key}: is no key that a stack file knows; {hint}"
    if kind == "value_error":
        message = str(error["ctx"]["error"])
        named = f"{value} {message}" if isinstance(value, str) else message
        return f"{key}: {named}" if key else named
    if error["loc"][-1] == "_word":
        words = error["ctx"]["expected"].replace("'", "")
        section = _SECTIONS.get(names[-1], "public_from: [203.0.113.0/24]")
        return f"{key}: {_shown(value)}: write {words}, or {section}"
    # Of a section whose keys have no defaults, the example alone says what to write.
    advise = None if kind in _WHOLE_SECTION and example else _ADVICE.get(kind)
    advice = advise(value, error.get("ctx", {})) if advise else ""
    advice = advice or (f"write it as {example}" if example else error["msg"])
    # Somebody may have written the key itself there.
    shown = "what is there" if names[-1:] == ["sha256"] else _shown(value)
    return f"{key}: {shown}: {advice}"


_WHOLE_SECTION = {"model_type", "model_attributes_type"}


def _example(names: Sequence[str]) -> str:
    if (whole := " ".join(names[-2:])) in _OF_THEIR_OWN:
        return _OF_THEIR_OWN[whole]
    return EXAMPLES.get(names[-1], "") if names else ""


# Written otherwise than the same word elsewhere.
_OF_THEIR_OWN = {
    "keys name": "name: alice; small letters, digits and dashes, 31 at most",
    "webhook secret": "secret: alert-webhook; small letters, digits, dots and dashes",
}


# What somebody looks for there, and is said at another place.
_ELSEWHERE = {"scale max": "the most are the variant's own; write replicas: 4 beside scale"}


# What may stand in place of a word.
_SECTIONS = {
    "gateway": "tls: {secret: gateway-tls}",
    "purchase": "capacity_block: cr-0123456789abcdef0",
    "network": "vpc, cidr and private_subnets of one that exists",
}


def _nearest(key: str) -> str:
    return next(iter(difflib.get_close_matches(key, EXAMPLES, n=1)), "")


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 60


def _text(value: Any, _: Mapping[str, Any]) -> str:
    # YAML reads 1.30 as the number 1.3.
    return f'is a number to YAML; write "{value}"' if isinstance(value, int | float) else ""


def _whole(value: Any, _: Mapping[str, Any]) -> str:
    whole = isinstance(value, str) and value.isdigit()
    return f"is text to YAML; write {value}" if whole else "write a whole number"


def _number(value: Any, _: Mapping[str, Any]) -> str:
    try:
        return f"is text to YAML; write {float(value):g}"
    except (TypeError, ValueError):
        return "write a number"


def _choice(_: Any, context: Mapping[str, Any]) -> str:
    return f"write {context['expected'].replace(chr(39), '')}"


def _count(_: Any, context: Mapping[str, Any]) -> str:
    least, most = context.get("min_length"), context.get("max_length")
    if most is not None:
        return f"at most {most} can be named"
    return "name one at least" if least == 1 else f"name {least} at least"


def _section(*_: Any) -> str:
    return "write {} for the defaults, or {key: value, …}"


_ADVICE: dict[str, Callable[[Any, Mapping[str, Any]], str]] = {
    "bool_type": lambda *_: "write true or false",
    "string_type": _text,
    "int_type": _whole,
    "int_from_float": _whole,
    "float_type": _number,
    "literal_error": _choice,
    "greater_than": lambda _, context: f"write more than {context['gt']:g}",
    "greater_than_equal": lambda _, context: f"write {context['ge']:g} or more",
    "less_than": lambda _, context: f"write less than {context['lt']:g}",
    "less_than_equal": lambda _, context: f"write {context['le']:g} or less",
    "too_short": _count,
    "too_long": _count,
    "model_type": _section,
    "model_attributes_type": _section,
}
