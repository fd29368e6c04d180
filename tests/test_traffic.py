"""Who reaches whom: the declared NetworkPolicies, evaluated over all pairs as Kubernetes does."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from itertools import product
from pathlib import Path

import pytest

STACKS = sorted((Path(__file__).parent.parent / "stacks").glob("Pulumi.*.yaml"))
PORTS = [("TCP", port) for port in (22, 53, 80, 443, 6443, 8000, 8080, 9113, 9114)] + [("UDP", 53)]


@dataclass(frozen=True)
class End:
    """A pod, or an address outside of the cluster."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    address: str = ""


OUTSIDE = [
    End("a prompt injection in another namespace", "default", {"app": "stranger"}, "10.64.0.10"),
    End("a stranger in the serving namespace", "r1", {"app": "stranger"}, "10.64.0.11"),
    End("the cluster's DNS", "kube-system", {"k8s-app": "kube-dns"}, "10.64.0.12"),
    End("Prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"}, "10.64.0.13"),
    End("somebody else's Prometheus", "default", {"app.kubernetes.io/name": "prometheus"},
        "10.64.0.14"),
    End("the load balancer", address="10.64.1.10"),
    End("the internet", address="198.51.100.7"),
    End("a client of ours", address="203.0.113.7"),
    End("instance metadata", address="169.254.169.254"),
    End("the Pod Identity agent", address="169.254.170.23"),
]  # fmt: skip


def chosen(selector, labels):
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def matches(peer, namespace, end):
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        address = IPv4Address(end.address)
        return address in IPv4Network(block["cidr"]) and not any(
            address in IPv4Network(hole) for hole in block.get("except", ())
        )
    if not end.namespace:
        return False
    if "namespaceSelector" in peer:
        within = chosen(peer["namespaceSelector"], {"kubernetes.io/metadata.name": end.namespace})
    else:
        within = end.namespace == namespace
    return within and chosen(peer.get("podSelector", {}), end.labels)


def permits(policies, direction, own, other, port):
    """One side's view: no policy for it permits all; else one rule must."""
    key, peers = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}[direction]
    concerned = [
        policy
        for policy in policies
        if direction in policy["spec"]["policyTypes"]
        and policy["metadata"]["namespace"] == own.namespace
        and chosen(policy["spec"]["podSelector"], own.labels)
    ]
    return not concerned or any(
        (not rule.get(peers) or any(matches(peer, own.namespace, other) for peer in rule[peers]))
        and (
            "ports" not in rule
            or any((one["protocol"], one["port"]) == port for one in rule["ports"])
        )
        for policy in concerned
        for rule in policy["spec"].get(key, ())
    )


def reached(policies, ends, ports=PORTS):
    """Every (from, to, port) that is let through on both sides."""
    return {
        (source.name, target.name, port)
        for source, target, port in product(ends, ends, ports)
        if source is not target
        and permits(policies, "Egress", source, target, port)
        and permits(policies, "Ingress", target, source, port)
    }


def pods_of(engine):
    found = []
    for number, deployment in enumerate(engine.of_type("Deployment")):
        template = deployment.inputs["spec"]["template"]
        metadata = deployment.inputs["metadata"]
        if metadata["namespace"] != "r1":
            continue
        labels = template["metadata"]["labels"]
        found.append(End(metadata["name"], metadata["namespace"], labels, f"10.64.2.{number}"))
    for number, cronjob in enumerate(engine.of_type("CronJob")):
        job = cronjob.inputs["spec"]["jobTemplate"]["spec"]
        metadata = cronjob.inputs["metadata"]
        labels = job["template"]["metadata"]["labels"]
        found.append(End(metadata["name"], metadata["namespace"], labels, f"10.64.4.{number}"))
    for number, groups in enumerate(engine.of_type("LeaderWorkerSet")):
        namespace = groups.inputs["metadata"]["namespace"]
        for role in ("leader", "worker"):
            labels = groups.inputs["spec"]["leaderWorkerTemplate"][f"{role}Template"]["metadata"][
                "labels"
            ]
            name = f"{role} of {labels['app.kubernetes.io/instance']}"
            found.append(End(name, namespace, labels, f"10.64.3.{2 * number + len(role) % 5}"))
    return found


def watching_pods_of(engine):
    """Pods of monitoring; that of Prometheus is the operator's, and OUTSIDE has it."""
    found = []
    for number, one in enumerate([*engine.of_type("Deployment"), *engine.of_type("DaemonSet")]):
        metadata, template = one.inputs["metadata"], one.inputs["spec"]["template"]
        if metadata["namespace"] in ("monitoring", "node-metrics"):
            labels = template["metadata"]["labels"]
            address = f"10.64.4.{number}"
            found.append(End(metadata["name"], metadata["namespace"], labels, address))
    return found


def policies_of(engine):
    return [one.inputs for one in engine.of_type("NetworkPolicy")]


