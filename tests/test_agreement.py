"""Names and numbers that must agree between the Kubernetes objects of one stack."""

import re
from pathlib import Path

import pulumi
import pytest
from r1_on_eks.catalog import images

_SECRET = pulumi.runtime.rpc._special_secret_sig
STACKS = sorted((Path(__file__).parent.parent / "stacks").glob("Pulumi.*.yaml"))
# vllm/entrypoints/serve/instrumentator/health.py of the wheel of 0.33.0, read 2026-11-24.
VLLM_HEALTH = "/health"


@pytest.fixture(params=STACKS, ids=lambda file: file.stem.partition(".")[2])
def declared(engine, request):
    return engine.run(request.param)


def deployments(engine, name=None):
    """Of ours: upstream's controllers are as upstream made them."""
    found = [one.inputs for one in engine.of_type("Deployment")]
    found = [one for one in found if one["metadata"]["namespace"] == "r1"]
    return [one for one in found if name is None or one["metadata"]["name"] == name]


def groups(engine):
    """LeaderWorkerSets, as if each were the Deployment of its leaders, then of its workers."""
    found = []
    for one in engine.of_type("LeaderWorkerSet"):
        for role in ("leader", "worker"):
            template = one.inputs["spec"]["leaderWorkerTemplate"][f"{role}Template"]
            labels = template["metadata"]["labels"]
            metadata = one.inputs["metadata"] | {"name": labels["app.kubernetes.io/instance"]}
            spec = {"replicas": one.inputs["spec"]["replicas"], "template": template}
            found.append({"metadata": metadata, "spec": spec, "role": role})
    return found


def leaders(engine):
    return [one for one in groups(engine) if one["role"] == "leader"]


def servers(engine):
    alone = [one for one in deployments(engine) if one["metadata"]["name"] != "gateway"]
    return alone + leaders(engine)


def container_of(deployment):
    """The one that serves; beside nginx stands what tells its metrics."""
    container, *beside = deployment["spec"]["template"]["spec"]["containers"]
    assert [one["name"] for one in beside] in ([], ["exporter"])
    return container


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def probes_of(container):
    return [container[key] for key in container if key.endswith("Probe")]


def test_every_server_listens_where_service_probes_gateway_and_policies_expect_it(declared):
    configuration = declared.one("ConfigMap", "gateway-nginx").inputs["data"]["nginx.conf"]
    policies = {one.inputs["metadata"]["name"]: one.inputs["spec"]
                for one in declared.of_type("NetworkPolicy")}  # fmt: skip
    accepted = {port["port"] for rule in policies["model-servers"]["ingress"]
                for port in rule["ports"]}  # fmt: skip
    services = {one.inputs["metadata"]["name"]: one.inputs for one in declared.of_type("Service")}
    assert servers(declared)
    for deployment in servers(declared):
        name, container = deployment["metadata"]["name"], container_of(deployment)
        words = container["args"]
        port = int(words[words.index("--port") + 1])
        assert [one["containerPort"] for one in container["ports"]] == [port]
        assert {probe["httpGet"]["port"] for probe in probes_of(container)} == {port}
        (served,) = services[name]["spec"]["ports"]
        assert served["targetPort"] == port
        host = f"{name}.{deployment['metadata']['namespace']}.svc.cluster.local"
        assert f"{host}:{port}" in configuration
        assert accepted == {port}


def test_the_gateway_listens_where_service_probe_and_policy_expect_it(declared):
    (gateway,) = deployments(declared, "gateway")
    container = container_of(gateway)
    scheme = container["readinessProbe"]["httpGet"]["scheme"].lower()
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    port = ports.pop(scheme)
    service = next(one.inputs for one in declared.of_type("Service")
                   if one.inputs["metadata"]["name"] == "gateway")  # fmt: skip
    (listening,) = service["spec"]["ports"]
    assert listening["targetPort"] == port
    assert container["readinessProbe"]["httpGet"]["port"] == port
    assert (
        f"listen {port:.0f}"
        in declared.one("ConfigMap", "gateway-nginx").inputs["data"]["nginx.conf"]
    )
    assert declared.one("TargetGroup").inputs["port"] == listening["nodePort"]


