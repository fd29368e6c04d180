"""KEDA's two programs on this machine, as the pods that a stack declares for them; and a rule.

What stands in for the cluster autoscaler, whose module is not served: for each pod that the
scheduler finds no node for, the Auto Scaling group gets one more instance, up to its most; an
instance whose node has had no model's pod for a while is ended.
"""

import base64
import contextlib
import subprocess
import threading
import time
from pathlib import Path

import boto3
from kubernetes import client
from r1_on_eks.plan import keda as plan
from r1_on_eks.rehearsal import service_proxy
from r1_on_eks.rehearsal.go_tools import KEDA, KEDA_METRICS
from r1_on_eks.rehearsal.nodes import set_nodes
from r1_on_eks.rehearsal.processes import Processes, free_port, is_free
from r1_on_eks.rehearsal.toolchain import find_or_build


class Pod:
    """A program, started again when it ends, with the Secret that its pod mounts."""

    def __init__(self, cluster, name, program, changed):
        self.cluster, self.name = cluster, name
        self.folder = cluster.root / name
        self.certificates = self.folder / "certificates"
        self.certificates.mkdir(parents=True)
        [declared] = [one for one in cluster.objects if one["kind"] == "Deployment"
                      and one["metadata"]["name"] == name]  # fmt: skip
        [container] = declared["spec"]["template"]["spec"]["containers"]
        self.argv = [str(program), *(self._here(one, changed) for one in container["args"])]
        self.argv += [one for one in changed if one.partition("=")[0] not in
                      {told.partition("=")[0] for told in container["args"]}]  # fmt: skip
        told = {one["name"]: one["value"] for one in container["env"] if "value" in one}
        self.environment = told | {
            "PATH": "/usr/bin:/bin", "POD_NAMESPACE": "autoscaling",
            "KUBECONFIG": str(cluster.as_account(name, "autoscaling")),
        }  # fmt: skip
        self.log = (self.folder / "log").open("w+")
        self.process, self.starts = None, 0

    def _here(self, argument, changed):
        key, _, value = argument.partition("=")
        for one in changed:
            if one.partition("=")[0] == key:
                return one
        return f"{key}={value.replace(plan.CERTIFICATES_FOLDER, str(self.certificates))}" if (
            value
        ) else key  # fmt: skip

    def look(self):
        """What a kubelet does: mounts the Secret anew when it changes, starts what ended."""
        with contextlib.suppress(client.ApiException):
            found = self.cluster.core.read_namespaced_secret(plan.CERTIFICATES, "autoscaling")
            for key, value in (found.data or {}).items():
                file, content = self.certificates / key, base64.b64decode(value)
                if not file.exists() or file.read_bytes() != content:
                    file.write_bytes(content)
        if self.process is None or self.process.poll() is not None:
            self.starts += 1
            self.process = subprocess.Popen(
                self.argv, env=self.environment, cwd=self.folder, stdout=self.log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    def end(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.log.close()

    @property
    def said(self):
        return (self.folder / "log").read_text()


class Keda:
    """Both, looked after by a thread, and the API server's way to the one that it asks."""

    def __init__(self, cluster):
        self.cluster = cluster
        metrics, self.port = free_port(), free_port()
        kubeconfig = str(cluster.as_account(plan.METRICS, "autoscaling"))
        self.operator = Pod(cluster, plan.OPERATOR, find_or_build(KEDA, print), [
            f"--metrics-service-bind-address=127.0.0.1:{metrics}",
            f"--health-probe-bind-address=127.0.0.1:{free_port()}",
        ])  # fmt: skip
        self.metrics = Pod(cluster, plan.METRICS, find_or_build(KEDA_METRICS, print), [
            f"--secure-port={self.port}", "--bind-address=127.0.0.1", f"--port={free_port()}",
            f"--metrics-service-address=127.0.0.1:{metrics}",
            # The name by which its pod would reach the operator's.
            f"--metrics-service-grpc-authority={plan.OPERATOR}.autoscaling.svc.cluster.local",
            *(f"--{one}-kubeconfig={kubeconfig}" for one in
              ("lister", "authentication", "authorization")),
        ])  # fmt: skip
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._forever)

    def __enter__(self):
        processes = Processes(self.cluster.root)
        words = processes.command("one-controllers")
        processes.stop("one-controllers")
        folder = Path(self.cluster.kubeconfig).parent
        port = int(words[words.index("--port") + 1])
        # Somebody's outgoing connection may have it for a moment.
        deadline = time.monotonic() + 30
        while not is_free(port):
            assert time.monotonic() < deadline, port
            time.sleep(0.1)
        service_proxy.serve(port, folder / "server.crt", folder / "server.key", self._found)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        self.operator.end()
        self.metrics.end()

    def _found(self, address, port):
        service = self.cluster.core.read_namespaced_service(plan.METRICS, "autoscaling")
        return self.port if (service.spec.cluster_ip, 443) == (address, port) else None

    def _forever(self):
        while not self._over.wait(0.5):
            self.operator.look()
            # A kubelet starts it when there is a Secret to mount.
            if (self.operator.folder / "certificates" / "tls.crt").exists():
                self.metrics.look()


class Group:
    """The Auto Scaling group of a pool, in moto, and the rule that sizes it."""

    def __init__(self, cluster, pool, shape, *, idle_seconds):
        self.cluster, self.pool, self.shape, self.idle = cluster, pool, shape, idle_seconds
        self.autoscaling = boto3.client("autoscaling", region_name="us-west-2")
        self.ec2 = boto3.client("ec2", region_name="us-west-2")
        subnet = self.ec2.describe_subnets(
            Filters=[{"Name": "availability-zone", "Values": ["us-west-2b"]}]
        )["Subnets"][0]["SubnetId"]
        image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        template = self.ec2.create_launch_template(
            LaunchTemplateName="nodes",
            LaunchTemplateData={"ImageId": image, "InstanceType": pool.instance_type},
        )["LaunchTemplate"]["LaunchTemplateId"]
        self.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=pool.node_group, MinSize=0, DesiredCapacity=0, MaxSize=pool.most,
            VPCZoneIdentifier=subnet, LaunchTemplate={"LaunchTemplateId": template},
        )  # fmt: skip
        self.seen, self.sizes = {}, []
        self._over, self._thread = threading.Event(), threading.Thread(target=self._forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def instances(self):
        [group] = self.autoscaling.describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.pool.node_group]
        )["AutoScalingGroups"]
        ids = [one["InstanceId"] for one in group["Instances"]]
        if not ids:
            return []
        return [
            {"instance_id": one["InstanceId"], "zone": "us-west-2b",
             "private_dns_name": one["PrivateDnsName"], "private_ip": one["PrivateIpAddress"]}
            for reservation in self.ec2.describe_instances(InstanceIds=ids)["Reservations"]
            for one in reservation["Instances"]
        ]  # fmt: skip

    def _forever(self):
        while not self._over.wait(0.5):
            self._decide()

    def _decide(self):
        pods = self.cluster.core.list_namespaced_pod("r1", label_selector=(
            "app.kubernetes.io/name=vllm")).items  # fmt: skip
        waiting = [pod for pod in pods if any(
            one.type == "PodScheduled" and one.reason == "Unschedulable"
            for one in pod.status.conditions or ())]  # fmt: skip
        used = {pod.spec.node_name for pod in pods}
        present, now = self.instances(), time.monotonic()
        for one in present:
            if one["private_dns_name"] in used or one["instance_id"] not in self.seen:
                self.seen[one["instance_id"]] = now
        free = [one for one in present if one["private_dns_name"] not in used]
        if more := max(0, len(waiting) - len(free)):
            # Of more than MaxSize, AWS gives none.
            wanted = min(self.pool.most, len(present) + more)
            self.autoscaling.set_desired_capacity(
                AutoScalingGroupName=self.pool.node_group, DesiredCapacity=wanted
            )
        else:
            for one in free:
                if not waiting and now - self.seen[one["instance_id"]] > self.idle:
                    self.autoscaling.terminate_instance_in_auto_scaling_group(
                        InstanceId=one["instance_id"], ShouldDecrementDesiredCapacity=True
                    )
        found = self.instances()
        if not self.sizes or self.sizes[-1] != len(found):
            self.sizes.append(len(found))
        set_nodes(
            self.cluster.running.admin_kubeconfig, group=self.pool.node_group, shape=self.shape,
            labels=self.pool.labels, instances=found,
            taints=[{"key": key, "value": "true", "effect": "NoSchedule"}
                    for key in self.pool.taints],
        )  # fmt: skip
