"""Loading a fitted pipeline: verified, from known-safe types or trusted, and compared with what it predicted before.

Every artifact is read once; what is hashed is what is loaded. One that its user made, or trusts, is loaded whatever it
names; any other only where all it names is known to do no harm.
"""

from __future__ import annotations

import hashlib
import pickle
import shlex
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.artifacts import FOLDER as BINARIES
from storage.errors import BadInput, Conflict, Corrupt, NotFound, StorageError, Untrusted
from storage.pickles import UNREADABLE, load_known_safe, types_in
from storage.reading import read_pieces
from storage.records import ArtifactRecord, PipelineRecord, SamplesRecord, read_document
from storage.reloading import Foreseen, foresee
from storage.restraint import restrained
from storage.trust import Keyring

if TYPE_CHECKING:
    from storage.stored_samples import Verdict

COPIED = "artifacts"  # the folder of a copy that holds what was in `_binaries/`
KNOWN_SAFE = "known-safe"
_SHOWN = 8


@dataclass(frozen=True)
class LoadedPipeline:
    """A fitted `sklearn.pipeline.Pipeline`, what was expected of loading it, and whether it predicts as before.

    `trusted_as` says for each step why it was loaded: own, trusted, known-safe or asked for.
    """

    model: Any
    record: PipelineRecord
    foreseen: Foreseen
    verdict: Verdict
    trusted_as: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def load_folder(folder: Path, keyring: Keyring | None = None, *, trust: bool = False) -> LoadedPipeline:
    """Load the pipeline of a folder, in its run or in a copy. With `trust`, this once, whoever made it.

    Raises NotFound, Corrupt for what is damaged or not what was stored, Untrusted for what somebody else made and that
    names what is not known to do no harm, Conflict where it can't be read with what is installed here or was thinned.
    """
    from sklearn.pipeline import Pipeline

    record = read_document(folder / "pipeline.json", PipelineRecord)
    artifacts = _final_steps(folder, record)
    contents = _read_steps(folder, record, artifacts)
    foreseen = foresee(record, _names_in(contents))
    loaded = _loaded(folder, artifacts, contents, keyring or Keyring(), foreseen, trust)
    model = Pipeline([(artifact.name, one.value) for artifact, one in zip(artifacts, loaded, strict=True)])
    told = dict.fromkeys(text for one in loaded for text in one.warnings)
    stranger = any(one.because == KNOWN_SAFE for one in loaded)
    with restrained() if stranger else nullcontext():
        verdict = _verdict(folder, record, model)
    return LoadedPipeline(model, record, foreseen, verdict, tuple(one.because for one in loaded), tuple(told))


def load_exported(folder: Path | str, trust: bool = False) -> LoadedPipeline:
    """Load an exported pipeline from its folder, without a workspace; raises what `load_folder` does."""
    return load_folder(Path(folder).absolute(), trust=trust)


def foresee_folder(folder: Path) -> Foreseen:
    """What loading the pipeline of a folder will come to; nothing is unpickled. Raises what `load_folder` does."""
    record = read_document(folder / "pipeline.json", PipelineRecord)
    return foresee(record, _names_in(_read_steps(folder, record, _final_steps(folder, record))))


def read_verified(folder: Path, record: ArtifactRecord) -> bytes:
    """The bytes of an artifact of a run or a copy, verified against its sha256. Raises NotFound, Corrupt, BadInput."""
    path = place_of(folder, record)
    pieces, size = [], 0
    for piece in read_pieces(path, "artifact"):
        size += len(piece)
        if size > record.bytes:
            break
        pieces.append(piece)
    data = b"".join(pieces)
    if size != record.bytes or hashlib.sha256(data).hexdigest() != record.sha256:
        raise Corrupt(f"The artifact {path.name} is not what was stored.", path, "Use another copy of it.")
    return data


def place_of(folder: Path, record: ArtifactRecord | SamplesRecord) -> Path:
    """Where a file of a pipeline lies: beside it in its run, or in its copy. Raises Corrupt for anywhere else."""
    name = Path(record.path).name
    homes = {f"../{BINARIES}/{name}": folder.parent / BINARIES, name: folder.parent / BINARIES}
    home = (homes | {f"{COPIED}/{name}": folder / COPIED}).get(record.path)
    if home is None or home.is_symlink():
        raise Corrupt(f"The artifact '{record.name}' points outside its pipeline.", folder, "Don't use it.")
    return home / name


def _final_steps(folder: Path, record: PipelineRecord) -> list[ArtifactRecord]:
    steps = sorted((one for one in record.artifacts if one.fold is None), key=lambda one: one.step)
    if not steps:
        raise NotFound(f"{record.id} has no fitted steps: it is {record.status}.", folder, "Choose another pipeline.")
    if len({one.step for one in steps}) != len(steps) or len({one.name for one in steps}) != len(steps):
        raise BadInput(f"{record.id} has several artifacts for one step.", folder, "Load them one by one.")
    return steps


