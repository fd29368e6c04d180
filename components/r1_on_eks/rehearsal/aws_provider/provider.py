"""The provider protocol (pulumi proto/pulumi/provider.proto), answered from the table of rows."""
# ruff: noqa: ARG002 — the protocol gives every call both arguments.

from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from r1_on_eks.rehearsal.aws_provider import check, diff, settings
from r1_on_eks.rehearsal.aws_provider.answers import inputs_of
from r1_on_eks.rehearsal.aws_provider.cloud import Cloud
from r1_on_eks.rehearsal.aws_provider.known_inputs import fields_of, output_types, plain
from r1_on_eks.rehearsal.aws_provider.lifecycle import Lifecycle, timeout_of
from r1_on_eks.rehearsal.aws_provider.problems import PartlyMade, Refused
from r1_on_eks.rehearsal.aws_provider.row import Row
from r1_on_eks.rehearsal.aws_provider.secrets import hidden_as
from r1_on_eks.rehearsal.aws_provider.table import row_of
from r1_on_eks.rehearsal.engine_errors import refuse, refuse_partly_made
from r1_on_eks.rehearsal.faults import Faults
from r1_on_eks.rehearsal.property_values import (
    UNKNOWN,
    contains_unknown,
    to_python,
    to_struct,
    without_secrets,
)

