"""Whether a checkpoint lies whole in its bucket: what a server's pod asks before it streams it.

Runs alone, as text, in the server's image: it imports boto3 and nothing of this package.
"""

import json
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

_MANIFEST, _PROGRESS = "manifest.json", "manifest.partial.json"
_INDEX = "model.safetensors.index.json"
_TOLD = 3


def lacking(client: Any, bucket: str, folder: str) -> list[str]:
    """What is missing or not what was verified, a few words each; nothing where all is there.

    Without a manifest, the shards that the checkpoint's own index names have to be there.

    Args:
        client: boto3's of S3; it lists the bucket and reads two small objects.
        bucket: Its name.
        folder: The checkpoint's, without a slash at its end.
    """
    found: dict[str, Any] = {}
    pages = client.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=f"{folder}/"):
        for one in page.get("Contents", ()):
            found[one["Key"].removeprefix(f"{folder}/")] = one

    def read(name: str) -> Any:
        return json.loads(client.get_object(Bucket=bucket, Key=f"{folder}/{name}")["Body"].read())

    if _MANIFEST in found:
        listed = read(_MANIFEST)["files"]
        if not any(one["name"].endswith(".safetensors") for one in listed):
            return ["its manifest lists no safetensors"]
        wrong = [_wrong(one, found.get(one["name"])) for one in listed]
        return [told for told in wrong if told]
    if _PROGRESS in found:
        return ["r1 weights sync has not ended"]
    if not any(name.endswith(".safetensors") for name in found):
        return ["no safetensors there"]
    shards = set(read(_INDEX)["weight_map"].values()) if _INDEX in found else set()
    return [f"missing {name}" for name in sorted(shards - found.keys())]


def _wrong(file: Any, there: Any) -> str:
    name, size = file["name"], file["size"]
    if there is None:
        return f"missing {name}"
    if there["Size"] != size:
        return f"{name}: {there['Size']} bytes there, {size} wanted"
    return "" if there["ETag"].strip('"') == file["etag"] else f"{name}: not what was verified"


def main(where: str) -> int:
    """Says on standard error what `s3://bucket/folder/` lacks, for a pod's termination message.

    Returns:
        0 where the server can start, else 1.
    """
    bucket, _, folder = where.removeprefix("s3://").strip("/").partition("/")
    try:
        wrong = lacking(boto3.client("s3"), bucket, folder)
    except (BotoCoreError, ClientError) as error:
        print(f"{where} can't be asked: {error}", file=sys.stderr)
        return 1
    except (ValueError, KeyError, TypeError, AttributeError):
        wrong = ["its manifest or index can't be read"]
    if wrong:
        more = f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        told = ", ".join(wrong[:_TOLD]) + more
        print(f"{where} is not complete: {told}; r1 weights sync mends it", file=sys.stderr)
        return 1
    print(f"{where} is complete", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
