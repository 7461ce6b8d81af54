"""A process that has imported dbt and read the parsed project: each run of dbt is a fork of it.

To import dbt and to read the parsed project takes a tenth of a demonstration refresh (docs/decisions). `start` has it
done as soon as a run knows that there is something to build. Where no such process was started, dbt does it by itself.

Each of these processes ends when the refresh ends, however it ends: a build that nobody waits for would keep the
warehouse from the next one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

from iapt.workspace import DBT_PROJECT

#: The environment variable that names the socket of the process.
SOCKET_VARIABLE: Final = "IAPT_WARM_DBT"
#: The environment variable that says which process runs dbt, as its parent.
CALLER_VARIABLE: Final = "IAPT_DBT_CALLER"
#: The option by which the process is told where its socket goes.
SERVE_AT: Final = "--serve-at"
#: The exit status of dbt where it could not do its work.
FAILED: Final = 2
#: Where sockets go: a run has its temporary files in its home, whose path may be longer than that of a socket may be.
SYSTEM_FOLDER: Final = tempfile.gettempdir()
_NUMBER_BYTES: Final = 8
_SECONDS_BETWEEN_LOOKS: Final = 0.2


def start(module: str, home: Path) -> None:
    """Start the process by a module's command, unless there is one. It ends when this process ends."""
    if Path(os.environ.get(SOCKET_VARIABLE, "")).is_socket():
        return
    address = Path(tempfile.mkdtemp(prefix=_make_folder_prefix(home), dir=SYSTEM_FOLDER)) / "socket"
    process = subprocess.Popen(
        [sys.executable, "-m", module, SERVE_AT, str(address)],
        cwd=DBT_PROJECT,
        stdin=subprocess.PIPE,  # closed when this process ends
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.environ[SOCKET_VARIABLE] = str(address)
    threading.Thread(target=process.wait, daemon=True).start()


def _make_folder_prefix(home: Path) -> str:
    """Return how the names of the folders of sockets begin that runs in a home make.

    They are not in the home: the path of a socket may have a hundred letters, and that of a home has more.
    """
    return f"iapt_dbt_{hashlib.sha256(os.fsencode(home.absolute())).hexdigest()[:12]}_"


def list_abandoned_folders(home: Path) -> list[Path]:
    """Return the folders of sockets that killed runs in a home left. Only while the workspace is locked."""
    own = Path(os.environ.get(SOCKET_VARIABLE, "")).parent
    return [path for path in Path(SYSTEM_FOLDER).glob(f"{_make_folder_prefix(home)}*") if path != own]


def end_with_caller() -> None:
    """Let this process end when its parent does, which waits for it: there is nobody left to tell what comes of it.

    The parent is the process that the environment names as the caller. Where none is named, it is whichever it is now.
    """
    named = os.environ.get(CALLER_VARIABLE, "")
    caller = int(named) if named.isdecimal() else os.getppid()

    def watch() -> None:
        while os.getppid() == caller:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        os._exit(FAILED)

    threading.Thread(target=watch, daemon=True).start()


def run_in_fork(arguments: list[str]) -> int | None:
    """Run dbt with these arguments in a fork of the process; return its exit status, None where there is no process."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(os.environ.get(SOCKET_VARIABLE, ""))
        except OSError:
            return None
        mask = os.umask(0o077)
        os.umask(mask)
        request = {"arguments": arguments, "environment": dict(os.environ), "folder": str(Path.cwd()), "umask": mask}
        payload = json.dumps(request).encode()
        socket.send_fds(connection, [len(payload).to_bytes(_NUMBER_BYTES, "big")], [0, 1, 2])
        connection.sendall(payload)
        pid = _receive_number(connection)
        if pid is not None:
            signal.signal(signal.SIGINT, lambda *_: os.kill(pid, signal.SIGINT))
        status = _receive_number(connection)
        return FAILED if status is None else status


def _receive_number(connection: socket.socket) -> int | None:
    """Return the next number that the other side sends; None where it has ended."""
    try:
        received = connection.recv(_NUMBER_BYTES, socket.MSG_WAITALL)
    except ConnectionError:
        return None
    return int.from_bytes(received, "big") if len(received) == _NUMBER_BYTES else None


def serve(address: Path, prepare: Callable[[], None], run_dbt: Callable[[list[str]], int]) -> None:
    """Prepare, then fork for every run that is asked for, until standard input is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nothing waits for the forks
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(address))
            listener.listen()  # a run asked for from now on waits for the preparation
            with _exit_if_starter_ends(address.parent):
                prepare()
            while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
                connection, _ = listener.accept()
                with connection:
                    if os.fork() == 0:
                        listener.close()
                        _run_request(connection, run_dbt)
    finally:
        shutil.rmtree(address.parent, ignore_errors=True)


@contextlib.contextmanager
def _exit_if_starter_ends(folder: Path) -> Generator[None]:
    """End at once where standard input is closed meanwhile: a command that finds nothing to do ends soon."""
    done_receiver, done_sender = os.pipe()

    def watch() -> None:
        if sys.stdin in select.select([sys.stdin, done_receiver], [], [])[0]:
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(0)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:  # no other thread may run where the process is forked
        os.close(done_sender)
        watcher.join()
        os.close(done_receiver)


def _run_request(connection: socket.socket, run_dbt: Callable[[list[str]], int]) -> None:
    """In a fork: take over the caller's streams, environment and folder, run dbt, and send its exit status."""
    status = FAILED
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        length, descriptors, _, _ = socket.recv_fds(connection, _NUMBER_BYTES, 3)
        request = json.loads(connection.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL))
        for stream, descriptor in enumerate(descriptors):
            os.dup2(descriptor, stream)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        os.umask(request["umask"])
        connection.sendall(os.getpid().to_bytes(_NUMBER_BYTES, "big"))
        threading.Thread(target=_end_with_connection, args=(connection,), daemon=True).start()
        status = run_dbt(request["arguments"])
        _close_warehouse()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with contextlib.suppress(OSError):
            connection.sendall(status.to_bytes(_NUMBER_BYTES, "big"))
        os._exit(status)


def _close_warehouse() -> None:
    """Let DuckDB write all of a warehouse into its file; a fork that exits at once would leave that to its readers."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def _end_with_connection(connection: socket.socket) -> None:
    """End this fork at once where the process that asked for the run has ended, which ends with the refresh."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    os._exit(FAILED)
