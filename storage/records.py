"""The documents of a workspace as pydantic models: what each JSON file says.

Every document has a `schema_version` and UTC times. Fields this version doesn't know are kept and written back, so
that a newer Runshelf loses nothing. Reading is done by `read_document`, writing by `to_json`; a document of a newer
schema is read as far as possible and never written over (TooNew).
"""

from __future__ import annotations

import json
import math
import re
import secrets
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticSerializationError, from_json

from storage.checksums import FIELD, is_changed, with_checksum
from storage.errors import BadInput, Corrupt, TooNew
from storage.reading import read_bytes

_CUTS = 64  # signs that may be left out at the place where a document is damaged
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024

Status = Literal["running", "completed", "failed", "interrupted", "cancelled"]
TaskType = Literal["regression", "classification"]


def utc_now() -> datetime:
    """This moment in UTC, to the millisecond."""
    return _in_milliseconds(datetime.now(UTC))


def _in_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """ISO-8601 in UTC with a Z, for example 2026-11-20T14:03:00.123Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_RANDOM_BITS = 74
_last_id = (0, 0)  # milliseconds, random part
_id_lock = threading.Lock()


def new_id() -> str:
    """A UUIDv7 (RFC 9562 §5.7): sorts by the time it was made, and within one process strictly so.

    48 bits of milliseconds, then 74 random bits. Within one millisecond, or when the clock was set back, the random
    part of the id before is raised by a random step (RFC 9562 §6.2, method 2).
    """
    global _last_id
    with _id_lock:
        last_moment, last_random = _last_id
        moment, random = time.time_ns() // 1_000_000, secrets.randbits(_RANDOM_BITS)
        if moment <= last_moment:
            moment, random = last_moment, last_random + 1 + secrets.randbits(32)
            if random >> _RANDOM_BITS:
                moment, random = moment + 1, secrets.randbits(_RANDOM_BITS - 1)
        _last_id = (moment, random)
    high, low = random >> 62, random & (1 << 62) - 1
    return str(uuid.UUID(int=moment << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low))


def _moment(value: Any) -> Any:
    """Times are what a document can say: whole milliseconds, in UTC, which those without a zone are taken for."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime):
        try:
            in_utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
            return _in_milliseconds(in_utc)
        except OverflowError:
            raise ValueError("in UTC this time is outside the years 1 to 9999") from None
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment), PlainSerializer(iso, return_type=str)]


class Record(BaseModel):
    """A part of a document; keeps the fields it doesn't know."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, ser_json_inf_nan="null")


class Document(Record):
    """A whole JSON file. `current_schema` is the newest version this Runshelf writes.

    The checksum of a file that was read is none of what is made of it.
    """

    current_schema: ClassVar[int] = 1
    schema_version: int = 1

    @model_validator(mode="after")
    def _without_checksum(self) -> Self:
        if self.__pydantic_extra__:
            self.__pydantic_extra__.pop(FIELD, None)
        return self

    def to_json(self) -> bytes:
        """The bytes of the file: indented UTF-8, times in UTC, numbers that are no number as null, and its checksum.

        Raises TooNew for a document that a newer Runshelf wrote.
        """
        if self.schema_version > self.current_schema:
            raise TooNew(
                f"This {type(self).__name__} was written by a newer Runshelf (schema {self.schema_version}).",
                advice="Update Runshelf to change it.",
            )
        try:
            return with_checksum((self.model_dump_json(by_alias=True, indent=2) + "\n").encode())
        except PydanticSerializationError as error:
            raise BadInput(f"A value can't be recorded: {error}.", advice="Use plain numbers and texts.") from error


class MetricRecord(Record):
    """A metric of the workspace's own: the name of its column, and which end, or which `target`, is best."""

    name: str
    title: str = ""
    lower_is_better: bool | None = None
    target: float | None = Field(default=None, allow_inf_nan=False)
    digits: int = Field(default=3, ge=0, le=15)

    @field_validator("name")
    @classmethod
    def _is_a_column_name(cls, name: str) -> str:
        if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name):
            raise ValueError("a metric's name is lower-case letters, digits and underscores, a letter first")
        return name

    @model_validator(mode="after")
    def _has_one_best(self) -> Self:
        if self.lower_is_better is not None and self.target is not None:
            raise ValueError("either one end is best or the nearest to a target, not both")
        return self


class WorkspaceRecord(Document):
    """runshelf.json: marks the root of a workspace."""

    workspace_id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    format_version: int = 1
    created_at: Moment = Field(default_factory=utc_now)
    allowed_modules: list[str] = []
    metrics: list[MetricRecord] = []


