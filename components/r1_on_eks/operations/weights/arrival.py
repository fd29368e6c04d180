"""Whether a checkpoint lies whole in its bucket: asked in a pod before its server starts.

One that streams is content with that; beside one that can't stream, the files are fetched, too.
Runs alone, as text, in a container: it imports boto3 and nothing of this package.
"""

import contextlib
import hashlib
import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

_MANIFEST, _PROGRESS = "manifest.json", "manifest.partial.json"
_INDEX = "model.safetensors.index.json"
_TOLD = 3


class Folder:
    """One checkpoint in its bucket, as it was listed.

    Attributes:
        where: `s3://bucket/folder/`.
        objects: What is there, by name below the folder, as S3 lists it.
    """

    def __init__(self, client: Any, where: str) -> None:
        self.where, self._client = where, client
        self._bucket, _, prefix = where.removeprefix("s3://").strip("/").partition("/")
        self._prefix = f"{prefix}/"
        self.objects: dict[str, Any] = {}
        pages = client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
            for one in page.get("Contents", ()):
                self.objects[one["Key"].removeprefix(self._prefix)] = one

    def listed(self) -> list[Any]:
        """The files of its manifest; of one that was copied by hand, names and sizes alone."""
        if _MANIFEST in self.objects:
            return self._read(_MANIFEST)["files"]
        there = self.objects.items()
        return [
            {"name": name, "size": one["Size"]} for name, one in there if not name.endswith("/")
        ]

    def lacks(self) -> list[str]:
        """What is missing or not what was verified, a few words each; nothing where all is there.

        Without a manifest, the shards that the checkpoint's own index names have to be there.
        """
        if _MANIFEST in self.objects:
            listed = self.listed()
            if not any(one["name"].endswith(".safetensors") for one in listed):
                return ["its manifest lists no safetensors"]
            return [told for one in listed if (told := _wrong(one, self.objects.get(one["name"])))]
        if _PROGRESS in self.objects:
            return ["r1 weights sync has not ended"]
        if not any(name.endswith(".safetensors") for name in self.objects):
            return ["no safetensors there"]
        shards = (
            set(self._read(_INDEX)["weight_map"].values()) if _INDEX in self.objects else set()
        )
        return [f"missing {name}" for name in sorted(shards - self.objects.keys())]

    def fetch(self, name: str, path: Path) -> None:
        """One file, in parts at a time; its name appears when it is whole."""
        self._client.download_file(self._bucket, f"{self._prefix}{name}", str(path))

    def _read(self, name: str) -> Any:
        key = f"{self._prefix}{name}"
        return json.loads(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())


def _wrong(file: Any, there: Any) -> str:
    name, size = file["name"], file["size"]
    if there is None:
        return f"missing {name}"
    if there["Size"] != size:
        return f"{name}: {there['Size']} bytes there, {size} wanted"
    return "" if there["ETag"].strip('"') == file["etag"] else f"{name}: not what was verified"


def fetched(folder: Folder, into: Path) -> list[str]:
    """Brings its files beside the server; says which of them are not what the manifest says.

    What a container before this one left whole is read and hashed, and not fetched again.

    Raises:
        OSError: the volume is full, or can't be written.
    """
    wanted = folder.listed()
    into.mkdir(parents=True, exist_ok=True)
    _tidy(into, {one["name"] for one in wanted})
    missing = [one for one in wanted if not _whole(one, into / one["name"])]
    needed, free = sum(one["size"] for one in missing), shutil.disk_usage(into).free
    if needed > free:
        return [f"its files need {_said(needed)} more in {into}, which has {_said(free)} free"]
    for one in missing:
        path = into / one["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        folder.fetch(one["name"], path)
    wrong = [one for one in missing if not _whole(one, into / one["name"])]
    for one in wrong:
        # The next container fetches it anew.
        (into / one["name"]).unlink()
    return [f"{one['name']}: it came with another size or SHA-256" for one in wrong]


def _tidy(into: Path, wanted: Iterable[str]) -> None:
    """Takes away what is none of its files, such as the parts of one that was cut off."""
    for path in into.rglob("*"):
        if path.is_file() and str(path.relative_to(into)) not in wanted:
            path.unlink()


def _whole(file: Any, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size != file["size"]:
            return False
        if "sha256" not in file:
            return True
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == file["sha256"]
    return False


def _said(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


def main(where: str, into: str = "") -> int:
    """Says on standard error what a checkpoint lacks, for a pod's termination message.

    Args:
        where: `s3://bucket/folder/`.
        into: Where its files are fetched to; "" for a server that streams them.

    Returns:
        0 where the server can start, else 1.
    """
    try:
        folder = Folder(boto3.client("s3"), where)
        if wrong := folder.lacks():
            told = f"is not complete: {_few(wrong)}; r1 weights sync mends it"
        elif into and (wrong := fetched(folder, Path(into))):
            told = f"was not fetched whole: {_few(wrong)}"
        else:
            print(f"{where} is complete", file=sys.stderr)
            return 0
    except (BotoCoreError, ClientError, Boto3Error) as error:
        told = f"can't be asked: {' '.join(str(error).split())}"
    except OSError as error:
        told = f"can't be written to {into}: {error.strerror or error}"
    except (ValueError, KeyError, TypeError, AttributeError):
        told = "is not complete: its manifest or index can't be read; r1 weights sync mends it"
    print(f"{where} {told}", file=sys.stderr)
    return 1


def _few(wrong: list[str]) -> str:
    more = f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
    return ", ".join(wrong[:_TOLD]) + more


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
