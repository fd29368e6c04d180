"""The API server's way into the cluster: an HTTP CONNECT proxy (its egress selector `cluster`).

EKS's API servers reach pods through the VPC. Here no pod has a network, so what is asked for by a
Service's address is led to the program that plays its pod on this machine.
"""

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

# An API server waits ten seconds for a webhook; the program may still be starting.
_PATIENCE_S = 8.0
_LOOKS_EVERY_S = 0.1
_PIECE = 65536

Find = Callable[[str, int], int | None]
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def serve(port: int, certificate: Path, key: Path, find: Find) -> None:
    """Listens on loopback in the background.

    Args:
        port: Where the API server was told to find it.
        certificate: What it shows there: without TLS an API server speaks to no such proxy.
        key: Its private key.
        find: The local port behind address and port in the cluster, or None. It may block.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def listen() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await _answer(reader, writer, find)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", port, ssl=context)
        await server.serve_forever()

    threading.Thread(
        target=lambda: asyncio.run(listen()), name="service-proxy", daemon=True
    ).start()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, find: Find) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, target, *_ = head.split()
    if method != "CONNECT":
        writer.write(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
        return
    address, _, number = target.rpartition(":")
    program = await _reached(find, address.strip("[]"), int(number))
    if program is None:
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    ways = [
        asyncio.create_task(_carry(reader, program[1])),
        asyncio.create_task(_carry(program[0], writer)),
    ]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    program[1].close()
    for way in ways:
        way.cancel()


async def _reached(find: Find, address: str, port: int) -> _Streams | None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        local = await asyncio.to_thread(find, address, port)
        if local is None:
            return None
        with contextlib.suppress(OSError):
            return await asyncio.open_connection("127.0.0.1", local)
        await asyncio.sleep(_LOOKS_EVERY_S)
    return None


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
