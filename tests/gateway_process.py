"""A real nginx with the gateway's text, and servers behind it that do as a request tells them."""

import asyncio
import contextlib
import dataclasses
import json
import socket
import threading
import time
from collections import Counter
from pathlib import Path

from r1_on_eks.api_keys import fingerprint
from r1_on_eks.plan import nginx
from r1_on_eks.plan.gateway import also_called, site_of
from r1_on_eks.plan.nginx.process import key_header
from r1_on_eks.rehearsal.certificates import Authority
from r1_on_eks.rehearsal.nginx_files import nginx_command, place, rewritten
from r1_on_eks.rehearsal.nginx_package import find_or_unpack_nginx
from r1_on_eks.rehearsal.processes import Processes, free_port
from r1_on_eks.stack_config import Gateway

SERVER_KEY = "r1-of-the-servers"


class ScriptedServer:
    """In vLLM's place. The last message says what to do: `status 503`, `stream 5`, `die 2` …

    Keeps every request that reached it, and which clients went away before their answer ended.
    """

    def __init__(self, *names):
        self.names = names
        self.requests = []
        self.connections = 0
        self.abandoned = 0
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._server = None
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._client, "127.0.0.1", self.port, backlog=2048)
        )
        started.set()
        self._loop.run_forever()

    def stop(self):
        def end():
            self._server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_soon(self._loop.stop)

        self._loop.call_soon_threadsafe(end)
        self._thread.join(10)
        self._loop.close()

    async def _client(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while await self._request(reader, writer):
                pass
        writer.close()

    async def _request(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {k.lower(): v for k, v in (h.split(": ", 1) for h in head[1:] if h)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if path == "/health":
            return await self._whole(writer, 200, {})
        self.requests.append((method, path, headers, body))
        if headers.get("authorization") != f"Bearer {SERVER_KEY}":
            return await self._whole(writer, 401, {"error": "Unauthorized"})
        try:
            asked = json.loads(body)
        except ValueError:
            return await self._whole(writer, 400, {"error": {"message": "no JSON"}})
        if asked.get("model", self.names[0]) not in self.names:
            return await self._whole(writer, 404, {"error": {"message": "no such model"}})
        told = str((asked.get("messages") or [{"content": ""}])[-1]["content"]).split()
        word, number = told if len(told) == 2 else ("", "0")
        return await self._do(reader, writer, word, float(number), asked)

    async def _do(self, reader, writer, word, number, asked):
        match word:
            case "status":
                extra = {"Retry-After": "77"} if number == 429 else {}
                error = {"error": {"message": f"status {number:.0f}"}}
                return await self._whole(writer, int(number), error, extra)
            case "sleep":
                return await self._patiently(reader, writer, number)
            case "reset":
                # After the request, before a byte of the answer.
                writer.transport.abort()
                return False
            case "stream" | "die" | "slow":
                return await self._stream(reader, writer, word, int(number))
            case "large":
                return await self._whole(writer, 200, self._answer("x" * int(number)))
        if asked.get("stream"):
            return await self._stream(reader, writer, "stream", 3)
        return await self._whole(writer, 200, self._answer("well"))

    def _answer(self, content):
        message = {"role": "assistant", "reasoning": "hm", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "c", "object": "chat.completion", "created": 0, "model": self.names[0],
                "choices": [choice]}  # fmt: skip

    async def _patiently(self, reader, writer, seconds):
        gone = asyncio.ensure_future(reader.read(1))
        done, _ = await asyncio.wait({gone}, timeout=seconds)
        if done:
            self.abandoned += 1
            return False
        gone.cancel()
        await self._whole(writer, 200, self._answer("late"))
        return False

    async def _stream(self, reader, writer, word, count):
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        pause = 0.1 if word in ("slow", "die") else 0.02
        gone = asyncio.ensure_future(reader.read(1))
        for number in range(count):
            delta = {"index": 0, "delta": {"content": f"{number} "}, "finish_reason": None}
            event = {"id": "c", "object": "chat.completion.chunk", "created": 0,
                     "model": self.names[0], "choices": [delta]}  # fmt: skip
            self._event(writer, json.dumps(event))
            await writer.drain()
            done, _ = await asyncio.wait({gone}, timeout=pause)
            if done:
                self.abandoned += 1
                return False
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        if word == "die":
            writer.transport.abort()
            return False
        self._event(writer, "[DONE]")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _event(self, writer, text):
        line = f"data: {text}\n\n".encode()
        writer.write(b"%x\r\n%s\r\n" % (len(line), line))

    async def _whole(self, writer, status, content, extra=None):
        body = json.dumps(content).encode()
        lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json",
                 f"Content-Length: {len(body)}",
                 *(f"{k}: {v}" for k, v in (extra or {}).items())]  # fmt: skip
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        return True


class RunningGateway:
    """nginx on a port of loopback, with servers for some of its variants.

    `changes` are values of the `Site` that a stack file doesn't say, time-outs above all.
    """

    def __init__(
        self,
        folder,
        section,
        variants,
        servers,
        *,
        name="nginx",
        port=None,
        sleepers=None,
        **changes,
    ):
        self.folder, self.name = Path(folder), name
        self.section = Gateway.model_validate(section)
        self.site = dataclasses.replace(site_of(self.section, variants, 3600, sleepers), **changes)
        self.metrics_port = free_port()
        self.deployed = nginx.configuration(self.site)
        self.servers = servers
        self.port = port or free_port()
        self.processes = Processes(self.folder)
        self.authority = None
        self._nginx = find_or_unpack_nginx(print)

    @classmethod
    def with_servers(cls, folder, section, variants, up=None, **changes):
        """Starts a server for each variant of `up` (all), by the names that it would have."""
        parsed = Gateway.model_validate(section)
        servers = {
            variant: ScriptedServer(variant, *also_called(variant, parsed))
            for variant in (variants if up is None else up)
        }
        return cls(folder, section, variants, servers, **changes).start()

    @property
    def url(self):
        return f"{'https' if self.site.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def configuration(self):
        return self.folder / "nginx.conf"

    def write(self, text=None):
        """Writes what nginx reads; returns the text with this machine's addresses."""
        files = {"gateway.js": nginx.script(), "server-key/header.conf": key_header(SERVER_KEY)}
        if self.site.tls and self.authority is None:
            self.authority = self.folder / "authority.crt"
            made = Authority("tests")
            signed = made.server(["127.0.0.1", "::1"], ["localhost"])
            files |= {"tls/tls.crt": signed.certificate, "tls/tls.key": signed.key}
            self.folder.mkdir(parents=True, exist_ok=True)
            self.authority.write_text(made.certificate)
        place(self.folder, files)
        hosts = {service.variant: service.host for service in self.site.services}
        addresses = {
            hosts[variant]: [f"127.0.0.1:{server.port}"]
            for variant, server in self.servers.items()
        }
        text = rewritten(
            text or self.deployed, self.port, addresses, self._nginx, str(self.folder),
            metrics_port=self.metrics_port,
        )  # fmt: skip
        # What goes to a container's log goes to a file that the test reads.
        text = text.replace("access_log /dev/stdout", f"access_log {self.folder}/access.log")
        text = text.replace("flush=1s", "flush=50ms").replace(" buffer=32k", " buffer=4k")
        self.configuration.write_text(text)
        return text

    def start(self):
        self.write()
        self.processes.start(self.name, nginx_command(self._nginx, self.configuration))
        self.processes.wait_until(self.name, self._answers, timeout=20)
        return self

    def _answers(self):
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), timeout=1),
        ):
            return True
        return False

    def stop(self):
        self.processes.stop_all()
        for server in self.servers.values():
            server.stop()

    def pid(self):
        return self.processes.running()[self.name]

    def upstream_requests(self):
        """How many requests reached each server."""
        return Counter({name: len(server.requests) for name, server in self.servers.items()})

    def log(self, request_id, timeout=5.0):
        """The access log's line of one request."""
        file, deadline = self.folder / "access.log", time.monotonic() + timeout
        while time.monotonic() < deadline:
            for line in file.read_text().splitlines() if file.exists() else ():
                with contextlib.suppress(ValueError):
                    if (found := json.loads(line))["id"] == request_id:
                        return found
            time.sleep(0.05)
        raise AssertionError(f"no line of {request_id} in the access log")


def key_entry(name, key, **more):
    """The line of a stack file for `key`."""
    return {"name": name, "sha256": fingerprint(key), **more}