class DatasetSource(Record):
    """Where the data of a run came from, and what of it was used."""

    path: str = ""
    sha256: str = ""
    data_hash: str = ""
    shape: list[int] = []
    target: list[str] = []
    units: str = ""
    split: dict[str, Any] = {}


class PlannedPipeline(Record):
    """One pipeline a run was asked for."""

    pipeline_id: str
    name: str = ""
    config_file: str = ""
    status: str = "running"


class RunConfig(Document):
    """run_config.json: what was asked."""

    run_id: str
    dataset_name: str
    run_name: str = ""
    created_at: Moment = Field(default_factory=utc_now)
    created_by: str = ""
    description: str = ""
    dataset_source: DatasetSource = Field(default_factory=DatasetSource)
    task_type: TaskType | None = None
    global_params: dict[str, Any] = {}
    app_version: str = ""
    python_version: str = ""
    pipelines: list[PlannedPipeline] = []


class BestPipeline(Record):
    """The best pipeline of a run by one metric."""

    pipeline_id: str
    metric_name: str
    metric_value: float


class RunStatistics(Record):
    """What a run holds on disk; `bytes_saved` is what sharing artifacts saved."""

    artifact_count: int = 0
    bytes: int = 0
    bytes_saved: int = 0


class RunFailure(Record):
    """One pipeline that failed, in a sentence."""

    pipeline_id: str
    message: str
    at: Moment


class RunSummary(Document):
    """run_summary.json: what came out."""

    status: Status = "running"
    writer: str = ""
    started_at: Moment = Field(default_factory=utc_now)
    completed_at: Moment | None = None
    duration_seconds: float | None = None
    total: int = 0
    successful: int = 0
    failed: int = 0
    interrupted: int = 0
    best_pipeline: BestPipeline | None = None
    statistics: RunStatistics = Field(default_factory=RunStatistics)
    errors: list[RunFailure] = []


class StepRecord(Record):
    """One step of a pipeline as it was built; `params` are all of them, defaults included."""

    step: int
    operator: str
    class_name: str = Field(alias="class")
    params: dict[str, Any] = {}


class ArtifactRecord(Record):
    """A fitted object in `_binaries/`, named by its full sha256; `path` is relative to the pipeline's folder.

    `signature` says who made it, see `storage.trust`; empty where nobody signed.
    """

    step: int
    fold: int | None = None
    name: str
    sha256: str
    path: str
    bytes: int
    signature: str = ""
    key_id: str = ""


class SamplesRecord(Record):
    """Rows of the data a pipeline was trained on, as a NumPy file, and what it predicted for them at first.

    `rows` are their numbers in the data; `predicted` are numbers; of classes there are `labels`, perhaps
    `probabilities` in the order of `classes`.
    """

    name: str = "samples"
    sha256: str
    path: str
    bytes: int
    rows: list[int] = []
    predicted: list[Any] = []
    labels: list[str] = []
    classes: list[str] = []
    probabilities: list[list[float]] = []


class ThinnedRecord(Record):
    """That arrays and models of a pipeline were taken away, and the folder below the workspace that has them."""

    at: Moment
    archive: str


class ForeignSource(Record):
    """Which of another program's results a pipeline was made from: the form, the id there, and a digest of it."""

    form: str
    id: str
    key: str


class PipelineRecord(Document):
    """pipeline.json: one pipeline, what it is and how it went.

    `digests` has the sha256 of each file that was written beside it.
    """

    id: str
    number: int
    prediction_id: str
    name: str = ""
    hash: str = ""
    status: Status = "running"
    writer: str = ""
    created_at: Moment = Field(default_factory=utc_now)
    completed_at: Moment | None = None
    duration_seconds: float | None = None
    fit_seconds: float | None = None
    created_by: str = ""
    seed: int | None = None
    n_samples: int | None = None
    n_features: int | None = None
    n_folds: int | None = None
    task_type: TaskType | None = None
    labels: list[str] = []
    model_type: str = ""
    config_name: str = ""
    error: str = ""
    environment: dict[str, Any] = {}
    dataset_source: DatasetSource = Field(default_factory=DatasetSource)
    template: dict[str, Any] = {}
    steps: list[StepRecord] = []
    artifacts: list[ArtifactRecord] = []
    samples: SamplesRecord | None = None
    thinned: ThinnedRecord | None = None
    source: ForeignSource | None = None
    digests: dict[str, str] = {}

    def binaries(self) -> list[ArtifactRecord | SamplesRecord]:
        """Every file of the run's `_binaries/` that the pipeline needs; a thinned one needs none."""
        return self.all_binaries() if self.thinned is None else []

    def all_binaries(self) -> list[ArtifactRecord | SamplesRecord]:
        """Every file of the run's `_binaries/` that it ever named."""
        return [*self.artifacts, *([self.samples] if self.samples is not None else [])]


