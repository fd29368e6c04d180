"""Messages to the engine: lines that stay, and the status that a running step shows."""

import logging
import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

INFO = engine_pb2.INFO
WARNING = engine_pb2.WARNING


class EngineLog:
    """The engine's log, over gRPC; without an engine, the process's own log."""

    def __init__(self, address: str) -> None:
        self._stub = (
            engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None
        )
        self._lock = threading.Lock()
        self._shown: dict[str, str] = {}

    def line(self, urn: str, message: str, severity: "engine_pb2.LogSeverity.ValueType") -> None:
        """A message that stays on the terminal."""
        self._send(urn, message, severity, ephemeral=False)

    def status(
        self,
        urn: str,
        message: str,
        severity: "engine_pb2.LogSeverity.ValueType" = INFO,
    ) -> None:
        """What the step is waiting for now; the same text isn't sent twice in a row."""
        with self._lock:
            if self._shown.get(urn, "") == message:
                return
            self._shown[urn] = message
        self._send(urn, message, severity, ephemeral=True)

    def clear(self, urn: str) -> None:
        """Take the status away."""
        self.status(urn, "")

    def _send(
        self,
        urn: str,
        message: str,
        severity: "engine_pb2.LogSeverity.ValueType",
        *,
        ephemeral: bool,
    ) -> None:
        if self._stub is None:
            logging.getLogger(__name__).info("%s: %s", urn, message)
            return
        request = engine_pb2.LogRequest(
            severity=severity,
            message=message,
            urn=urn,
            ephemeral=ephemeral,
        )
        try:
            self._stub.Log(request, timeout=5)
        except grpc.RpcError as error:
            # A message that can't be shown must not fail the step that it is about.
            logging.getLogger(__name__).warning("the engine took no message: %s", error)