def test_what_the_gateway_tells_is_asked_for_where_it_listens(declared):
    (gateway,) = deployments(declared, "gateway")
    text = declared.one("ConfigMap", "gateway-nginx").inputs["data"]["nginx.conf"]
    (port,) = [one["containerPort"] for one in container_of(gateway)["ports"]
               if one["name"] == "answers"] or [None]  # fmt: skip
    monitors = {one.inputs["metadata"]["name"]: one.inputs["spec"]
                for one in declared.of_type("PodMonitor")}  # fmt: skip
    if not monitors:
        assert port is None
        assert "0.0.0.0" not in text
        return
    (endpoint,) = monitors["gateway"]["podMetricsEndpoints"]
    assert endpoint["portNumber"] == port
    assert f"listen 0.0.0.0:{port:.0f};" in text
    assert f"location = {endpoint['path']} {{" in text
    labels = gateway["spec"]["template"]["metadata"]["labels"]
    assert monitors["gateway"]["selector"]["matchLabels"].items() <= labels.items()


def test_probes_ask_for_paths_that_are_served(declared):
    for deployment in servers(declared):
        for probe in probes_of(container_of(deployment)):
            assert probe["httpGet"]["path"] == VLLM_HEALTH
    configuration = declared.one("ConfigMap", "gateway-nginx").inputs["data"]["nginx.conf"]
    (gateway,) = deployments(declared, "gateway")
    assert container_of(gateway)["readinessProbe"]["httpGet"]["path"] in configuration


def test_services_and_budgets_select_the_pods_of_one_deployment(declared):
    for kind in ("Service", "PodDisruptionBudget"):
        for one in declared.of_type(kind):
            selector = one.inputs["spec"]["selector"]
            selector = selector.get("matchLabels", selector)
            if one.inputs["metadata"]["namespace"] != "r1":
                continue
            chosen = [
                deployment["metadata"]["name"]
                for deployment in deployments(declared) + leaders(declared)
                if selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
            ]
            assert chosen == [one.inputs["metadata"]["name"]], (kind, one.name)


