"""The stand-in's rules that need no API server: values, quantities, diffs, replacements, waits."""

import pytest
from pulumi.runtime.proto import provider_pb2
from r1_on_eks.rehearsal.kubernetes_provider.compare import compare
from r1_on_eks.rehearsal.kubernetes_provider.field_ownership import take_over_patch
from r1_on_eks.rehearsal.kubernetes_provider.normalize import canonical_quantity
from r1_on_eks.rehearsal.kubernetes_provider.schema import Schemas, violations
from r1_on_eks.rehearsal.kubernetes_provider.session import Session
from r1_on_eks.rehearsal.kubernetes_provider.settings import diff_settings
from r1_on_eks.rehearsal.kubernetes_provider.waits.stuck import placement_advice
from r1_on_eks.rehearsal.kubernetes_provider.waits.wait_for import (
    ExpressionWait,
    ExpressionWrong,
)
from r1_on_eks.rehearsal.property_values import UNKNOWN, Secret, to_python, to_struct

SCHEMAS = Schemas(
    {
        "definitions": {
            "Thing": {
                "x-kubernetes-group-version-kind": [
                    {"group": "g.io", "version": "v1", "kind": "Thing"}
                ],
                "type": "object",
                "required": ["spec"],
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "spec": {
                        "type": "object",
                        "properties": {
                            "port": {"type": "string", "format": "int-or-string"},
                            "labels": {
                                "type": "object",
                                "additionalProperties": {"type": "string"},
                            },
                            "items": {"type": "array", "items": {"$ref": "#/definitions/Item"}},
                        },
                    },
                },
            },
            "Item": {"type": "object", "properties": {"image": {"type": "string"}}},
        }
    }
)


def thing(**spec):
    return {"apiVersion": "g.io/v1", "kind": "Thing", "spec": spec}


def test_values_survive_the_wire():
    value = {"a": 1, "b": [1.5, UNKNOWN, {"c": Secret({"x": "y"})}], "n": None, "t": True}
    assert to_python(to_struct(value)) == value
    assert to_python(to_struct({"s": Secret("x")}, keep_secrets=False)) == {"s": "x"}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (thing(port=80, labels={"a": "b"}, items=[{"image": "x"}]), []),
        (thing(labels={"a": 1}), [("spec.labels.a", "must be a string, not 1")]),
        (
            thing(items=[{"imagee": "x"}]),
            [("spec.items[0].imagee", "unknown field; did you mean image?")],
        ),
        (thing(items={}), [("spec.items", "must be a list, not an object")]),
        ({"apiVersion": "g.io/v1", "kind": "Thing"}, [("spec", "is required")]),
        ({"apiVersion": "g.io/v2", "kind": "Thing", "x": 1}, []),
    ],
)
def test_an_object_is_held_against_the_servers_schema(document, found):
    assert violations(SCHEMAS, document) == found


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("1024Mi", "1Gi"),
        ("2048Mi", "2Gi"),
        ("0.5", "500m"),
        (8, "8"),
        ("1000m", "1"),
        ("1500Mi", "1500Mi"),
        ("512", "512"),
        ("1.5Gi", "1536Mi"),
        ("0", "0"),
        ("word", "word"),
    ],
)
def test_quantities_are_written_as_the_server_writes_them(given, canonical):
    assert canonical_quantity(given) == canonical


def state(document):
    live = {**document, "metadata": {**document["metadata"], "uid": "u"}}
    return {**live, "__inputs": document}