class PartRecord(Record):
    """One live part file of a catalog dataset.

    `footer` is the sha256 of the Parquet footer alone; `merged` says that the rows come from other parts, unchanged.
    `foreign` says that rows of another program are among them, which may be other values of known results.
    """

    file: str
    rows: int
    bytes: int
    sha256: str
    footer: str = ""
    merged: bool = False
    foreign: bool = False


class Manifest(Record):
    """catalog/manifest.json, the commit point: only parts named here count.

    `checksum_of` is the generation that its checksum is of: another program that writes the next one need know of
    neither.
    """

    format: int = 1
    generation: int = 0
    checksum_of: int | None = None
    meta: list[PartRecord] = []
    data: list[PartRecord] = []
    annotations: list[PartRecord] = []


AnyRecord = TypeVar("AnyRecord", bound=Record)


def read_document(path: Path, kind: type[AnyRecord]) -> AnyRecord:
    """Read one JSON document. Raises NotFound, or Corrupt with the reason."""
    return parse_document(read_bytes(path, "document", MAX_DOCUMENT_BYTES), path, kind)


def parse_document(data: bytes, path: Path, kind: type[AnyRecord]) -> AnyRecord:
    """The document that stands in a file at `path`. Raises Corrupt with the reason."""
    try:
        return kind.model_validate_json(data)
    except (ValidationError, RecursionError) as error:
        raise Corrupt(f"{path.name} is damaged: {first_reason(error)}.", path, "Restore it from a copy.") from error


def read_json(path: Path) -> Any:
    """Read a JSON file of any shape. Raises NotFound, or Corrupt with the reason."""
    data = read_bytes(path, "document", MAX_DOCUMENT_BYTES)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{path.name} is damaged: {first_reason(error)}.", path, "Restore it from a copy.") from error


def was_changed(path: Path) -> bool:
    """Whether a document was changed since Runshelf wrote it. Raises NotFound, Corrupt for one that can't be read."""
    return is_changed(read_bytes(path, "document", MAX_DOCUMENT_BYTES))


def readable_part(data: bytes) -> dict[str, Any]:
    """What can be read of a damaged JSON document: what stands before the place where it is; empty where nothing can.

    A text that is cut short is left out, and so is all of a document that is no object.
    """
    text = data.decode("utf-8", errors="replace").replace("\0", "")
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        text = text[: error.pos]
    except (ValueError, RecursionError):
        return {}
    for _ in range(_CUTS):
        try:
            found = from_json(text, allow_partial=True)
            return found if isinstance(found, dict) else {}
        except ValueError:  # it ends within something that only its next sign would make sense of
            text = text[:-1].rstrip()
    return {}


def plain(value: Any) -> Any:
    """Turn numpy scalars and arrays, tuples and paths into JSON types; NaN and infinities become None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Path):
        return str(value)
    return value


def to_json(value: Any) -> bytes:
    """The bytes of a JSON file that is no model (metrics.json): indented, UTF-8, no NaN."""
    found = plain(value)
    try:
        return (json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except UnicodeEncodeError:  # half a character, which only an escape can say
        return (json.dumps(found, indent=2, allow_nan=False) + "\n").encode()


def document_json(document: dict[str, Any]) -> bytes:
    """The bytes of a document that is no model, with its checksum."""
    return with_checksum(to_json({name: value for name, value in document.items() if name != FIELD}))


def has_classes(task_type: str | None) -> bool | None:
    """Whether y of a task holds labels; None where nobody said which task it is."""
    return None if task_type is None else task_type == "classification"


def first_reason(error: Exception) -> str:
    """The first thing a validation found wrong, with its place."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            reason = str(first["ctx"]["error"])
            ended = re.fullmatch(r"EOF while parsing .* at line (\d+) column \d+", reason)
            return f"it breaks off in line {ended[1]}" if ended else f"it is no JSON: {reason}"
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}" if place else str(first["msg"])
    if isinstance(error, json.JSONDecodeError):
        broken_off = error.msg.startswith("Unterminated") or not error.doc[error.pos :].strip()
        return f"it breaks off in line {error.lineno}" if broken_off else f"it is no JSON: {error}"
    return str(error) or type(error).__name__
