"""What names and sizes alone say of a checkpoint in the bucket."""

import re
from collections.abc import Iterable, Mapping, Sequence

from r1_on_eks.catalog.model_shapes import Checkpoint

# Headers of the files, and layers that the servers don't load (671b's MTP: 2 %).
_MOST_OVER = 1.05
# What a catalogue's figure that nobody counted may be off.
_TOLERANCE = {"counted": 0.0, "computed": 0.02, "approximate": 0.05}
_SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5,6})-of-(?P<count>\d{5,6})\.safetensors$")
_NEEDED = ("config.json", "tokenizer.json")


def wrong_by_name(checkpoint: Checkpoint, objects: Mapping[str, int]) -> tuple[str, ...]:
    """What is missing or of a wrong size, a few words each; nothing where all is there.

    Shards are counted by their own names; their bytes are held against the catalogue's, which
    counts tensors: files have headers besides.

    Args:
        checkpoint: Wanted.
        objects: Name inside its folder to bytes.
    """
    tensors = {name: size for name, size in objects.items() if name.endswith(".safetensors")}
    total, wrong = sum(tensors.values()), []
    if not tensors:
        return (f"nothing below {checkpoint.folder}/",)
    if missing := _missing_shards(tensors):
        wrong.append(f"missing {few(missing)}")
    if empty := sorted(name for name, size in tensors.items() if not size):
        wrong.append(f"empty {few(empty)}")
    least = checkpoint.weight_bytes * (1 - _TOLERANCE[checkpoint.standing])
    if not missing and total < least:
        wrong.append(f"{checkpoint.weight_bytes - total:,} bytes too few: some file was cut short")
    most = checkpoint.weight_bytes * (_MOST_OVER + _TOLERANCE[checkpoint.standing])
    if total > most:
        wrong.append(f"{total - checkpoint.weight_bytes:,} bytes too many: another checkpoint?")
    if lost := [name for name in _NEEDED if name not in objects]:
        wrong.append(f"missing {', '.join(lost)}")
    return tuple(wrong)


def few(names: Sequence[str]) -> str:
    """The first two of them, and how many more."""
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more}"


def _missing_shards(names: Iterable[str]) -> list[str]:
    """Files that the names of the others promise: model-00002-of-000004.safetensors."""
    missing, present = [], set(names)
    promised: dict[tuple[str, str], int] = {}
    for name in present:
        if shard := _SHARD.match(name):
            promised[shard["stem"], shard["count"]] = len(shard["number"])
    for (stem, count), digits in promised.items():
        every = (f"{stem}-{n:0{digits}}-of-{count}.safetensors" for n in range(1, int(count) + 1))
        missing += [name for name in every if name not in present]
    return missing
