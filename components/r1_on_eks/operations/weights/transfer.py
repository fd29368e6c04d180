"""One checkpoint into its folder of the bucket: hashed on the way, resumed where it was cut.

What a file is follows from the bucket alone, so that a process may be killed at any moment:

* named by a manifest, and the object is that very one (size, ETag): it was verified;
* an object of the right size that no manifest names: it is read back from S3 and hashed;
* an upload that S3 keeps: the parts that are missing are read, and the whole is read back;
* else it is read, and becomes an object when its hash agrees.
"""

import concurrent.futures
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced

from botocore.exceptions import BotoCoreError, ClientError

from r1_on_eks.operations.weights.bucket import Folder, Object, told
from r1_on_eks.operations.weights.hashes import (
    MANIFEST,
    PROGRESS,
    CannotSync,
    Hasher,
    WeightFile,
    is_wanted,
)
from r1_on_eks.operations.weights.manifest import Entry, Manifest
from r1_on_eks.operations.weights.one_file import Files, Pace
from r1_on_eks.operations.weights.over_http import Listing
from r1_on_eks.operations.weights.progress import Progress
from r1_on_eks.operations.weights.sources import Source

INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one transfer came to.

    Attributes:
        manifest: What lies in the bucket now.
        read: Bytes that were read at the source.
        kept: Files that were there already, verified.
    """

    manifest: Manifest
    read: int
    kept: int


class Transfer:
    """One checkpoint on its way.

    Args:
        repository: `owner/name` on the hub.
        source: Where it is read.
        folder: Where it goes.
        progress: Hears how far it is.
        pace: How much at a time.
        stopping: Set when somebody ends it.
    """

    def __init__(
        self,
        repository: str,
        source: Source,
        folder: Folder,
        *,
        progress: Progress,
        pace: Pace,
        stopping: threading.Event,
    ) -> None:
        self._repository, self._source, self._folder = repository, source, folder
        self._progress, self._pace, self._stopping = progress, pace, stopping
        self._files = Files(source, folder, progress=progress, pace=pace, stopping=stopping)

    def run(self, *, replace: bool = False) -> Outcome:
        """Does it; what is there already is left as it is.

        Args:
            replace: Whether a complete checkpoint of another revision may be overwritten.

        Raises:
            CannotSync: one line says why.
            Stopped: somebody ended it; run again, it goes on.
        """
        try:
            return self._run(replace)
        except ClientError as error:
            raise told(error, self._folder.bucket) from None
        except BotoCoreError as error:
            raise CannotSync(f"{self._folder.told}: {error}") from None
        finally:
            self._files.close()

    def _run(self, replace: bool) -> Outcome:
        listing = self._source.listing()
        files = [one for one in listing.files if is_wanted(one.name)]
        whole = self._folder.manifest()
        _refuse_another(whole, listing, self._folder, replace=replace)
        objects = self._folder.objects()
        partial = self._folder.manifest(PROGRESS)
        manifests = [one for one in (whole, partial) if one]
        known = _known(manifests, objects, files)
        self._check(files, objects)
        self._progress.begin(sum(one.size for one in files))
        for one in known.values():
            self._progress.did(one.name, one.size)
        if whole and dict(whole.files) == known and whole.revision == listing.revision:
            if partial:
                # Somebody was killed between the last two steps.
                self._tidy()
            return Outcome(manifest=whole, read=self._files.read, kept=len(known))
        manifest = Manifest(
            repository=self._repository,
            revision=listing.revision,
            licence=listing.licence,
            source=self._source.told,
            files=known,
        )
        # From now on the folder is not what its manifest says.
        self._folder.write_manifest(manifest, PROGRESS)
        self._folder.delete(MANIFEST, *_stale(whole, files))
        left = [one for one in files if one.name not in known]
        done = self._all(left, manifest, objects)
        self._folder.write_manifest(done)
        self._tidy()
        return Outcome(manifest=done, read=self._files.read, kept=len(known))

    def _tidy(self) -> None:
        """What a whole checkpoint has no use for; the mark of the way goes last."""
        self._folder.abort_all()
        self._folder.delete(PROGRESS)

    def _all(
        self, files: list[WeightFile], manifest: Manifest, objects: Mapping[str, Object]
    ) -> Manifest:
        uploads = self._folder.uploads()
        self._files.described = _ascii(manifest)
        # The largest first: at the end, nothing waits for one that began late.
        ordered = sorted(files, key=lambda one: -one.size)
        with concurrent.futures.ThreadPoolExecutor(self._pace.files) as at_a_time:
            left = {
                at_a_time.submit(
                    self._files.bring, one, objects.get(one.name), uploads.get(one.name)
                )
                for one in ordered
            }
            try:
                while left:
                    done, left = concurrent.futures.wait(
                        left, return_when=concurrent.futures.FIRST_COMPLETED
                    )
                    brought = {entry.name: entry for entry in (task.result() for task in done)}
                    manifest = replaced(manifest, files={**manifest.files, **brought})
                    if left:
                        self._folder.write_manifest(manifest, PROGRESS)
            except BaseException:
                self._stopping.set()
                for task in left:
                    task.cancel()
                raise
        return manifest

    def _check(self, files: list[WeightFile], objects: Mapping[str, Object]) -> None:
        """Whether the source has a whole checkpoint.

        Raises:
            CannotSync: it has none, or a part is missing.
        """
        names = {one.name for one in files}
        if not any(name.endswith(".safetensors") for name in names):
            raise CannotSync(f"{self._source.told} holds no safetensors of it")
        index = next((one for one in files if one.name == INDEX), None)
        if index is None:
            return
        content = self._in_bucket(index, objects) or self._files.hold(index)
        try:
            shards = set(json.loads(content)["weight_map"].values())
        except (ValueError, KeyError, AttributeError):
            raise CannotSync(f"{self._source.told}/{INDEX} is no index of weights") from None
        if missing := sorted(shards - names):
            raise CannotSync(f"{self._source.told}: {_some(missing)} of its index not there")

    def _in_bucket(self, file: WeightFile, objects: Mapping[str, Object]) -> bytes:
        """Content of a small file where it lies in the bucket already; else nothing."""
        there = objects.get(file.name)
        if there is None or there.size != file.size:
            return b""
        content, hasher = self._folder.read(file.name, 0, file.size), Hasher(file)
        hasher.update(content)
        return content if hasher.agrees else b""


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _known(
    manifests: list[Manifest], objects: Mapping[str, Object], files: list[WeightFile]
) -> dict[str, Entry]:
    """Files that were verified, and that nobody has changed since."""
    known = {}
    for file in files:
        for manifest in manifests:
            entry, there = manifest.files.get(file.name), objects.get(file.name)
            same = entry and there and (entry.size, entry.etag) == (there.size, there.etag)
            if entry and same and file.size == entry.size and _is(entry, file):
                digest = file.digest or entry.source_digest
                known[file.name] = replaced(entry, source_digest=digest)
    return known


def _is(entry: Entry, file: WeightFile) -> bool:
    """Whether a verified file is the one that the source has now."""
    return not file.digest or file.digest in (entry.source_digest, f"sha256:{entry.sha256}")


def _stale(whole: Manifest | None, files: list[WeightFile]) -> list[str]:
    """Files of an earlier revision that the new one does not have: a streamer would read them."""
    names = {one.name for one in files}
    return [name for name in (whole.files if whole else ()) if name not in names]


def _ascii(manifest: Manifest) -> dict[str, str]:
    """What each object says of itself; S3's metadata is ASCII."""
    said = {
        "repository": manifest.repository,
        "revision": manifest.revision,
        "licence": manifest.licence,
    }
    return {key: value.encode("ascii", "replace").decode() for key, value in said.items()}


def _refuse_another(
    whole: Manifest | None, listing: Listing, folder: Folder, *, replace: bool
) -> None:
    if whole and whole.revision != listing.revision and not replace:
        raise CannotSync(
            f"{folder.told} holds revision {whole.revision or 'unknown'}, and servers may be"
            f" reading it; --replace puts {listing.revision or 'an unknown one'} in its place"
        )