def expected(engine, pods):
    """The table, without looking at a policy."""
    config = engine.one("LoadBalancer").inputs
    checks = [one.inputs["metadata"]["name"] for one in engine.of_type("CronJob")]
    running = [pod.name for pod in pods if pod.name not in ("gateway", *checks)]
    servers = [name for name in running if not name.startswith("worker")]
    streamed = bool(engine.of_type("PodIdentityAssociation")) and not engine.of_type(
        "LustreFileSystem"
    )
    table = {("gateway", server, ("TCP", 8000)) for server in servers}
    table |= {("Prometheus", server, ("TCP", 8000)) for server in servers}
    in_the_vpc = [
        end.name for end in OUTSIDE if end.address.startswith("10.64.") and end.namespace != "r1"
    ]
    table |= {(caller, "gateway", ("TCP", 8080)) for caller in in_the_vpc}
    if engine.of_type("Prometheus"):
        # Ours asks for metrics and nothing else.
        table.remove(("Prometheus", "gateway", ("TCP", 8080)))
        table |= {("Prometheus", "gateway", ("TCP", port)) for port in (9113, 9114)}
    if not config["internal"]:
        table.add(("a client of ours", "gateway", ("TCP", 8080)))
    grouped = [name for name in running if name.startswith(("leader", "worker"))]
    table |= {(one, other, port) for one in grouped for other in grouped if one != other
              and one.split()[-1] == other.split()[-1] for port in PORTS}  # fmt: skip
    # Checks ask servers, and the API server somewhere in the network.
    table |= {(check, server, ("TCP", 8000)) for check in checks for server in servers}
    watched = {"Prometheus"} if engine.of_type("Prometheus") else set()
    table |= {(check, one, ("TCP", 443)) for check in checks for one in {*in_the_vpc} - watched}
    asks_names = {"gateway", *checks, *grouped, *(running if streamed else ())}
    table |= {(pod, "the cluster's DNS", port) for pod in asks_names
              for port in (("TCP", 53), ("UDP", 53))}  # fmt: skip
    if streamed:
        for server in running:
            table.add((server, "the Pod Identity agent", ("TCP", 80)))
            table |= {(server, end.name, ("TCP", 443)) for end in OUTSIDE if end.namespace != "r1"}
            if engine.of_type("Prometheus"):
                table.remove((server, "Prometheus", ("TCP", 443)))
    return table


@pytest.mark.parametrize("stack_file", STACKS, ids=lambda file: file.stem.partition(".")[2])
def test_exactly_these_connections_are_let_through(engine, stack_file):
    engine.run(stack_file)
    pods = pods_of(engine)
    ours = {pod.name for pod in pods} | {"a stranger in the serving namespace"}
    table = {
        one
        for one in reached(policies_of(engine), [*pods, *OUTSIDE])
        if one[0] in ours or one[1] in ours
    }
    assert table == expected(engine, pods)


def test_workers_that_stream_their_weights_reach_what_their_leader_reaches(engine):
    file = next(file for file in STACKS if "671b-p5" in file.name)
    engine.run(file, weights={"bucket": "of-ours", "storage": "s3-stream"})
    pods = pods_of(engine)
    table = reached(policies_of(engine), [*pods, *OUTSIDE])
    worker = next(pod.name for pod in pods if pod.name.startswith("worker"))
    assert (worker, "the internet", ("TCP", 443)) in table
    assert (worker, "the Pod Identity agent", ("TCP", 80)) in table
    assert ("gateway", worker, ("TCP", 8000)) not in table


WATCHING_PORTS = [("TCP", port) for port in (
    53, 80, 443, 3000, 5000, 8000, 8080, 9090, 9093, 9100, 9113, 9114, 9400, 10250)]  # fmt: skip
WATCHING_PORTS += [("UDP", 53)]
STRANGERS = [
    End("a stranger in monitoring", "monitoring", {"app": "stranger"}, "10.64.0.20"),
    End("a stranger in node-metrics", "node-metrics", {"app": "stranger"}, "10.64.0.21"),
    # A Service's address, which a policy sees before kube-proxy has turned it into a pod's.
    End("the API server", address="172.20.0.1"),
    End("a node", address="10.64.2.200"),
]
DNS = [("the cluster's DNS", ("UDP", 53)), ("the cluster's DNS", ("TCP", 53))]
POD_IDENTITY = ("the Pod Identity agent", ("TCP", 80))


def expected_of_monitoring(ends, *, sns):
    """The table of prod-70b, without looking at a policy.

    A webhook may be anywhere, at any port.
    """
    everywhere = [end.name for end in ends if end.name not in CLOSED]
    in_the_network = [
        end.name for end in ends if end.address.startswith("10.64.") and end.name in everywhere
    ]
    api = [("the API server", ("TCP", 443)), *((name, ("TCP", 443)) for name in in_the_network)]
    aws = [*((name, ("TCP", 443)) for name in everywhere), *DNS, POD_IDENTITY]
    anything = [*((name, port) for name in everywhere for port in WATCHING_PORTS), *DNS,
                ("gateway", ("TCP", 8080))]  # fmt: skip
    kubelets = [(name, ("TCP", 10250)) for name in in_the_network]
    scraped = [("r1-70b", 8000), ("gateway", 9113), ("gateway", 9114), ("dcgm-exporter", 9400),
               ("node-exporter", 9100), ("kube-state-metrics", 8080),
               ("cloudwatch-exporter", 5000), ("alertmanager", 9093)]  # fmt: skip
    opened = {
        "Prometheus": [*((n, ("TCP", port)) for n, port in scraped), *api, *kubelets, *DNS],
        "grafana": [("Prometheus", ("TCP", 9090)), *DNS],
        "alertmanager": aws if sns else anything,
        "cloudwatch-exporter": aws,
        "kube-state-metrics": api,
        "prometheus-operator": api,
    }
    return {(name, *one) for name, targets in opened.items() for one in targets if name != one[0]}


