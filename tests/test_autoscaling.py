"""What scales a stack: declared where it is asked for, with rights over what it scales alone."""

import copy
import json
import sys
from pathlib import Path

import pytest
import yaml
from r1_on_eks.plan import Plan
from r1_on_eks.stack_config import StackConfigError, parse_stack_config

sys.path.insert(0, str(Path(__file__).parent))
import test_traffic as traffic

STACKS = Path(__file__).parent.parent / "stacks"
OFFICE = STACKS / "Pulumi.office-7b.yaml"
FILE = yaml.safe_load(OFFICE.read_text())["config"]["r1-on-eks:stack"]
PLACED = yaml.safe_load((STACKS / "placements" / "office-7b.yaml").read_text())["7b"]["placement"]
LEFT_OUT = object()


def configured(**changes):
    variant = PLACED | {"rate": 0.25, "scale": {"min": 1}}
    stack = copy.deepcopy(FILE) | {"name": "office-7b", "variants": {"7b": variant}} | changes
    return parse_stack_config(
        {key: value for key, value in stack.items() if value is not LEFT_OUT}
    )


def policy_of(engine):
    [one] = [one for one in engine.of_type("RolePolicy") if one.name.startswith("cluster-auto")]
    return json.loads(one.inputs["policy"])["Statement"]


def container_of(engine, deployment):
    [one] = [one for one in engine.of_type("Deployment")
             if one.inputs["metadata"]["name"] == deployment]  # fmt: skip
    [container] = one.inputs["spec"]["template"]["spec"]["containers"]
    return container


def test_the_autoscaler_changes_groups_of_its_own_tag_alone_and_no_other_has_it(engine):
    engine.run(OFFICE)
    changing = [one for one in policy_of(engine) if any(
        not action.split(":")[1].startswith("Describe") for action in one["Action"])]  # fmt: skip
    [one] = changing
    assert one["Condition"] == {"StringEquals": {"aws:ResourceTag/r1:autoscaled": "office-7b"}}
    tagged = {one.inputs["autoscalingGroupName"] for one in engine.of_type("Tag")
              if one.inputs["tag"] == {"key": "r1:autoscaled", "value": "office-7b",
                                       "propagateAtLaunch": False}}  # fmt: skip
    assert tagged == {"asg-r1-7b"}
    discovery = "--node-group-auto-discovery=asg:tag=r1:autoscaled=office-7b"
    assert discovery in container_of(engine, "cluster-autoscaler")["args"]


def test_never_more_nodes_than_the_plan_has(engine):
    engine.run(OFFICE)
    groups = [one.inputs["scalingConfig"] for one in engine.of_type("NodeGroup")]
    most = int(sum(one["maxSize"] for one in groups))
    assert f"--max-nodes-total={most}" in container_of(engine, "cluster-autoscaler")["args"]
    [scaled] = engine.of_type("ScaledObject")
    [pool] = [one for one in engine.of_type("NodeGroup") if one.name == "r1-7b"]
    assert scaled.inputs["spec"]["maxReplicaCount"] == pool.inputs["scalingConfig"]["maxSize"]
    assert pool.ignore_changes == ("scalingConfig.desiredSize",)


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_the_autoscaler_is_of_the_clusters_own_version(engine, version):
    engine.run(OFFICE, kubernetes=version)
    image = container_of(engine, "cluster-autoscaler")["image"]
    assert image.rpartition(":")[2].startswith(f"v{version}.")


def test_without_scaled_replicas_there_is_an_autoscaler_and_no_keda(engine):
    variant = {"instance": "g6.2xlarge", "replicas": 4, "rate": 0.25}
    engine.run(OFFICE, variants={"7b": variant})
    names = {one.inputs["metadata"]["name"] for one in engine.of_type("Deployment")}
    assert "cluster-autoscaler" in names
    assert not any("keda" in name for name in names)
    assert not engine.of_type("ScaledObject")
    assert not engine.of_type("APIService")


def test_without_an_autoscaler_there_is_nothing_of_it(engine):
    variant = {"instance": "g6.2xlarge", "replicas": 4, "rate": 0.25}
    engine.run(OFFICE, variants={"7b": variant}, cluster_autoscaler=False)
    assert not any("autoscal" in one.name for one in engine.registered)
    assert not engine.of_type("Tag")


def rules_of(engine):
    """(kind, namespace, rule) of KEDA's own roles."""
    for kind in ("ClusterRole", "Role"):
        for one in engine.of_type(kind):
            if one.name.startswith("keda-"):
                for rule in one.inputs["rules"]:
                    yield kind, one.inputs["metadata"].get("namespace"), rule


