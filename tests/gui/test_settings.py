"""What is remembered."""

from pathlib import Path

from gui.settings import WORKSPACES_KEPT, Settings


def test_what_is_remembered_comes_back_in_the_next_session():
    first = Settings()
    first.remember_query("a = 1")
    first.remember_query("b = 2")
    first.remember_query("a = 1")
    first.remember_workspace(Path("/somewhere/corn"))
    first.store.sync()
    again = Settings()
    assert again.queries == ["a = 1", "b = 2"]
    assert again.recent == ["/somewhere/corn"]


def test_nonsense_in_the_file_counts_as_not_there():
    settings = Settings()
    for text in ("{", "17", '{"a": 1}'):
        settings.store.setValue("catalog/queries", text)
        assert settings.queries == []
    assert settings.detail_tab == 0


def test_forgetting_the_window_keeps_the_rest():
    settings = Settings()
    settings.theme = "dark"
    settings.store.setValue("window/docks", b"x")
    settings.forget_window()
    assert settings.docks().isEmpty()
    assert settings.theme == "dark"


def test_each_workspace_has_its_own_order_and_those_of_long_ago_are_forgotten():
    settings = Settings()
    settings.order = "test_r2"  # no workspace is open: nobody would find it again
    assert settings.order == ""
    for number in range(WORKSPACES_KEPT + 1):
        settings.enter_workspace(Path(f"/somewhere/{number}"))
        assert settings.order == ""
        settings.order = f"-metric_{number}"
    settings.enter_workspace(Path("/somewhere/1"))
    assert Settings().order == "" and settings.order == "-metric_1"
    settings.enter_workspace(Path("/somewhere/0"))
    assert settings.order == ""
    kept = [key for key in settings.store.allKeys() if key.endswith("/order")]
    assert len(kept) == WORKSPACES_KEPT - 1
