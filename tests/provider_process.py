"""A provider stand-in as the engine runs it: a process, spoken to over gRPC."""

import json
import re
import signal
import subprocess
import sys
from typing import Any

import grpc
from google.protobuf import empty_pb2, message
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2
from r1_on_eks.rehearsal.property_values import UNKNOWN, Secret, to_python


class ProviderProcess:
    """One provider process, not configured yet; failures of calls are `grpc.RpcError`."""

    def __init__(self, package: str, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning",
                "-m", f"r1_on_eks.rehearsal.{package}",
            ],
            stdout=subprocess.PIPE, env=environment,
        )  # fmt: skip
        assert self.process.stdout
        port = int(self.process.stdout.readline())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def stop(self) -> None:
        """Ends it as the engine does."""
        self.channel.close()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        assert self.process.stdout
        self.process.stdout.close()


def kept_by(error: grpc.RpcError) -> provider_pb2.ErrorResourceInitFailed | None:
    """What the engine is told to keep of a resource whose creation failed; None for nothing."""
    trailing = dict(error.trailing_metadata() or ())
    if "grpc-status-details-bin" not in trailing:
        return None
    detail = provider_pb2.ErrorResourceInitFailed()
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    assert status.details[0].Unpack(detail)
    return detail


class Transcript:
    """Calls of one provider with their answers, as text without what differs between two runs.

    An object that crosses the wire again, in a later call or an answer, is told by its number.
    """

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub) -> None:
        self._stub = stub
        self._lines: list[str] = []
        self._seen: dict[str, str] = {}
        self._objects: dict[str, str] = {}

    def call(self, method: str, request: message.Message, title: str = "") -> Any:
        """Makes one call; returns its answer, or what a failed one leaves to be kept."""
        self._note(f"── {method} {title}".rstrip(), request)
        try:
            answer = getattr(self._stub, method)(request)
        except grpc.RpcError as error:
            kept = kept_by(error)
            self._note(
                f"failed: {error.details()}", kept or provider_pb2.ErrorResourceInitFailed()
            )
            return kept
        self._note("answer", answer)
        return answer

    def cancel(self) -> None:
        """Cancels what is under way; the answer says nothing and may overtake another's."""
        self._lines.append("── Cancel meanwhile")
        self._stub.Cancel(empty_pb2.Empty())

    def text(self) -> str:
        """Everything so far; what differs between two runs is numbered by kind."""
        return "\n".join(self._lines)

    def _note(self, heading: str, sent: message.Message) -> None:
        self._lines.append(self._steady(heading))
        structs = {field.name for field, value in sent.ListFields() if isinstance(value, Struct)}
        for name, value in _plain(sent).items():
            told = self._object(value) if name in structs else self._steady(json.dumps(value))
            self._lines.append(f"  {name}: {told}")

    def _object(self, value: Any) -> str:
        whole = self._steady(json.dumps(value, indent=1))
        if whole in self._objects:
            return self._objects[whole]
        self._objects[whole] = f"object {len(self._objects) + 1}"
        return f"{self._objects[whole]} = {whole}"

    def _steady(self, text: str) -> str:
        text = re.sub(_TIME, "<time>", text)
        for pattern, name in _VARYING:
            text = re.sub(pattern, lambda found, name=name: self._numbered(found[0], name), text)
        return text

    def _numbered(self, value: str, name: str) -> str:
        of_this_kind = sum(known.startswith(f"<{name} ") for known in self._seen.values())
        return self._seen.setdefault(value, f"<{name} {of_this_kind + 1}>")


_TIME = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
_VARYING = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uid"),
    (r'(?<="resourceVersion": ")\d+', "version"),
    (r"(?<=-)[0-9a-f]{17}", "id"),
    (r"(?<=-)[0-9a-f]{5,10}(-[0-9a-z]{5})?\b", "suffix"),
    (r"127\.0\.0\.1:\d+", "address"),
)


def _plain(value: Any) -> Any:
    """A message as JSON values: unknown and secret ones are said so in words."""
    if isinstance(value, Struct):
        return _plain(to_python(value))
    if isinstance(value, message.Message):
        return {
            field.name: field.enum_type.values_by_number[inner].name
            if field.enum_type
            else _plain(inner)
            for field, inner in value.ListFields()
        }
    if isinstance(value, Secret):
        return {"secret": _plain(value.value)}
    if value is UNKNOWN:
        return "unknown"
    if hasattr(value, "items"):
        return {str(key): _plain(value[key]) for key in sorted(value)}
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str | int | float | None) else [_plain(one) for one in value]