def test_keda_reads_no_secret_of_the_models_and_nothing_of_every_kind(engine):
    engine.run(OFFICE)
    rules = list(rules_of(engine))
    assert len(rules) > 10
    for kind, namespace, rule in rules:
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
        if "secrets" in rule["resources"]:
            assert (kind, namespace) == ("Role", "autoscaling")
    told = {one["name"]: one.get("value") for one in container_of(engine, "keda-operator")["env"]}
    assert told["KEDA_RESTRICT_SECRET_ACCESS"] == "true"
    assert told["WATCH_NAMESPACE"] == "r1"


def test_what_keda_is_told_stands_after_what_acts_on_it(engine):
    engine.run(OFFICE)
    [scaled] = engine.of_type("ScaledObject")
    before = {urn.rpartition("::")[2] for urn in scaled.dependencies}
    assert {"keda-operator", "keda-metrics", "r1-7b-server"} <= before
    assert scaled.inputs["metadata"] == {"name": "r1-7b", "namespace": "r1"}
    target = scaled.inputs["spec"]["scaleTargetRef"]
    [server] = [one for one in engine.of_type("Deployment") if one.name == "r1-7b-server"]
    assert target["name"] == server.inputs["metadata"]["name"]
    assert "replicas" not in server.inputs["spec"]


PORTS = [("TCP", port) for port in (53, 80, 443, 6443, 8000, 8085, 9090, 9666)] + [("UDP", 53)]


def test_of_autoscaling_exactly_these_connections_are_let_through(engine):
    engine.run(OFFICE)
    pods = [
        traffic.End(name, "autoscaling", {"app.kubernetes.io/name": name}, f"10.64.5.{number}")
        for number, name in enumerate(
            ("keda-operator", "keda-metrics-apiserver", "cluster-autoscaler", "a stranger here")
        )
    ]
    ends = [*pods, *traffic.pods_of(engine), *traffic.OUTSIDE, traffic.STRANGERS[-2]]
    ours = {pod.name for pod in pods}
    table = {
        one
        for one in traffic.reached(traffic.policies_of(engine), ends, PORTS)
        if ours & {one[0], one[1]}
    }
    # Nobody in the serving namespace or here, but for those that are asked by name.
    closed = ours | {"Prometheus", "gateway", "r1-7b", "a stranger in the serving namespace"}
    everywhere = [end.name for end in ends if end.name not in closed]
    network = [end.name for end in ends
               if end.name in everywhere and end.address.startswith("10.64.")]  # fmt: skip
    api = [("the API server", ("TCP", 443)), *((name, ("TCP", 443)) for name in network)]
    opened = {
        "keda-operator": [("Prometheus", ("TCP", 9090)), *api, *traffic.DNS],
        "keda-metrics-apiserver": [("keda-operator", ("TCP", 9666)), *api, *traffic.DNS],
        "cluster-autoscaler": [
            *((name, ("TCP", 443)) for name in everywhere),
            *traffic.DNS,
            traffic.POD_IDENTITY,
        ],
    }
    wanted = {(name, *one) for name, targets in opened.items() for one in targets}
    # The API server asks from the network.
    wanted |= {(name, "keda-metrics-apiserver", ("TCP", 6443)) for name in network}
    assert table == wanted


def test_no_policy_of_autoscaling_is_redundant(engine):
    engine.run(OFFICE)
    policies = traffic.policies_of(engine)
    pods = [
        traffic.End(name, "autoscaling", {"app.kubernetes.io/name": name}, f"10.64.5.{number}")
        for number, name in enumerate(
            ("keda-operator", "keda-metrics-apiserver", "cluster-autoscaler", "a stranger here")
        )
    ]
    ends = [*pods, *traffic.pods_of(engine), *traffic.OUTSIDE]
    whole = traffic.reached(policies, ends, PORTS)
    for left_out in policies:
        if left_out["metadata"]["namespace"] == "autoscaling":
            rest = [policy for policy in policies if policy is not left_out]
            assert traffic.reached(rest, ends, PORTS) != whole, left_out["metadata"]["name"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cluster_autoscaler": False}, "variants.7b.scale: its nodes stay, and are paid"),
        (
            {"monitoring": LEFT_OUT},
            "variants.7b.scale: replicas follow what Prometheus counts; write"
            " monitoring: {kind: prometheus}",
        ),
        (
            {"outbound": "none"},
            "cluster_autoscaler: outbound none leaves it no way to Auto Scaling; write"
            " outbound: nat, or cluster_autoscaler: false",
        ),
    ],
)
def test_what_cannot_scale_is_refused_with_what_would(changes, says):
    with pytest.raises(StackConfigError) as refused:
        configured(**changes)
    assert says in str(refused.value)


def test_what_can_is_planned():
    plan = Plan.of(configured())
    assert [model.name for model in plan.scaled] == ["r1-7b"]
    assert {policy.name for policy in plan.autoscaling_policies} == {
        "nobody-by-default", "cluster-autoscaler", "keda-operator", "keda-metrics-apiserver",
    }  # fmt: skip
