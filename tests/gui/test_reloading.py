"""Whether a pipeline still loads: foreseen, tried in a process of its own, refused, trusted."""

import hashlib
import json
import os
import pickle

import pytest
from PySide6.QtCore import Qt

from gui.panes.pipeline import ORIGIN
from storage import Workspace
from storage.trust import Keyring
from tests.gui.test_manners import say
from tests.gui.test_window import apply_filter
from tests.gui.trained import trained_root, trained_workspace  # noqa: F401

MINUTE = 60_000


class Hostile:
    """Pickled it is a program that makes a file."""

    def __init__(self, canary) -> None:
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


@pytest.fixture
def pls(root):
    """Run and pipeline id of one whose types are all known to do no harm."""
    with Workspace.open(root, read_only=True) as workspace:
        row = workspace.catalog.rows(workspace.catalog.keys("config_name = 'pls'"))[0]
    return row["run_id"], row["pipeline_id"]


def select(qtbot, window, place) -> None:
    apply_filter(qtbot, window, f"pipeline_id = '{place[1]}' and run_id = '{place[0]}'")
    window.catalog.table.selectRow(0)
    qtbot.waitUntil(lambda: getattr(window.details.details, "pipeline_id", "") == place[1])


def try_loading(qtbot, window):
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE) as ended:
        window.pipelines.load.trigger()
    return ended.args[0]


def rewrite(root, place, change) -> None:
    path = root / "runs" / place[0] / place[1] / "pipeline.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def plant(root, place, data: bytes) -> str:
    """Put a pickle of somebody else's in place of every artifact; returns its digest."""
    digest = hashlib.sha256(data).hexdigest()
    folder = root / "runs" / place[0] / place[1]

    def change(told) -> None:
        for artifact in told["artifacts"]:
            (folder / artifact["path"]).write_bytes(data)
            artifact.update(sha256=digest, bytes=len(data), signature="", key_id="")

    rewrite(root, place, change)
    return digest


def test_what_is_foreseen_is_said_then_it_is_loaded_and_predicts_as_before(qtbot, window, root, pls):
    rewrite(root, pls, lambda told: told["environment"].update({"scikit-learn": "0.1.0"}))
    select(qtbot, window, pls)
    page = window.details._about
    seen = []
    window.pipelines.reloading.changed.connect(lambda: seen.append((page.loading.text(), len(window.jobs.busy()))))
    dialog = say(qtbot, window, "still load")
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE) as ended:
        qtbot.keyClick(dialog._edit, Qt.Key.Key_Return)
    job = ended.args[0]
    assert window.details.tabs.currentIndex() == ORIGIN and page.loading.isVisible()
    foreseen = next(at for at, (text, _) in enumerate(seen) if "made with scikit-learn 0.1.0" in text)
    assert seen[foreseen][1] == 0, "said before anything is loaded"
    assert (job.name, job.state) == (f"Loading {pls[1]}", "completed")
    assert page.loading.text().splitlines()[-1] == "Reproduces: 16 stored samples are predicted exactly as before."
    assert window.notice.text() == f"{pls[1]}: {page.loading.text().splitlines()[-1]}"
    assert not page.trust.isVisible()


def test_the_button_tells_what_differs_and_where_there_is_nothing_to_compare(qtbot, window, root, pls):
    def shift(told) -> None:
        told["samples"]["predicted"][0] += 0.5

    rewrite(root, pls, shift)
    select(qtbot, window, pls)
    page = window.details._about
    window.details.show_origin()
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        page.try_loading.click()
    assert page.loading.text().endswith("Differs by up to 0.5 % on 16 stored samples.")
    rewrite(root, pls, lambda told: told.pop("samples"))
    try_loading(qtbot, window)
    assert "there is nothing to compare with" in page.loading.text()


def test_what_nobody_vouches_for_is_refused_and_runs_only_once_it_is_trusted(qtbot, window, root, pls, tmp_path):
    canary = tmp_path / "canary"
    digest = plant(root, pls, pickle.dumps(Hostile(canary)))
    select(qtbot, window, pls)
    page = window.details._about
    job = try_loading(qtbot, window)
    assert job.state == "completed" and "was not loaded" in window.notice.text()
    assert "Nobody signed it." in page.loading.text() and "system" in page.loading.text()
    assert page.trust.isVisible() and not canary.exists()
    page.trust.click()
    question = window.pipelines.reloading.question
    assert "a pickle is a program" in question.informativeText() and "system" in question.informativeText()
    question.reject()
    qtbot.waitUntil(lambda: window.pipelines.reloading.question is None)
    assert not canary.exists() and Keyring().trusted() == []
    page.trust.click()
    question = window.pipelines.reloading.question
    button = next(one for one in question.buttons() if one.text() == "Trust and load")
    with qtbot.waitSignal(window.jobs.ended, timeout=MINUTE):
        button.click()
    assert [one.sha256 for one in Keyring().trusted()] == [digest]
    assert canary.exists(), "somebody said so"
    assert not page.trust.isVisible()
