"""A hub on the loopback: real safetensors files, counted byte by byte, and what may go wrong.

Answers as Hugging Face's hub does: the tree in pages, hashes of large files as SHA-256 and of
small ones as git's, `resolve` sends to another address that is signed and ends.
"""

import hashlib
import json
import random
import re
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

REPOSITORY = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"
COMMIT = "".join(random.Random(1).choices("0123456789abcdef", k=40))
_LARGE = (".safetensors", ".bin", ".pth")
_PAGE = 4


def safetensors(seed: int, elements: int) -> bytes:
    """One real file: the header's length, the header, then two BF16 tensors."""
    size = 2 * elements
    header = json.dumps(
        {
            f"model.layers.{seed}.weight": {
                "dtype": "BF16", "shape": [elements], "data_offsets": [0, size],
            },
            f"model.layers.{seed}.bias": {
                "dtype": "BF16", "shape": [1], "data_offsets": [size, size + 2],
            },
        }
    ).encode()  # fmt: skip
    header += b" " * (-len(header) % 8)
    content = random.Random(seed).randbytes(size + 2)
    return struct.pack("<Q", len(header)) + header + content


def model(shards: int = 3, elements: int = 500_000) -> dict[str, bytes]:
    """A small random model's repository, with what no server needs."""
    names = [f"model-{one:05}-of-{shards:05}.safetensors" for one in range(1, shards + 1)]
    files = {name: safetensors(number, elements) for number, name in enumerate(names)}
    index = {
        "metadata": {"total_size": sum(len(one) for one in files.values())},
        "weight_map": {f"model.layers.{n}.weight": name for n, name in enumerate(names)},
    }
    return files | {
        "config.json": b'{"model_type": "qwen2"}',
        "generation_config.json": b'{"temperature": 0.6}',
        "tokenizer.json": random.Random(9).randbytes(40_000).hex().encode(),
        "tokenizer_config.json": b"{}",
        "model.safetensors.index.json": json.dumps(index).encode(),
        "LICENSE": b"MIT License",
        ".gitattributes": b"*.safetensors filter=lfs",
        "README.md": b"# of a person",
        "pytorch_model.bin": b"a pickle that nobody should load",
        "modeling_of_theirs.py": b"import os",
        "original/consolidated.00.pth": b"again",
        "original/params.json": b"{}",
    }


def wanted(files: dict[str, bytes]) -> dict[str, bytes]:
    """What of it a server needs."""
    left_out = {".gitattributes", "README.md", "pytorch_model.bin", "modeling_of_theirs.py"}
    return {
        name: content
        for name, content in files.items()
        if name not in left_out and "/" not in name
    }


class HubServer:
    """The server.

    Attributes:
        served: (file, first byte, bytes sent) of each answer, as far as it was sent.
        resolved: How often an address was asked for.
        fault: Told of each answer's file and range; returns what goes wrong, or None.
        tick: Called with each piece that is sent.
        stored_at: Address of its storage, where that is another one.
        token: What the hub, and only the hub, must be sent.
    """

    def __init__(self, files: dict[str, bytes], bytes_per_second: float = 0) -> None:
        self.files = files
        self.served: list[tuple[str, int, int]] = []
        self.resolved = 0
        self.fault: Callable[[str, int, int], Any] = lambda *_: None
        self.tick: Callable[[], None] = lambda: None
        self.token = ""
        self.stored_at = ""
        self.valid_for = 10**9
        self.bytes_per_second = bytes_per_second
        self._server = _Quiet(("127.0.0.1", 0), _handler(self))
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def sent(self, name: str) -> int:
        """Bytes of one file, of all answers."""
        return sum(count for one, _, count in self.served if one == name)

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()

    def entry(self, name: str) -> dict[str, Any]:
        """One file as the hub's tree tells it."""
        content = self.files[name]
        entry = {"type": "file", "path": name, "size": len(content)}
        pointer = hashlib.sha256(content).hexdigest()
        if not name.endswith(_LARGE):
            blob = b"blob %d\0" % len(content) + content
            return entry | {"oid": hashlib.sha1(blob).hexdigest()}
        lfs = {"oid": pointer, "size": len(content), "pointerSize": 135}
        return entry | {"oid": hashlib.sha1(pointer.encode()).hexdigest(), "lfs": lfs}


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        # A client that was killed.
        pass