# Those with policies of their own.
CLOSED = {"Prometheus", "grafana", "alertmanager", "cloudwatch-exporter", "kube-state-metrics",
          "prometheus-operator", "dcgm-exporter", "node-exporter", "r1-70b", "gateway",
          "quality-70b",
          "a stranger in monitoring", "a stranger in node-metrics",
          "a stranger in the serving namespace"}  # fmt: skip


@pytest.mark.parametrize("notify", [None, {"webhook": {"secret": "alert-webhook"}}])
def test_of_monitoring_exactly_these_connections_are_let_through(engine, notify):
    file = next(file for file in STACKS if "prod-70b" in file.name)
    asked = {"monitoring": {"kind": "prometheus", "notify": notify}} if notify else {}
    engine.run(file, **asked)
    watching = watching_pods_of(engine)
    ends = [*watching, *pods_of(engine), *OUTSIDE, *STRANGERS]
    # Both of our namespaces; what the gateway and the servers are asked by others stands above.
    ours = {*(pod.name for pod in watching), "Prometheus", "a stranger in monitoring",
            "a stranger in node-metrics"}  # fmt: skip
    table = {
        one
        for one in reached(policies_of(engine), ends, WATCHING_PORTS)
        if one[0] in ours or one[1] in ours
    }
    assert table == expected_of_monitoring(ends, sns=not notify)


MANAGED = {"monitoring": {"kind": "managed-prometheus"}}


def test_amazons_collector_reaches_metrics_and_grafana_reaches_aws(engine):
    engine.run(next(file for file in STACKS if "prod-70b" in file.name), **MANAGED)
    watching = watching_pods_of(engine)
    ours = {pod.name for pod in (*watching, *pods_of(engine))}
    collector = End("the collector", address="10.64.1.99")
    ends = [*watching, *pods_of(engine), *OUTSIDE, *STRANGERS, collector]
    table = reached(policies_of(engine), ends, WATCHING_PORTS)
    scraped = {("r1-70b", 8000), ("gateway", 9113), ("gateway", 9114), ("dcgm-exporter", 9400),
               ("node-exporter", 9100), ("kube-state-metrics", 8080),
               ("cloudwatch-exporter", 5000)}  # fmt: skip
    # Whoever is in the network is a client, too.
    let_in = {(name, ("TCP", port)) for name, port in (*scraped, ("gateway", 8080))}
    for caller in ("the collector", "the load balancer", "a node"):
        found = {(to, port) for source, to, port in table if source == caller and to in ours}
        assert found == let_in
    for caller in ("the internet", "a stranger in monitoring"):
        assert not [one for one in table if one[0] == caller and one[1] in ours]
    assert ("grafana", "the internet", ("TCP", 443)) in table
    assert ("grafana", *POD_IDENTITY) in table
    assert not [one for one in table if one[1] == "grafana"]


@pytest.mark.parametrize(
    ("stack", "changes"),
    [("all-variants", {}), ("test-7b", {}), ("prod-671b-p5", {}), ("prod-70b", {}),
     ("prod-70b", MANAGED)],
)  # fmt: skip
def test_no_policy_is_redundant(engine, stack, changes):
    engine.run(next(file for file in STACKS if stack in file.name), **changes)
    ends = [*pods_of(engine), *watching_pods_of(engine), *OUTSIDE, *STRANGERS]
    policies = policies_of(engine)
    whole = reached(policies, ends, {*PORTS, *WATCHING_PORTS})
    for left_out in policies:
        rest = [policy for policy in policies if policy is not left_out]
        assert reached(rest, ends, {*PORTS, *WATCHING_PORTS}) != whole, left_out["metadata"][
            "name"
        ]


def test_a_gateway_on_the_internet_lets_in_its_ranges_alone(engine):
    file = next(file for file in STACKS if "test-7b" in file.name)
    engine.run(file, gateway={"public_from": ["203.0.113.0/24"]})
    pods = pods_of(engine)
    let_in = {
        source
        for source, target, _ in reached(policies_of(engine), [*pods, *OUTSIDE])
        if target == "gateway"
    }
    assert "a client of ours" in let_in
    assert "the internet" not in let_in


def test_the_network_plug_in_enforces_them(engine):
    engine.run(STACKS[0])
    settings = engine.one("Addon", "cluster-vpc-cni").inputs["configurationValues"]
    assert settings == '{"enableNetworkPolicy": "true"}'
