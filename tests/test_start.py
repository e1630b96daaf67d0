"""start.py: what is decided before anything is installed or started."""

from pathlib import Path

import pytest

import start

DEBIAN = {"ID": "debian"}
UBUNTU = {"ID": "ubuntu", "ID_LIKE": "debian"}
FEDORA = {"ID": "fedora"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder for start.py, where making and installing are only counted."""
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "constraints.txt").write_text("numpy==2.0")
    done: list[str] = []

    def make() -> None:
        done.append("make")
        interpreter.parent.mkdir(parents=True, exist_ok=True)
        interpreter.touch()

    monkeypatch.setattr(start, "ROOT", tmp_path)
    monkeypatch.setattr(start, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(start, "STAMP", tmp_path / ".venv" / "stamp")
    monkeypatch.setattr(start, "make_venv", make)
    monkeypatch.setattr(start, "install", lambda: done.append("install"))
    interpreter = start.python()
    return tmp_path, done


def test_a_second_call_installs_nothing(project):
    _, done = project
    start.set_up()
    start.set_up()
    assert done == ["make", "install"]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_installed(project, name):
    root, done = project
    start.set_up()
    (root / name).write_text("changed")
    start.set_up()
    assert done.count("install") == 2


def test_a_missing_interpreter_is_replaced(project):
    _, done = project
    start.set_up()
    start.python().unlink()
    start.set_up()
    assert done == ["make", "install"] * 2


def test_an_interrupted_install_is_done_again(project, monkeypatch, capsys):
    root, _ = project
    start.set_up()
    (root / "constraints.txt").write_text("numpy==2.1")
    with monkeypatch.context() as patch:
        patch.setattr(start, "install", _interrupt)
        assert start.main([]) == 130
    assert not start.STAMP.exists()
    assert "Stopped before everything was installed" in capsys.readouterr().err


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_the_fingerprint_knows_where_the_project_lies(project, tmp_path_factory):
    root, _ = project
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("pyproject.toml", "constraints.txt"):
        (elsewhere / name).write_bytes((root / name).read_bytes())
    assert start.fingerprint(root) != start.fingerprint(elsewhere)
    assert start.fingerprint(root) == start.fingerprint(root)


def test_every_check_runs_even_if_one_fails(project, monkeypatch, capsys):
    ran = []

    def run(command, environment=None, output=None):
        ran.append([str(part) for part in command[2:]])
        assert environment["QT_QPA_PLATFORM"]
        return 1 if "mypy" in command else 0

    monkeypatch.setattr(start, "run", run)
    monkeypatch.setattr(start, "provide_libraries", lambda plugins: [])
    assert start.main(["test", "-k", "words"]) == 1
    assert sorted(command[0] for command in ran) == ["mypy", "pytest", "ruff", "ruff"]
    (tests,) = (command for command in ran if command[0] == "pytest")
    assert tests[-2:] == ["-k", "words"]
    assert "Failed: mypy" in capsys.readouterr().err


def test_an_unknown_command_is_refused_before_anything_is_installed(project, capsys):
    _, done = project
    assert start.main(["tset"]) == 2
    assert done == []
    assert "tset" in capsys.readouterr().err


def test_without_a_display_the_way_to_open_it_later_is_told(project, monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(start, "run", lambda command, environment=None: ran.append(command) or 0)
    monkeypatch.setattr(start, "lacks_display", lambda environment, system: True)
    assert start.main([]) == 0
    assert [command[1:] for command in ran] == [["-m", "storage", "demo", "demo"]]
    assert "-m gui" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "system", "lacking"),
    [
        ({}, "linux", True),
        ({"DISPLAY": ""}, "linux", True),
        ({"DISPLAY": ":0"}, "linux", False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", False),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", False),
        ({}, "darwin", False),
        ({}, "win32", False),
    ],
)
def test_lacks_display(environment, system, lacking):
    assert start.lacks_display(environment, system) is lacking


@pytest.mark.parametrize(
    ("environment", "plugins"),
    [
        ({"DISPLAY": ":0"}, ["xcb"]),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ["wayland"]),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, ["wayland", "xcb"]),
        ({"QT_QPA_PLATFORM": "vnc:size=800x600;xcb", "DISPLAY": ":0"}, ["vnc", "xcb"]),
    ],
)
def test_platform_plugins(environment, plugins):
    assert start.platform_plugins(environment) == plugins


def test_missing_libraries_are_read_from_ldd():
    output = (
        "/qt/libqxcb.so:\n"
        "\tlinux-vdso.so.1 (0x00007ffd)\n"
        "\tlibxcb-cursor.so.0 => not found\n"
        "\tlibX11.so.6 => /lib/x86_64-linux-gnu/libX11.so.6 (0x00007f)\n"
        "/qt/QtWidgets.abi3.so:\n"
        "\tlibEGL.so.1 => not found\n"
        "\tlibxcb-cursor.so.0 => not found\n"
    )
    assert start.not_found(output) == ["libEGL.so.1", "libxcb-cursor.so.0"]


@pytest.mark.parametrize(
    ("release", "root", "command"),
    [
        (DEBIAN, True, "\n    apt-get install libegl1 libxcb-cursor0"),
        (UBUNTU, False, "\n    sudo apt-get install libegl1 libxcb-cursor0"),
        (FEDORA, False, "\n    sudo dnf install 'libEGL.so.1()(64bit)' 'libxcb-cursor.so.0()(64bit)'"),
        ({}, False, "Install the packages of your system that bring them."),
    ],
)
def test_library_advice_names_the_libraries_and_one_command(release, root, command):
    advice = start.library_advice(["libEGL.so.1", "libxcb-cursor.so.0"], release, root)
    assert "libEGL.so.1, libxcb-cursor.so.0" in advice
    assert advice.endswith(command)


def test_a_python_without_venv_is_told_the_package(project, monkeypatch, capsys):
    monkeypatch.undo()
    monkeypatch.setattr(start, "find_spec", lambda name: None)
    monkeypatch.setattr(start, "os_release", lambda: DEBIAN)
    with pytest.raises(start.Failed, match=r"apt-get install python3\.\d+-venv"):
        start.make_venv()


def test_every_requirement_has_a_tested_version():
    import tomllib

    root = Path(start.__file__).parent
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*settings["dependencies"], *settings["optional-dependencies"]["gui"]]
    wanted += settings["optional-dependencies"]["test"]
    pinned = {line.partition("==")[0] for line in (root / "constraints.txt").read_text().splitlines() if "==" in line}
    assert {requirement.partition(">=")[0].partition("[")[0] for requirement in wanted} <= pinned


@pytest.mark.parametrize(("ci", "well"), [("", True), ("1", False)])
def test_without_a_display_to_be_had_the_real_window_is_said_to_be_unchecked(monkeypatch, capfd, ci, well):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(start.sys, "platform", "linux")
    monkeypatch.setattr(start, "install_packages", lambda packages: False)
    monkeypatch.setattr(start, "provide_libraries", lambda plugins: [])
    monkeypatch.setattr(start, "os_release", lambda: DEBIAN)
    monkeypatch.setattr(start.shutil, "which", lambda name: None)
    monkeypatch.setattr(start, "run", lambda *_: pytest.fail("nothing can be run"))
    assert start.check_real_window() is well
    said = capfd.readouterr().out
    assert "real window: not checked" in said
    assert "apt-get install xvfb xauth" in said


def test_the_real_window_is_shown_on_a_virtual_display(monkeypatch):
    ran = []
    monkeypatch.setattr(start.sys, "platform", "linux")
    monkeypatch.setattr(start, "provide_libraries", lambda plugins: [])
    monkeypatch.setattr(start.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(start, "run", lambda command, environment: ran.append((command, environment)) or 0)
    assert start.check_real_window()
    ((command, environment),) = ran
    assert command[0] == "xvfb-run"
    assert command[-3:] == ["-m", "window", "tests/gui"]
    assert environment["QT_QPA_PLATFORM"] == "xcb"


def test_a_bundle_needs_its_tools_once(project, monkeypatch):
    root, done = project
    deciding_files(root)
    ran = []
    monkeypatch.setattr(start, "install", lambda extras="": done.append(extras or "install"))
    monkeypatch.setattr(start, "provide_libraries", lambda plugins: [])
    monkeypatch.setattr(start, "run", lambda command, environment=None: ran.append(command[1:]) or 0)
    assert start.main(["bundle", "--deb"]) == start.main(["bundle"]) == 0
    assert done == ["make", "install", "bundle"]
    assert ran == [["packaging/build.py", "--deb"], ["packaging/build.py"]]


def deciding_files(root: Path) -> None:
    for name in ("packaging/build.py", *start.DECIDING):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()


def test_where_all_must_be_checked_a_bundle_is_built_if_what_decides_about_it_is_not_what_was_tried(
    project, monkeypatch
):
    root, _ = project
    deciding_files(root)
    ran = []
    monkeypatch.setattr(start, "install", lambda extras="": None)
    monkeypatch.setattr(start, "provide_libraries", lambda plugins: [])
    monkeypatch.setattr(start, "check_real_window", lambda: True)
    monkeypatch.setattr(start, "run", lambda command, environment=None, output=None: ran.append(str(command[1])) or 0)

    def builds() -> bool:
        ran.clear()
        assert start.main(["test"]) == 0
        return "packaging/build.py" in ran

    monkeypatch.delenv("CI", raising=False)
    assert not builds()
    monkeypatch.setenv("CI", "1")
    assert builds() and not builds()
    for name in ("packaging/build.py", "constraints.txt", "storage/process.py"):
        (root / name).write_text("changed")
        assert builds() and not builds()
    (root / "packaging/build.py").write_text("changed again")
    assert start.main(["bundle", "--no-smoke"]) == 0  # built and not tried
    assert builds()
