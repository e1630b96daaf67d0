"""The library: what somebody chose to keep. Templates, and results with their metrics, whole pipelines, whole runs.

Always a copy: what it was made from may be deleted. Nothing in it is ever written over; what is taken away goes to the
trash. Looking, packing and unpacking never run or unpickle anything.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.annotations import checked_notes, checked_tag
from storage.checksums import FIELD, with_checksum
from storage.configs import METADATA_KEY, PipelineConfig, checked_config, inline_configs
from storage.copies import CONFIG, METADATA, config_of, copied_size, copy_pipeline, copy_run, ended, read_metrics
from storage.disk import Disk, Draft, replaced_file, user_name
from storage.errors import BadInput, Conflict, Corrupt, Exists, NameRefused, NotFound, ReadOnly, TooNew, in_sentences
from storage.findings import count
from storage.layout import MAX_NAME_BYTES, Layout, checked_name, folder_part, pipeline_folder, pipeline_number
from storage.library_items import (
    LIBRARY_KINDS,
    LibraryItem,
    LibraryRecord,
    Shelf,
    packed_record,
    parse_template,
    read_template,
    wrong_with,
)
from storage.packages import Package, open_package, write_package
from storage.plan import Plan, Report, Step
from storage.provenance import note_pipeline, note_run
from storage.reading import is_plain_file, is_plain_folder
from storage.records import (
    PipelineRecord,
    plain,
    read_document,
    read_json,
    to_json,
    utc_now,
)
from storage.restoration import TrashBin
from storage.trees import file_digest, listing_digest, read_tree, tree_bytes

if TYPE_CHECKING:
    import builtins

    from storage.loading import LoadedPipeline

_WORDS = {"template": "template", "filtered": "filtered result", "pipeline": "kept pipeline", "fullrun": "full run"}


@in_sentences
class Library:
    """The library of one workspace. `run_folder` gives the folder of a run id, `check_idle` refuses a run at work."""

    def __init__(
        self,
        layout: Layout,
        disk: Disk,
        trash: TrashBin,
        run_folder: Callable[[str], str],
        check_idle: Callable[[str], None],
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._trash = trash
        self._run_folder = run_folder
        self._check_idle = check_idle
        self._shelf = Shelf(layout)

    # ------------------------------------------------------------ looking

    def list(self, kind: str | None = None, text: str = "") -> builtins.list[LibraryItem]:
        """The items of a kind, or all, by kind and name; those that match every word of `text`.

        A damaged item is listed with its `problem`. Raises NotFound where the whole workspace is away.
        """
        self._disk.check_there()
        found: dict[tuple[str, str], LibraryItem] = {}
        for one in LIBRARY_KINDS if kind is None else (kind,):
            try:
                names = self._shelf.names(one)
            except ReadOnly as error:  # it hides those of the other kinds not
                home = self._shelf.home(one)
                found[one, ""] = LibraryItem(one, home.name, home, problem=error.what)
                continue
            for name in names:
                with suppress(NotFound):  # deleted in this moment
                    found[one, name] = self._shelf.item(one, name)
        items = sorted(found.values(), key=lambda item: (LIBRARY_KINDS.index(item.kind), item.name.casefold()))
        return [item for item in items if not text or item.matches(text)]

    def get(self, kind: str, name: str) -> LibraryItem:
        """One item. Raises NotFound."""
        return self._shelf.item(kind, name)

    def config(self, kind: str, name: str) -> dict[str, Any] | builtins.list[dict[str, Any]]:
        """The configuration to run again; of a fullrun the list of them. Raises NotFound or Corrupt."""
        path = self.config_path(kind, name)
        found = read_template(path)[0] if kind == "template" else read_json(path)
        if not isinstance(found, (dict, list)):
            raise Corrupt(f"{path.name} of '{name}' holds no configuration.", path, "Restore it from a copy.")
        return found

    def export_config(self, kind: str, name: str, path: Path | str) -> int:
        """Write the configuration of an item to a new JSON file; returns its size. Raises Exists, NotFound, Corrupt."""
        path, data = Path(path), to_json(self.config(kind, name))
        if path.exists():
            raise Exists(f"{path} exists already.", path, "Choose another name.")
        with replaced_file(path, new=True) as file:
            file.write(data)
        return len(data)

    def config_path(self, kind: str, name: str) -> Path:
        """The file that runs it again, as a run request takes it. Raises NotFound where there is none."""
        item = self.get(kind, name)
        path = item.path if kind == "template" else item.path / CONFIG
        if not is_plain_file(path) or item.path.is_symlink():
            raise NotFound(f"'{name}' has no configuration that can be run again.", path, "Choose another.")
        return path

    def load(
        self, kind: str, name: str, pipeline_id: str | None = None, *, trust: bool = False
    ) -> LoadedPipeline | PipelineConfig:
        """Load a kept pipeline, or one pipeline of a fullrun, fitted; of any other kind its configuration.

        A configuration's `build()` gives the pipeline unfitted. Raises what Workspace.load does, BadInput where one
        of several has to be named.
        """
        from storage.loading import load_folder

        item = self._whole(kind, name)
        if kind == "pipeline":
            return load_folder(item.path, trust=trust)
        if kind == "fullrun":
            return load_folder(self._pipeline_of(item, pipeline_id), trust=trust)
        found = self.config(kind, name)
        configs = inline_configs(found if isinstance(found, list) else [found])
        if len(configs) != 1:
            raise BadInput(
                f"'{name}' is {len(configs)} pipelines, not one.", item.path, "Take them from its file: load_configs."
            )
        return configs[0]

    def _pipeline_of(self, item: LibraryItem, pipeline_id: str | None) -> Path:
        names = sorted(path.name for path in item.path.iterdir() if pipeline_number(path.name) is not None)
        if pipeline_id not in names:
            what = f"has no pipeline '{pipeline_id}'" if pipeline_id else f"is {len(names)} pipelines"
            raise NotFound(f"'{item.name}' {what}.", item.path, f"Name one of them: {', '.join(names[:8])}.")
        return item.path / pipeline_id

    def verify(self, kind: str, name: str, report: Report | None = None) -> builtins.list[str]:
        """Read an item whole and compare it with its digest; returns what is wrong, in sentences."""
        item = self.get(kind, name)
        if item.problem or kind == "template":  # a template is people's own to edit
            return [item.problem] if item.problem else []
        wrong = wrong_with(item, report)
        return [wrong] if wrong else []

    def free_name(self, kind: str, name: str) -> str:
        """A name for a new item that is safe and not taken, made from any text: `corn`, then `corn 2`."""
        try:
            base = checked_name(name, "library")
        except NameRefused:
            base = folder_part(name, MAX_NAME_BYTES - 8) or kind
            with suppress(NameRefused):
                base = checked_name(base, "library")
        taken = {_folded(one) for one in self._shelf.names(kind)}
        room = MAX_NAME_BYTES - 8  # the number needs some, too
        fits = _is_safe(base) and len(base.encode()) <= room
        stem = base if fits else folder_part(base, room) or kind
        number = 1
        tried = base
        while _folded(tried) in taken or not _is_safe(tried):
            number += 1
            tried = f"{stem} {number}"
        return tried

    # ------------------------------------------------------------ saving

    def save(
        self,
        kind: str,
        name: str,
        run_id: str,
        pipeline_id: str = "",
        description: str = "",
        tags: Sequence[str] = (),
        report: Report | None = None,
    ) -> LibraryItem:
        """Keep a run, or a pipeline of it, as what `kind` says; see `save_template` and those below."""
        if kind == "template":
            return self.save_template((run_id, pipeline_id), name, description, tags)
        if kind == "filtered":
            return self.save_filtered(run_id, pipeline_id, name, description, tags)
        if kind == "pipeline":
            return self.save_pipeline(run_id, pipeline_id, name, description, tags, report)
        return self.save_fullrun(run_id, name, description, tags, report)

    def plan_save(
        self,
        kind: str,
        name: str,
        config_or_ref: Mapping[str, Any] | tuple[str, str],
        description: str = "",
        tags: Sequence[str] = (),
    ) -> Plan:
        """A plan that keeps a configuration, or what is named by run id and pipeline id. Raises what saving it does."""
        record = self._new_record(kind, name, description, tags)
        place = self._shelf.place(kind, record.name)
        where = place.relative_to(self._layout.root).as_posix()
        folder: Path | None = None
        if isinstance(config_or_ref, Mapping):
            checked_config(config_or_ref)
        elif kind == "fullrun":
            folder = self._layout.run(self._run_folder(config_or_ref[0]))
            self._check_idle(folder.name)
        else:
            folder = self._pipeline_folder(*config_or_ref)
            ended(folder)
        if folder is not None and kind in ("pipeline", "fullrun"):
            tree = read_tree(folder)
            files, size = copied_size(folder) if kind == "pipeline" else (len(tree.files), tree.bytes)
            step = Step(f"Copy {count(files, 'file')} to {where}.", size)
        else:
            step = Step(f"Write the configuration{' and the metrics' if kind == 'filtered' else ''} to {where}.")

        def work(report: Report) -> str:
            if isinstance(config_or_ref, Mapping):
                item = self.save_template(config_or_ref, name, description, tags)
            else:
                item = self.save(kind, name, *config_or_ref, description, tags, report)
            return f"Kept as {_WORDS[kind]} '{item.name}', {item.bytes:,} bytes."

        def look() -> object:
            return place.exists(), folder and folder.is_dir() and read_tree(folder)

        return Plan(f"Keep '{record.name}' in the library", (step,), look, work)

    def save_template(
        self,
        config_or_ref: Mapping[str, Any] | tuple[str, str],
        name: str,
        description: str = "",
        tags: Sequence[str] = (),
    ) -> LibraryItem:
        """Keep a configuration, or that of a pipeline named by run id and pipeline id.

        Raises BadInput for what is no configuration, Exists, NameRefused, NotFound.
        """
        record = self._new_record("template", name, description, tags)
        if isinstance(config_or_ref, tuple):
            folder = self._pipeline_folder(*config_or_ref)
            pipeline = read_document(folder / "pipeline.json", PipelineRecord)
            note_pipeline(record, folder, pipeline)
            config = config_of(pipeline)
        else:
            config = dict(config_or_ref)
        document = {"name": record.name, **plain(checked_config(config))}
        record.description = record.description or str(document.get("description") or "")
        data = to_json(document)
        record.bytes, record.digest = len(data), listing_digest({CONFIG: hashlib.sha256(data).hexdigest()})
        with self._disk.lock("library"):
            self._refuse_taken("template", record.name)
            path = self._shelf.place("template", record.name)
            self._disk.make_folders([path.parent])
            self._disk.write_new(path, _template(document, record))
        return self.get("template", record.name)

    def save_filtered(
        self, run_id: str, pipeline_id: str, name: str, description: str = "", tags: Sequence[str] = ()
    ) -> LibraryItem:
        """Keep configuration and metrics of a pipeline. Raises Exists, NameRefused, NotFound, Corrupt, Conflict."""
        folder = self._pipeline_folder(run_id, pipeline_id)

        def fill(draft: Draft, record: LibraryRecord) -> None:
            pipeline = ended(folder)
            note_pipeline(record, folder, pipeline)
            draft.write(CONFIG, to_json(config_of(pipeline)))
            draft.write("metrics.json", to_json(dict(read_metrics(folder))))

        return self._save("filtered", name, description, tags, fill)

    def save_pipeline(
        self,
        run_id: str,
        pipeline_id: str,
        name: str,
        description: str = "",
        tags: Sequence[str] = (),
        report: Report | None = None,
    ) -> LibraryItem:
        """Keep all of a pipeline, and the artifacts it names. Raises what `save_filtered` does."""
        folder = self._pipeline_folder(run_id, pipeline_id)

        def fill(draft: Draft, record: LibraryRecord) -> None:
            note_pipeline(record, folder, copy_pipeline(draft, folder, report or _silent))

        return self._save("pipeline", name, description, tags, fill)

    def save_fullrun(
        self,
        run_id: str,
        name: str,
        description: str = "",
        tags: Sequence[str] = (),
        report: Report | None = None,
    ) -> LibraryItem:
        """Keep a whole run folder. Raises Exists, NameRefused, NotFound, Corrupt, Locked while it is written."""
        folder = self._layout.run(self._run_folder(run_id))

        def fill(draft: Draft, record: LibraryRecord) -> None:
            self._check_idle(folder.name)
            pipelines = copy_run(draft, folder, report or _silent)
            self._check_idle(folder.name)  # nobody began to write meanwhile
            note_run(record, folder, pipelines)

        return self._save("fullrun", name, description, tags, fill)

    def _save(
        self,
        kind: str,
        name: str,
        description: str,
        tags: Sequence[str],
        fill: Callable[[Draft, LibraryRecord], None],
    ) -> LibraryItem:
        record = self._new_record(kind, name, description, tags)
        with self._disk.draft(self._shelf.home(kind)) as draft:
            fill(draft, record)
            record.bytes = sum(file.bytes for file in draft.files.values())
            record.digest = listing_digest({path: file.sha256 for path, file in draft.files.items()})
            draft.write(METADATA, record.to_json())
            self._place(draft, record)
        return self.get(kind, record.name)

    def _place(self, draft: Draft, record: LibraryRecord) -> None:
        draft.sync()  # not while others wait
        with self._disk.lock("library"):
            self._refuse_taken(record.kind, record.name)
            self._disk.place_draft(draft, self._shelf.place(record.kind, record.name))

    def _new_record(self, kind: str, name: str, description: str, tags: Sequence[str]) -> LibraryRecord:
        name = checked_name(name, "library")
        self._refuse_taken(kind, name)
        return LibraryRecord(
            kind=kind,
            name=name,
            description=checked_notes(description),
            tags=_checked_tags(tags),
            created_at=utc_now(),
            created_by=user_name(),
        )

    def _refuse_taken(self, kind: str, name: str, besides: str = "") -> None:
        taken = {_folded(one): one for one in self._shelf.names(kind) if one != besides}
        if _folded(name) in taken:
            raise Exists(
                f"There is a {kind} '{taken[_folded(name)]}' in the library already.",
                self._shelf.place(kind, name),
                f"Choose another name, such as '{self.free_name(kind, name)}'.",
            )

    def _pipeline_folder(self, run_id: str, pipeline_id: str) -> Path:
        return pipeline_folder(self._layout.run(self._run_folder(run_id)), pipeline_id)

    # ------------------------------------------------------------ changing

    def describe(
        self, kind: str, name: str, description: str | None = None, tags: Sequence[str] | None = None
    ) -> LibraryItem:
        """Change description or tags; what is not given stays. Raises NotFound, Corrupt, TooNew, BadInput."""
        with self._disk.lock("library"):
            path = self._whole(kind, name).path
            record = self._shelf.record(kind, path)
            if description is not None:
                record.description = checked_notes(description)
            if tags is not None:
                record.tags = _checked_tags(tags)
            self._write_record(kind, path, record)
        return self.get(kind, name)

    def rename(self, kind: str, old: str, new: str) -> LibraryItem:
        """Give an item another name. Raises NotFound, Exists, NameRefused."""
        new = checked_name(new, "library")
        with self._disk.lock("library"):
            source, target = self.get(kind, old).path, self._shelf.place(kind, new)
            if new == old:
                return self.get(kind, old)
            self._refuse_taken(kind, new, besides=old)
            self._disk.move(source, target)
            with suppress(NotFound, Corrupt, TooNew, Conflict):  # it is called as its folder is; the document follows
                record = self._shelf.record(kind, target)
                record.name = new
                self._write_record(kind, target, record)
        return self.get(kind, new)

    def _whole(self, kind: str, name: str) -> LibraryItem:
        item = self.get(kind, name)
        if item.problem:
            raise Corrupt(f"'{name}' is damaged: {item.problem}", item.path, "Delete it, or bring it back from a copy.")
        return item

    def _write_record(self, kind: str, path: Path, record: LibraryRecord) -> None:
        if kind != "template":
            self._disk.write(path / METADATA, record.to_json())
            return
        config, _ = read_template(path)
        if not isinstance(config, dict):
            raise Conflict(f"{path.name} is a list of configurations.", path, "Split it into one file for each.")
        self._disk.write(path, _template(config, record))

    def plan_delete(self, kind: str, name: str) -> Plan:
        """A plan that moves an item to the trash. Raises NotFound."""
        path = self.get(kind, name).path

        def look() -> object:
            with suppress(NotFound):
                return read_tree(path) if is_plain_folder(path) else file_digest(path) if is_plain_file(path) else None
            return None

        record = self._trash.new_record("library", f"{_WORDS[kind]} '{name}'")
        step = Step(f"Move library/{path.relative_to(self._layout.library).as_posix()} to the trash.", tree_bytes(path))
        return self._trash.plan_put(record, path, (step,), look)

    # ------------------------------------------------------------ packages

    def export_zip(
        self, kind: str, name: str, path: Path, report: Report | None = None, overwrite: bool = False
    ) -> Path:
        """Pack an item into a zip file that `import_zip` takes, here or elsewhere; returns its path.

        Raises NotFound, Corrupt for a damaged item, Exists unless `overwrite`.
        """
        item = self._whole(kind, name)
        digest = "" if kind == "template" else item.digest
        write_package(Path(path), kind, item.name, item.path, digest, overwrite, report or _silent)
        return Path(path)

    def import_zip(self, path: Path, report: Report | None = None) -> LibraryItem:
        """Take a package into the library; where its name is taken, under a free one.

        All of it is checked before anything is written: that names stay in their folder, sizes, digests, documents.
        Raises BadInput, NameRefused, Corrupt, TooNew, DiskFull.
        """
        path = Path(path)
        report = report or _silent
        with self._opened(path) as package:
            package.verify(report)
            if package.record.kind == "template":
                return self._import_template(package)
            record = packed_record(package)
            home = self._shelf.home(record.kind)
            with self._disk.draft(home) as draft:
                package.unpack(draft, report)
                draft.sync()
                with self._disk.lock("library"):
                    name = self.free_name(record.kind, package.record.name)
                    self._disk.place_draft(draft, home / name)
        return self.get(record.kind, name)

    def plan_import(self, path: Path) -> Plan:
        """A plan that takes a package into the library; all of it is checked now. Raises what `import_zip` does."""
        path = Path(path).absolute()
        with self._opened(path) as package:
            package.verify(_silent)
            record = package.record
            if record.kind != "template":
                packed_record(package)
        home = self._shelf.home(record.kind)

        def look() -> object:
            there = path.is_file()
            return (
                there and path.stat().st_mtime_ns,
                there and file_digest(path),
                self.free_name(record.kind, record.name),
            )

        def work(report: Report) -> str:
            item = self.import_zip(path, report)
            return f"The {_WORDS[item.kind]} '{item.name}' is in the library."

        name, size = self.free_name(record.kind, record.name), sum(file.bytes for file in record.files)
        where = f"library/{home.relative_to(self._layout.library).as_posix()}/{name}"
        files = "1 file" if len(record.files) == 1 else f"{len(record.files):,} files"
        steps = [Step(f"Unpack {files} of the {_WORDS[record.kind]} '{record.name}' to {where}.", size)]
        if name != record.name:
            steps.append(Step(f"It is called '{name}' there: there is a '{record.name}' already."))
        return Plan(f"Import {path.name}", tuple(steps), look, work)

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Package]:
        if not path.is_file():
            raise NotFound(f"There is no file {path}.", path, "Check the path.")
        with path.open("rb") as file:
            yield open_package(path, file, shutil.disk_usage(self._layout.root).free)

    def _import_template(self, package: Package) -> LibraryItem:
        names = [file.path for file in package.record.files]
        if len(names) != 1 or "/" in names[0]:
            raise Corrupt(f"{package.path.name} has more than a template.", package.path, "Ask for a new package.")
        data = package.read(names[0])
        parse_template(data, package.path)
        with self._disk.lock("library"):
            name = self.free_name("template", package.record.name)
            self._disk.write_new(self._shelf.place("template", name), data)
        return self.get("template", name)


def _silent(done: int, total: int, text: str) -> None:
    """Nobody wants to know."""


def _template(config: Mapping[str, Any], record: LibraryRecord) -> bytes:
    """The file of a template: the configuration, with its metadata beside."""
    metadata = {name: value for name, value in json.loads(record.to_json()).items() if name != FIELD}
    return with_checksum(to_json({**config, METADATA_KEY: metadata}), depth=2)


def _checked_tags(tags: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(checked_tag(tag) for tag in tags))


def _folded(name: str) -> str:
    """What names have in common that some systems take for one: macOS by form, Windows by case."""
    return unicodedata.normalize("NFC", name).casefold()


def _is_safe(name: str) -> bool:
    try:
        return checked_name(name, "library") == name
    except NameRefused:
        return False
