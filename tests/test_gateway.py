import pytest
from pulumi_aws.eks import Cluster
from r1_on_eks.plan.gateway import GatewayPlan
from r1_on_eks.resources.gateway import Gateway, GatewayArgs


def plan(**changes):
    values = {
        "internal": True,
        "clients": ("10.64.0.0/16",),
        "configuration": "events {}\n",
        "checksum": "one",
        "paths": {"70b": "/api/v1/70b"},
    }
    return GatewayPlan(**(values | changes))


def declared(engine, **changes):
    def program():
        args = GatewayArgs(
            cluster=Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []}),
            namespace="r1",
            gateway=plan(**changes),
            vpc_id="vpc",
            subnet_ids={"a": "subnet-1", "b": "subnet-2"},
            node_security_group_id="sg-nodes",
            autoscaling_group_name="asg",
            protected=False,
            after=[],
        )
        Gateway("gateway", args)

    return engine.declare(program)


@pytest.mark.parametrize("internal", [True, False])
def test_the_load_balancer_is_internal_unless_asked(engine, internal):
    balancer = declared(engine, internal=internal).one("LoadBalancer").inputs
    assert balancer["internal"] is internal
    assert balancer["loadBalancerType"] == "network"
    assert balancer["securityGroups"] == ["gateway-nlb-id"]


def test_only_named_clients_connect(engine):
    clients = ("203.0.113.0/24", "198.51.100.0/24")
    rules = declared(engine, clients=clients).of_type("SecurityGroupIngressRule")
    open_to = [one.inputs for one in rules if "cidrIpv4" in one.inputs]
    assert tuple(rule["cidrIpv4"] for rule in open_to) == clients
    assert {rule["fromPort"] for rule in open_to} == {80}


def test_one_port_leads_from_the_load_balancer_to_nginx(engine):
    service = declared(engine).one("Service").inputs["spec"]
    port = service["ports"][0]["nodePort"]
    assert service["type"] == "NodePort"
    assert service["externalTrafficPolicy"] == "Local"
    targets = engine.one("TargetGroup").inputs
    assert (targets["port"], targets["protocol"], targets["targetType"]) == (
        port,
        "TCP",
        "instance",
    )
    assert targets["healthCheck"]["path"] == "/healthz"
    assert targets["healthCheck"]["protocol"] == "HTTP"
    node_rule = engine.one("SecurityGroupIngressRule", "gateway-from-nlb").inputs
    assert node_rule["securityGroupId"] == "sg-nodes"
    assert node_rule["referencedSecurityGroupId"] == "gateway-nlb-id"
    assert node_rule["fromPort"] == node_rule["toPort"] == port
    pod = engine.one("Deployment").inputs["spec"]["template"]["spec"]["containers"][0]
    assert service["ports"][0]["targetPort"] == pod["ports"][0]["containerPort"]


def test_nodes_are_registered_by_their_auto_scaling_group(engine):
    attachment = declared(engine).one("Attachment").inputs
    assert attachment["autoscalingGroupName"] == "asg"


def test_a_silent_answer_is_not_cut_off_by_the_load_balancer(engine):
    assert declared(engine).one("Listener").inputs["tcpIdleTimeoutSeconds"] == 3600


def test_nginx_runs_the_text_of_the_plan_and_rolls_when_it_changes(engine):
    text = declared(engine, configuration="events {}\n# new\n").one("ConfigMap").inputs
    assert text["metadata"]["name"] == "gateway-nginx"
    assert text["data"] == {"nginx.conf": "events {}\n# new\n"}
    before = engine.one("Deployment").inputs["spec"]["template"]["metadata"]["annotations"]
    declared(engine, checksum="two")
    after = engine.one("Deployment").inputs["spec"]["template"]["metadata"]["annotations"]
    assert before != after


def test_two_pods_of_which_one_may_leave(engine):
    assert declared(engine).one("Deployment").inputs["spec"]["replicas"] == 2
    assert engine.one("PodDisruptionBudget").inputs["spec"]["maxUnavailable"] == 1
