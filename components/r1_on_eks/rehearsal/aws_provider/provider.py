"""The provider protocol's calls, in the order in which provider.proto documents them."""

import json
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import grpc
from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from r1_on_eks.rehearsal.aws_provider import lifecycle
from r1_on_eks.rehearsal.aws_provider.check import checked
from r1_on_eks.rehearsal.aws_provider.configuration import configuration_problems, session_of
from r1_on_eks.rehearsal.aws_provider.diff import diff, ignoring
from r1_on_eks.rehearsal.aws_provider.functions import FUNCTIONS
from r1_on_eks.rehearsal.aws_provider.row import Row
from r1_on_eks.rehearsal.aws_provider.rpc_errors import refuse, refuse_but_keep
from r1_on_eks.rehearsal.aws_provider.schema import exists, tokens
from r1_on_eks.rehearsal.aws_provider.service_model import Problem, near_match
from r1_on_eks.rehearsal.aws_provider.session import Cancelled, NotLocal, Session
from r1_on_eks.rehearsal.aws_provider.state import foretold
from r1_on_eks.rehearsal.aws_provider.table import ROWS
from r1_on_eks.rehearsal.aws_provider.work import AwsRefused
from r1_on_eks.rehearsal.property_values import (
    Secret,
    contains_secret,
    to_python,
    to_struct,
    without_secrets,
)

