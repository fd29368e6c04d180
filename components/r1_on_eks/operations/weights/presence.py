"""What of a checkpoint is in the bucket, by its manifest, or by names and sizes without one."""

from collections.abc import Mapping
from dataclasses import dataclass

from r1_on_eks.catalog.model_shapes import Checkpoint
from r1_on_eks.operations.account import Account
from r1_on_eks.operations.weights.bucket import Folder, Object
from r1_on_eks.operations.weights.by_name import few, wrong_by_name
from r1_on_eks.operations.weights.hashes import MANIFEST, PROGRESS
from r1_on_eks.operations.weights.manifest import Manifest

COMPLETE, INCOMPLETE, UNDER_WAY, UNVERIFIED, ABSENT = (
    "complete", "incomplete", "under way", "unverified", "absent",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Presence:
    """What the bucket holds of one checkpoint.

    Attributes:
        state: `complete`: every file of the manifest, as it was verified. `incomplete`: some are
            not. `under way`: a transfer has not ended. `unverified`: nothing says that the
            hashes were held against the hub's, though names and sizes may be right. `absent`.
        complete: Files that are as they should be.
        missing: Files of the manifest that are not there.
        wrong_size: Files of another size than the manifest's.
        changed: Files of the right size that are not the objects that were verified.
        unverified: Files of which no hash of the hub is known.
        wrong: Without a manifest, what names and sizes say is wrong, a few words each.
        revision: The commit; "" where nothing says it.
        size: Bytes that are there.
    """

    state: str
    complete: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    wrong_size: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    revision: str = ""
    size: int = 0

    @property
    def lacks(self) -> tuple[str, ...]:
        """What keeps a server from it, a few words each; nothing where it can start."""
        if self.state == UNDER_WAY:
            return (self.told,)
        kinds = {"missing": self.missing, "cut short or too long": self.wrong_size}
        kinds["not what was verified"] = self.changed
        return (*(f"{kind} {few(names)}" for kind, names in kinds.items() if names), *self.wrong)

    @property
    def told(self) -> str:
        """In a few words."""
        if self.state == ABSENT:
            return "absent"
        files = len(self.complete) + len(self.missing + self.wrong_size + self.changed)
        if self.state == COMPLETE:
            return f"complete, {files} files"
        if self.state == UNDER_WAY:
            return f"under way, {len(self.complete)} files verified"
        if self.state == INCOMPLETE:
            return f"{len(self.complete)} of {files} files"
        if self.complete:
            return f"{files} files, {len(self.unverified)} without the hub's hash"
        return "; ".join(self.wrong) or "by name and size complete, no manifest"


def weights_present(account: Account, bucket: str, checkpoint: Checkpoint) -> Presence:
    """Asks S3; needs s3:ListBucket, and s3:GetObject where there is a manifest.

    Args:
        account: Whose credentials.
        bucket: Of the weights.
        checkpoint: Of a variant in one precision.

    Raises:
        ClientError: AWS refused, or there is no such bucket.
    """
    folder = Folder(account.client("s3"), bucket, checkpoint.folder)
    objects = folder.objects()
    written = {name: folder.manifest(name) for name in (MANIFEST, PROGRESS) if name in objects}
    return presence_of(checkpoint, objects, written.get(MANIFEST), written.get(PROGRESS))


def presence_of(
    checkpoint: Checkpoint,
    objects: Mapping[str, Object],
    manifest: Manifest | None,
    partial: Manifest | None,
) -> Presence:
    """What a listing and the manifests say."""
    size = sum(one.size for one in objects.values())
    if manifest is not None:
        return _by_manifest(objects, manifest, size)
    if partial is not None:
        done = _by_manifest(objects, partial, size)
        return Presence(
            state=UNDER_WAY, complete=done.complete, revision=partial.revision, size=size
        )
    if not objects:
        return Presence(state=ABSENT, wrong=wrong_by_name(checkpoint, {}))
    wrong = wrong_by_name(checkpoint, {name: one.size for name, one in objects.items()})
    return Presence(state=UNVERIFIED, unverified=tuple(sorted(objects)), wrong=wrong, size=size)


def _by_manifest(objects: Mapping[str, Object], manifest: Manifest, size: int) -> Presence:
    found: dict[str, list[str]] = {"complete": [], "missing": [], "wrong_size": [], "changed": []}
    for name, entry in sorted(manifest.files.items()):
        there = objects.get(name)
        if there is None:
            found["missing"].append(name)
        elif there.size != entry.size:
            found["wrong_size"].append(name)
        elif there.etag != entry.etag:
            found["changed"].append(name)
        else:
            found["complete"].append(name)
    whole = len(found["complete"]) == len(manifest.files)
    state = INCOMPLETE if not whole else UNVERIFIED if manifest.unverified else COMPLETE
    return Presence(
        state=state,
        unverified=manifest.unverified,
        revision=manifest.revision,
        size=size,
        **{key: tuple(names) for key, names in found.items()},
    )
