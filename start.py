#!/usr/bin/env python3
"""Set Runshelf up in this folder and start it; needs nothing but Python.

    python3 start.py                       install into .venv, run the demo, open the window
    python3 start.py test [ARGUMENT ...]   style, types, tests, main paths in a real window; arguments go to pytest,
                                           and then the real window is left out
    python3 start.py bench [ARGUMENT ...]  the benchmarks; arguments go to them
    python3 start.py bundle [--deb] [--wheel] [--no-smoke]
                                           a program that needs no Python, in dist/runshelf, and tries it

What is installed already is not installed again. It works from any folder, on Linux, macOS and Windows.
"""

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python reads this far, and shall say what is wrong
    sys.exit(f"Runshelf needs Python 3.11 or newer; this is {platform.python_version()}. Run start.py with that one.")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "runshelf-installed"
INSTALL_LOG = VENV / "install.log"
# For pytest: two processes more than there are cores, as much of the time of each is waiting for children and signals.
# More of them, up to a gigabyte each, would not fit where there are many cores.
# Files come in the order of tests/conftest.py; else those with most tests would be first, and one of a minute last.
SEVERAL_AT_A_TIME = ("-n", str((os.cpu_count() or 1) + 2), "--dist", "loadfile", "--no-loadscope-reorder")
MEMORY = Path("/dev/shm")  # of Linux; elsewhere there is none
MEMORY_WANTED = 8 << 30  # twice what tests and their processes were seen to take
DEMO = "demo"
DEMO_WORKSPACE = f"{DEMO}/workspace"
REAL_WINDOW = "real window"
TRIED = "packaging/tried.txt"
DECIDING = (  # about a bundle, beside what lies in packaging/
    "pyproject.toml", "constraints.txt", "gui/__init__.py", "gui/__main__.py", "gui/app.py", "storage/__init__.py",
    "storage/__main__.py", "storage/process.py", "resources/__init__.py",
)  # fmt: skip

# Libraries of the system that Qt loads, and the Debian and Ubuntu packages that bring them.
DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libICE.so.6": "libice6",
    "libOpenGL.so.0": "libopengl0",
    "libSM.so.6": "libsm6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libbrotlicommon.so.1": "libbrotli1",
    "libbrotlidec.so.1": "libbrotli1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libzstd.so.1": "libzstd1",
}


class Failed(Exception):
    """Something the user can mend; the message says what and how."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks for; returns the exit code."""
    verb, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if verb in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    try:
        if not verb:
            return start_demo()
        if verb == "test":
            return run_checks(rest)
        if verb == "bench":
            set_up()
            return run([python(), "-m", "tests.benchmarks.run", *rest], compiling())
        if verb == "bundle":
            return build_bundle(rest)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if not STAMP.exists():
            print("\nStopped before everything was installed; start.py goes on from here.", file=sys.stderr)
        return 130
    print(f"Unknown command: {verb}\n\n{__doc__}", file=sys.stderr)
    return 2


# ---------------------------------------------------------------- the verbs


def start_demo() -> int:
    """Fill the demo workspace, then open the window on it where there is a display."""
    set_up()
    code = run([python(), "-m", "storage", "demo", DEMO])
    if code:
        return code
    if lacks_display(os.environ, sys.platform):
        command = shlex.join([str(python()), "-m", "gui", str(ROOT / DEMO_WORKSPACE)])
        print(f"There is no display here. To open the window later: {command}")
        return 0
    missing = provide_libraries(platform_plugins(os.environ))
    if missing:
        raise Failed(library_advice(missing, os_release(), is_root()))
    print(f"Opening {DEMO_WORKSPACE}", flush=True)
    return run([python(), "-m", "gui", DEMO_WORKSPACE])