def test_everything_that_is_mounted_exists_and_every_mount_has_its_volume(declared):
    exists = {
        (kind, one.inputs["metadata"]["name"])
        for kind in ("ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount")
        for one in declared.of_type(kind)
    }
    for deployment in deployments(declared) + groups(declared):
        pod = deployment["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert {mount["name"] for mount in container_of(deployment)["volumeMounts"]} <= {*volumes}
        given = {"gateway-tls"}
        for volume in volumes.values():
            if "secret" in volume:
                name = volume["secret"]["secretName"]
                assert ("Secret", name) in exists or name in given
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in exists
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                assert ("PersistentVolumeClaim", claim) in exists
            assert "hostPath" not in volume
        if "serviceAccountName" in pod:
            assert ("ServiceAccount", pod["serviceAccountName"]) in exists
        for mount in container_of(deployment)["volumeMounts"]:
            if mount["name"] == "configuration":
                assert (
                    mount["subPath"] in declared.one("ConfigMap", "gateway-nginx").inputs["data"]
                )
                assert mount["mountPath"] == f"/etc/nginx/{mount['subPath']}"


def test_the_job_that_fills_the_file_system_fills_what_every_server_mounts(declared):
    mounted = {
        deployment["metadata"]["name"]: mount["mountPath"]
        for deployment in servers(declared)
        for mount in container_of(deployment)["volumeMounts"]
        if mount["name"] == "weights" and "initContainers" not in pod_of(deployment)
    }
    jobs = {one.name: one.inputs for one in declared.of_type("Job")}
    assert {*jobs} == {f"{name}-preload-job" for name in mounted}
    for name, path in mounted.items():
        job = jobs[f"{name}-preload-job"]
        (container,) = pod_of(job)["containers"]
        assert f"cd {path} " in container["command"][-1]
        (claim,) = [one.inputs for one in declared.of_type("PersistentVolumeClaim")]
        assert job["metadata"]["namespace"] == claim["metadata"]["namespace"]
        (volume,) = pod_of(job)["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_gpu_nodes_are_not_paid_for_before_the_weights_are_there(declared):
    before = {
        group.inputs["labels"].get("r1-on-eks/variant-pool"): {
            urn.rpartition("::")[2] for urn in group.dependencies
        }
        for group in declared.of_type("NodeGroup")
        if group.name != "system"
    }
    jobs = {one.name for one in declared.of_type("Job")}
    for deployment in servers(declared):
        pool = pod_of(deployment)["nodeSelector"]["r1-on-eks/variant-pool"]
        assert jobs & {f"{deployment['metadata']['name']}-preload-job"} <= before[pool]


def test_images_are_named_in_one_place(declared):
    known = {*images.every_image()}
    pods = [pod_of(one.inputs) for kind in ("Deployment", "Job", "DaemonSet")
            for one in declared.of_type(kind)]  # fmt: skip
    theirs = {pod["initContainers"][0]["image"] for pod in checks_of(declared)}
    pods += checks_of(declared)
    used = {container["image"] for pod in pods
            for container in [*pod["containers"], *pod.get("initContainers", [])]}  # fmt: skip
    assert used - theirs <= known


def checks_of(engine):
    """Pods of the quality checks; the image of the harness is the stack file's own."""
    return [pod_of(one.inputs["spec"]["jobTemplate"]) for one in engine.of_type("CronJob")]


def test_a_check_asks_a_server_that_listens_with_the_key_that_it_knows(declared):
    services = {one.inputs["metadata"]["name"]: one.inputs for one in declared.of_type("Service")}
    for pod in checks_of(declared):
        (asks,) = pod["initContainers"]
        (host,) = set(
            re.findall(r"base_url=http://([^/]+)/v1/chat/completions", asks["command"][2])
        )
        name, _, port = host.partition(":")
        assert [str(int(one["port"])) for one in services[name]["spec"]["ports"]] == [port]
        (key,) = [one for one in asks["env"] if one["name"] == "OPENAI_API_KEY"]
        (server,) = [one for one in servers(declared) if one["metadata"]["name"] == name]
        (known,) = [v for v in container_of(server)["env"] if v["name"] == "VLLM_API_KEY"]
        assert key["valueFrom"] == known["valueFrom"]
        mounted = {
            one["name"] for one in [*asks["volumeMounts"], *pod["containers"][0]["volumeMounts"]]
        }
        assert mounted == {one["name"] for one in pod["volumes"]}


def test_limits_on_a_start_agree(declared):
    for deployment in servers(declared):
        container = container_of(deployment)
        environment = {one["name"]: one.get("value") for one in container["env"]}
        ready = int(environment["VLLM_ENGINE_READY_TIMEOUT_S"])
        probe = container["startupProbe"]
        assert probe["failureThreshold"] * probe["periodSeconds"] >= ready
        words = container["args"]
        if "--distributed-timeout-seconds" in words:
            assert int(words[words.index("--distributed-timeout-seconds") + 1]) >= ready
        drain = int(words[words.index("--shutdown-timeout") + 1])
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod_of(deployment)["terminationGracePeriodSeconds"] > pause + drain
        if "role" in deployment:  # A LeaderWorkerSet has no deadline of its own.
            continue
        deadline = deployment["spec"]["progressDeadlineSeconds"]
        assert deadline > ready + pod_of(deployment)["terminationGracePeriodSeconds"]


def test_gateway_and_servers_read_one_key_that_nobody_sees(declared):
    secret = declared.one("Secret", "serving-server-key")
    assert secret.ignore_changes == ("data",)
    # The engine keeps it encrypted: it is marked as what the protocol calls a secret.
    assert secret.inputs["data"][pulumi.runtime.rpc._special_sig_key] == _SECRET
    entries = secret.inputs["data"]["value"]
    name = secret.inputs["metadata"]["name"]
    for deployment in servers(declared):
        (key,) = [v for v in container_of(deployment)["env"] if v["name"] == "VLLM_API_KEY"]
        reference = key["valueFrom"]["secretKeyRef"]
        assert (reference["name"], reference["key"] in entries) == (name, True)
    (gateway,) = deployments(declared, "gateway")
    volumes = {v["name"]: v for v in gateway["spec"]["template"]["spec"]["volumes"]}
    assert volumes["server-key"]["secret"]["secretName"] == name
    included = f"{mounted_at(gateway, 'server-key')}/header.conf"
    text = declared.one("ConfigMap", "gateway-nginx").inputs["data"]["nginx.conf"]
    assert f"include {included};" in text
    assert "header.conf" in entries


def mounted_at(deployment, volume):
    mounts = container_of(deployment)["volumeMounts"]
    return next(one["mountPath"] for one in mounts if one["name"] == volume)


def test_tls_is_where_the_stack_is_asked_by_people(declared):
    text = declared.one("ConfigMap", "gateway-nginx").inputs["data"]["nginx.conf"]
    (gateway,) = deployments(declared, "gateway")
    container, checked = container_of(gateway), declared.one("TargetGroup").inputs["healthCheck"]
    tls = any(one["name"] == "tls" for one in container["volumeMounts"])
    assert tls == ("ssl_certificate /etc/nginx/tls/tls.crt;" in text) == (" ssl so_k" in text)
    scheme, port = ("HTTPS", 443) if tls else ("HTTP", 80)
    assert {probe["httpGet"]["scheme"] for probe in probes_of(container)} == {scheme}
    assert checked["protocol"] == scheme
    assert declared.one("Listener").inputs["port"] == port
    assert {rule.inputs["fromPort"] for rule in declared.of_type("SecurityGroupIngressRule")
            if rule.name.startswith("gateway-clients")} == {port}  # fmt: skip


def test_an_answer_may_take_as_long_at_every_step_of_its_way(declared):
    text = declared.one("ConfigMap", "gateway-nginx").inputs["data"]["nginx.conf"]
    (silent,) = {line.split()[1] for line in text.splitlines() if "proxy_read_timeout" in line
                 and " 2s" not in line}  # fmt: skip
    longest = int(silent.removesuffix("s;"))
    (gateway,) = deployments(declared, "gateway")
    pod, targets = gateway["spec"]["template"]["spec"], declared.one("TargetGroup").inputs
    assert f"worker_shutdown_timeout {longest}s;" in text
    assert declared.one("Listener").inputs["tcpIdleTimeoutSeconds"] > longest
    assert pod["terminationGracePeriodSeconds"] > longest
    # A pod that ends is called unhealthy while it gives its last answers.
    (unhealthy,) = targets["targetHealthStates"]
    assert unhealthy["enableUnhealthyConnectionTermination"] is False
    assert unhealthy["unhealthyDrainingInterval"] >= longest


def test_a_pod_that_ends_is_sent_connections_until_the_load_balancer_looks_away(declared):
    (gateway,) = deployments(declared, "gateway")
    container, checked = container_of(gateway), declared.one("TargetGroup").inputs["healthCheck"]
    (sleep,) = re.findall(
        r"sleep (\d+)$", container["lifecycle"]["preStop"]["exec"]["command"][-1]
    )
    assert int(sleep) >= checked["interval"] * checked["unhealthyThreshold"] + 15
    # Else kube-proxy drops what still comes, before the load balancer sends no more.
    assert container["readinessProbe"]["httpGet"]["path"] != checked["path"]


def test_a_drain_is_never_blocked_and_replicas_are_spread(declared):
    budgets = {one.inputs["metadata"]["name"]: one.inputs["spec"]
               for one in declared.of_type("PodDisruptionBudget")}  # fmt: skip
    most = {one.inputs["metadata"]["name"]: one.inputs["spec"]["maxReplicaCount"]
            for one in declared.of_type("ScaledObject")}  # fmt: skip
    for deployment in deployments(declared) + groups(declared):
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        pod = spec["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        # Of those that are scaled, as many as there may be.
        if spec.get("replicas", most.get(name)) <= 1:
            assert name not in budgets
            continue
        assert budgets[name]["maxUnavailable"] == 1
        if "role" not in deployment:
            keys = {one["topologyKey"]: one["whenUnsatisfiable"] for one in
                    pod["topologySpreadConstraints"]}  # fmt: skip
            assert keys["kubernetes.io/hostname"] == "ScheduleAnyway"
