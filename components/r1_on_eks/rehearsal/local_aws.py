"""The local cloud's AWS, as the rehearsal itself asks it."""

import json
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# The example account and Region of the stacks in this repository.
ACCOUNT = "111122223333"
REGION = "us-west-2"


class LocalAws:
    """A process of `aws_cloud`, wherever it listens.

    Args:
        record: File that says where; there is none before it was started first.
    """

    def __init__(self, record: Path) -> None:
        self._record = record

    @property
    def is_recorded(self) -> bool:
        """Whether it was started, whether it runs still or not."""
        return self._record.exists()

    @property
    def endpoint(self) -> str:
        """Its address."""
        port = json.loads(self._record.read_text())["port"]
        return f"http://127.0.0.1:{port}"

    def listens_at(self, port: int) -> None:
        """Records where it will listen."""
        self._record.write_text(json.dumps({"port": port}))

    def is_healthy(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self._get("/r1/health"))
        except OSError:
            return False

    def resources(self, given: Iterable[str]) -> dict[str, list[str]]:
        """Ids by kind of what it holds, but for buckets that a stack was given."""
        found: dict[str, list[str]] = self._get("/r1/resources")
        # KMS deletes no key at once.
        found.pop("kms-keys-pending-deletion", None)
        given = set(given)
        found["buckets"] = [name for name in found.get("buckets", []) if name not in given]
        return {kind: ids for kind, ids in found.items() if ids}

    def make_buckets(self, names: Iterable[str]) -> None:
        """Plays the part of whoever made the weights' bucket: a stack is given one."""
        import boto3

        s3 = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="rehearsal",
            aws_secret_access_key="rehearsal",
        )
        for bucket in sorted(names):
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.endpoint + path, timeout=30) as answer:
            return json.load(answer)
