"""Try the bundle as somebody who has no Python: `python packaging/smoke.py [BUNDLE]`, after every build.

Everything runs with a home of its own, an empty PATH and next to nothing in the environment. Each check is a function
whose first line says what holds; at the end stands what did not. The window is tried without a screen and, where Xvfb
is, on one. `runshelf-inside` (see packaging/inside.py) is put beside the programs while that is done.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUNDLE = ROOT / "dist" / "runshelf"
INSIDE = ROOT / "build" / "work" / "runshelf" / "runshelf-inside"
SCRIPT = ROOT / "packaging" / "inside.py"
PATIENCE = 300  # seconds; a machine that is busy takes a while
PIPELINES = 6
LATE = ("pandas", "sklearn", "pyarrow.dataset")  # imported after the first paint only
MARK = "RUNSHELF_SMOKE"


class Failed(Exception):
    """Something that a user of the bundle would meet; the message is the sentence to show."""


@dataclass
class Trial:
    """The bundle, and a home for whoever tries it."""

    bundle: Path
    home: Path
    screen: str = ""  # the X display, empty for none
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        names = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
        places = {name: str(self.home / name.lower()) for name in names}
        for place in (*places.values(), str(self.home / "bin")):
            Path(place).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.environment = {
            "HOME": str(self.home), "PATH": str(self.home / "bin"), "LANG": "C.UTF-8", MARK: str(self.home), **places,
        }  # fmt: skip
        self.environment |= {"DISPLAY": self.screen} if self.screen else {"QT_QPA_PLATFORM": "offscreen"}
        # What makes numerical libraries run on this very processor is no part of what is tried.
        self.environment |= {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}

    @property
    def workspace(self) -> Path:
        """The workspace that is worked in."""
        return self.home / "my workspace"

    def command(self, name: str, *arguments: str | Path) -> list[str]:
        """The command line of one of the programs."""
        suffix = ".exe" if sys.platform == "win32" else ""
        return [str(self.bundle / f"{name}{suffix}"), *map(str, arguments)]

    def run(self, *arguments: str | Path, program: str = "runshelf-cli") -> str:
        """Run a command to its end; returns what it printed. One that fails is told with its last words."""
        done = subprocess.run(
            self.command(program, *arguments), env=self.environment, cwd=self.home, stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", errors="replace", timeout=2 * PATIENCE,
        )  # fmt: skip
        if done.returncode:
            words = " ".join([program, *map(str, arguments)])
            said = f"{done.stdout.strip()}\n{done.stderr.strip()}".strip()
            raise Failed(f"`{words}` ended with {done.returncode}. It said:\n{_indented(said[-3000:])}")
        return done.stdout

    @contextmanager
    def window(self, *arguments: str | Path, closed: bool = False) -> Iterator[subprocess.Popen[str]]:
        """Have the window running; with `closed` it has no input and no output at all, as when started by a desktop."""
        command = self.command("runshelf", *arguments)
        if closed:
            command = ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]
        with subprocess.Popen(
            command, env=self.environment, cwd=self.home, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def has_open(self) -> bool:
        """Whether a window has a workspace open: then it listens for others that want to open it."""
        return any(self.home.glob("xdg_runtime_dir/runshelf/*.socket"))

    def crashed(self) -> list[Path]:
        """The marks of windows that did not end as they should."""
        return list(self.home.glob("xdg_data_home/**/running-*.lock"))


# ---------------------------------------------------------------- what holds


def tells_its_version(trial: Trial) -> None:
    """Both programs tell the version."""
    said = {trial.run("--version", program=name).strip() for name in ("runshelf", "runshelf-cli")}
    _require(len(said) == 1 and said.pop().startswith("runshelf "), "The programs don't tell one version.")


def trains(trial: Trial) -> None:
    """A workspace is made and pipelines are trained, two at a time; charts are drawn beside them."""
    trial.run("init", trial.workspace)
    data, grid = _write_inputs(trial.home)
    said = trial.run(
        "run", data, "--target", "protein", "--test-size", "0.25", "--pipelines", grid, "--run-name", "smoke",
        "--jobs", "2", "-w", trial.workspace,
    )  # fmt: skip
    _require(f"{PIPELINES} completed, 0 failed" in said, f"Training said: {said.strip()}")
    pictures = list(trial.workspace.glob("runs/*/0001_*/*.png"))
    _require(bool(pictures), "No charts lie beside the first pipeline.")
    whole = all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    _require(whole, "A chart is no PNG.")


def finds(trial: Trial) -> None:
    """The best result is found in a process of its own, and written as Parquet."""
    best = json.loads(trial.run("catalog", "best", "val_rmse", "--format", "json", "-w", trial.workspace))
    _require(len(best) == PIPELINES, f"Of {PIPELINES} results {len(best)} are listed.")
    rows = trial.home / "rows.parquet"
    trial.run("catalog", "export", rows, "-w", trial.workspace)
    _require(_is_parquet(rows), "The exported rows are no Parquet file.")
    _require(all(map(_is_parquet, trial.workspace.rglob("part-*.parquet"))), "A part of the catalog is no Parquet.")


def loads(trial: Trial) -> None:
    """Fitted pipelines are loaded and predict what they predicted."""
    trial.run("runs", "verify", _run(trial), "-w", trial.workspace)


def reports(trial: Trial) -> None:
    """A run is reported as a page."""
    trial.run("report", "run", _run(trial), "-w", trial.workspace)
    pages = list(trial.workspace.glob("catalog/reports/*.html"))
    _require(any("<svg" in page.read_text("utf-8") for page in pages), "There is no report with a chart in it.")


def carries_elsewhere(trial: Trial) -> None:
    """A pipeline is kept, packed, and taken into another workspace."""
    other, package = trial.home / "other", trial.home / "kept.zip"
    pipeline = _first(trial.workspace, f"runs/{_run(trial)}/0001_*").name
    trial.run(
        "library", "save", "pipeline", "kept", "--run", _run(trial), "--pipeline", pipeline, "-w", trial.workspace
    )
    trial.run("library", "export", "pipeline", "kept", package, "-w", trial.workspace)
    trial.run("init", other)
    trial.run("library", "import", package, "-w", other)
    _require("kept" in trial.run("library", "list", "-w", other), "What was imported is not listed.")


def opens(trial: Trial) -> None:
    """The window opens a workspace by its document; a second start brings it to the front and ends; both end well."""
    with trial.window(trial.workspace / "runshelf.json") as first:
        _wait(trial.has_open, first, "The window does not open the workspace")
        trial.run(trial.workspace, program="runshelf")
        _require(first.poll() is None, "The first window ended when the second one started.")
        _end(first, "The window")
    _require(not trial.crashed(), "The window did not end as it should.")


def lives_without_console(trial: Trial) -> None:
    """The window lives where input and output are closed, as when a desktop starts it."""
    with trial.window(trial.workspace, closed=True) as window:
        _wait(trial.has_open, window, "Without a console the window does not open the workspace")
        _end(window, "The window without a console")
    _require(not trial.crashed(), "Without a console the window did not end as it should.")


def is_used(trial: Trial) -> None:
    """The window trains in a child process, cancels, draws charts, exports and reports; no child opens another."""
    folder = trial.home / f"taken{trial.screen.replace(':', '-')}"
    folder.mkdir()
    data, grid = _write_inputs(trial.home)
    with _watched(trial) as seen:
        said = trial.run(SCRIPT, "use", trial.workspace, data, grid, folder, program=INSIDE.name)
    for line in said.splitlines():
        print(f"      {line}")
    _require(_is_parquet(folder / "rows.parquet"), "The rows exported by the window are no Parquet file.")
    if seen:
        children = [line for line in seen.values() if _is_child(line)]
        _require(bool(children), "The window trained without a child process.")
        others = [" ".join(line) for line in seen.values() if not _is_child(line)]
        _require(len(others) == 1, f"Beside the window there was another one: {'; '.join(others[1:])}")
    _require(not trial.crashed(), "The window did not end as it should.")


def paints_early(trial: Trial) -> None:
    """What is slow to load is loaded after the window is painted."""
    found = json.loads(trial.run(SCRIPT, "paint", trial.workspace, program=INSIDE.name).splitlines()[-1])
    early = sorted(set(LATE) & set(found["loaded"]))
    _require(not early, f"Loaded before the first paint: {', '.join(early)}.")


def is_sound(trial: Trial) -> None:
    """After all of this a deep check finds nothing, and the runs are listed."""
    trial.run("check", "--deep", "-w", trial.workspace)
    _require("smoke" in trial.run("runs", "list", "-w", trial.workspace), "The first run is not listed any more.")


HEADLESS = (tells_its_version, trains, finds, loads, reports, carries_elsewhere)
IN_A_WINDOW = (opens, lives_without_console, paints_early, is_used, is_sound)


# ---------------------------------------------------------------- how it is looked at


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise Failed(sentence)


def _wait(until: Callable[[], bool], process: subprocess.Popen[str], sentence: str) -> None:
    """Wait for something that a process does. Raises Failed when it ends before, or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not until():
        if process.poll() is not None:
            said = process.stdout.read() if process.stdout else ""
            raise Failed(f"{sentence}: it ended with {process.returncode}.\n{_indented(said[-3000:])}")
        if time.monotonic() > deadline:
            raise Failed(f"{sentence} within {PATIENCE} s.")
        time.sleep(0.02)


