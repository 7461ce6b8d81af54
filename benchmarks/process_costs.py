"""What a command costs: seconds by the clock and by the processor, and the memory of the largest process it ran."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: How often the processes are looked at. Linux keeps the peak of each itself; what a process did after the last look,
#: and one that lived between two, is not seen.
INTERVAL_SECONDS = 0.1
ACCEPTED_STATUSES = (0, 3)  # released; released without the drops that were rejected
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What a command took. Memory is the peak of the largest single process, those that it started among them."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def measure_command(
    name: str, command: Sequence[str], *, folder: Path | None = None, environment: dict[str, str] | None = None
) -> Cost:
    """Run a command to its end and return what it cost. Raises RuntimeError where it fails, with what it said."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        watched = _ProcessTree(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - start
        watched.stop()
        exit_status = os.waitstatus_to_exitcode(status)
        if exit_status not in ACCEPTED_STATUSES:
            output.seek(0)
            raise RuntimeError(f"{name} ended with {exit_status}: {output.read().decode(errors='replace')}")
    return Cost(
        wall_seconds,
        max(watched.cpu_seconds, usage.ru_utime + usage.ru_stime),
        max(watched.peak_mb, usage.ru_maxrss / 1024),
    )


class _ProcessTree:
    """A process and all that come from it, looked at until it is stopped; one whose parent ended stays in sight."""

    def __init__(self, root: int) -> None:
        self._pids = {root}
        self._peaks_kb: dict[int, int] = {}
        self._ticks: dict[int, int] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def peak_mb(self) -> float:
        """The peak resident memory of the largest process."""
        return max(self._peaks_kb.values(), default=0) / 1024

    @property
    def cpu_seconds(self) -> float:
        """User and system seconds of all of them, each counted by itself."""
        return sum(self._ticks.values()) / _TICKS_PER_SECOND

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(INTERVAL_SECONDS):
            fields_of_pids = {
                int(path.name): _read_stat(path) for path in Path("/proc").iterdir() if path.name.isdigit()
            }
            children: dict[int, list[int]] = {}
            for pid, fields in fields_of_pids.items():
                if fields:
                    children.setdefault(int(fields[1]), []).append(pid)
            added = list(self._pids)
            while added:
                new = [pid for parent in added for pid in children.get(parent, ()) if pid not in self._pids]
                self._pids.update(new)
                added = new
            for pid in self._pids & fields_of_pids.keys():
                if fields := fields_of_pids[pid]:
                    self._ticks[pid] = int(fields[11]) + int(fields[12])
                    self._peaks_kb[pid] = max(self._peaks_kb.get(pid, 0), _read_peak_kb(pid))


def _read_stat(process: Path) -> list[str]:
    """The fields of a process after its name, from its state on; none where it has ended."""
    try:
        return (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _read_peak_kb(pid: int) -> int:
    """The most memory that a process has held so far; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