VERSION = "7.51.1"
Context = grpc.ServicerContext


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine. What it knows between calls is its configuration."""

    def __init__(self) -> None:
        self._settings = settings.Settings()
        self._cloud: Cloud | None = None
        self._cancelled = False
        self._faults = Faults()

    def Handshake(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False
        )

    def GetPluginInfo(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        return provider_pb2.GetSchemaResponse(
            schema=f'{{"name": "aws", "version": "{VERSION}", "resources": {{}}}}'
        )

    def CheckConfig(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        found = settings.problems(to_python(request.news))
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[
                provider_pb2.CheckFailure(property=one.path, reason=one.reason) for one in found
            ],
        )

    def DiffConfig(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        old = settings.parse(to_python(request.old_inputs))
        new = settings.parse(to_python(request.news))
        kinds = {"region": "update-replace"} if old.region != new.region else {}
        if old.default_tags != new.default_tags:
            kinds["defaultTags"] = "update"
        if old.allowed_accounts != new.allowed_accounts:
            kinds["allowedAccountIds"] = "update"
        return diff.to_response(kinds, named_by_hand=False)

    def Configure(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        self._settings = settings.parse(to_python(request.args))
        try:
            self._cloud = Cloud(self._settings.region)
            if self._settings.allowed_accounts:
                wrong = self._settings.refuses(self._cloud.account)
                if wrong:
                    raise Refused(wrong)
        except Refused as error:
            refuse(context, str(error))
        if self._cancelled:
            self._cloud.end()
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=False,
            acceptOutputs=False,
        )

    def Check(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        row = _row(request.urn, context)
        given = to_python(request.news)
        old = without_secrets(to_python(request.olds))
        inputs = check.named(row, given, old, request.urn, request.randomSeed)
        found = check.problems(row, without_secrets(inputs))
        return provider_pb2.CheckResponse(
            inputs=to_struct(inputs),
            failures=[
                provider_pb2.CheckFailure(property=one.path, reason=one.reason) for one in found
            ],
        )

    def Diff(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        row = _row(request.urn, context)
        old = without_secrets(to_python(request.old_inputs))
        new = without_secrets(to_python(request.news))
        found = diff.changes(row, old, new)
        if row.tagging and not found:
            state = without_secrets(to_python(request.olds))
            wanted = self._lifecycle(row, context).all_tags(new)
            if not contains_unknown(wanted) and (state.get("tagsAll") or {}) != wanted:
                found["tagsAll"] = "update"
        by_hand = row.naming is not None and not new.get("__autonamed")
        return diff.to_response(found, by_hand)

    def Create(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        row = _row(request.urn, context)
        given = to_python(request.properties)
        inputs = without_secrets(given)
        if request.preview:
            state = self._previewed(row, inputs, context)
            return provider_pb2.CreateResponse(properties=to_struct(hidden_as(given, state)))
        step = self._faults.of("create", request.urn)
        step.begins()
        try:
            made, state = self._lifecycle(row, context).create(
                inputs, timeout_of(request.timeout), step.answered
            )
        except PartlyMade as error:
            self._partly(context, error, given)
        except Refused as error:
            refuse(context, str(error))
        step.ends()
        return provider_pb2.CreateResponse(id=made, properties=to_struct(hidden_as(given, state)))

    def Read(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        row = _row(request.urn, context)
        old = to_python(request.inputs)
        given = to_python(request.properties)
        known = without_secrets({**given, **old})
        try:
            state = self._lifecycle(row, context).read(request.id, known)
        except Refused as error:
            refuse(context, str(error))
        if state is None:
            return provider_pb2.ReadResponse()
        inputs = inputs_of(row, without_secrets(old), state)
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=to_struct(hidden_as({**given, **old}, state)),
            inputs=to_struct(hidden_as(old, inputs)),
        )

    def Update(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        row = _row(request.urn, context)
        given = to_python(request.news)
        state, old, new = (
            without_secrets(to_python(one))
            for one in (request.olds, request.old_inputs, request.news)
        )
        lifecycle = self._lifecycle(row, context)
        if missing := lifecycle.unsupported_change(old, new):
            refuse(
                context,
                f"the rehearsal does not model changing {missing} of {row.token} in place yet,"
                " as the official provider does",
            )
        if request.preview:
            after = _planned(state, self._known(row, new, context))
            return provider_pb2.UpdateResponse(properties=to_struct(hidden_as(given, after)))
        step = self._faults.of("update", request.urn)
        step.begins()
        try:
            after = lifecycle.update(request.id, state, old, new, timeout_of(request.timeout))
        except PartlyMade as error:
            self._partly(context, error, to_python(request.old_inputs))
        except Refused as error:
            refuse(context, str(error))
        step.answered()
        step.ends()
        return provider_pb2.UpdateResponse(properties=to_struct(hidden_as(given, after)))

    def Delete(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        row = _row(request.urn, context)
        known = without_secrets({**to_python(request.properties), **to_python(request.old_inputs)})
        step = self._faults.of("delete", request.urn)
        step.begins()
        try:
            self._lifecycle(row, context).delete(
                request.id, known, timeout_of(request.timeout), step.answered
            )
        except Refused as error:
            refuse(context, str(error))
        step.ends()
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        refuse(context, f"the rehearsal answers no look-ups yet: {request.tok}")

    def Cancel(self, request: Any, context: Context) -> Any:  # noqa: D102, N802
        self._cancelled = True
        if self._cloud is not None:
            self._cloud.end()
        return empty_pb2.Empty()

    def _lifecycle(self, row: Row, context: Context) -> Lifecycle:
        if self._cloud is None:
            refuse(context, "the AWS provider is not configured")
        return Lifecycle(self._cloud, row, self._settings.default_tags)

    def _known(self, row: Row, inputs: dict[str, Any], context: Context) -> dict[str, Any]:
        given = {key: value for key, value in inputs.items() if not key.startswith("__")}
        if row.tagging:
            given["tagsAll"] = self._lifecycle(row, context).all_tags(inputs)
        return given

    def _previewed(self, row: Row, inputs: dict[str, Any], context: Context) -> dict[str, Any]:
        """The inputs, and everything else as AWS alone will know it."""
        state = self._known(row, inputs, context)
        for name in output_types(row.token):
            state.setdefault(name, UNKNOWN)
        # A wholly given object may still get computed members.
        return {
            name: {**_unknown_members(row, name), **value}
            if isinstance(value, dict) and name not in ("tags", "tagsAll")
            else value
            for name, value in state.items()
        }

    def _partly(self, context: Context, error: PartlyMade, given: dict[str, Any]) -> NoReturn:
        refuse_partly_made(
            context,
            str(error),
            resource_id=error.resource_id,
            state=hidden_as(given, error.state),
            inputs=given,
        )


def _row(urn: str, context: Context) -> Row:
    token = urn.split("::")[2].rpartition("$")[2]
    try:
        return row_of(token)
    except Refused as error:
        refuse(context, str(error))


def _planned(state: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """What an update will leave: what AWS computed stays, inside of given objects too.

    As terraform-plugin-sdk plans a computed attribute that no change of others touches.
    """
    members = {
        name: {**state[name], **value}
        for name, value in known.items()
        if name not in ("tags", "tagsAll")
        and isinstance(value, dict)
        and isinstance(state.get(name), dict)
    }
    return {**state, **known, **members}


def _unknown_members(row: Row, name: str) -> dict[str, Any]:
    return dict.fromkeys(fields_of(plain(output_types(row.token)[name])) or {}, UNKNOWN)