def _end(process: subprocess.Popen[str], name: str) -> None:
    """Ask a window to end as a desktop does at logout, and see that it does so well."""
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        raise Failed(f"{name} does not end when it is asked to.") from None
    said = process.stdout.read() if process.stdout else ""
    _require(code == 0, f"{name} ended with {code}.\n{_indented(said[-3000:])}")


@contextmanager
def _watched(trial: Trial) -> Iterator[dict[int, list[str]]]:
    """The command lines of all processes of this trial that are seen meanwhile, by their id; empty without /proc."""
    seen: dict[int, list[str]] = {}
    over = threading.Event()

    def look() -> None:
        mark = f"{MARK}={trial.home}".encode()
        while not over.wait(0.05):
            for place in Path("/proc").glob("[0-9]*"):
                try:
                    if mark in (place / "environ").read_bytes().split(b"\0"):
                        words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
                        if words[0]:
                            seen[int(place.name)] = [word for word in words if word]
                except OSError:
                    continue  # it ended in this moment

    watching = threading.Thread(target=look, daemon=True)
    if Path("/proc/self/environ").exists():
        watching.start()
    try:
        yield seen
    finally:
        over.set()
        if watching.ident is not None:
            watching.join()


def _is_child(words: list[str]) -> bool:
    """Whether a command line is that of a process that multiprocessing started."""
    return "--multiprocessing-fork" in words or any("multiprocessing" in word for word in words[1:])


