"""One piece of work in several processes at once, which run nothing else of what called them.

    python -m epochal.models.training.together FOLDER

Lightning's own strategies run the whole command once more for each process, a study's whole run
included, or hand over what they spawn by shared memory, and wait for ever where that fails.
"""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from epochal.errors import EpochalError, explain

_WORK, _RESULT, _ERROR = "work.pkl", "result.pkl", "error-{}.txt"
_LOOK_S = 0.2  # how often the parent looks after its processes


def run_together(work: Callable[[], Any], n_processes: int) -> Any:
    """Call `work` in so many processes at once, and return what the first makes of it.

    `work` and what it returns are pickled. The processes find each other as Lightning's do, by
    their environment. If one fails the others are ended, and `EpochalError` says in a line why.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / _WORK).write_bytes(pickle.dumps(work))
        with _started(folder, n_processes) as processes:
            while any(code is None for code in (one.poll() for one in processes)):
                _refuse_failed(processes, folder)
                time.sleep(_LOOK_S)
            _refuse_failed(processes, folder)
        return pickle.loads((folder / _RESULT).read_bytes())  # nosec B301: written by this fit


def work_here(folder: Path) -> int:
    """Do the work of one process, and return its exit code."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    rank = os.environ["LOCAL_RANK"]
    try:
        work = pickle.loads((folder / _WORK).read_bytes())  # nosec B301: written by the parent
        result = work()
    except Exception as error:  # whatever it is, the parent has to tell of it
        (folder / _ERROR.format(rank)).write_text(explain(error), encoding="utf-8")
        return 1
    if rank == "0":
        (folder / _RESULT).write_bytes(pickle.dumps(result))
    return 0


@contextmanager
def _started(folder: Path, n_processes: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start the processes; when this is left, however it is, they are no more."""
    command = [sys.executable, "-m", __name__, str(folder)]
    with _held_port() as port:
        common = os.environ | {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "WORLD_SIZE": str(n_processes),
            "NODE_RANK": "0",
            "TORCH_CPP_LOG_LEVEL": "ERROR",  # advice on each process's screen
        }
        processes = [
            subprocess.Popen(  # nosec B603: this very interpreter, without a shell
                command, env=common | {"LOCAL_RANK": str(rank)}, stdin=subprocess.PIPE
            )
            for rank in range(n_processes)
        ]
        try:
            yield processes
        finally:
            for process in processes:
                process.kill()
                process.communicate()


def _refuse_failed(processes: list[subprocess.Popen[bytes]], folder: Path) -> None:
    for rank, process in enumerate(processes):
        if process.poll():
            path = folder / _ERROR.format(rank)
            said = path.read_text(encoding="utf-8") if path.is_file() else "without a word"
            raise EpochalError(
                f"training.devices: process {rank} of {len(processes)} ended with "
                f"{process.returncode}: {said}"
            )


def _end_with_parent() -> None:
    """End where the parent has: its end of the pipe is closed then, even if it was killed."""
    os.read(0, 1)  # nothing is ever written to it
    os._exit(1)


@contextmanager
def _held_port() -> Iterator[int]:
    """Give a port that nobody else is given until the first process listens there, seconds later.

    torch binds it with SO_REUSEADDR, which lets it in beside a socket that does not listen.
    """
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
        yield int(one.getsockname()[1])


if __name__ == "__main__":
    sys.exit(work_here(Path(sys.argv[1])))
