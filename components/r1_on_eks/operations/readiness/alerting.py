"""Whether somebody hears what monitoring tells."""

from collections.abc import Iterable, Mapping
from typing import Any

from r1_on_eks.operations.account import FAILURES, code_of, is_gone
from r1_on_eks.operations.cluster_api import ApiServerSilent, ClusterApi
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.publishing import Publisher, publishing_finding
from r1_on_eks.operations.readiness.refusals import is_denied
from r1_on_eks.plan.monitoring.notifying import WEBHOOK_FILE
from r1_on_eks.plan.names import MONITORING_NAMESPACE

TOPIC = "alerts' topic"
PUBLISHER = "alerts' publisher"
WEBHOOK = "alerts' webhook"
ANOMALIES = "cost anomalies"
PERMISSIONS = ("sns:GetTopicAttributes", "organizations:DescribeOrganization")
_WAIT_S = 2.0
COST_ALERTS = Publisher(
    subject=ANOMALIES, service="costalerts.amazonaws.com", actions=("sns:Publish",)
)
# AMP user guide, AMP-alertmanager-receiver-AMPpermission, 2026-11. The workspace's id is not known
# before it stands: those of the account and Region may.
MANAGED_ALERTS = Publisher(
    subject=PUBLISHER,
    service="aps.amazonaws.com",
    actions=("sns:Publish", "sns:GetTopicAttributes"),
    source="aps:{region}:{account}:workspace/*",
)
# SNS' own key lets every principal of the account in through SNS (its developer guide,
# sns-key-management, 2026-11).
_SNS_KEY = "alias/aws/sns"


def topic_finding(
    topic: str, attributes: Mapping[str, str] | None, *, by_role: bool = True
) -> Finding:
    """Whether a topic of this account and Region is there, and has a listener.

    Args:
        topic: Its ARN.
        attributes: As GetTopicAttributes shows them; None where there is no such topic.
        by_role: Whether the role of the cluster's Alertmanager tells it, and not a service.
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
    if by_role and not key.endswith(_SNS_KEY):
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
    return publishing_finding(COST_ALERTS, topic, attributes)


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
    managed = asked.managed
    _, _, _, region, account, _ = asked.topic.split(":")
    if (region, account) != (ground.config.region, ground.config.owner):
        return [_elsewhere(asked.topic, ground.config.owner, managed=managed)]
    try:
        answer = ground.account.client("sns").get_topic_attributes(TopicArn=asked.topic)
    except FAILURES as error:
        if is_gone(error):
            return [topic_finding(asked.topic, None)]
        raise
    attributes = answer["Attributes"]
    found = [topic_finding(asked.topic, attributes, by_role=not managed)]
    if managed:
        found.append(publishing_finding(MANAGED_ALERTS, asked.topic, attributes))
    if ground.config.budget.anomaly_usd is not None:
        found.append(anomaly_finding(asked.topic, attributes, account, _payer(ground)))
    return found


def _elsewhere(topic: str, owner: str, *, managed: bool) -> Finding:
    """What is known of a topic that isn't asked for: it is of another Region or account."""
    _, _, _, region, account, name = topic.split(":")
    if managed and account != owner:
        # AMP user guide, AMP-alert-manager, 2026-11.
        return lacking(
            TOPIC,
            f"{name} is of account {account}, and managed-prometheus tells those of its own alone",
            f"a topic of account {owner} in monitoring.notify.sns",
        )
    allows = (
        f"let {MANAGED_ALERTS.service} publish"
        if managed
        else "allow sns:Publish to Alertmanager's role, where the account is another"
    )
    return unknown(
        TOPIC,
        f"{name} is of {region} in account {account}, which is not asked: its policy has to"
        f" {allows}",
        f"aws sns get-topic-attributes --topic-arn {topic} --region {region}",
    )


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
