"""Whom Alertmanager tells, as its configuration says it."""

from typing import Any

import yaml

WEBHOOK_FOLDER = "/etc/alertmanager/webhook"
# Of the Secret that the stack file names.
WEBHOOK_FILE = "url"
_RECEIVER = "told"
# SNS refuses a subject of 100 characters and more (API reference, Publish, 2026-11), and with it
# the message. Alertmanager's own has every label that a group shares, and cuts nothing off.
_SUBJECT = (
    '{{ printf "%.99s" (printf "[%s] %s %s %s %s" (toUpper .Status) .CommonLabels.severity'
    " .GroupLabels.alertname .CommonLabels.stack .GroupLabels.variant) }}"
)
# A subscription can ask for some severities alone. SNS refuses an empty attribute, too.
_SEVERITY = '{{ or .CommonLabels.severity "none" }}'


def alertmanager_configuration(topic: str | None, webhook: str | None) -> str:
    """alertmanager.yml.

    Args:
        topic: ARN of an SNS topic.
        webhook: Secret with the address of a webhook; it is read from a file.
    """
    return yaml.safe_dump(_configuration(_receiver(topic, webhook)), sort_keys=False)


def _configuration(receiver: dict[str, Any]) -> dict[str, Any]:
    return {
        "route": {
            "receiver": _RECEIVER,
            "group_by": ["alertname", "variant"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
        },
        # Whoever is woken for a variant is not told that it is also slow; without its name, one
        # critical alert would hide all others that name no variant.
        "inhibit_rules": [
            {
                "source_matchers": ['severity="critical"', 'variant!=""'],
                "target_matchers": ['severity!="critical"'],
                "equal": ["variant"],
            }
        ],
        "receivers": [{"name": _RECEIVER, **receiver}],
    }


def _receiver(topic: str | None, webhook: str | None) -> dict[str, Any]:
    if topic is not None:
        region = topic.split(":")[3]
        sns = {
            "topic_arn": topic,
            "sigv4": {"region": region},
            "send_resolved": True,
            "subject": _SUBJECT,
            "attributes": {"severity": _SEVERITY},
        }
        return {"sns_configs": [sns]}
    if webhook is not None:
        file = f"{WEBHOOK_FOLDER}/{WEBHOOK_FILE}"
        return {"webhook_configs": [{"url_file": file, "send_resolved": True}]}
    return {}