def named(version, kind, **rest):
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "r1"},
        **rest,
    }


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        (
            named("apps/v1", "Deployment", spec={"selector": {"matchLabels": {"a": "b"}}}),
            named("apps/v1", "Deployment", spec={"selector": {"matchLabels": {"a": "c"}}}),
            ["spec.selector.matchLabels.a"],
        ),
        (
            named("apps/v1", "Deployment", spec={"replicas": 1}),
            named("apps/v1", "Deployment", spec={"replicas": 2}),
            [],
        ),
        (
            named("v1", "Service", spec={"clusterIP": "None"}),
            named("v1", "Service", spec={"clusterIP": "10.0.0.1"}),
            ["spec.clusterIP"],
        ),
        (
            named("v1", "ConfigMap", data={"a.b": "1"}),
            named("v1", "ConfigMap", data={"a.b": "2"}),
            ['data["a.b"]'],
        ),
        (
            named("v1", "Secret", data={"a": "MQ=="}),
            named("v1", "Secret", data={"a": "Mg=="}),
            ["data.a"],
        ),
        (
            named("v1", "PersistentVolumeClaim", spec={"volumeName": "a"}),
            named("v1", "PersistentVolumeClaim", spec={"volumeName": UNKNOWN}),
            ["spec.volumeName"],
        ),
        (
            named(
                "batch/v1", "Job", spec={"template": {"spec": {"containers": [{"image": "a"}]}}}
            ),
            named(
                "batch/v1", "Job", spec={"template": {"spec": {"containers": [{"image": "b"}]}}}
            ),
            ["spec.template.spec.containers[0].image"],
        ),
        (
            named("v1", "Pod", spec={"containers": [{"image": "a"}]}),
            named("v1", "Pod", spec={"containers": [{"image": "b"}]}),
            ["spec.containers[0].image"],
        ),
    ],
)
def test_which_changes_replace_an_object(old, new, replaces):
    answer = compare(state(old), new, [], Session.without_cluster("none"))
    assert list(answer.replaces) == replaces
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert answer.deleteBeforeReplace == bool(replaces)


def test_an_ignored_change_is_no_change():
    old = named("apps/v1", "Deployment", spec={"replicas": 1})
    new = named("apps/v1", "Deployment", spec={"replicas": 2})
    answer = compare(state(old), new, ["spec.replicas"], Session.without_cluster("none"))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_only_another_identifier_means_another_cluster_where_there_is_one():
    def replaced(old, new):
        return list(diff_settings(old, new).replaces)

    assert (
        replaced(
            {"clusterIdentifier": "a", "kubeconfig": "x"},
            {"clusterIdentifier": "a", "kubeconfig": UNKNOWN},
        )
        == []
    )
    assert replaced({"clusterIdentifier": "a"}, {"clusterIdentifier": "b"}) == [
        "clusterIdentifier"
    ]
    assert replaced({"kubeconfig": "x"}, {"kubeconfig": UNKNOWN}) == ["kubeconfig"]


def test_the_first_apply_takes_over_what_the_create_owned():
    live = {
        "metadata": {
            "resourceVersion": "7",
            "managedFields": [
                {
                    "manager": "pulumi-kubernetes",
                    "operation": "Update",
                    "fieldsV1": {"f:data": {}},
                },
                {"manager": "other", "operation": "Update", "fieldsV1": {"f:status": {}}},
            ],
        }
    }
    entries = take_over_patch(live, "pulumi-kubernetes-1")[0]["value"]
    assert [(e["manager"], e["operation"]) for e in entries] == [
        ("other", "Update"),
        ("pulumi-kubernetes-1", "Apply"),
    ]


@pytest.mark.parametrize(
    ("expression", "done"),
    [
        ("jsonpath={.status.phase}=Ready", True),
        ("jsonpath={.status.phase}=No", False),
        ("jsonpath={.status.phase}", True),
        ("condition=Available", True),
        ("condition=Available=False", False),
        ('jsonpath={.status.conditions[?(@.type=="Available")].status}=True', True),
        ('["condition=Available", "jsonpath={.status.none}"]', False),
    ],
)
def test_wait_for_expressions(expression, done):
    live = {
        "metadata": {},
        "status": {"phase": "Ready", "conditions": [{"type": "Available", "status": "True"}]},
    }
    assert ExpressionWait(expression).look(live).done is done


def test_a_wait_for_that_cannot_be_read_is_refused():
    with pytest.raises(ExpressionWrong, match="prefix"):
        ExpressionWait("status.phase")


def test_advice_prefers_the_node_that_lacks_only_a_toleration():
    pod = {"spec": {"containers": [{"resources": {"requests": {"nvidia.com/gpu": "8"}}}]}}
    taint = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
    gpu = {
        "metadata": {"name": "g"},
        "spec": {"taints": [taint]},
        "status": {"allocatable": {"nvidia.com/gpu": "8"}},
    }
    small = {"metadata": {"name": "s"}, "spec": {}, "status": {"allocatable": {}}}
    assert placement_advice(pod, [small, gpu]) == (
        "add a toleration for nvidia.com/gpu=true:NoSchedule"
    )
