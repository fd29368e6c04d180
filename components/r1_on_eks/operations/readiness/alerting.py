"""Whether somebody hears what monitoring tells."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from r1_on_eks.operations.account import FAILURES, code_of, is_gone
from r1_on_eks.operations.cluster_api import ApiServerSilent, ClusterApi
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.refusals import is_denied
from r1_on_eks.plan.monitoring.notifying import WEBHOOK_FILE
from r1_on_eks.plan.names import MONITORING_NAMESPACE

TOPIC = "alerts' topic"
WEBHOOK = "alerts' webhook"
ANOMALIES = "cost anomalies"
PERMISSIONS = ("sns:GetTopicAttributes", "organizations:DescribeOrganization")
_COST_ALERTS = "costalerts.amazonaws.com"
_WAIT_S = 2.0
# SNS' own key lets every principal of the account in through SNS (its developer guide,
# sns-key-management, 2026-11).
_SNS_KEY = "alias/aws/sns"


def topic_finding(topic: str, attributes: Mapping[str, str] | None) -> Finding:
    """Whether a topic of this account and Region is there, and has a listener.

    Args:
        topic: Its ARN.
        attributes: As GetTopicAttributes shows them; None where there is no such topic.
    """
    region, name = topic.split(":")[3], topic.rpartition(":")[2]
    if attributes is None:
        return lacking(
            TOPIC,
            f"there is no {name}: alerts would reach nobody",
            f"aws sns create-topic --name {name} --region {region}  # then subscribe to it",
        )
    key = attributes.get("KmsMasterKeyId") or _SNS_KEY
    # An alias, a key's id, or the ARN of either.
    if not key.endswith(_SNS_KEY):
        return unknown(
            TOPIC,
            f"{name} is encrypted with {key}, which Alertmanager's role has no right to use",
            "allow the role kms:GenerateDataKey and kms:Decrypt in the key's policy",
        )
    heard = int(attributes.get("SubscriptionsConfirmed", "0"))
    if not heard:
        return lacking(
            TOPIC,
            f"nobody has subscribed to {name}, or confirmed it",
            f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint"
            f" ADDRESS --region {region}  # and confirm what is sent there",
        )
    return ready(TOPIC, f"{name} has {heard} subscription{'s' if heard > 1 else ''}")


def anomaly_finding(
    topic: str, attributes: Mapping[str, str], account: str, payer: str | None
) -> Finding:
    """Whether AWS may watch a stack's costs, and may tell the topic.

    Args:
        topic: Its ARN.
        attributes: As GetTopicAttributes shows them.
        account: The stack's.
        payer: Who pays for the account's organization; None where it is in none.
    """
    if payer not in (None, account):
        # AWS Cost Management user guide, getting-started-ad, 2026-11.
        return lacking(
            ANOMALIES,
            f"{account} is a member of {payer}'s organization, and a monitor by tag is made in"
            f" {payer} alone",
            "leave out budget.anomaly_usd, and watch the stack's tag in the paying account",
        )
    policy = json.loads(attributes.get("Policy") or "{}")
    if not any(_lets_costs_publish(one) for one in policy.get("Statement", ())):
        statement = {
            "Effect": "Allow", "Principal": {"Service": _COST_ALERTS}, "Action": "sns:Publish",
            "Resource": topic, "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }  # fmt: skip
        return lacking(
            ANOMALIES,
            f"the policy of {topic.rpartition(':')[2]} does not let {_COST_ALERTS} publish",
            f"aws sns set-topic-attributes --topic-arn {topic} --attribute-name Policy"
            f" --attribute-value file://policy.json --region {topic.split(':')[3]}"
            f"  # its policy with this statement besides: {json.dumps(statement)}",
        )
    if key := attributes.get("KmsMasterKeyId"):
        # The policy of SNS' own key can't be changed, and names no service.
        return unknown(
            ANOMALIES, f"the topic is encrypted with {key}, which {_COST_ALERTS} has to use",
            "a key of yours, whose policy allows it kms:GenerateDataKey and kms:Decrypt",
        )  # fmt: skip
    return ready(ANOMALIES, f"{_COST_ALERTS} may publish to {topic.rpartition(':')[2]}")


def _lets_costs_publish(statement: Mapping[str, Any]) -> bool:
    who = statement.get("Principal", {})
    # Everybody, on a condition, may be everybody but a service.
    services = who.get("Service", ()) if isinstance(who, Mapping) else ()
    if who == "*" and not statement.get("Condition"):
        services = _COST_ALERTS
    actions = statement.get("Action", ())
    allowed = [actions] if isinstance(actions, str) else actions
    return (
        statement.get("Effect") == "Allow"
        and _COST_ALERTS in ([services] if isinstance(services, str) else services)
        and bool({"sns:publish", "sns:*", "*"} & {one.lower() for one in allowed})
    )


def webhook_finding(secret: str, found: Mapping[str, Any] | None) -> Finding:
    """Whether the Secret with a webhook's address is there.

    Args:
        secret: Its name.
        found: As the API server shows it; None where there is none.
    """
    if found is None:
        return lacking(
            WEBHOOK,
            f"there is no Secret {secret} in namespace {MONITORING_NAMESPACE}: Alertmanager waits",
            _make(secret),
        )
    if not found.get("data", {}).get(WEBHOOK_FILE):
        return lacking(
            WEBHOOK, f"the Secret {secret} has no entry {WEBHOOK_FILE}, or an empty one",
            f"kubectl -n {MONITORING_NAMESPACE} delete secret {secret}; {_make(secret)}",
        )  # fmt: skip
    return ready(WEBHOOK, f"the Secret {secret} has its entry {WEBHOOK_FILE}")


def _make(secret: str) -> str:
    # Who knows a chat's address can write there: none in a shell's history or a list of processes.
    return (
        f"kubectl -n {MONITORING_NAMESPACE} create secret generic {secret}"
        f" --from-file={WEBHOOK_FILE}=/dev/stdin  # then paste the address, Enter, Ctrl-D"
    )


def topic(ground: Ground) -> Iterable[Finding]:
    """Asks SNS for the topic."""
    asked = ground.config.monitoring
    if asked is None or asked.topic is None:
        return []
    _, _, _, region, account, name = asked.topic.split(":")
    if (region, account) != (ground.config.region, ground.config.owner):
        return [
            unknown(
                TOPIC,
                f"{name} is of {region} in account {account}, which is not asked: its policy has"
                " to allow sns:Publish to Alertmanager's role, where the account is another",
                f"aws sns get-topic-attributes --topic-arn {asked.topic} --region {region}",
            )
        ]
    try:
        answer = ground.account.client("sns").get_topic_attributes(TopicArn=asked.topic)
    except FAILURES as error:
        if is_gone(error):
            return [topic_finding(asked.topic, None)]
        raise
    attributes = answer["Attributes"]
    found = [topic_finding(asked.topic, attributes)]
    if ground.config.budget.anomaly_usd is not None:
        found.append(anomaly_finding(asked.topic, attributes, account, _payer(ground)))
    return found


def _payer(ground: Ground) -> str | None:
    try:
        answer = ground.account.client("organizations").describe_organization()
    except FAILURES as error:
        # In none; or it may not be asked: then the topic alone is told about.
        if code_of(error) == "AWSOrganizationsNotInUseException" or is_denied(error):
            return None
        raise
    return answer["Organization"]["MasterAccountId"]


def webhook(ground: Ground) -> Iterable[Finding]:
    """Asks the cluster, where there is one that answers, for the Secret of the webhook."""
    asked = ground.config.monitoring
    if asked is None or asked.notify is None or asked.notify.webhook is None:
        return []
    secret = asked.notify.webhook.secret
    try:
        cluster = ground.cluster()
        if cluster is None or not cluster.get("endpoint"):
            raise ApiServerSilent("there is no cluster yet")
        path = f"/api/v1/namespaces/{MONITORING_NAMESPACE}/secrets/{secret}"
        found = ClusterApi(cluster, ground.account, _WAIT_S).get(path)
    except ApiServerSilent as silent:
        told = f"the Secret {secret} is yours to make, and was not asked for: {silent}"
        return [unknown(WEBHOOK, told, f"{_make(secret)}, while pulumi up waits for it")]
    return [webhook_finding(secret, found)]
