"""Every text can be translated: it is found, it can be compiled and loaded, and nothing visible misses it."""

import ast
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, QTranslator
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QGroupBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTabWidget,
    QWidget,
)

import gui
from gui.app import translate
from gui.formats import counted, tr
from gui.tasks import Problem
from resources.translate import collect, compile_file, update

GUI = Path(gui.__file__).parent
WORDS = re.compile(r"[^\W\d_]{2,}")
# Texts of Qt's own widgets, for which Qt brings the translations, and of a menu of pyqtgraph that is never shown.
OTHERS = {
    "Close", "Closes the dock widget", "Export", "Export...", "Float", "Scroll Left", "Scroll Right",
    "Undocks and re-attaches the dock widget",
}  # fmt: skip
PSEUDO = re.compile(r"⟦[^⟦⟧]*⟧")


class Pseudo(QTranslator):
    """A language in which every text of ours is itself in brackets."""

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        return f"⟦{text}⟧" if context == "Runshelf" else None  # None: not in this language


@pytest.fixture
def pseudo(qapp: QApplication):
    translator = Pseudo()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def test_a_text_is_never_put_together_before_it_is_translated():
    wrong = []
    for file in GUI.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "counted"):
                texts = node.args[:1] if node.func.id == "tr" else node.args[1:3]
                if any(isinstance(part, (ast.JoinedStr, ast.BinOp)) for text in texts for part in ast.walk(text)):
                    wrong.append(f"{file.name}:{node.lineno}")
    assert wrong == []


def test_a_translation_is_made_kept_compiled_and_shown(qapp, tmp_path):
    (tmp_path / "gui").mkdir()
    (tmp_path / "gui" / "words.py").write_text(
        'a = tr("Open workspace…")\nb = counted(n, "{n} pipeline", "{n} pipelines")\n', encoding="utf-8"
    )
    file, missing = update("pl", collect(tmp_path / "gui"), tmp_path)
    assert missing == 2
    tree = ET.parse(file)
    for message in tree.iter("message"):
        translation = message.find("translation")
        translation.attrib.clear()
        if message.get("numerus"):
            translation.clear()
            for form in ("{n} potok", "{n} potoki", "{n} potoków"):
                ET.SubElement(translation, "numerusform").text = form
        else:
            translation.text = "Otwórz…"
    tree.write(file, encoding="utf-8")
    assert update("pl", collect(tmp_path / "gui"), tmp_path) == (file, 0)  # what is translated stays
    compile_file(file)
    assert counted(1, "{n} pipeline", "{n} pipelines") == "1 pipeline"
    assert translate(qapp, QLocale("pl_PL"), str(tmp_path))
    try:
        assert tr("Open workspace…") == "Otwórz…"
        said = [counted(n, "{n} pipeline", "{n} pipelines") for n in (1, 3, 5)]
        assert said == ["1 potok", "3 potoki", "5 potoków"]
    finally:
        for translator in qapp.findChildren(QTranslator):
            qapp.removeTranslator(translator)
    assert not translate(qapp, QLocale("cy_GB"), str(tmp_path))


def test_the_texts_of_the_window_are_collected():
    texts = collect(GUI)
    assert len(texts) > 300
    assert texts["&New run…"].place.startswith("gui/commands.py:")
    assert "Configuration hash" in texts  # from a table of titles


def shown_texts(widget: QWidget) -> set[str]:
    """Collect the texts that somebody sees or hears of a widget and all in it, tips and names included."""
    found: set[str] = set()
    for part in (widget, *widget.findChildren(QWidget)):
        found |= {part.toolTip(), part.accessibleName(), part.accessibleDescription()}
        if isinstance(part, (QLabel, QAbstractButton)) and part.objectName() != "data":
            found.add(part.text())
        elif isinstance(part, (QLineEdit, QPlainTextEdit)):
            found.add(part.placeholderText())
        elif isinstance(part, QTabWidget):
            found |= {part.tabText(place) for place in range(part.count())}
        elif isinstance(part, QGroupBox):
            found.add(part.title())
        elif isinstance(part, (QDockWidget, QDialog)):
            found.add(part.windowTitle())
        elif isinstance(part, QComboBox):
            found |= {part.itemText(place) for place in range(part.count())}
    for action in widget.findChildren(QAction):
        found |= {action.text(), action.toolTip()}
    return found


def untranslated(texts: set[str], data: set[str]) -> list[str]:
    """Return those with a word that came from nowhere: not through tr(), and not out of the workspace."""
    wrong = []
    for text in texts:
        rest = re.sub(r"<[^>]+>|&\w+;", " ", text).replace("&", "")
        for word in sorted(data, key=len, reverse=True):
            rest = rest.replace(word, " ")
        while PSEUDO.search(rest):
            rest = PSEUDO.sub(" ", rest)
        if WORDS.search(rest):
            wrong.append(text)
    return sorted(wrong)


def test_every_visible_text_of_the_window_comes_through_a_translation(qtbot, pseudo, open_window, root):
    window = open_window(root)
    window.catalog.table.selectRow(0)
    qtbot.waitUntil(lambda: window.details.details is not None)
    window.show_commands()
    window.show_keys()
    window.tell(Problem("⟦What.⟧", "⟦Advice.⟧", "⟦Details⟧", "bug"))
    window.opening.ask_new()
    window.new_run()
    qtbot.waitUntil(lambda: window.tasks.active == 0)
    data = {str(root), root.name, "Runshelf", *(str(value) for value in window.catalog.model.row(0).values() if value)}
    data |= {"train", "val", "test", "model", "mean"} | {column.key for column in window.catalog.model.columns}
    data |= {column.title for column in window.catalog.model.columns}
    wrong = untranslated(shown_texts(window), data)
    for dialog in window.findChildren(QDialog):
        dialog.close()
    assert [text for text in wrong if text not in OTHERS] == []