def _is_parquet(file: Path) -> bool:
    content = file.read_bytes()
    return content[:4] == content[-4:] == b"PAR1"


def _run(trial: Trial) -> str:
    return _first(trial.workspace, "runs/*_smoke").name


def _first(folder: Path, pattern: str) -> Path:
    """The first of what lies there. Raises Failed where nothing does, as after a training that failed."""
    found = sorted(folder.glob(pattern))
    _require(bool(found), f"There is no {pattern} in the workspace.")
    return found[0]


def _write_inputs(folder: Path) -> tuple[Path, Path]:
    """Write samples with a target that can be learnt, and a grid of pipelines; made by nothing but Python."""
    numbers = random.Random(3)
    rows = [[numbers.gauss(0, 1) for _ in range(6)] for _ in range(60)]
    lines = [",".join(["sample_id", "protein", *(str(900 + 10 * n) for n in range(6))])]
    for number, row in enumerate(rows):
        target = sum(n * value for n, value in enumerate(row)) + numbers.gauss(0, 0.1)
        lines.append(",".join([f"s{number:02d}", f"{target:.6f}", *(f"{value:.6f}" for value in row)]))
    data, grid = folder / "barley.csv", folder / "grid.json"
    data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    steps = [
        {"class": "chemotools.scatter.StandardNormalVariate"},
        {"class": "sklearn.preprocessing.StandardScaler"},
        {"class": "sklearn.cross_decomposition.PLSRegression"},
    ]
    components = {"PLSRegression__n_components": list(range(1, PIPELINES + 1))}
    grid.write_text(json.dumps({"name": "pls", "steps": steps, "grid": components}), encoding="utf-8")
    return data, grid


def _indented(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.splitlines())


@contextmanager
def _screen() -> Iterator[str]:
    """A display of its own under Xvfb; empty where there is none to be had."""
    if not shutil.which("Xvfb"):
        yield ""
        return
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as told:
            number = told.readline().strip()
        try:
            yield f":{number}" if number else ""
        finally:
            server.terminate()


@contextmanager
def with_inside(bundle: Path, inside: Path) -> Iterator[None]:
    """Put the program that looks from inside beside the others, for a while."""
    guest = bundle / inside.name
    shutil.copy2(inside, guest)
    try:
        yield
    finally:
        guest.unlink()


def _listing(bundle: Path) -> dict[str, tuple[int, int]]:
    """Every file of the bundle with size and time, by which a change is told."""
    files = (path for path in bundle.rglob("*") if path.is_file() and path.name != INSIDE.name)
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def check(trial: Trial, checks: tuple[Callable[[Trial], None], ...], where: str) -> list[str]:
    """Go through some checks and say how each went; returns the sentences of those that failed."""
    failures = []
    for one in checks:
        began = time.monotonic()
        sentence = (one.__doc__ or "").strip()
        try:
            one(trial)
        except (Failed, subprocess.TimeoutExpired) as error:
            failures.append(f"{one.__name__}, {where}: {error}")
            print(f"  ✗ {sentence}\n{_indented(str(error))}", flush=True)
        else:
            print(f"  ✓ {sentence} ({time.monotonic() - began:.1f} s)", flush=True)
    return failures


def main(arguments: list[str]) -> int:
    """Try a bundle; 1 if anything fails."""
    bundle = Path(arguments[0]).resolve() if arguments else BUNDLE
    before = _listing(bundle)
    failures = []
    with tempfile.TemporaryDirectory(prefix="runshelf-smoke-") as folder, with_inside(bundle, INSIDE):
        home = Path(folder)
        print("The command line, without a screen", flush=True)
        failures += check(Trial(bundle, home), HEADLESS, "in the command line")
        print("The window, without a screen", flush=True)
        failures += check(Trial(bundle, home), IN_A_WINDOW, "without a screen")
        with _screen() as screen:
            if screen:
                print(f"The window, on the display {screen}", flush=True)
                failures += check(Trial(bundle, home, screen), IN_A_WINDOW, "on a screen")
            else:
                print("The window on a screen: not tried, as there is no Xvfb.", flush=True)
    if _listing(bundle) != before:
        failures.append("The bundle changed while it was used.")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
