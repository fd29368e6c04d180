# ruff: noqa: N802, ARG002 - the protocol names the methods and their arguments
"""The provider protocol's calls, in the order in which provider.proto documents them."""

import json
import threading
from importlib import metadata
from typing import NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from r1_on_eks.rehearsal.engine_errors import refuse, refuse_partly_made
from r1_on_eks.rehearsal.faults import Faults
from r1_on_eks.rehearsal.kubernetes_provider.check import CheckFailed, checked_inputs
from r1_on_eks.rehearsal.kubernetes_provider.compare import compare
from r1_on_eks.rehearsal.kubernetes_provider.connection import ApiRefused, Unreachable
from r1_on_eks.rehearsal.kubernetes_provider.discovery import KindMissing
from r1_on_eks.rehearsal.kubernetes_provider.engine_log import EngineLog
from r1_on_eks.rehearsal.kubernetes_provider.operations import Operations
from r1_on_eks.rehearsal.kubernetes_provider.outcomes import Failed
from r1_on_eks.rehearsal.kubernetes_provider.session import Session
from r1_on_eks.rehearsal.kubernetes_provider.settings import diff_settings, read_settings
from r1_on_eks.rehearsal.kubernetes_provider.unsupported import (
    refuse_unsupported,
    unsupported_type,
)
from r1_on_eks.rehearsal.property_values import to_python, to_struct

Context = grpc.ServicerContext
REFUSALS = (ApiRefused, KindMissing, Unreachable, CheckFailed, ValueError)


class KubernetesProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one provider configuration, as the engine starts one process for each."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log
        self._cancelled = threading.Event()
        self._faults = Faults()
        self._session = Session.without_cluster("the provider was not configured")

    def Handshake(
        self,
        request: provider_pb2.ProviderHandshakeRequest,
        context: Context,
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Say what of the protocol is spoken."""
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True,
            accept_resources=False,
            accept_outputs=False,
            supports_autonaming_configuration=True,
        )

    def GetPluginInfo(
        self,
        request: empty_pb2.Empty,
        context: Context,
    ) -> plugin_pb2.PluginInfo:
        """Say the version: that of the SDK, which the program asks for."""
        return plugin_pb2.PluginInfo(version=_version())

    def GetSchema(
        self,
        request: provider_pb2.GetSchemaRequest,
        context: Context,
    ) -> provider_pb2.GetSchemaResponse:
        """A schema with a name only: which kinds there are is the API server's to say."""
        schema = {"name": "kubernetes", "version": _version(), "resources": {}}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def CheckConfig(
        self,
        request: provider_pb2.CheckRequest,
        context: Context,
    ) -> provider_pb2.CheckResponse:
        """Take the configuration as it is."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(
        self,
        request: provider_pb2.DiffRequest,
        context: Context,
    ) -> provider_pb2.DiffResponse:
        """Whether another cluster is meant."""
        return diff_settings(to_python(request.olds), to_python(request.news))

    def Configure(
        self,
        request: provider_pb2.ConfigureRequest,
        context: Context,
    ) -> provider_pb2.ConfigureResponse:
        """Reach the cluster; where it can't be, previews go on without it."""
        try:
            self._session = Session.start(read_settings(request), self._cancelled)
        except ValueError as error:
            refuse(context, str(error))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=False,
            acceptOutputs=False,
            supports_autonaming_configuration=True,
        )

    def Check(
        self,
        request: provider_pb2.CheckRequest,
        context: Context,
    ) -> provider_pb2.CheckResponse:
        """Name the object and hold it against the API server's OpenAPI document."""
        self._refuse_unsupported(request.urn, context)
        try:
            inputs, failures = checked_inputs(request, self._session)
        except REFUSALS as error:
            refuse(context, str(error))
        return provider_pb2.CheckResponse(
            inputs=to_struct(inputs),
            failures=[provider_pb2.CheckFailure(reason=reason) for reason in failures],
        )

    def Diff(
        self,
        request: provider_pb2.DiffRequest,
        context: Context,
    ) -> provider_pb2.DiffResponse:
        """Compare the last known live state with the new inputs."""
        try:
            return compare(
                to_python(request.olds),
                to_python(request.news),
                list(request.ignoreChanges),
                self._session,
            )
        except REFUSALS as error:
            refuse(context, f"Failed to check for changes in resource {request.urn!r}: {error}")

    def Create(
        self,
        request: provider_pb2.CreateRequest,
        context: Context,
    ) -> provider_pb2.CreateResponse:
        """Create the object and wait until it is ready."""
        properties = to_python(request.properties)
        step = None if request.preview else self._faults.of("create", request.urn)
        if step:
            step.begins()
        try:
            object_id, state = self._operations(request.urn).create(
                properties, timeout=request.timeout, preview=request.preview
            )
        except Failed as error:
            self._fail(error, context)
        if step:
            step.answered()
            step.ends()
        return provider_pb2.CreateResponse(id=object_id, properties=to_struct(state))

    def Read(
        self,
        request: provider_pb2.ReadRequest,
        context: Context,
    ) -> provider_pb2.ReadResponse:
        """Read the object anew, or for the first time when it is imported."""
        try:
            found = self._operations(request.urn).read(
                request.id, to_python(request.properties), to_python(request.inputs)
            )
        except Failed as error:
            self._fail(error, context)
        if found is None:
            return provider_pb2.ReadResponse()
        state, inputs = found
        return provider_pb2.ReadResponse(
            id=request.id, properties=to_struct(state), inputs=to_struct(inputs)
        )

    def Update(
        self,
        request: provider_pb2.UpdateRequest,
        context: Context,
    ) -> provider_pb2.UpdateResponse:
        """Apply the new inputs and wait until the object is ready again."""
        try:
            state = self._operations(request.urn).update(
                to_python(request.olds),
                to_python(request.news),
                ignored=list(request.ignoreChanges),
                timeout=request.timeout,
                preview=request.preview,
            )
        except Failed as error:
            self._fail(error, context)
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    def Delete(
        self,
        request: provider_pb2.DeleteRequest,
        context: Context,
    ) -> empty_pb2.Empty:
        """Delete the object and wait until it is gone."""
        step = self._faults.of("delete", request.urn)
        step.begins()
        try:
            self._operations(request.urn).delete(
                request.id, to_python(request.properties), timeout=request.timeout
            )
        except Failed as error:
            self._fail(error, context)
        step.answered()
        step.ends()
        return empty_pb2.Empty()

    def Cancel(
        self,
        request: empty_pb2.Empty,
        context: Context,
    ) -> empty_pb2.Empty:
        """End all waits; what they were for is reported with its last known state."""
        self._cancelled.set()
        return empty_pb2.Empty()

    def Invoke(
        self,
        request: provider_pb2.InvokeRequest,
        context: Context,
    ) -> provider_pb2.InvokeResponse:
        """No functions."""
        refuse_unsupported(context, f"the function {request.tok}")

    def Construct(
        self,
        request: provider_pb2.ConstructRequest,
        context: Context,
    ) -> provider_pb2.ConstructResponse:
        """No components."""
        refuse_unsupported(context, request.type)

    def GetMapping(
        self,
        request: provider_pb2.GetMappingRequest,
        context: Context,
    ) -> provider_pb2.GetMappingResponse:
        """Nothing to convert from."""
        return provider_pb2.GetMappingResponse()

    def _operations(self, urn: str) -> Operations:
        return Operations(self._session, self._log, urn)

    def _refuse_unsupported(self, urn: str, context: Context) -> None:
        token = urn.split("::")[2].rpartition("$")[2]
        what = unsupported_type(token)
        if what:
            refuse_unsupported(context, what)

    def _fail(self, error: Failed, context: Context) -> NoReturn:
        if error.state is None:
            refuse(context, str(error))
        refuse_partly_made(
            context,
            str(error),
            resource_id=error.object_id,
            state=error.state,
            reasons=error.reasons,
            inputs=error.inputs,
        )


def _version() -> str:
    return metadata.version("pulumi-kubernetes")
