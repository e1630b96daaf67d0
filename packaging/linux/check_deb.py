"""Install the package in a fresh Debian and look: `python3 packaging/linux/check_deb.py [PACKAGE.deb]`, as root.

Makes a minimal system without Python by debootstrap, from the mirror that this machine itself uses, with what the
package depends on and no more. There the package is installed, trains the demo, shows its window under the Xvfb of this
machine, of which a picture is kept (dist/deb-window.png), and is removed; nothing may be left of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DIST = ROOT / "dist"
PICTURE = DIST / "deb-window.png"
PLACES = ("usr", "etc", "opt", "var/lib", "root", "home")
PATIENCE = 120  # seconds
# What dpkg and the desktop's own caches keep, whichever package comes or goes.
NOT_LOOKED_AT = re.compile(
    r"^var/lib/(dpkg|apt|systemd|ucf)/|^etc/(ld\.so\.cache|\.pwd\.lock)|^usr/share/(icons|mime)/.*cache$"
)


class Failed(Exception):
    """Something that a user of the package would meet; the message is the sentence to show."""


def make_system(root: Path, packages: Sequence[str]) -> None:
    """A minimal Debian of this machine's own release, with these packages and what they need."""
    uri, suite = _mirror()
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, str(root), uri]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        raise Failed(f"debootstrap failed: {made.stdout[-2000:]}{made.stderr[-2000:]}")


def _mirror() -> tuple[str, str]:
    """The first address and suite that apt of this machine uses."""
    told = subprocess.check_output(
        ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"], text=True
    )
    site, suite = told.split("\n")[0].split()
    return site, suite


class System:
    """The fresh system, in which commands run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
            **{name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")},
        }  # fmt: skip

    def run(self, *command: str, **more: str) -> str:
        """Run a command there to its end; returns what it printed."""
        done = subprocess.run(
            ["chroot", str(self.root), *command], env={**self.environment, **more}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if done.returncode:
            raise Failed(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout[-3000:]}")
        return done.stdout

    @contextmanager
    def running(self, *command: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Have a program running there."""
        environment = {**self.environment, **more}
        with subprocess.Popen(
            ["chroot", str(self.root), *command],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def files(self) -> set[str]:
        """Every file and folder there is, but for what dpkg keeps for itself."""
        found = (path.relative_to(self.root).as_posix() for place in PLACES for path in (self.root / place).rglob("*"))
        return {name for name in found if not NOT_LOOKED_AT.search(name)}


@contextmanager
def mounted(root: Path) -> Iterator[None]:
    """What lies in memory in any system that runs; the devices are those that debootstrap made."""
    held = []
    try:
        for kind, place in (("proc", "proc"), ("tmpfs", "dev/shm")):
            (root / place).mkdir(exist_ok=True)
            subprocess.run(["mount", "-t", kind, kind, str(root / place)], check=True)
            held.append(root / place)
        yield
    finally:
        for mount in reversed(held):
            subprocess.run(["umount", "--lazy", str(mount)], check=False)


def check(package: Path, root: Path) -> None:
    """Install, use, remove. Raises Failed."""
    system = System(root)
    if shutil.which("python3", path=f"{root}/usr/bin"):
        raise Failed("The fresh system has a Python of its own, and so proves nothing.")
    shutil.copy2(package, root / "tmp" / "package.deb")
    before = system.files()
    system.run("dpkg", "--install", "/tmp/package.deb")
    print(f"  ✓ Installed, with nothing missing: {system.run('runshelf', '--version').strip()}", flush=True)
    missing = sorted(set(re.findall(r"(\S+) => not found", system.run("sh", "-c", _LDD))))
    if missing:
        raise Failed(f"Libraries are missing there: {', '.join(missing)}.")
    system.run("runshelf-cli", "demo", "/root/demo")
    print("  ✓ The demo is trained", flush=True)
    _show(system)
    system.run("runshelf-cli", "check", "--deep", "-w", "/root/demo/workspace")
    shutil.rmtree(root / "root" / "demo")
    system.run("dpkg", "--purge", "runshelf")
    for place in (".config", ".local", ".cache"):
        shutil.rmtree(root / "root" / place, ignore_errors=True)  # of the user, which a package leaves alone
    left = sorted(system.files() - before)
    if left:
        raise Failed(f"Removing it leaves {', '.join(left[:20])}.")
    print("  ✓ Removed, and nothing is left", flush=True)


_LDD = """\
find /usr/lib/runshelf -name '*.so*' -not -path '*/platformthemes/*' |
LD_LIBRARY_PATH=/usr/lib/runshelf/_internal xargs ldd
"""


def _dependencies(package: Path) -> list[str]:
    told = subprocess.check_output(["dpkg-deb", "--field", str(package), "Depends"], text=True)
    return [part.split()[0] for part in told.split(",")]


def _show(system: System) -> None:
    """The window on the demo, under Xvfb; a picture of the screen is kept."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1500x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as told:
            display = f":{told.readline().strip()}"
        try:
            with system.running("runshelf", "/root/demo/workspace", DISPLAY=display) as window:
                opened = time.monotonic()
                while not list((system.root / "tmp").glob("runshelf-*/*.socket")):
                    if window.poll() is not None or time.monotonic() - opened > PATIENCE:
                        said = window.stdout.read() if window.poll() is not None and window.stdout else ""
                        raise Failed(f"The window does not open the demo.\n{said}")
                    time.sleep(0.1)
                time.sleep(5)  # for the eye: charts are drawn a moment later
                subprocess.run(["import", "-display", display, "-window", "root", str(PICTURE)], check=True)
                window.terminate()
                if code := window.wait(PATIENCE):
                    raise Failed(f"The window ended with {code}.")
        finally:
            server.terminate()
    print(f"  ✓ The window shows it: {PICTURE.relative_to(ROOT)}", flush=True)


def main(arguments: list[str]) -> int:
    """Make a fresh system and check the package in it."""
    package = Path(arguments[0]) if arguments else next(DIST.glob("runshelf_*.deb"))
    with tempfile.TemporaryDirectory(prefix="runshelf-system-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        try:
            make_system(root, _dependencies(package))
            print("  ✓ A fresh system is made, with the libraries it depends on", flush=True)
            with mounted(root):
                check(package, root)
        except Failed as error:
            print(f"  ✗ {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
