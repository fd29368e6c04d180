"""GitHub's comments of one pull request, on the loopback: what the comment's script is held to.

Only what GitHub's REST API reference says of issue comments: 30 a page unless said, 100 at most,
201 and 204, 403 for a token that may only read, 422 for a body over 65,536 characters.
"""

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class GitHub:
    """The server; `comments` is what people see, in order."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.may_write = True
        self.before_write: Callable[[], None] = lambda: None
        self._ids = iter(range(100, 100_000))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, body: str) -> int:
        """A comment of somebody; its id."""
        number = next(self._ids)
        self.comments.append({"id": number, "body": body})
        return number

    def of_ours(self) -> list[str]:
        """The bodies of comments that carry our marker."""
        return [one["body"] for one in self.comments if "r1-on-eks cost" in one["body"]]

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()


def _handler(github: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self, status: int, content: Any = None) -> None:
            text = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _body(self) -> str | None:
            size = int(self.headers.get("Content-Length") or 0)
            text = json.loads(self.rfile.read(size))["body"]
            if len(text) > 65_536:
                self._answer(422, {"message": "Body is too long (maximum is 65536 characters)"})
                return None
            return text

        def _refused(self) -> bool:
            if github.may_write and self.headers["Authorization"] == "Bearer token":
                github.before_write()
                return False
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(403, {"message": "Resource not accessible by integration"})
            return True

        def do_GET(self) -> None:
            github.requests.append("GET")
            asked = urlsplit(self.path)
            assert asked.path == "/repos/o/r/issues/7/comments", self.path
            words = parse_qs(asked.query)
            size = min(int(words.get("per_page", ["30"])[0]), 100)
            first = (int(words.get("page", ["1"])[0]) - 1) * size
            self._answer(200, github.comments[first : first + size])

        def do_POST(self) -> None:
            github.requests.append("POST")
            assert self.path == "/repos/o/r/issues/7/comments", self.path
            if self._refused():
                return
            if (body := self._body()) is not None:
                self._answer(201, {"id": github.add(body), "body": body})

        def do_PATCH(self) -> None:
            github.requests.append("PATCH")
            if self._refused():
                return
            body = self._body()
            found = self._found()
            if body is None or found is None:
                return
            found["body"] = body
            self._answer(200, found)

        def do_DELETE(self) -> None:
            github.requests.append("DELETE")
            if self._refused():
                return
            if (found := self._found()) is not None:
                github.comments.remove(found)
                self._answer(204)

        def _found(self) -> dict[str, Any] | None:
            number = re.fullmatch(r"/repos/o/r/issues/comments/(\d+)", self.path)
            assert number, self.path
            for one in github.comments:
                if one["id"] == int(number[1]):
                    return one
            self._answer(404, {"message": "Not Found"})
            return None

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
