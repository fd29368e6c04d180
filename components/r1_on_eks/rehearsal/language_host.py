"""Stand-in for `pulumi-language-python`: runs the Python program of a Pulumi project.

The official host is a download; this one serves the same protocol from the Python SDK's own
server. It runs the program in its own process with the interpreter that the rehearsal runs in.
"""

import os
import platform
import queue
import runpy
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pulumi
from google.protobuf import empty_pb2
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from r1_on_eks.rehearsal.plugin_server import serve


class LanguageHost(LanguageServer):
    """LanguageRuntime of the Pulumi protocol, as far as `pulumi up` calls it."""

    def __init__(self) -> None:
        super().__init__(self._run_program)
        self._program = Path()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802, D102
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802, D102
        return plugin_pb2.PluginInfo(version=pulumi_version())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802, D102
        return language_pb2.GetProgramDependenciesResponse()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802, D102
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802, D102
        return language_pb2.AboutResponse(
            executable=sys.executable,
            version=platform.python_version(),
            metadata={"host": "the rehearsal's stand-in for pulumi-language-python"},
        )

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802, D102
        return empty_pb2.Empty()

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Runs a policy pack in a process of its own, with this interpreter."""
        if request.kind != "analyzer":
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                f"the rehearsal's stand-in runs policy packs, and no {request.kind} in Python",
            )
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.policy", *request.args,
             request.info.program_directory],
            cwd=request.pwd,
            env={**os.environ, **dict(one.split("=", 1) for one in request.env)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        # The engine ends a policy pack by letting go of this call.
        context.add_callback(process.terminate)
        for stream, piece in _pieces(process):
            if stream == "stdout":
                yield language_pb2.RunPluginResponse(stdout=piece)
            else:
                yield language_pb2.RunPluginResponse(stderr=piece)
        yield language_pb2.RunPluginResponse(exitcode=process.wait())

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        self._program = Path(request.info.program_directory) / (request.info.entry_point or ".")
        os.chdir(request.pwd)
        result = super().Run(request, context)
        if result.error:
            # It is on the user's screen already; handed back, the engine would print it again.
            return language_pb2.RunResponse(bail=True)
        return result

    def _run_program(self) -> None:
        """What the official host starts in a process of its own: the program's `__main__`."""
        folder = str(self._program)
        sys.path.insert(0, folder)
        try:
            runpy.run_path(folder, run_name="__main__")
        except pulumi.RunError:
            raise
        except Exception as error:
            raise pulumi.RunError(
                f"the program failed with an unhandled exception:\n{_own_traceback(error)}"
            ) from None
        finally:
            sys.path.remove(folder)


def _pieces(process: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """What a process says, as it says it: the name of the stream, and bytes of it."""
    said: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def read(name: str, pipe: Any) -> None:
        with pipe:
            while piece := pipe.read1():
                said.put((name, piece))
        said.put((name, b""))

    streams = {"stdout": process.stdout, "stderr": process.stderr}
    for name, pipe in streams.items():
        threading.Thread(target=read, args=(name, pipe), daemon=True).start()
    still = len(streams)
    while still:
        name, piece = said.get()
        if piece:
            yield name, piece
        else:
            still -= 1


def pulumi_version() -> str:
    """Version of the Pulumi SDK for Python that programs are run with."""
    from importlib.metadata import version

    return version("pulumi")


def _own_traceback(error: Exception) -> str:
    """The traceback from the program's first line on, without the frames of this host."""
    frames = traceback.extract_tb(error.__traceback__)
    machinery = ("<frozen runpy>", __file__)
    while frames and frames[0].filename in machinery:
        frames.pop(0)
    lines = traceback.format_list(frames) + traceback.format_exception_only(error)
    return "Traceback (most recent call last):\n" + "".join(lines)


def main() -> None:
    """Entry point of the executable `pulumi-language-python`."""
    serve(
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(
            LanguageHost(), server
        )
    )


if __name__ == "__main__":
    main()
