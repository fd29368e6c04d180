"""One WSGI application: moto's dispatcher, our own paths below /r1/, one log line per request."""

import io
import json
import threading
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from r1_on_eks.rehearsal.aws_cloud import extensions
from r1_on_eks.rehearsal.aws_cloud.background import say
from r1_on_eks.rehearsal.aws_cloud.faults import is_throttled
from r1_on_eks.rehearsal.aws_cloud.identity import sign_in
from r1_on_eks.rehearsal.aws_cloud.remaining import remaining
from r1_on_eks.rehearsal.aws_cloud.settings import Settings, install
from r1_on_eks.rehearsal.aws_cloud.token_review import review
from r1_on_eks.rehearsal.paths import State

_FORM = "application/x-www-form-urlencoded"


class CloudApplication:
    """Answers every request of one local cloud.

    moto's backends are not made for threads, so requests take turns; each takes milliseconds.
    """

    def __init__(self) -> None:
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._turn = threading.RLock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """WSGI."""
        action = _action(environ)
        statuses: list[str] = []
        by_aws = "aws-service" in environ.get("HTTP_USER_AGENT", "")

        def started(status: str, headers: Any, exc_info: Any = None) -> Any:
            statuses.append(status)
            return start_response(status, headers, exc_info)

        try:
            # Neither what AWS's services ask each other, nor what the rehearsal asks its cloud.
            if not (by_aws or environ.get("PATH_INFO", "").startswith("/r1/")):
                service, _, asked = action.partition(" ")
                if is_throttled(service, asked):
                    return _throttle(environ, started)
            return self._answer(environ, started)
        except NotImplementedError as lacking:
            return _lacking(environ, started, "NotImplemented", str(lacking))
        except Exception as bug:
            traceback.print_exc()
            return _lacking(environ, started, "RehearsalBug", repr(bug))
        finally:
            _log(environ, action, statuses)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/r1/"):
            with self._turn:
                return list(self._moto(environ, start_response))
        own: dict[str, Callable[[], Any]] = {
            "health": lambda: {"started": self._started},
            "resources": remaining,
            "token-review": lambda: _token_review(path.partition("/token-review/")[2], environ),
        }
        asked = path.split("/")[2]
        if asked not in own:
            return _json(start_response, "404 Not Found", _error("NotFound", path))
        return _json(start_response, "200 OK", own[asked]())


def make_cloud(chosen: Settings) -> BaseWSGIServer:
    """Prepares the cloud and binds its port; `serve_forever()` then answers."""
    install(chosen)
    extensions.apply()
    sign_in(State(chosen.state_root).home)
    return make_server(
        "127.0.0.1",
        chosen.port,
        CloudApplication(),
        threaded=True,
        request_handler=_QuietHandler,
    )


class _QuietHandler(MotoRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Silent: the application prints its own line."""


def _token_review(cluster: str, environ: dict[str, Any]) -> dict[str, Any]:
    answer = review(cluster, json.loads(_body(environ)))
    if not answer["status"]["authenticated"]:
        say(f"token refused: {answer['status']['error']}")
    return answer


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    content = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(content)
    return content


def _action(environ: dict[str, Any]) -> str:
    """What is asked, for the log: `eks POST /clusters`, `ec2 CreateVpc`."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0]
    service = scope.split("/")[3] if scope.count("/") == 4 else "-"
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    if not target and environ.get("CONTENT_TYPE", "").startswith(_FORM):
        target = parse_qs(_body(environ).decode(errors="replace")).get("Action", [""])[0]
    where = environ.get("PATH_INFO", "")
    return f"{service} {target or environ.get('REQUEST_METHOD', '') + ' ' + where}"


def _log(environ: dict[str, Any], action: str, statuses: list[str]) -> None:
    status = statuses[0].split()[0] if statuses else "-"
    clock = datetime.now(UTC).strftime("%H:%M:%S")
    caller = " by-aws" if "aws-service" in environ.get("HTTP_USER_AGENT", "") else ""
    say(f"{clock} {environ.get('HTTP_HOST', '-')} {action} {status}{caller}")


def _error(code: str, message: str) -> dict[str, str]:
    return {"__type": code, "message": message, "Message": message}


def _throttle(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    # EC2's own code, which some clients repeat with this status alone (botocore, _retry.json).
    if "/ec2/" in environ.get("HTTP_AUTHORIZATION", ""):
        status, code = "503 Service Unavailable", "RequestLimitExceeded"
    else:
        status, code = "400 Bad Request", "ThrottlingException"
    return _refused(environ, start_response, status, code, "Rate exceeded")


def _lacking(environ: dict[str, Any], start_response: Any, code: str, message: str) -> list[bytes]:
    """501, not 500: clients repeat a request that was answered 500."""
    return _refused(environ, start_response, "501 Not Implemented", code, message)


def _refused(
    environ: dict[str, Any], start_response: Any, status: str, code: str, message: str
) -> list[bytes]:
    """An error in the caller's own protocol, so that boto3 shows its code and message."""
    if not environ.get("CONTENT_TYPE", "").startswith(_FORM):
        return _json(start_response, status, _error(code, message))
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    # EC2's query protocol wraps its errors differently from everybody else's.
    ec2 = "/ec2/" in environ.get("HTTP_AUTHORIZATION", "")
    wrapped = f"<Errors>{error}</Errors>" if ec2 else error
    root = "Response" if ec2 else "ErrorResponse"
    start_response(status, [("Content-Type", "text/xml")])
    return [f"<{root}>{wrapped}</{root}>".encode()]


def _json(start_response: Any, status: str, answer: dict[str, Any]) -> list[bytes]:
    content = json.dumps(answer).encode()
    start_response(
        status,
        [("Content-Type", "application/json"), ("Content-Length", str(len(content)))],
    )
    return [content]
