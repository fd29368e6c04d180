"""Serves a plug-in of the Pulumi engine, and ends when the engine does."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

# As the official plug-ins: a property map may hold whole files.
_MESSAGE_BYTES = 400 * 1024 * 1024
# A thread is held by each resource that is being waited for.
_THREADS = 256
_LOOKS_FOR_ENGINE_EVERY_S = 0.5


def serve(add: Callable[[grpc.Server], None]) -> None:
    """Serves what `add` registers, on a free loopback port printed on stdout, until the end.

    The end is SIGINT or SIGTERM, which the engine sends when it is done, or the engine's own
    death. The engine starts each plug-in in a process group of its own, so that a Ctrl-C on the
    terminal reaches the engine alone and running calls go on to their end.
    """
    engine = os.getppid()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=_THREADS),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ],
    )
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    print(port, flush=True)
    while not over.wait(_LOOKS_FOR_ENGINE_EVERY_S):
        if os.getppid() != engine:
            break
    server.stop(grace=None)
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread may still wait for a cloud that nobody asks about any more.
    os._exit(0)