def _read_steps(folder: Path, record: PipelineRecord, artifacts: Sequence[ArtifactRecord]) -> list[bytes]:
    """The bytes of all steps. Raises what `read_verified` does, Conflict where thinning took one of them away."""
    try:
        return [read_verified(folder, one) for one in artifacts]
    except NotFound as error:
        if record.thinned is None:
            raise
        raise _thinned(folder, record.id, record.thinned.archive) from error


def _thinned(folder: Path, pipeline_id: str, archive: str) -> Conflict:
    """What to tell of a thinned pipeline: where its fitted steps lie, and what brings them back."""
    if not (folder.parent.parent.parent / archive).is_dir():
        advice = "Bring that back from a copy or from the trash, or train it again from its configuration."
        return Conflict(f"{pipeline_id} was thinned, and what it had is not in {archive} any more.", folder, advice)
    command = shlex.join(["runshelf", "thin", "--undo", "--run", folder.parent.name, "--pipeline", folder.name])
    what = f"{pipeline_id} was thinned: its fitted steps lie in {archive}."
    return Conflict(what, folder, f"Bring them back with: {command}")


def _names_in(contents: Sequence[bytes]) -> list[str]:
    return sorted({name for data in contents for name in types_in(data)})


@dataclass(frozen=True)
class _Loaded:
    """A fitted step, why it was loaded, and what was warned of."""

    value: Any
    because: str
    warnings: tuple[str, ...]


def _loaded(
    folder: Path,
    artifacts: Sequence[ArtifactRecord],
    contents: Sequence[bytes],
    keyring: Keyring,
    foreseen: Foreseen,
    trust: bool,
) -> list[_Loaded]:
    """Load all steps; those nobody vouches for first, so that nothing is run where one of them is refused."""
    judged = [keyring.judge(one.sha256, one.signature, one.key_id) for one in artifacts]
    found: dict[int, _Loaded] = {}
    refused: dict[int, str] = {}
    for number, artifact in enumerate(artifacts):
        if not trust and not judged[number].is_vouched_for:
            try:
                found[number] = _load(folder, artifact, contents[number], KNOWN_SAFE, load_known_safe, foreseen)
            except Untrusted as error:
                refused[number] = f"{artifact.name}: {judged[number].why} {error.what}"
    if refused:
        raise _untrusted(folder, [artifacts[n] for n in refused], list(refused.values()), foreseen.names)
    for number, artifact in enumerate(artifacts):
        if number not in found:
            because = judged[number].origin if judged[number].is_vouched_for else "asked for"
            found[number] = _load(folder, artifact, contents[number], because, pickle.loads, foreseen)
    return [found[number] for number in range(len(artifacts))]


def _untrusted(
    folder: Path, refused: Sequence[ArtifactRecord], reasons: Sequence[str], names: Sequence[str]
) -> Untrusted:
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    digests = list(dict.fromkeys(one.sha256 for one in refused))
    command = shlex.join(["runshelf", "trust", "add", *digests])
    return Untrusted(
        f"It was not loaded, for loading it may run a program. {' '.join(reasons)} It names {shown}.",
        folder,
        f"If you know who made it, and trust them: {command}",
        digests,
        names,
    )


def _load(
    folder: Path,
    artifact: ArtifactRecord,
    data: bytes,
    because: str,
    loads: Callable[[bytes], Any],
    foreseen: Foreseen,
) -> _Loaded:
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            value = loads(data)
    except Untrusted:
        raise
    except (Corrupt, *UNREADABLE) as error:
        reason = error.what if isinstance(error, Corrupt) else f"{type(error).__name__}: {str(error)[:300]}."
        raise Conflict(
            f"The step '{artifact.name}' can't be loaded here. {reason} {foreseen}",
            folder,
            "Load it with the versions it was made with, or train it again from its configuration.",
        ) from error
    lines = (str(one.message).splitlines() for one in told)
    return _Loaded(value, because, tuple(line[0] for line in lines if line))


def _verdict(folder: Path, record: PipelineRecord, model: Any) -> Verdict:
    from storage.stored_samples import Verdict, compare, read_samples

    units = record.dataset_source.units
    if record.samples is None:
        return Verdict("not compared", "No samples were stored with it: there is nothing to compare with.")
    try:
        X = read_samples(place_of(folder, record.samples), record.samples)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compare(model, record.samples, X, units)
    except StorageError as error:
        return Verdict("not compared", f"Its stored samples can't be read: {error.what}", units=units)
    except UNREADABLE as error:
        text = f"It does not predict its stored samples any more: {type(error).__name__}: {str(error)[:200]}"
        return Verdict("differs", text, units=units)
