"""What the service refuses of the three texts that it is given, all of them YAML.

Source: the service's user guide (AMP-collector-how-to, AMP-alertmanager-config,
AMP-alertmanager-receiver-config, AMP_quotas), 2026-11. That a text is refused at once, and not
by a status a moment later, is assumed.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

import yaml

from r1_on_eks.rehearsal.aws_cloud.amp_state import invalid

_RULES_OF_A_GROUP = 20
# API reference, CreateRuleGroupsNamespace: of a namespace's and a group's name together.
_NAMES_BYTES = 721
_LEAST_INTERVAL_S = 30
_SCRAPED_SECTIONS = ("global", "scrape_configs")
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_UNSUPPORTED_IN_SNS = ("api_url", "http_config")


def check_rules(namespace: str, data: bytes) -> None:
    """A rules file of Prometheus: groups, each of them with a name and rules.

    Raises:
        AwsError: ValidationException.
    """
    content = _mapping(data, "rules")
    _only(content, ("groups",), "rules")
    for group in _list(content, "groups", "rules"):
        name = str(_needed(group, "name", "a group"))
        if len(f"{namespace}{name}".encode()) > _NAMES_BYTES:
            raise invalid(f"namespace and group name together exceed {_NAMES_BYTES} bytes")
        rules = _list(group, "rules", f"group {name}")
        if len(rules) > _RULES_OF_A_GROUP:
            raise invalid(f"group {name} has {len(rules)} rules; the limit is {_RULES_OF_A_GROUP}")
        for rule in rules:
            _needed(rule, "expr", f"a rule of group {name}")
            if ("record" in rule) == ("alert" in rule):
                raise invalid(f"a rule of group {name} has one of 'record' and 'alert'")


def check_definition(data: bytes) -> None:
    """An alert manager's definition: Alertmanager's own configuration, as text within.

    Raises:
        AwsError: ValidationException.
    """
    content = _mapping(data, "the definition")
    _only(content, ("alertmanager_config", "template_files"), "the definition")
    inner = _needed(content, "alertmanager_config", "the definition")
    if not isinstance(inner, str):
        raise invalid("alertmanager_config is a text, which has Alertmanager's configuration")
    told = _mapping(inner.encode(), "alertmanager_config")
    receivers = _list(told, "receivers", "alertmanager_config")
    names = {_needed(one, "name", "a receiver") for one in receivers}
    route = _needed(told, "route", "alertmanager_config")
    for name in _receivers_of(route):
        if name not in names:
            raise invalid(f"undefined receiver '{name}' used in route")
    for receiver in receivers:
        _only(receiver, ("name", "sns_configs"), f"receiver {receiver['name']}")
        for topic in receiver.get("sns_configs", ()):
            _check_topic(topic)


def check_scraped(data: bytes) -> None:
    """A collector's configuration: a part of what Prometheus takes.

    Raises:
        AwsError: ValidationException.
    """
    content = _mapping(data, "the scrape configuration")
    _only(content, _SCRAPED_SECTIONS, "the scrape configuration")
    _check_interval(content.get("global") or {}, "global")
    for job in _list(content, "scrape_configs", "the scrape configuration"):
        name = _needed(job, "job_name", "a scrape_config")
        _check_interval(job, f"job {name}")
        found = [key for key in job if key.endswith("_sd_configs")]
        if set(found) - {"kubernetes_sd_configs"}:
            raise invalid(f"job {name}: only kubernetes_sd_configs are supported, not {found}")
        for static in job.get("static_configs", ()):
            for target in static.get("targets", ()):
                _check_address(target, name)
        allowed = job.get("authorization")
        if allowed is not None and (
            allowed.get("type", "Bearer") != "Bearer" or allowed.get("credentials_file") != _TOKEN
        ):
            raise invalid(f"job {name}: authorization is Bearer, from {_TOKEN}")


def _check_topic(topic: dict[str, Any]) -> None:
    _needed(topic, "topic_arn", "sns_configs")
    if not (topic.get("sigv4") or {}).get("region"):
        raise invalid("sns_configs needs sigv4.region")
    for key in _UNSUPPORTED_IN_SNS:
        if key in topic:
            raise invalid(f"sns_configs: {key} is not supported")


def _check_interval(section: dict[str, Any], where: str) -> None:
    given = section.get("scrape_interval")
    if given is None:
        return
    parts = re.findall(r"(\d+)(ms|[smhdwy])", str(given))
    if not parts or "".join(map("".join, parts)) != str(given):
        raise invalid(f"{where}: '{given}' is no duration")
    if sum(int(count) * _UNITS_S[unit] for count, unit in parts) < _LEAST_INTERVAL_S:
        raise invalid(f"{where}: scrape_interval {given} is less than {_LEAST_INTERVAL_S}s")


def _check_address(target: str, job: str) -> None:
    try:
        ipaddress.ip_address(target.rpartition(":")[0] or target)
    except ValueError:
        raise invalid(f"job {job}: target {target} must be an IP address") from None


def _receivers_of(route: dict[str, Any]) -> Iterable[str]:
    if "receiver" in route:
        yield route["receiver"]
    for child in route.get("routes", ()):
        yield from _receivers_of(child)


def _mapping(data: bytes, what: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise invalid(f"{what}: no YAML: {error}") from None
    if not isinstance(content, dict):
        raise invalid(f"{what}: must be a mapping, not {type(content).__name__}")
    return content


def _only(content: dict[str, Any], allowed: Iterable[str], what: str) -> None:
    if surplus := sorted(set(content) - set(allowed)):
        raise invalid(f"{what}: field {surplus[0]} is not supported")


def _needed(content: Any, key: str, what: str) -> Any:
    if not isinstance(content, dict) or not content.get(key):
        raise invalid(f"{what} needs '{key}'")
    return content[key]


def _list(content: Any, key: str, what: str) -> list[Any]:
    found = _needed(content, key, what)
    if not isinstance(found, list):
        raise invalid(f"{what}: '{key}' must be a list")
    return found
