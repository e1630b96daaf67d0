"""Bring the translations of the window up to date: `python -m resources.translate de fr` makes or refreshes two.

Collects the texts of `gui/` into resources/translations/runshelf_<language>.ts, keeps what is translated there, and
compiles it. Texts are translated in the .ts file, with Qt Linguist (pyside6-linguist) or any editor.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "resources" / "translations"
CONTEXT = "Runshelf"  # as in gui.formats.tr


@dataclass(frozen=True)
class Text:
    """A text to translate, where it is first used, and whether it counts something and so may need several forms."""

    source: str
    place: str
    counted: bool


def collect(folder: Path) -> dict[str, Text]:
    """Collect the texts below a folder in the order of the files.

    Found are `tr("…")` and `counted(n, "…", "…")`. Where `tr` is given a name instead, its texts lie in a table at the
    top of the module, or of the one it comes from: all of those tables that read like words are taken.
    """
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(folder.rglob("*.py"))}
    tables = {name: found for tree in trees.values() for name, found in _tables(tree).items()}
    texts: dict[str, Text] = {}
    for file, tree in trees.items():
        for source, line, counts in _texts(tree, {**tables, **_tables(tree)}):
            texts.setdefault(source, Text(source, f"{file.relative_to(folder.parent).as_posix()}:{line}", counts))
    return texts


def update(language: str, texts: dict[str, Text], folder: Path = FOLDER) -> tuple[Path, int]:
    """Write the .ts file of a language, keeping its translations; return it and how many texts have none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"runshelf_{language}.ts"
    known = _translations(path)
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = CONTEXT
    missing = 0
    for entry in texts.values():
        message = ET.SubElement(context, "message", {"numerus": "yes"} if entry.counted else {})
        file, _, line = entry.place.rpartition(":")
        ET.SubElement(message, "location", filename=f"../../{file}", line=line)
        ET.SubElement(message, "source").text = entry.source
        forms = known.get(entry.source, [])
        done = bool(forms) and all(forms)
        missing += not done
        translation = ET.SubElement(message, "translation", {} if done else {"type": "unfinished"})
        if entry.counted:
            for form in forms or ["", ""]:
                ET.SubElement(translation, "numerusform").text = form
        else:
            translation.text = forms[0] if forms else ""
    ET.indent(root)
    text = ET.tostring(root, "unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{text}\n', encoding="utf-8")
    return path, missing


def compile_file(path: Path) -> Path:
    """Compile a .ts file into the .qm file beside it, which the window loads."""
    compiled = path.with_suffix(".qm")
    tool = Path(sys.executable).with_name("pyside6-lrelease")
    subprocess.run([str(tool), "-silent", str(path), "-qm", str(compiled)], check=True)
    return compiled


def main(languages: Sequence[str]) -> int:
    """Refresh these languages, or all that are there."""
    languages = languages or [path.stem.removeprefix("runshelf_") for path in sorted(FOLDER.glob("*.ts"))]
    texts = collect(ROOT / "gui")
    print(f"{len(texts)} texts")
    for language in languages:
        path, missing = update(language, texts)
        compile_file(path)
        print(f"{path.relative_to(ROOT)}: {missing} not translated yet")
    return 0


def _texts(tree: ast.Module, tables: dict[str, list[str]]) -> Iterator[tuple[str, int, bool]]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in tables}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        wanted = {"tr": 0, "counted": 2}.get(node.func.id)
        if wanted is None or len(node.args) <= wanted:
            continue
        argument = node.args[wanted]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value, node.lineno, node.func.id == "counted"
        else:
            inside = {part.id for part in ast.walk(argument) if isinstance(part, ast.Name)} & names
            yield from ((text, node.lineno, False) for name in sorted(inside or names) for text in tables[name])


def _tables(tree: ast.Module) -> dict[str, list[str]]:
    """Return the tables at the top of a module (dictionaries and tuples) with what reads like words in them."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Dict, ast.Tuple, ast.List)):
            keys = node.value.keys if isinstance(node.value, ast.Dict) else []
            texts = [part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant) and part not in keys]
            words = [text for text in texts if isinstance(text, str) and (" " in text or text[:1].isupper())]
            if isinstance(node.targets[0], ast.Name) and words:
                found[node.targets[0].id] = words
    return found


def _translations(path: Path) -> dict[str, list[str]]:
    """Read the translations of a .ts file by their texts; one form each, or several of a text that counts."""
    if not path.exists():
        return {}
    found = {}
    for message in ET.parse(path).iter("message"):
        translation = message.find("translation")
        if translation is not None:
            forms = [form.text or "" for form in translation.findall("numerusform")] or [translation.text or ""]
            found[message.findtext("source", "")] = forms
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
