"""Cost Explorer's detection of anomalies, which moto lacks: it detects none.

Source: AWS Cost Management API reference, 2026-11; requests are held to botocore's model.
"""

import json
import uuid
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import get_service_model

from r1_on_eks.rehearsal.aws_cloud.account_limits import answered
from r1_on_eks.rehearsal.aws_cloud.model_check import violations
from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError

# Beside moto's backend, which has no room for them: by account, then by ARN.
_monitors: dict[str, dict[str, dict[str, Any]]] = {}
_subscriptions: dict[str, dict[str, dict[str, Any]]] = {}
# API reference, AnomalySubscription.
_FREQUENCIES = {"SNS": ("IMMEDIATE",), "EMAIL": ("DAILY", "WEEKLY")}


def anomaly_monitors(account: str) -> dict[str, dict[str, Any]]:
    """Monitors of an account by ARN."""
    return _monitors.setdefault(account, {})


def anomaly_subscriptions(account: str) -> dict[str, dict[str, Any]]:
    """Subscriptions of an account by ARN."""
    return _subscriptions.setdefault(account, {})


def _asked(body: str, operation: str) -> dict[str, Any]:
    given: dict[str, Any] = json.loads(body)
    shape: Any = get_service_model("ce").operation_model(operation).input_shape
    wrong = [*violations(shape, given)]
    if wrong:
        raise AwsError("ValidationException", "; ".join(wrong))
    return given


def _found(
    known: dict[str, dict[str, Any]], wanted: list[str] | None, code: str
) -> list[dict[str, Any]]:
    arns = [*known] if wanted is None else wanted
    for arn in arns:
        if arn not in known:
            raise AwsError(code, f"{arn} is not known.")
    return [known[arn] for arn in arns]


def _checked(subscription: dict[str, Any], account: str) -> dict[str, Any]:
    _found(anomaly_monitors(account), subscription["MonitorArnList"], "UnknownMonitorException")
    for one in subscription["Subscribers"]:
        if subscription["Frequency"] not in _FREQUENCIES[one["Type"]]:
            raise AwsError(
                "ValidationException",
                f"{one['Type']} subscribers are not told {subscription['Frequency']}",
            )
    if ("Threshold" in subscription) == ("ThresholdExpression" in subscription):
        raise AwsError("ValidationException", "One of Threshold and ThresholdExpression is needed")
    return subscription


class CostAnomalies:
    """Operations that are added to moto's response class of Cost Explorer."""

    current_account: str
    body: str
    ce_backend: Any

    def create_anomaly_monitor(self) -> ActionResult:
        """CreateAnomalyMonitor."""
        asked = _asked(self.body, "CreateAnomalyMonitor")
        monitor = asked["AnomalyMonitor"]
        needed = "Specification" if monitor["MonitorType"] == "CUSTOM" else "Dimension"
        if f"Monitor{needed}" not in monitor:
            raise AwsError("ValidationException", f"Monitor{needed} is needed")
        arn = f"arn:aws:ce::{self.current_account}:anomalymonitor/{uuid.uuid4()}"
        anomaly_monitors(self.current_account)[arn] = {**monitor, "MonitorArn": arn}
        self.ce_backend.tag_resource(arn, asked.get("ResourceTags", []))
        return answered("ce", "CreateAnomalyMonitor", {"MonitorArn": arn})

    def get_anomaly_monitors(self) -> ActionResult:
        """GetAnomalyMonitors, all on one page."""
        wanted = _asked(self.body, "GetAnomalyMonitors").get("MonitorArnList")
        known = anomaly_monitors(self.current_account)
        found = _found(known, wanted, "UnknownMonitorException")
        return answered("ce", "GetAnomalyMonitors", {"AnomalyMonitors": found})

    def update_anomaly_monitor(self) -> ActionResult:
        """UpdateAnomalyMonitor: its name."""
        asked = _asked(self.body, "UpdateAnomalyMonitor")
        known = anomaly_monitors(self.current_account)
        (monitor,) = _found(known, [asked["MonitorArn"]], "UnknownMonitorException")
        monitor.update(asked)
        return answered("ce", "UpdateAnomalyMonitor", {"MonitorArn": asked["MonitorArn"]})

    def delete_anomaly_monitor(self) -> ActionResult:
        """DeleteAnomalyMonitor."""
        arn = _asked(self.body, "DeleteAnomalyMonitor")["MonitorArn"]
        known = anomaly_monitors(self.current_account)
        _found(known, [arn], "UnknownMonitorException")
        del known[arn]
        return answered("ce", "DeleteAnomalyMonitor", {})

    def create_anomaly_subscription(self) -> ActionResult:
        """CreateAnomalySubscription."""
        account = self.current_account
        asked = _asked(self.body, "CreateAnomalySubscription")
        subscription = _checked(asked["AnomalySubscription"], account)
        arn = f"arn:aws:ce::{account}:anomalysubscription/{uuid.uuid4()}"
        anomaly_subscriptions(account)[arn] = {
            "AccountId": account, **subscription, "SubscriptionArn": arn,
        }  # fmt: skip
        self.ce_backend.tag_resource(arn, asked.get("ResourceTags", []))
        return answered("ce", "CreateAnomalySubscription", {"SubscriptionArn": arn})

    def get_anomaly_subscriptions(self) -> ActionResult:
        """GetAnomalySubscriptions, all on one page."""
        asked = _asked(self.body, "GetAnomalySubscriptions")
        known = anomaly_subscriptions(self.current_account)
        found = _found(known, asked.get("SubscriptionArnList"), "UnknownSubscriptionException")
        return answered("ce", "GetAnomalySubscriptions", {"AnomalySubscriptions": found})

    def update_anomaly_subscription(self) -> ActionResult:
        """UpdateAnomalySubscription."""
        asked = _asked(self.body, "UpdateAnomalySubscription")
        arn = asked["SubscriptionArn"]
        known = anomaly_subscriptions(self.current_account)
        (subscription,) = _found(known, [arn], "UnknownSubscriptionException")
        subscription.update(_checked({**subscription, **asked}, self.current_account))
        return answered("ce", "UpdateAnomalySubscription", {"SubscriptionArn": arn})

    def delete_anomaly_subscription(self) -> ActionResult:
        """DeleteAnomalySubscription."""
        arn = _asked(self.body, "DeleteAnomalySubscription")["SubscriptionArn"]
        known = anomaly_subscriptions(self.current_account)
        _found(known, [arn], "UnknownSubscriptionException")
        del known[arn]
        return answered("ce", "DeleteAnomalySubscription", {})