def run_checks(pytest_arguments: Sequence[str]) -> int:
    """Run style, types and tests, all of them even if one fails; 1 if any did."""
    set_up()
    failed = []
    missing = provide_libraries(["offscreen"])
    if missing:
        print(library_advice(missing, os_release(), is_root()), file=sys.stderr)
        failed.append("libraries for Qt")
    with temporary_folder() as folder:
        # Not as TMPDIR: what the window listens at lies there, and its path may have no more than a hundred letters.
        place = [f"--basetemp={folder}/t"] if folder else []
        steps = {
            "ruff check": ["ruff", "check", "."],
            "ruff format": ["ruff", "format", "--check", "."],
            "pytest": ["pytest", *place, *(pytest_arguments or SEVERAL_AT_A_TIME)],
        }
        environment = {"QT_QPA_PLATFORM": "offscreen", **compiling()}
        types = [str(python()), "-m", "mypy", "storage", "gui", "start.py"]
        with beside("mypy", types, environment) as has_failed:
            for name, command in steps.items():
                if run_step(name, [str(python()), "-m", *command], environment):
                    failed.append(name)
        if has_failed():
            failed.append("mypy")
    if not pytest_arguments and not check_real_window():
        failed.append(REAL_WINDOW)
    if os.environ.get("CI") and not pytest_arguments and not is_tried(ROOT) and build_bundle([]):
        failed.append("bundle")
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def build_bundle(arguments: Sequence[str]) -> int:
    """Install what builds a bundle, unless it is there, then build and try it; see packaging/README.md.

    What was tried is noted: where all must be checked, a bundle is built only if what decides about it has changed.
    """
    set_up()
    wanted, stamp = fingerprint(ROOT), VENV / "runshelf-bundle-installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        install("bundle")
        stamp.write_text(wanted, encoding="utf-8")
    missing = provide_libraries(["xcb"])
    if missing:
        raise Failed(library_advice(missing, os_release(), is_root()))
    deciding = bundle_fingerprint(ROOT)
    code = run([python(), "packaging/build.py", *arguments], compiling())
    if not code and "--no-smoke" not in arguments and sys.platform == "linux":
        (ROOT / TRIED).write_text(f"{deciding}\n", encoding="utf-8")
    return code


def is_tried(root: Path) -> bool:
    """Whether a bundle was built and tried with all that decides about it as it is now."""
    tried = root / TRIED
    return tried.is_file() and tried.read_text(encoding="utf-8").strip() == bundle_fingerprint(root)


def bundle_fingerprint(root: Path) -> str:
    """What decides whether a bundle works: how it is built, the dependencies, how programs and children start."""
    digest = hashlib.sha256()
    packaging = [p for p in (root / "packaging").rglob("*") if p.suffix in (".py", ".spec", ".sh", ".iss")]
    for path in sorted([*packaging, *(root / name for name in DECIDING)]):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(root).as_posix()} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


@contextmanager
def temporary_folder() -> Iterator[str]:
    """Give a folder in memory for the workspaces of the tests, where there is room; empty where the disk must do.

    Tests wait for every write to be durable, some hundred thousand times; in memory nothing is to wait for.
    """
    if not has_room_in_memory():
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="rs-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        yield folder


def has_room_in_memory() -> bool:
    """Whether files can be written and programs run in a file system that is memory, and enough of it is free."""
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK | os.X_OK)):
        return False
    if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    available = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    free = int(available[1]) * 1024 if available else 0
    return min(free, shutil.disk_usage(MEMORY).free) > MEMORY_WANTED


def compiling() -> dict[str, str]:
    """Return the environment, in which Python may write what it compiled: else each of many processes begins anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run_step(name: str, command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one of the checks and say how it went and how long it took; returns its exit code."""
    print(f"--- {name}", flush=True)
    began = time.monotonic()
    code = run(command, environment)
    print(f"--- {name}: {'failed' if code else 'passed'} in {time.monotonic() - began:.1f} s", flush=True)
    return code