_Context = grpc.ServicerContext
_FAILURES = (AwsRefused, Cancelled, lifecycle.NotReady, BotoCoreError, ClientError)


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one provider configuration, as the engine starts one process for each."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._cancelled = False

    def Handshake(  # noqa: N802
        self,
        request: provider_pb2.ProviderHandshakeRequest,
        context: _Context,  # noqa: ARG002
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Say what of the protocol is spoken."""
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False
        )

    def GetPluginInfo(  # noqa: N802
        self,
        request: empty_pb2.Empty,
        context: _Context,  # noqa: ARG002
    ) -> plugin_pb2.PluginInfo:
        """Say the version: that of the SDK, which the program asks for."""
        return plugin_pb2.PluginInfo(version=_version())

    def GetSchema(  # noqa: N802
        self,
        request: provider_pb2.GetSchemaRequest,
        context: _Context,  # noqa: ARG002
    ) -> provider_pb2.GetSchemaResponse:
        """A schema with the names of the modelled types only."""
        schema = {
            "name": "aws",
            "version": _version(),
            "resources": {token: {} for token in sorted(ROWS)},
        }
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def CheckConfig(  # noqa: N802
        self,
        request: provider_pb2.CheckRequest,
        context: _Context,  # noqa: ARG002
    ) -> provider_pb2.CheckResponse:
        """Refuse what would lead out of the rehearsal, and what isn't modelled."""
        problems = configuration_problems(without_secrets(to_python(request.news)))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(problems))

    def DiffConfig(  # noqa: N802
        self,
        request: provider_pb2.DiffRequest,
        context: _Context,  # noqa: ARG002
    ) -> provider_pb2.DiffResponse:
        """Another region is another provider, whose resources are made anew."""
        olds = without_secrets(to_python(request.old_inputs or request.olds))
        news = without_secrets(to_python(request.news))
        changed = sorted(k for k in {*olds, *news} if olds.get(k) != news.get(k))
        replaces = [key for key in changed if key == "region"]
        changes = provider_pb2.DiffResponse.DIFF_SOME
        return provider_pb2.DiffResponse(
            changes=changes if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=replaces,
        )

    def Configure(  # noqa: N802
        self,
        request: provider_pb2.ConfigureRequest,
        context: _Context,
    ) -> provider_pb2.ConfigureResponse:
        """Take region and default tags."""
        given = without_secrets(to_python(request.args))
        if not given:
            given = {name.partition(":")[2].partition(":")[2] or name: value
                     for name, value in request.variables.items()}  # fmt: skip
        try:
            self._session = session_of(given)
        except (NotLocal, ValueError) as error:
            refuse(context, str(error))
        if self._cancelled:
            self._session.cancelled.set()
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def Check(  # noqa: N802
        self,
        request: provider_pb2.CheckRequest,
        context: _Context,
    ) -> provider_pb2.CheckResponse:
        """Fill in names, defaults and tags; say what AWS would refuse."""
        row, logical = self._row(request.urn, context), request.urn.rpartition("::")[2]
        inputs, problems = checked(
            self._configured(context),
            row,
            to_python(request.news),
            to_python(request.olds),
            logical,
            request.randomSeed,
        )
        return provider_pb2.CheckResponse(
            inputs=to_struct(inputs), failures=_failures(problems)
        )

    def Diff(  # noqa: N802
        self,
        request: provider_pb2.DiffRequest,
        context: _Context,
    ) -> provider_pb2.DiffResponse:
        """Compare the inputs with those of last time."""
        row = self._row(request.urn, context)
        state = without_secrets(to_python(request.olds))
        before = without_secrets(to_python(request.old_inputs)) or state
        news = without_secrets(to_python(request.news))
        return diff(row, state, before, ignoring(news, before, request.ignoreChanges))

    def Create(  # noqa: N802
        self,
        request: provider_pb2.CreateRequest,
        context: _Context,
    ) -> provider_pb2.CreateResponse:
        """Make the resource and wait until it is ready."""
        row, session = self._row(request.urn, context), self._configured(context)
        given = to_python(request.properties)
        inputs = without_secrets(given)
        if request.preview:
            state = foretold(session, row, inputs)
            return provider_pb2.CreateResponse(properties=_to_state(state, given))
        try:
            resource_id, state = lifecycle.create(session, row, inputs, request.timeout)
        except lifecycle.Incomplete as error:
            self._keep(context, error, given)
        except _FAILURES as error:
            refuse(context, f"creating {row.name}: {error}")
        return provider_pb2.CreateResponse(id=resource_id, properties=_to_state(state, given))

    def Read(  # noqa: N802
        self,
        request: provider_pb2.ReadRequest,
        context: _Context,
    ) -> provider_pb2.ReadResponse:
        """Read the resource anew, or for the first time when it is imported."""
        row, session = self._row(request.urn, context), self._configured(context)
        given = to_python(request.inputs)
        try:
            found = lifecycle.read(
                session,
                row,
                request.id,
                without_secrets(to_python(request.properties)),
                without_secrets(given),
            )
        except _FAILURES as error:
            refuse(context, f"reading {row.name} ({request.id}): {error}")
        if found is None:
            return provider_pb2.ReadResponse()
        state, inputs = found
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=_to_state(state, given),
            inputs=_to_state(inputs, given),
        )

    def Update(  # noqa: N802
        self,
        request: provider_pb2.UpdateRequest,
        context: _Context,
    ) -> provider_pb2.UpdateResponse:
        """Change the resource in place and wait until it is ready again."""
        row, session = self._row(request.urn, context), self._configured(context)
        state = without_secrets(to_python(request.olds))
        before = without_secrets(to_python(request.old_inputs)) or state
        given = ignoring(to_python(request.news), before, request.ignoreChanges)
        news = without_secrets(given)
        if request.preview:
            planned = foretold(session, row, news, state)
            return provider_pb2.UpdateResponse(properties=_to_state(planned, given))
        try:
            state = lifecycle.update(
                session, row, request.id, state, before, news, request.timeout
            )
        except lifecycle.Incomplete as error:
            self._keep(context, error, given)
        except _FAILURES as error:
            refuse(context, f"updating {row.name} ({request.id}): {error}")
        return provider_pb2.UpdateResponse(properties=_to_state(state, given))

    def Delete(  # noqa: N802
        self,
        request: provider_pb2.DeleteRequest,
        context: _Context,
    ) -> empty_pb2.Empty:
        """Delete the resource and wait until it is gone."""
        row, session = self._row(request.urn, context), self._configured(context)
        state = without_secrets(to_python(request.properties))
        try:
            lifecycle.delete(session, row, request.id, state, request.timeout)
        except _FAILURES as error:
            refuse(context, f"deleting {row.name} ({request.id}): {error}")
        return empty_pb2.Empty()

    def Cancel(  # noqa: N802
        self,
        request: empty_pb2.Empty,
        context: _Context,  # noqa: ARG002
    ) -> empty_pb2.Empty:
        """End all waits; what they were for is reported with its last known state."""
        self._cancelled = True
        if self._session:
            self._session.cancelled.set()
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802
        self,
        request: provider_pb2.InvokeRequest,
        context: _Context,
    ) -> provider_pb2.InvokeResponse:
        """Answer one of the few modelled functions."""
        arguments = without_secrets(to_python(request.args))
        function = FUNCTIONS.get(request.tok)
        if function is None:
            known = ", ".join(sorted(FUNCTIONS))
            refuse(
                context,
                f"the rehearsal does not model function {request.tok} yet; it has {known}",
                grpc.StatusCode.UNIMPLEMENTED,
            )
        surplus = [k for k in arguments if k not in function.arguments and arguments[k] is not None]
        if surplus:
            refuse(context, f"the rehearsal does not model {', '.join(surplus)} of {request.tok} yet")
        try:
            answer = function.call(self._configured(context), arguments)
        except _FAILURES as error:
            refuse(context, f"{request.tok}: {error}")
        return provider_pb2.InvokeResponse(**{"return": to_struct(answer)})

    def GetMapping(  # noqa: N802
        self,
        request: provider_pb2.GetMappingRequest,
        context: _Context,  # noqa: ARG002
    ) -> provider_pb2.GetMappingResponse:
        """Nothing to convert from."""
        return provider_pb2.GetMappingResponse()

    def _row(self, urn: str, context: _Context) -> Row:
        token = urn.split("::")[2].rpartition("$")[2]
        if token in ROWS:
            return ROWS[token]
        if exists(token):
            message = f"the rehearsal does not model resource type {token} yet"
        else:
            message = f"the AWS provider has no resource type {token}{near_match(token, tokens())}"
        refuse(context, message, grpc.StatusCode.UNIMPLEMENTED)

    def _configured(self, context: _Context) -> Session:
        if self._session is None:
            refuse(context, "the provider was not configured", grpc.StatusCode.FAILED_PRECONDITION)
        return self._session

    def _keep(
        self, context: _Context, error: lifecycle.Incomplete, given: Mapping[str, Any]
    ) -> Any:
        refuse_but_keep(
            context,
            str(error),
            resource_id=error.resource_id,
            state=_secret_where_given(error.state, given),
            inputs=dict(given),
        )


def _to_state(state: dict[str, Any], given: Mapping[str, Any]) -> Any:
    return to_struct(_secret_where_given(state, given))


def _secret_where_given(state: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """An output of a secret input is as secret."""
    return {
        key: Secret(value) if contains_secret(given.get(key)) else value
        for key, value in state.items()
    }


def _failures(problems: Any) -> list[provider_pb2.CheckFailure]:
    found: list[Problem] = list(problems)
    return [
        provider_pb2.CheckFailure(
            property=problem.path, reason=f"{problem.path}: {problem.reason}"
        )
        for problem in found
    ]


def _version() -> str:
    return metadata.version("pulumi-aws")
