from dataclasses import replace

import pulumi
from pulumi_aws.eks import Cluster
from r1_on_eks.plan.preload import WRONG_CONTENT, Preload
from r1_on_eks.resources.weights_preload import WeightsPreload, WeightsPreloadArgs

PRELOAD = Preload(name="preload-1", hashed=False, script="true", limit_seconds=600, wait="15m")


class Nodes(pulumi.CustomResource):
    def __init__(self, name):
        super().__init__("test:index:Nodes", name, {})


def declared(engine, preload=PRELOAD):
    def program():
        args = WeightsPreloadArgs(
            cluster=Cluster("eks", role_arn="arn:role", vpc_config={"subnet_ids": []}),
            namespace="r1",
            claim_name="r1-weights",
            variant="7b",
            preload=preload,
            after=[Nodes("nodes")],
        )
        WeightsPreload("r1-7b-preload", args)

    return engine.declare(program)


def test_it_is_filled_from_nodes_that_cost_little_by_a_job_that_stays(engine):
    job = declared(engine).one("Job")
    spec = job.inputs["spec"]
    assert "ttlSecondsAfterFinished" not in spec
    assert spec["activeDeadlineSeconds"] == 600
    assert job.create_timeout == "15m"
    pod = spec["template"]["spec"]
    # Neither a GPU nor a toleration: it lands on the system nodes.
    assert "tolerations" not in pod
    (container,) = pod["containers"]
    assert "nvidia.com/gpu" not in container["resources"]["requests"]
    (mount,) = container["volumeMounts"]
    assert mount["readOnly"] is True
    assert "subPath" not in mount
    assert any(urn.endswith("::nodes") for urn in job.dependencies)


def test_a_restricted_namespace_admits_the_pod_that_fills_it(engine):
    pod = declared(engine).one("Job").inputs["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
    # What it said last is in the pod's status, where `r1 status` finds it.
    assert pod["containers"][0]["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_what_took_hours_to_be_found_wrong_is_not_tried_again(engine):
    assert "podFailurePolicy" not in declared(engine).one("Job").inputs["spec"]
    spec = declared(engine, replace(PRELOAD, hashed=True)).one("Job").inputs["spec"]
    (rule,) = spec["podFailurePolicy"]["rules"]
    (container,) = spec["template"]["spec"]["containers"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"] == {
        "containerName": container["name"], "operator": "In", "values": [WRONG_CONTENT]
    }  # fmt: skip
    # Kubernetes takes such a policy with this alone.
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
