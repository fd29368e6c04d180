"""Filling the file system before the first server reads it."""

from dataclasses import dataclass

from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.server import MOUNT
from r1_on_eks.stack_config import Weights

# Files that are fetched at a time; a checkpoint has at most some hundred.
_AT_A_TIME = 16
# To be scheduled, and to pull an image of some hundred MB.
_BEGIN_SECONDS = 600
# Files that are hashed at a time: two for each core of a system node.
_HASHED_AT_A_TIME = 4
# Slower than this, hashing has failed: a third of what an m7i.large keeps up (0.78 Gbit/s), for
# the Jobs of several variants share two of them.
_LEAST_HASHED_GBPS = 0.25
WRONG_CONTENT = 65
"""Exit status where a hash differs: another try would read the same for hours (EX_DATAERR)."""


@dataclass(frozen=True, kw_only=True)
class Preload:
    """A Job that has FSx fetch the weights of one variant from the bucket.

    Attributes:
        name: Of the Job: another one for another checkpoint, or another way to verify it, for a
            Job's pods never change.
        hashed: Whether it compares contents, too.
        script: What its shell runs.
        limit_seconds: When it has failed.
        wait: How long Pulumi waits for it, `45m`.
    """

    name: str
    hashed: bool
    script: str
    limit_seconds: int
    wait: str


def preload_of(placement: Placement, weights: Weights) -> Preload | None:
    """Of the folder of a placed variant; None where weights are not on a file system."""
    if weights.streamed:
        return None
    hashed = weights.verify == "hashes"
    # FSx fetches from S3 no faster than its disks write.
    limit = round(weights.load_minutes * 60 * 3) + _BEGIN_SECONDS
    if hashed:
        limit += round(placement.checkpoint.weight_bytes * 8 / (_LEAST_HASHED_GBPS * 1e9))
    folder = placement.checkpoint.folder
    name = f"preload-{folder.lower().replace('.', '-')}"
    return Preload(
        name=f"{name}-hashes" if hashed else name,
        hashed=hashed,
        script=_script(
            weights.bucket, folder, awaited=weights.sync_from is not None, hashed=hashed
        ),
        limit_seconds=limit,
        wait=f"{-(-limit // 60) + 5}m",
    )


def _script(bucket: str, folder: str, *, awaited: bool, hashed: bool) -> str:
    """Holds the files against the manifest of `r1 weights sync`, then has FSx fetch each.

    A file of a linked bucket is fetched when it is first read, whole, while the reader waits
    (Lustre's HSM restores no parts); it goes to FSx's disks, not through the node's network.
    A second run finds everything there. Sizes are known before; hashes were checked on the way
    into the bucket, and reading all bytes here takes a system node hours: only where asked for.
    """
    where = f"s3://{bucket}/{folder}"
    return "\n".join(
        (
            "set -eu",
            *(_awaited(folder) if awaited else ()),
            f"cd {MOUNT}/{folder} 2> /dev/null &&"
            " [ -n \"$(find . -name '*.safetensors')\" ] || {",
            f'  echo "{where} holds no safetensors; fill the bucket first" >&2',
            "  exit 1",
            "}",
            *_checked(where),
            f"find . -type f -print0 | xargs -0 -n 1 -P {_AT_A_TIME} head -c 1 > /dev/null || {{",
            "  df -h . >&2",
            f'  echo "FSx did not fetch all of {where}, see above" >&2',
            "  exit 1",
            "}",
            *(_hashed(where) if hashed else ()),
        )
    )


def _awaited(folder: str) -> tuple[str, ...]:
    """FSx lists what is new in the bucket a little later; the manifest was written last."""
    return (
        "tries=0",
        f"until [ -f {MOUNT}/{folder}/manifest.json ] || [ $tries -ge {_AWAITED_TRIES} ]; do",
        f"  sleep {_AWAITED_SECONDS}; tries=$((tries + 1))",
        "done",
    )


# A tenth of what the Job may take to begin.
_AWAITED_TRIES, _AWAITED_SECONDS = 12, 5


def _checked(where: str) -> tuple[str, ...]:
    """Ends where a file is missing or has another size than the manifest says.

    Without a manifest, the shards that the checkpoint's own index names have to be there.
    """
    return (
        "if [ -f manifest.json ]; then",
        f"  wanted=$(sed -n '{_SIZE_AND_NAME}' manifest.json)",
        "elif [ -f manifest.partial.json ]; then",
        f'  echo "{where} is not complete: r1 weights sync has not ended" >&2',
        "  exit 1",
        "elif [ -f model.safetensors.index.json ]; then",
        '  wanted=$(grep -o \'"[^"]*[.]safetensors"\' model.safetensors.index.json'
        " | sort -u | tr -d '\"' | sed 's/^/any /')",
        "else",
        "  wanted=$(ls | sed 's/^/any /')",
        "fi",
        '[ -n "$wanted" ] || { echo "' + where + '/manifest.json names no file" >&2; exit 1; }',
        "wrong=$(printf '%s\\n' \"$wanted\" | while read -r size name; do",
        '  there=$(stat -c %s -- "$name" 2> /dev/null || echo no)',
        '  [ "$size" = "$there" ] || { [ "$size" = any ] && [ "$there" != no ]; } ||',
        '    echo "$name: $there bytes there, $size wanted"',
        "done)",
        'if [ -n "$wrong" ]; then',
        '  echo "$wrong" >&2',
        # The last line is what a pod's status keeps.
        "  count=$(printf '%s\\n' \"$wrong\" | wc -l)",
        "  first=$(printf '%s\\n' \"$wrong\" | head -n 1)",
        f'  echo "{where} is not complete: $count wrong, the first is $first;'
        ' r1 weights sync mends it" >&2',
        "  exit 1",
        "fi",
    )


def _hashed(where: str) -> tuple[str, ...]:
    """Reads each file to its end, says it, and ends where one's SHA-256 is not the manifest's.

    All are read before it ends: every file that is wrong is named in one run.
    """
    return (
        "[ -f manifest.json ] || {",
        f'  echo "{where} has no manifest.json to hold hashes against; r1 weights sync writes it"'
        " >&2",
        f"  exit {WRONG_CONTENT}",
        "}",
        'echo "$(printf \'%s\\n\' "$wanted" | wc -l) files are hashed,'
        f' {_HASHED_AT_A_TIME} at a time"',
        f"sed -n '{_HASH_AND_NAME}' manifest.json |"
        f" xargs -d '\\n' -n 1 -P {_HASHED_AT_A_TIME} sh -c '",
        "  wanted=${1%% *} name=${1#* }",
        '  found=$(sha256sum < "$name") || exit 255',
        "  found=${found%% *}",
        '  [ "$found" = "$wanted" ] && echo "$name: SHA-256 as in manifest.json" && exit',
        f'  echo "{where}/$name: its SHA-256 on the file system is $found, manifest.json says'
        ' $wanted; delete it in the bucket, and r1 weights sync brings it anew" >&2',
        "  exit 1",
        # xargs: 123 where one ended with 1 to 125; 124, at once, after 255.
        "' sh || {",
        "  [ $? = 123 ] || exit 1",
        f'  echo "{where} holds files with another SHA-256 than its manifest.json says, see above"'
        " >&2",
        f"  exit {WRONG_CONTENT}",
        "}",
    )


# Of each line of the manifest's files, which are written one a line.
_SIZE_AND_NAME = r's/^  {"name": "\([^"]*\)", "size": \([0-9]*\), .*/\2 \1/p'
_HASH_AND_NAME = r's/^  {"name": "\([^"]*\)", .*"sha256": "\([^"]*\)", .*/\2 \1/p'