@contextmanager
def beside(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Callable[[], int]]:
    """Run one of the checks while others run; its exit code is known, and what it said is shown, at the end."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said, ThreadPoolExecutor(1) as thread:
        ended = thread.submit(lambda: (run(command, environment, said), time.monotonic() - began))
        yield lambda: ended.result()[0]
        code, seconds = ended.result()
        said.seek(0)
        verdict = "failed" if code else "passed"
        print(f"--- {name}", said.read().rstrip(), f"--- {name}: {verdict} in {seconds:.1f} s", sep="\n", flush=True)


def check_real_window() -> bool:
    """Go through the main paths in a real window, on a virtual display where there is X11; whether that went well.

    Where there is no such display it says so, and that is a failure only where all must be checked (`CI` is set).
    """
    command = [str(python()), "-m", "pytest", "-m", "window", "tests/gui"]
    if not sys.platform.startswith("linux"):
        return run_step(REAL_WINDOW, command, os.environ) == 0
    display = virtual_display()
    missing = provide_libraries(["xcb"])
    if display and not missing:
        return run_step(REAL_WINDOW, [*display, *command], {**os.environ, "QT_QPA_PLATFORM": "xcb"}) == 0
    print(f"--- {REAL_WINDOW}: not checked", flush=True)
    print(library_advice(missing, os_release(), is_root()) if missing else display_advice(os_release(), is_root()))
    return not os.environ.get("CI")


def virtual_display() -> list[str]:
    """The command before a program that gives it a display of its own; empty if there is none to be had."""
    if not shutil.which("xvfb-run"):
        install_packages(["xvfb", "xauth"])
    return ["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24"] if shutil.which("xvfb-run") else []


def display_advice(release: Mapping[str, str], root: bool) -> str:
    """Say what misses for a real window, and the one command that installs it."""
    text = "The main paths are checked in a real window with Xvfb, which this system misses."
    sudo = "" if root else "sudo "
    if is_debian(release):
        return f"{text} To install:\n    {sudo}apt-get install xvfb xauth"
    return f"{text} Install the package of your system that brings xvfb-run."


def run(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None, output: IO[str] | None = None
) -> int:
    """Run a program in the project's folder, its output on the screen or in a file; returns its exit code.

    Ctrl+C reaches the program too. It gets time to leave its files in order before it is ended.
    """
    words = [str(part) for part in command]
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=output, stderr=output) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            let_end(process)
            raise
    return code if code >= 0 else 128 - code


def let_end(process: "subprocess.Popen[Any]") -> None:
    """Wait for a program that was interrupted, and end it if it does not end by itself."""
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.terminate()


# ---------------------------------------------------------------- the environment


def set_up() -> None:
    """Make `.venv` and install the project into it, unless that is done already."""
    wanted = fingerprint(ROOT)
    if python().exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    if STAMP.exists():
        STAMP.unlink()
    if not is_usable():
        make_venv()
    install()
    STAMP.write_text(wanted, encoding="utf-8")


def fingerprint(root: Path) -> str:
    """What the installation depends on: requirements, versions, this Python, and where the project lies."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update(hashlib.sha256((root / name).read_bytes()).digest())
    digest.update(f"{platform.python_version()} {platform.machine()} {root}".encode())
    return digest.hexdigest()


def python() -> Path:
    """The Python of the environment."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_usable() -> bool:
    """Whether the environment is whole, was made for this Python, and has not been moved."""
    settings = VENV / "pyvenv.cfg"
    if not (settings.is_file() and python().exists()):
        return False
    lines = [line.strip() for line in settings.read_text(encoding="utf-8").splitlines()]
    made_by = next((line for line in lines if line.startswith("command")), "")
    if f"version = {platform.python_version()}" not in lines or not made_by.endswith(str(VENV)):
        return False
    return subprocess.run([python(), "-m", "pip", "--version"], capture_output=True).returncode == 0


def make_venv() -> None:
    """Make the environment anew."""
    if not (find_spec("venv") and find_spec("ensurepip")):
        raise Failed(venv_advice(os_release()))
    print(f"Making an environment for Python {platform.python_version()} in {VENV.name}", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], stdout=subprocess.PIPE, text=True)
    if made.returncode:
        raise Failed(f"{made.stdout}The environment {VENV} could not be made.")


def venv_advice(release: Mapping[str, str]) -> str:
    """What to say where Python came without its venv module, as on Debian and Ubuntu."""
    if not is_debian(release):
        return "This Python has no venv module, which start.py needs. Install it, or use another Python."
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    return (
        "This Python has no venv module, which start.py needs. Install it, then run start.py again:\n"
        f"    {'' if is_root() else 'sudo '}apt-get install {package}"
    )


def install(extras: str = "gui,test") -> None:
    """Install the project with pip; one line on the screen, the whole story in the log."""
    print("Installing Runshelf and what it needs; the first time takes a minute or two", flush=True)
    began = time.monotonic()
    lines = []
    with INSTALL_LOG.open("w", encoding="utf-8") as log, start_pip(extras) as pip:
        try:
            for line in pip.stdout or ():
                log.write(line)
                lines.append(line.rstrip())
                show_progress(lines[-1])
        except KeyboardInterrupt:
            let_end(pip)
            raise
    show_progress("")
    if pip.returncode:
        last = "\n".join(lines[-20:])
        raise Failed(f"{last}\nInstalling failed; pip's last words are above, the rest is in {INSTALL_LOG}.")
    print(f"Installed in {time.monotonic() - began:.0f} s", flush=True)


def start_pip(extras: str) -> "subprocess.Popen[str]":
    """Start pip in the environment, its output in a pipe."""
    command = [str(python()), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    return subprocess.Popen(
        [*command, "-c", "constraints.txt", "-e", f".[{extras}]"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def show_progress(text: str) -> None:
    """Show what pip does on one line that is written over; nothing where the output goes to a file."""
    if sys.stdout.isatty() and not text.startswith("WARNING"):
        width = shutil.get_terminal_size().columns - 1
        shown = text.strip()[:width]
        print(f"\r{shown}{' ' * (width - len(shown))}\r", end="", flush=True)


# ---------------------------------------------------------------- the display and Qt's libraries


def lacks_display(environment: Mapping[str, str], system: str) -> bool:
    """Whether no window can be shown: Linux without X11 or Wayland, and nobody chose another way to draw."""
    ways = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return system.startswith("linux") and not any(environment.get(way) for way in ways)


def platform_plugins(environment: Mapping[str, str]) -> list[str]:
    """The names of the Qt plugins that can draw here, in the order in which Qt tries them."""
    chosen = environment.get("QT_QPA_PLATFORM", "")
    if chosen:
        return [part.partition(":")[0] for part in chosen.split(";")]
    if environment.get("WAYLAND_DISPLAY"):
        return ["wayland", "xcb"] if environment.get("DISPLAY") else ["wayland"]
    return ["xcb"]


def provide_libraries(plugins: Sequence[str]) -> list[str]:
    """The system's libraries that Qt still misses; on Debian, root gets them installed first."""
    missing = missing_libraries(plugins)
    packages = debian_packages(missing)
    if packages and install_packages(packages):
        missing = missing_libraries(plugins)
    return missing