def _about(hub: HubServer) -> dict[str, Any]:
    return {
        "id": REPOSITORY,
        "sha": COMMIT,
        "cardData": {"license": "mit"},
        "siblings": [{"rfilename": name} for name in sorted(hub.files)],
    }


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            given = parse_qs(url.query)
            path = unquote(url.path)
            if path.startswith("/storage/"):
                return self._stored(path.removeprefix("/storage/"), int(given["signed"][0]))
            if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
                return self._answer(401)
            about = f"/api/models/{REPOSITORY}"
            if path in (f"{about}/revision/main", f"{about}/revision/{COMMIT}"):
                return self._answer(200, _about(hub))
            if path == f"{about}/tree/{COMMIT}":
                return self._tree(int(given.get("cursor", ["0"])[0]))
            found = re.fullmatch(f"/{REPOSITORY}/resolve/{COMMIT}/(.+)", path)
            if found and found[1] in hub.files:
                return self._resolve(found[1])
            return self._answer(404)

        do_HEAD = do_GET  # noqa: N815

        def _tree(self, start: int) -> None:
            names = sorted(hub.files)
            entries = [hub.entry(name) for name in names[start : start + _PAGE]]
            more = {}
            if start + _PAGE < len(names):
                at = f"{hub.address}/api/models/{REPOSITORY}/tree/{COMMIT}"
                more["Link"] = f'<{at}?recursive=true&cursor={start + _PAGE}>; rel="next"'
            self._answer(200, entries, more)

        def _resolve(self, name: str) -> None:
            hub.resolved += 1
            entry = hub.entry(name)
            etag = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
            told = {
                "X-Repo-Commit": COMMIT,
                "X-Linked-Etag": f'"{etag}"',
                "X-Linked-Size": str(entry["size"]),
                "ETag": f'"{etag}"',
            }
            if "lfs" not in entry:
                return self._content(name, told)
            address = f"{hub.stored_at or hub.address}/storage/{name}?signed={len(hub.served)}"
            return self._answer(302, None, {"Location": address} | told)

        def _stored(self, name: str, signed_at: int) -> None:
            if self.headers.get("Authorization"):
                return self._answer(400)
            if len(hub.served) - signed_at > hub.valid_for:
                return self._answer(403)
            return self._content(name, {})

        def _content(self, name: str, told: dict[str, str]) -> None:
            content = memoryview(hub.files[name])
            ranged = re.fullmatch(r"bytes=(\d+)-(\d+)?", self.headers.get("Range") or "")
            first = int(ranged[1]) if ranged else 0
            last = int(ranged[2] or len(content) - 1) if ranged else len(content) - 1
            last = min(last, len(content) - 1)
            fault = hub.fault(name, first, last)
            if isinstance(fault, tuple):
                return self._answer(fault[0], None, fault[1])
            part = content[first : last + 1]
            if fault == "wrong":
                part = memoryview(bytes(byte ^ 1 for byte in part))
            self.send_response(206 if ranged else 200)
            self.send_header("Content-Length", str(len(part)))
            self.send_header("Accept-Ranges", "bytes")
            if ranged:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            for key, value in told.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self._send(name, first, part[: len(part) // 2] if fault == "cut" else part)
            if fault == "cut":
                self.close_connection = True
            return None

        def _send(self, name: str, first: int, part: memoryview) -> None:
            sent = 0
            try:
                while sent < len(part):
                    piece = part[sent : sent + (1 << 17)]
                    if hub.bytes_per_second:
                        threading.Event().wait(len(piece) / hub.bytes_per_second)
                    self.wfile.write(piece)
                    sent += len(piece)
                    hub.tick()
            except OSError:
                self.close_connection = True
            hub.served.append((name, first, sent))

        def _answer(
            self, status: int, content: Any = None, headers: dict[str, str] | None = None
        ) -> None:
            text = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def written(files: dict[str, bytes], folder: Path) -> Path:
    """The files in a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
