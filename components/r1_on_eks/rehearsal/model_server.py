"""A small stand-in for vLLM: the same paths, the same shapes, words instead of a model.

As vLLM does, it answers under several names by the first of them, and asks on /v1 for the key in
VLLM_API_KEY.

It says in every answer that it is a stand-in. What it shows is the way of a request and of a
streamed answer; nothing about speed, memory or quality. How fast it answers is set (pace.py), so
that what measures speed can be held against a speed that is known.
"""

import argparse
import itertools
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from r1_on_eks.rehearsal.model_metrics import Answering, ModelMetrics
from r1_on_eks.rehearsal.pace import pace_in

_REASONING = "No model runs in a rehearsal, so there is nothing to think about."


class ModelServer(ThreadingHTTPServer):
    """Serves one model on a loopback port."""

    daemon_threads = True

    # A burst of streams, as a gateway brings it.
    request_queue_size = 1024

    def __init__(
        self,
        port: int,
        models: Sequence[str],
        key: str | None = None,
        pace_file: Path | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Requests)
        self.models = tuple(models)
        self.key = key
        self.metrics = ModelMetrics(self.models[0])
        self.pace_file = pace_file


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _models(self) -> tuple[str, ...]:
        assert isinstance(self.server, ModelServer)
        return self.server.models

    @property
    def _model(self) -> str:
        return self._models[0]

    @property
    def _metrics(self) -> ModelMetrics:
        assert isinstance(self.server, ModelServer)
        return self.server.metrics

    def send_response(self, code: int, message: str | None = None) -> None:
        """Counts it, too; vLLM leaves its health and its metrics out."""
        super().send_response(code, message)
        # Of what is no request there is no path.
        if getattr(self, "path", "").startswith("/v1/"):
            self._metrics.answered(self.command, self.path, code)

    def _admitted(self) -> bool:
        assert isinstance(self.server, ModelServer)
        wanted = self.server.key
        if wanted is None or self.headers["Authorization"] == f"Bearer {wanted}":
            return True
        self._json(401, {"error": "Unauthorized"})
        return False

    def do_GET(self) -> None:
        """Health, metrics and the list of models."""
        match self.path:
            case "/health" | "/ping":
                self._answer(200, b"", "text/plain")
            case "/metrics":
                text = self._metrics.text()
                self._answer(200, text.encode(), "text/plain; version=0.0.4")
            case "/v1/models":
                if self._admitted():
                    listed = [
                        {"id": name, "object": "model", "owned_by": "rehearsal"}
                        for name in self._models
                    ]
                    self._json(200, {"object": "list", "data": listed})
            case _:
                self._refuse(404, "Not Found", "NotFoundError")

    def do_POST(self) -> None:
        """Completions, streamed or whole."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._admitted():
            return
        if self.path not in ("/v1/chat/completions", "/v1/completions"):
            self._refuse(404, "Not Found", "NotFoundError")
            return
        try:
            asked = json.loads(body)
        except ValueError as error:
            self._refuse(400, f"JSON decode error: {error}", "BadRequestError")
            return
        wanted = asked.get("model", self._model)
        if wanted not in self._models:
            message = f"The model `{wanted}` does not exist."
            self._refuse(404, message, "NotFoundError")
            return
        chat = self.path.endswith("chat/completions")
        prompt = len(_question(asked, chat).split())
        with Answering(self._metrics, prompt) as answering:
            pieces = _counted(_pieces(self._model, asked, chat), answering)
            if asked.get("stream"):
                self._stream(pieces, chat, prompt)
            else:
                self._whole(pieces, chat, prompt)

    def _stream(self, pieces: Iterator[tuple[str, str]], chat: bool, prompt: int) -> None:
        assert isinstance(self.server, ModelServer)
        pace = pace_in(self.server.pace_file)
        due = time.monotonic() + pace.first_token_s
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        about = self._about(chat, streamed=True)
        count = 0
        for field, text in pieces:
            count += 1
            choice = {"index": 0, "finish_reason": None}
            part = {"delta": {field: text}} if chat else {"text": text}
            # By the clock, so that what a piece takes to write is not added to the pace.
            time.sleep(max(0.0, due - time.monotonic()))
            due += pace.per_token_s
            self._event(json.dumps({**about, "choices": [choice | part]}))
        end = {"index": 0, "finish_reason": "stop", **({"delta": {}} if chat else {"text": ""})}
        usage = _usage(prompt, count)
        self._event(json.dumps({**about, "choices": [end], "usage": usage}))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _whole(self, pieces: Iterator[tuple[str, str]], chat: bool, prompt: int) -> None:
        said = {"reasoning": "", "content": "", "text": ""}
        count = 0
        for field, text in pieces:
            said[field] += text
            count += 1
        if chat:
            message = {"role": "assistant", **{k: said[k] for k in ("reasoning", "content")}}
            choice: dict[str, Any] = {"message": message}
        else:
            choice = {"text": said["text"]}
        choice |= {"index": 0, "finish_reason": "stop"}
        usage = _usage(prompt, count)
        about = self._about(chat, streamed=False)
        self._json(200, {**about, "choices": [choice], "usage": usage})

    def _about(self, chat: bool, *, streamed: bool) -> dict[str, Any]:
        kind = "chat.completion" if chat else "text_completion"
        return {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex}",
            "object": f"{kind}.chunk" if streamed and chat else kind,
            "created": int(time.time()),
            "model": self._model,
        }

    def _event(self, text: str) -> None:
        line = f"data: {text}\n\n".encode()
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    def _refuse(self, status: int, message: str, kind: str) -> None:
        error = {"message": message, "type": kind, "param": None, "code": status}
        self._json(status, {"error": error})

    def _json(self, status: int, content: dict[str, Any]) -> None:
        self._answer(status, json.dumps(content).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _counted(pieces: Iterator[tuple[str, str]], answering: Answering) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        answering.token()
        yield piece


def _pieces(model: str, asked: dict[str, Any], chat: bool) -> Iterator[tuple[str, str]]:
    """`(field, text)`, a word at a time, at most `max_tokens`; with `ignore_eos` all of them."""
    limit = asked.get("max_completion_tokens") or asked.get("max_tokens") or 10_000
    answer = (
        f"This is the rehearsal's stand-in for {model}: your question of "
        f"{len(_question(asked, chat))} "
        "characters came through the gateway, and this answer goes back the same way."
    )
    texts = [("reasoning", _REASONING), ("content", answer)] if chat else [("text", answer)]
    words = [(field, f"{word} ") for field, text in texts for word in text.split()]
    endless = itertools.cycle(words) if asked.get("ignore_eos") else words
    yield from itertools.islice(endless, limit)


def _question(asked: dict[str, Any], chat: bool) -> str:
    if chat and asked.get("messages"):
        return str(asked["messages"][-1].get("content", ""))
    return str(asked.get("prompt", ""))


def _usage(prompt: int, completion: int) -> dict[str, int]:
    """A token is a word here: no tokenizer is at hand."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(prog="model_server", description="A stand-in for vLLM")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", nargs="+", required=True, help="names that requests may use")
    parser.add_argument("--pace-file", type=Path, help="how fast it answers; read at each request")
    arguments = parser.parse_args()
    key = os.environ.get("VLLM_API_KEY")
    server = ModelServer(arguments.port, arguments.model, key, arguments.pace_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