def install_packages(packages: Sequence[str]) -> bool:
    """Install packages of the system, on Debian and for root alone; whether it was tried."""
    if not (is_root() and is_debian(os_release()) and shutil.which("apt-get")):
        return False
    print(f"Installing for the window: {', '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "-q", *command], env=environment, stdout=subprocess.DEVNULL)
    return True


def missing_libraries(plugins: Sequence[str]) -> list[str]:
    """The system's libraries that are not there for Qt's modules and for any of these plugins."""
    if platform.system() != "Linux":
        return []
    for qt in VENV.glob("lib/python3*/site-packages/PySide6"):
        needed = unresolved([qt / f"{module}.abi3.so" for module in ("QtWidgets", "QtSvg")])
        drawing = [unresolved([qt / f"Qt/plugins/platforms/libq{name}.so"]) for name in plugins]
        return sorted({*needed, *min(drawing, key=len, default=[])})
    return []


def unresolved(files: Sequence[Path]) -> list[str]:
    """The libraries that the loader does not find for these files."""
    present = [str(file) for file in files if file.is_file()]
    if not present or not shutil.which("ldd"):
        return []
    # Without LC_ALL=C, ldd says "not found" in the user's language.
    result = subprocess.run(["ldd", *present], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return not_found(result.stdout)


def not_found(ldd_output: str) -> list[str]:
    """The libraries that ldd reports as missing."""
    lines = ldd_output.splitlines()
    return sorted({line.partition("=>")[0].strip() for line in lines if line.rstrip().endswith("=> not found")})


def debian_packages(libraries: Sequence[str]) -> list[str]:
    """The Debian packages that bring these libraries, as far as they are known."""
    return sorted({DEBIAN_PACKAGES[name] for name in libraries if name in DEBIAN_PACKAGES})


def library_advice(libraries: Sequence[str], release: Mapping[str, str], root: bool) -> str:
    """Name the missing libraries and the one command that installs them."""
    sudo = "" if root else "sudo "
    families = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
    text = f"Qt can't start: this system misses {', '.join(libraries)}."
    if is_debian(release) and debian_packages(libraries):
        return f"{text} To install:\n    {sudo}apt-get install {' '.join(debian_packages(libraries))}"
    if "fedora" in families or "rhel" in families:
        wanted = " ".join(f"'{name}()(64bit)'" for name in libraries)
        return f"{text} To install:\n    {sudo}dnf install {wanted}"
    return f"{text} Install the packages of your system that bring them."


def os_release() -> Mapping[str, str]:
    """What the Linux distribution says about itself; empty elsewhere."""
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def is_debian(release: Mapping[str, str]) -> bool:
    """Whether the system is Debian or one of its children, such as Ubuntu."""
    return "debian" in f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()


def is_root() -> bool:
    """Whether this process may change the system."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
