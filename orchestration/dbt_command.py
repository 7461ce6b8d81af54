"""The processes dbt works in: forks of one that has imported it, and read the parsed project, once.

To import dbt and to read what it parsed takes seconds. `warm_up` has it done in another process while this one imports
its own tools and reads drops; each run of dbt is then a fork of that process. Where nothing was warmed up, as in
Dagster's UI, a run begins with all of it. dbt by itself would parse the project again for every other warehouse; what
it parses does not depend on the warehouse, so it is parsed once, see `orchestration.assets.marts.prepared_manifest`.
"""

from __future__ import annotations

import contextlib
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
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

from iapt.workspace import DBT_PROJECT

MODULE: Final = "orchestration.dbt_process"
#: What dbt kept of parsing the project.
PARSED: Final = DBT_PROJECT / "target" / "partial_parse.msgpack"
WARM: Final = "IAPT_WARM_DBT"  # names the socket of the process that was warmed up
_WAIT_AT: Final = "--wait-at"
_LENGTH: Final = 8
_FAILED: Final = 2  # what dbt itself ends with where it could not do its work


def ignore_surroundings() -> None:
    """Take what others have told dbt, and Dagster of dbt, out of the environment of this process.

    dbt takes every option from `DBT_*`: another project, empty tables, warnings that stop the run. What this project
    tells it stands in its own files and commands. Python would take `PYTHONWARNINGS=error` for a reason to end where a
    library warns of its own future.
    """
    if os.environ.pop("PYTHONWARNINGS", ""):
        warnings.resetwarnings()
    for name in [name for name in os.environ if name.startswith(("DBT_", "DAGSTER_DBT_"))]:
        del os.environ[name]


def warm_up() -> None:
    """Start the process that dbt's runs will be forks of, unless there is one; it ends when this one does."""
    if Path(os.environ.get(WARM, "")).is_socket():
        return
    address = Path(tempfile.mkdtemp(prefix="iapt_dbt_")) / "socket"
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE, _WAIT_AT, str(address)],
        cwd=DBT_PROJECT,
        stdin=subprocess.PIPE,  # closed when this process ends, however it ends
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.environ[WARM] = str(address)
    threading.Thread(target=process.wait, daemon=True).start()


@contextlib.contextmanager
def out_of_sight() -> Generator[None]:
    """Let dbt look as if it were not installed, for as long as this lasts: to what imports it only where it can."""
    if "dbt" in sys.modules:  # then it has cost its time
        yield
        return
    # How Python is told that there is no such module; the types do not know of it.
    sys.modules["dbt"] = None  # pyrefly: ignore[unsupported-operation]
    try:
        yield
    finally:
        del sys.modules["dbt"]


def main(arguments: list[str]) -> int:
    """Run dbt with these arguments, in a fork of the process that was warmed up if there is one; its exit status."""
    if arguments[:1] == [_WAIT_AT]:
        _wait_for_runs(Path(arguments[1]))
        return 0
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(os.environ.get(WARM, ""))
        except OSError:
            return _run_dbt(arguments, _Parsed())
        return _run_in_a_fork(connection, arguments)


def _run_in_a_fork(connection: socket.socket, arguments: list[str]) -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": str(Path.cwd()), "umask": mask}
    payload = json.dumps(request).encode()
    socket.send_fds(connection, [len(payload).to_bytes(_LENGTH, "big")], [0, 1, 2])
    connection.sendall(payload)
    pid = _number(connection)
    if pid is not None:
        signal.signal(signal.SIGINT, lambda *_: os.kill(pid, signal.SIGINT))
    status = _number(connection)
    return _FAILED if status is None else status


def _number(connection: socket.socket) -> int | None:
    """The next number that the other side sends; None where it has ended."""
    try:
        received = connection.recv(_LENGTH, socket.MSG_WAITALL)
    except ConnectionError:
        return None
    return int.from_bytes(received, "big") if len(received) == _LENGTH else None


class _Parsed:
    """The parsed project, read when it is asked for and again where it was parsed again."""

    def __init__(self) -> None:
        self._stamp = 0
        self._manifest: Any = None

    def manifest(self) -> Any:
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        stamp = PARSED.stat().st_mtime_ns
        if stamp != self._stamp:
            self._manifest = Manifest.from_msgpack(PARSED.read_bytes(), decoder=extended_mashumuro_decoder)
            self._manifest.build_flat_graph()
            self._stamp = stamp
        return self._manifest


def _wait_for_runs(address: Path) -> None:
    """Import dbt, read the parsed project, and fork for every run that is asked for, until standard input is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(address))
            listener.listen()  # what is asked for now is done when dbt is there
            parsed = _Parsed()
            with _not_for_nobody(address.parent):
                import dbt.adapters.duckdb
                import dbt.cli.main  # noqa: F401

                with contextlib.suppress(OSError):  # not parsed yet
                    parsed.manifest()
            while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
                connection, _ = listener.accept()
                with connection:
                    if os.fork() == 0:
                        listener.close()
                        _serve(connection, parsed)
    finally:
        shutil.rmtree(address.parent, ignore_errors=True)


@contextlib.contextmanager
def _not_for_nobody(folder: Path) -> Generator[None]:
    """End at once where standard input is closed meanwhile: a process that has nothing for dbt to do ends soon."""
    done, told = os.pipe()

    def watch() -> None:
        if sys.stdin in select.select([sys.stdin, done], [], [])[0]:
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(0)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:  # no thread may be left where the process is going to be forked
        os.close(told)
        watching.join()
        os.close(done)


def _serve(connection: socket.socket, parsed: _Parsed) -> None:
    """In a fork: become the run that is asked for, and say how it ended."""
    status = _FAILED
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        length, descriptors, _, _ = socket.recv_fds(connection, _LENGTH, 3)
        request = json.loads(connection.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL))
        for place, descriptor in enumerate(descriptors):
            os.dup2(descriptor, place)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        os.umask(request["umask"])
        connection.sendall(os.getpid().to_bytes(_LENGTH, "big"))
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        status = _run_dbt(request["arguments"], parsed)
        _close_warehouse()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with contextlib.suppress(OSError):
            connection.sendall(status.to_bytes(_LENGTH, "big"))
        os._exit(status)


def _close_warehouse() -> None:
    """Let DuckDB write all of a warehouse into its file, as at the end of any process that ends by itself.

    What is left in the log beside the file is read again by everyone who opens it: seconds each, of the real figures.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def _end_with(connection: socket.socket) -> None:
    """End where the process that asked for the run has ended."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _run_dbt(arguments: list[str], parsed: _Parsed) -> int:
    """dbt's own command, which takes the project as it was parsed unless it is told to parse it."""
    from dbt.cli.main import cli

    known: dict[str, Any] = {} if "parse" in arguments else {"manifest": parsed.manifest()}
    try:
        cli(arguments, obj=known, prog_name="dbt")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
