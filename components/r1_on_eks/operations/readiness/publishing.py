"""Whether a topic lets a service of AWS tell it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """A service of AWS that tells a topic, where the topic's policy lets it.

    Attributes:
        subject: The line that says whether it may.
        service: Its principal.
        actions: What it does with a topic.
        source: What it speaks for: an ARN's words behind the partition, of a Region and an
            account; "" for what has no ARN.
    """

    subject: str
    service: str
    actions: tuple[str, ...]
    source: str = ""


def publishing_finding(publisher: Publisher, topic: str, attributes: Mapping[str, str]) -> Finding:
    """Whether a topic lets a service of AWS publish.

    Args:
        publisher: The service.
        topic: ARN of the topic.
        attributes: As GetTopicAttributes shows them.
    """
    _, partition, _, region, account, name = topic.split(":")
    service = publisher.service
    policy = json.loads(attributes.get("Policy") or "{}")
    statements = [one for one in policy.get("Statement", ()) if _is_for(service, one)]
    if not all(any(_allows(action, one) for one in statements) for action in publisher.actions):
        source = publisher.source.format(region=region, account=account)
        statement = {
            "Effect": "Allow", "Principal": {"Service": service},
            "Action": [*publisher.actions], "Resource": topic,
            "Condition": {"StringEquals": {"aws:SourceAccount": account}} | (
                {"ArnLike": {"aws:SourceArn": f"arn:{partition}:{source}"}} if source else {}
            ),
        }  # fmt: skip
        return lacking(
            publisher.subject,
            f"the policy of {name} does not let {service} call {' and '.join(publisher.actions)}",
            f"aws sns set-topic-attributes --topic-arn {topic} --attribute-name Policy"
            f" --attribute-value file://policy.json --region {region}"
            f"  # its policy with this statement besides: {json.dumps(statement)}",
        )
    if key := attributes.get("KmsMasterKeyId"):
        # The policy of SNS' own key can't be changed, and names no service.
        return unknown(
            publisher.subject, f"the topic is encrypted with {key}, which {service} has to use",
            "a key of yours, whose policy allows it kms:GenerateDataKey and kms:Decrypt",
        )  # fmt: skip
    return ready(publisher.subject, f"{service} may publish to {name}")


def _is_for(service: str, statement: Mapping[str, Any]) -> bool:
    who = statement.get("Principal", {})
    # Everybody, on a condition, may be everybody but a service.
    if who == "*":
        return not statement.get("Condition")
    return service in _several(who.get("Service", ()) if isinstance(who, Mapping) else ())


def _allows(action: str, statement: Mapping[str, Any]) -> bool:
    return statement.get("Effect") == "Allow" and any(
        fnmatch(action.lower(), one.lower()) for one in _several(statement.get("Action", ()))
    )


def _several(told: str | Iterable[str]) -> Iterable[str]:
    return [told] if isinstance(told, str) else told
