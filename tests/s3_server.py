"""moto's S3 on the loopback, with parts as small as a test wants, and a word for each request."""

import threading
from collections.abc import Callable
from typing import Any

import moto.s3.models
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from r1_on_eks.operations.weights.job import client_of
from werkzeug.serving import WSGIRequestHandler, make_server


class S3Server:
    """The server.

    Attributes:
        tick: Called with each request.
        refuse: Told of each method and path; returns whether S3 is out of order, or the
            status that it answers then.
    """

    def __init__(self, bucket: str, environment: pytest.MonkeyPatch) -> None:
        # Read when moto is loaded, from the environment.
        moto.s3.models.S3_UPLOAD_PART_MIN_SIZE = 1
        self.tick: Callable[[], None] = lambda: None
        self.refuse: Callable[[str, str], bool | str] = lambda *_: False
        self._busy = 0
        self._quiet = threading.Condition()
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=_Silent
        )
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.bucket = bucket
        environment.setenv("AWS_ENDPOINT_URL", self.address)
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        self.client = client_of("us-west-2", 16)
        self.empty()

    def _answer(self, environ: Any, start_response: Any) -> Any:
        with self._quiet:
            self._busy += 1
        try:
            self.tick()
            if refused := self.refuse(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                status = "503 Slow Down" if refused is True else str(refused)
                start_response(status, [("Content-Length", "0")])
                return [b""]
            return self._app(environ, start_response)
        finally:
            with self._quiet:
                self._busy -= 1
                self._quiet.notify_all()

    def settled(self) -> None:
        """Waits until nothing is being carried out."""
        with self._quiet:
            assert self._quiet.wait_for(lambda: self._busy == 0, timeout=30)

    def empty(self) -> None:
        """A bucket with nothing in it."""
        moto.s3.models.s3_backends["123456789012"]["aws"].reset()
        self.client.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )

    def contents(self, folder: str) -> dict[str, bytes]:
        """All objects of a folder."""
        listed = self.client.list_objects_v2(Bucket=self.bucket, Prefix=f"{folder}/")
        return {
            one["Key"].removeprefix(f"{folder}/"): self.client.get_object(
                Bucket=self.bucket, Key=one["Key"]
            )["Body"].read()
            for one in listed.get("Contents", ())
        }

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self.client.close()


class _Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        pass
