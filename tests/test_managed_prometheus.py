"""Amazon's Prometheus in place of the cluster's: what is declared, and what is not."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from r1_on_eks.plan.monitoring.managed import rules_file, scrape_configuration
from r1_on_eks.plan.monitoring.rules import rule_groups
from r1_on_eks.plan.monitoring.scrapes import scrapes_of
from r1_on_eks.rehearsal.prometheus_package import find_or_unpack_prometheus
from r1_on_eks.stack_config import StackConfigError, parse_stack_config
from r1_on_eks.stack_file import plan_of

STACKS = Path(__file__).parent.parent / "stacks"
FILE = STACKS / "Pulumi.prod-70b.yaml"
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


def every_stack():
    return sorted(file.name.split(".", 1)[1][:-5] for file in STACKS.glob("Pulumi.*.yaml"))


def scrapes(plan):
    variants = [model.server.variant for model in plan.models]
    gpus = any(not model.placement.on_cpu for model in plan.models)
    return scrapes_of(variants, file_system=plan.storage is not None, gpus=gpus)


@pytest.mark.rehearsal
@pytest.mark.parametrize("stack", every_stack())
def test_promtool_takes_the_texts_of_every_stack(stack, tmp_path):
    plan = plan_of(stack, STACKS)
    texts = {"config": scrape_configuration(scrapes(plan)), "rules": rules_file(plan)}
    for what, text in texts.items():
        (tmp_path / what).write_text(text)
        done = subprocess.run(
            [find_or_unpack_prometheus(print).promtool, "check", what,
             # The token is the collector's.
             *(["--syntax-only"] if what == "config" else []), str(tmp_path / what)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


# Of Amazon Managed Service for Prometheus, where nobody has asked for more: Service Quotas, as a
# public copy without a date has it (2026-11).
RULES_OF_A_GROUP, GROUPS, FILE_BYTES = 20, 100, 10**6
# Of the same collector, where it writes to CloudWatch (CloudWatch user guide,
# managed-prometheus-collectors-scraper-configuration, 2026-11).
CONFIGURATION_BYTES, SHORTEST = 256_000, 30


@pytest.mark.parametrize("stack", every_stack())
def test_the_texts_keep_the_services_quotas(stack):
    plan = plan_of(stack, STACKS)
    text = rules_file(plan)
    groups = yaml.safe_load(text)["groups"]
    assert len(text.encode()) < FILE_BYTES
    assert len(groups) <= GROUPS
    assert max(len(group["rules"]) for group in groups) <= RULES_OF_A_GROUP
    assert len({group["name"] for group in groups}) == len(groups)
    known = {"record", "alert", "expr", "for", "labels", "annotations"}
    assert {key for group in groups for rule in group["rules"] for key in rule} <= known
    text = scrape_configuration(scrapes(plan))
    assert len(text.encode()) < CONFIGURATION_BYTES
    found = yaml.safe_load(text)
    assert found.keys() == {"global", "scrape_configs"}
    intervals = [one["scrape_interval"] for one in (found["global"], *found["scrape_configs"])
                 if "scrape_interval" in one]  # fmt: skip
    assert min(int(one.removesuffix("s")) for one in intervals) >= SHORTEST


def test_the_rules_are_the_clusters_own_in_their_order_and_alerts_name_the_stack():
    plan = plan_of("prod-70b", STACKS)
    written = yaml.safe_load(rules_file(plan))["groups"]
    rules = [rule for group in written for rule in group["rules"]]
    assert [group["name"] for group in written][:4] == [
        "r1-plan", "r1-plan-2", "r1-measured", "r1-measured-2",
    ]  # fmt: skip
    assert all(rule["labels"].pop("stack") == "prod-70b" for rule in rules if "alert" in rule)
    assert rules == [rule for group in rule_groups(plan) for rule in group["rules"]]


def test_what_is_declared_are_these_texts(declared):
    engine, plan = declared(), plan_of("prod-70b", STACKS)
    collector = engine.one("Scraper").inputs
    assert collector["scrapeConfiguration"] == scrape_configuration(plan.monitoring.scrapes)
    assert engine.one("RuleGroupNamespace").inputs["data"] == rules_file(plan)


def test_the_collector_reaches_metrics_by_the_networks_range_and_nothing_else(declared):
    """Of each pod that is scraped, the ports that a range may reach are those that are scraped."""
    reached = {}
    for one in declared().of_type("NetworkPolicy"):
        spec = one.inputs["spec"]
        for rule in spec.get("ingress", []):
            if any("ipBlock" in peer for peer in rule.get("from", [])):
                ports = {port["port"] for port in rule["ports"]}
                name = spec["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name")
                reached.setdefault(name, set()).update(ports)
    scraped = {}
    for scrape in plan_of("prod-70b", STACKS).monitoring.scrapes:
        name = scrape.pods["app.kubernetes.io/name"]
        scraped.setdefault(name, set()).add(scrape.port)
    assert reached.pop("gateway") > scraped.pop("gateway")
    assert reached == scraped


WITHOUT_INTERNET = {
    "outbound": "none",
    "private_endpoints": ["ec2", "ecr", "eks-auth", "sts"],
    "image_mirror": {
        "docker_hub_secret": "arn:aws:secretsmanager:us-west-2:111122223333:secret:"
        "ecr-pullthroughcache/docker-hub-AbCdEf",
        "copied": "111122223333.dkr.ecr.us-west-2.amazonaws.com/mirror",
    },
    "quality": None,
}
SCALED = {"cluster_autoscaler": True, "variants": {"70b": {"scale": {"min": 1}}}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            SCALED,
            "variants.70b.scale: replicas follow a Prometheus in the cluster, which"
            " managed-prometheus is not; write monitoring: {kind: prometheus}",
        ),
        (
            WITHOUT_INTERNET,
            "monitoring.dashboards: outbound: none leaves Grafana no way to Amazon's service;"
            " write dashboards: false, or kind: prometheus",
        ),
    ],
)
def test_what_amazons_cannot_serve_is_refused(changes, says):
    content = yaml.safe_load(FILE.read_text())["config"]["r1-on-eks:stack"]
    stack = {"name": "prod-70b", **content, "monitoring": ASKED, **changes}
    with pytest.raises(StackConfigError) as refused:
        parse_stack_config(stack)
    assert str(refused.value) == says
