from pulumi_aws.eks import Cluster
from r1_on_eks.resources.accelerators import Accelerators, AcceleratorsArgs


def test_the_device_plugin_reaches_every_gpu_node_and_no_other(engine):
    def program():
        cluster = Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []})
        Accelerators("gpus", AcceleratorsArgs(cluster=cluster))

    inputs = engine.declare(program).one("DaemonSet").inputs
    assert inputs["metadata"]["namespace"] == "kube-system"
    pod = inputs["spec"]["template"]["spec"]
    assert pod["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    required = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required["nodeSelectorTerms"] == [
        {"matchExpressions": [{"key": "k8s.amazonaws.com/accelerator", "operator": "Exists"}]}
    ]
