"""Amazon's Prometheus in place of the cluster's: what is declared, and what is not."""

import json
from pathlib import Path

import pytest
import yaml

FILE = Path(__file__).parent.parent / "stacks" / "Pulumi.prod-70b.yaml"
TOPIC = "arn:aws:sns:us-west-2:111122223333:r1-alerts"
ASKED = {"kind": "managed-prometheus", "retention_days": 150, "notify": {"sns": TOPIC}}
NAME = "managed-prometheus"
OF_THE_CLUSTER = ("PrometheusOperator", "Observability", "Alertmanager")


@pytest.fixture
def declared(engine):
    return lambda **changes: engine.run(FILE, monitoring=ASKED | changes)


def test_a_workspace_keeps_what_a_collector_scrapes(declared):
    engine = declared()
    workspace = engine.one("Workspace")
    assert workspace.name == f"{NAME}-workspace"
    assert workspace.inputs["alias"] == "r1-prod-70b"
    assert "kmsKeyArn" not in workspace.inputs
    kept = engine.one("WorkspaceConfiguration", f"{NAME}-retention")
    assert kept.inputs["retentionPeriodInDays"] == 150
    collector = engine.one("Scraper", f"{NAME}-scraper").inputs
    assert collector["alias"] == "r1-prod-70b"
    eks = collector["source"]["eks"]
    assert len(set(eks["subnetIds"])) >= 2
    assert len(eks["securityGroupIds"]) == 1
    assert collector["destination"]["amp"]["workspaceArn"]
    rules = engine.one("RuleGroupNamespace", f"{NAME}-rules")
    assert rules.inputs["name"] == "r1"
    for one in (workspace, rules, engine.one("Scraper")):
        assert one.inputs["tags"]["r1:name"] == one.name


def test_nothing_of_the_clusters_own_is_declared(declared):
    engine = declared()
    assert not [one for kind in OF_THE_CLUSTER for one in engine.of_type(kind)]
    named = {image.rpartition("/")[2].partition(":")[0] for image in engine.images()}
    assert not named & {"prometheus", "alertmanager", "prometheus-operator"}
    for stays in ("Exporters", "FileSystemExporter", "MonitoringNamespaces", "Grafana"):
        assert len(engine.of_type(stays)) == 1


def test_without_a_topic_nobody_is_told(engine):
    asked = {key: one for key, one in ASKED.items() if key != "notify"}
    assert engine.run(FILE, monitoring=asked).of_type("AlertManagerDefinition") == []
    engine.run(FILE, monitoring=ASKED)
    definition = engine.one("AlertManagerDefinition", f"{NAME}-alerts").inputs["definition"]
    told = yaml.safe_load(yaml.safe_load(definition)["alertmanager_config"])
    (receiver,) = told["receivers"]
    assert receiver["sns_configs"][0]["topic_arn"] == TOPIC


def test_grafana_signs_its_queries_with_a_role_of_its_own(declared):
    engine = declared()
    policy = json.loads(engine.one("RolePolicy", "grafana-queries").inputs["policy"])
    (allowed,) = policy["Statement"]
    assert set(allowed["Action"]) == {
        "aps:QueryMetrics", "aps:GetSeries", "aps:GetLabels", "aps:GetMetricMetadata",
    }  # fmt: skip
    assert (
        allowed["Resource"] == engine.one("Scraper").inputs["destination"]["amp"]["workspaceArn"]
    )
    files = engine.one("ConfigMap", "grafana-provisioning").inputs["data"]
    (source,) = yaml.safe_load(files["datasources.prometheus.yaml"])["datasources"]
    assert source["url"] == "${R1_WORKSPACE_URL}"
    assert source["jsonData"]["sigV4Auth"] is True
    assert source["jsonData"]["sigV4Region"] == "us-west-2"
    pod = engine.one("Deployment", "grafana-server").inputs["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "grafana"
    given = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    assert given["GF_AUTH_SIGV4_AUTH_ENABLED"] == "true"
    assert given["R1_WORKSPACE_URL"] == "https://aps-workspaces.example/workspaces/ws-1/"
    asked = engine.one("PodIdentityAssociation", "grafana-pods").inputs
    assert (asked["namespace"], asked["serviceAccount"]) == ("monitoring", "grafana")


def test_without_dashboards_there_is_no_grafana(declared):
    engine = declared(dashboards=False)
    assert engine.of_type("Grafana") == []
    assert [one for one in engine.of_type("Role") if one.name.startswith("grafana")] == []
