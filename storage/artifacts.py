"""Artifacts: fitted objects in `_binaries/`, named by what they contain, so that equal ones are stored once.

A file is `<Class>_<first digits of its sha256>.pkl`, or `samples_….npy` for rows of the data; the full digest stands in
pipeline.json. Where two different contents share those digits the later one gets more of them.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.disk import Disk
from storage.errors import BadInput, Corrupt
from storage.layout import HASH_DIGITS, folder_part
from storage.reading import read_bytes, read_pieces
from storage.records import ArtifactRecord, SamplesRecord
from storage.trees import file_digest
from storage.trust import Keyring

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = "_binaries"
_PROTOCOL = 5
_AT_ONCE = 16 * 1024 * 1024  # bytes of a file that is held in memory while it is stored


class Artifacts:
    """The artifact folder of one run. `tell` hears, once, why artifacts are not signed."""

    def __init__(
        self, disk: Disk, run_folder: Path, tell: Callable[[str], None] = print, keyring: Keyring | None = None
    ) -> None:
        self._disk = disk
        self._folder = run_folder / FOLDER
        self._tell = tell
        self._keyring = keyring or Keyring()
        self.after_pickling: Callable[[], None] = lambda: None  # for objects are pickled by code of their own
        self._told = False
        self._known: dict[str, str] = {}  # sha256 -> file name, as this process wrote or verified it
        self._lock = threading.Lock()

    def save(self, name: str, value: Any, step: int = 0, fold: int | None = None) -> ArtifactRecord:
        """Store an object, signed (or reuse the file that holds the same bytes).

        Raises BadInput if it can't be pickled.
        """
        try:
            data = pickle.dumps(value, protocol=_PROTOCOL)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise BadInput(
                f"The artifact '{name}' can't be stored: {error}.", advice="Use named functions instead of lambdas."
            ) from error
        finally:
            self.after_pickling()
        digest = hashlib.sha256(data).hexdigest()
        file_name = self._stored(folder_part(type(value).__name__) or "object", "pkl", digest, data)
        signature, key_id = self._sign(digest)
        return ArtifactRecord(
            step=step,
            fold=fold,
            name=name,
            sha256=digest,
            path=f"../{FOLDER}/{file_name}",
            bytes=len(data),
            signature=signature,
            key_id=key_id,
        )

    def adopt(self, path: Path, name: str, step: int = 0, fold: int | None = None) -> ArtifactRecord:
        """Store a file that somebody else wrote, byte by byte and without a signature; nothing in it is run.

        It is called by the first word of its own name, and keeps its ending. Raises what reading it does.
        """
        word = folder_part(path.name.partition(".")[0].rpartition("_")[0] or path.stem) or "object"
        ending = folder_part(path.suffix.lstrip("."), 12) or "bin"
        if not _is_large(path):
            data = b"".join(read_pieces(path, "artifact"))
            digest = hashlib.sha256(data).hexdigest()
            stored, size = self._stored(word, ending, digest, data), len(data)
        else:
            digest, stored, size = self._adopt_large(path, word, ending)
        return ArtifactRecord(step=step, fold=fold, name=name, sha256=digest, path=f"../{FOLDER}/{stored}", bytes=size)

    def _adopt_large(self, path: Path, word: str, ending: str) -> tuple[str, str, int]:
        with self._disk.draft(self._folder) as draft:  # however large it is, it is not held in memory
            written = draft.copy("file", path)
            with self._lock:
                stored = self._known.get(written.sha256)
                if stored is None or not (self._folder / stored).is_file():
                    staged, digest = draft.folder / "file", written.sha256
                    put = partial(self._disk.place_new, staged)
                    stored = self._known[digest] = self._named(word, ending, digest, written.bytes, put)
        return written.sha256, stored, written.bytes

    def _sign(self, digest: str) -> tuple[str, str]:
        signed = self._keyring.sign(digest)
        if self._keyring.problem and not self._told:
            self._told = True
            self._tell(f"warning: {self._keyring.problem}")
        return signed

    def save_samples(self, X: NDArray[Any]) -> SamplesRecord:
        """Store rows of the data as a NumPy file, once for all pipelines that were trained on them."""
        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, X, allow_pickle=False)
        data = buffer.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        file_name = self._stored("samples", "npy", digest, data)
        return SamplesRecord(sha256=digest, path=f"../{FOLDER}/{file_name}", bytes=len(data))

    def _stored(self, word: str, ending: str, digest: str, data: bytes) -> str:
        """The name of the file that holds these bytes, written unless it is there."""
        with self._lock:
            known = self._known.get(digest)
            # Thinning, or emptying the trash, may have taken away what this process wrote.
            if known is None or not (self._folder / known).is_file():
                known = self._known[digest] = self._store(word, ending, digest, data)
            return known

    def _store(self, word: str, ending: str, digest: str, data: bytes) -> str:
        self._disk.make_folder(self._folder)
        return self._named(word, ending, digest, len(data), lambda path: self._disk.write_new(path, data))

    def _named(self, word: str, ending: str, digest: str, size: int, put: Callable[[Path], bool]) -> str:
        """The shortest name that is free or holds these bytes; `put` writes there, and says whether it was free."""
        for digits in range(HASH_DIGITS, len(digest) + 1, 2):
            file_name = f"{word}_{digest[:digits]}.{ending}"
            path = self._folder / file_name
            if put(path) or (path.stat().st_size == size and file_digest(path) == digest):
                return file_name
        raise Corrupt(
            f"A file named by the whole digest {digest} holds other bytes.",
            self._folder,
            "Look at it: runshelf check --deep.",
        )


def _is_large(path: Path) -> bool:
    try:
        return os.stat(path, follow_symlinks=False).st_size > _AT_ONCE
    except OSError:
        return False  # reading it says what is wrong


def artifact_path(pipeline_folder: Path, record: ArtifactRecord | SamplesRecord) -> Path:
    """Where an artifact of a pipeline lies. Raises Corrupt when its path leaves the run's `_binaries/`."""
    path = pipeline_folder.parent / FOLDER / Path(record.path).name
    if record.path not in (f"../{FOLDER}/{path.name}", path.name):
        raise Corrupt(f"The artifact '{record.name}' points outside its run.", pipeline_folder, "Don't use it.")
    if path.parent.is_symlink():
        raise Corrupt(f"{FOLDER} is a link to outside its run.", path.parent, "Put the folder itself there.")
    return path


def read_artifact(pipeline_folder: Path, record: ArtifactRecord | SamplesRecord) -> bytes:
    """The bytes of an artifact, verified against its sha256; nothing is unpickled.

    Raises NotFound, or Corrupt when the bytes are not what was stored or the path leaves the run's `_binaries/`.
    """
    path = artifact_path(pipeline_folder, record)
    data = read_bytes(path, "artifact")
    if hashlib.sha256(data).hexdigest() != record.sha256:
        raise Corrupt(f"The artifact {path.name} is not what was stored.", path, "Run: runshelf check --deep.")
    return data
