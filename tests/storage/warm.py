"""`runshelf` on the path of a shell script, without its half second of imports: a fork of a process that has made them.

Beside that each command is a process of its own, with the folder, environment, files and exit code of any other.
`python -m tests.storage.warm SOCKET` is the process that is forked, `python warm.py SOCKET VERB ...` one command; how
the real one starts is for other tests.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys

IMPORTED_LATER = (  # by the verbs, when they need them
    "sklearn.cross_decomposition", "sklearn.linear_model", "sklearn.model_selection", "matplotlib.backends.backend_svg",
    "storage.workspace", "storage.reports", "storage.runner", "storage.pickles", "storage.thinning",
)  # fmt: skip


def order(address: str, arguments: list[str]) -> int:
    """Have one command done and return its exit code; 255 where it told none."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        wish = json.dumps([arguments, os.getcwd(), dict(os.environ)]).encode()
        socket.send_fds(line, [len(wish).to_bytes(4, "big")], [0, 1, 2])
        line.sendall(wish)
        told = line.recv(1)
    return told[0] if told else 255


def serve(address: str) -> int:
    """Fork for each order that comes. Only a fork returns, with the exit code of its command."""
    for name in IMPORTED_LATER:
        importlib.import_module(name)
    from storage.cli import main

    gc.freeze()  # else each fork looks through all that was imported, and so copies it, when it ends
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who look after one command each
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        print("ready", flush=True)
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                break
            line.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with line:
        length, files, _, _ = socket.recv_fds(line, 4, 3)
        left = int.from_bytes(length, "big")
        wish = b""
        while len(wish) < left:
            wish += line.recv(left - len(wish))
        child = os.fork()
        if child:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            with contextlib.suppress(OSError):  # whoever ordered it is gone
                line.sendall(bytes([code % 256]))
            os._exit(0)
    arguments, folder, environment = json.loads(wish)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115 - to the end
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    return main(arguments)


if __name__ == "__main__":
    here, *rest = sys.argv[1:]
    sys.exit(order(here, rest) if rest else serve(here))
