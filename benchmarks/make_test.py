"""`make test` by the clock, and by what the machine gave it: a virtual machine's cores may be lent to others meanwhile.

What is left of them may be slow too: beside the command, a core adds a million numbers every now and then, and the last
row says how many additions the command is worth, on each core. It is the figure to compare between machines and runs.

Run it in a clean clone after `make setup`, with nothing else at work; on Linux. What the command prints goes to a file:

    .venv/bin/python benchmarks/make_test.py /tmp/test.log
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

#: The first fields of the line `cpu` of /proc/stat, in ticks of all cores together (proc_stat(5)).
FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
#: Seconds from one measurement of the pace to the next: what it takes itself is not one part in a hundred.
BETWEEN_PACES = 15


@dataclass(frozen=True)
class Cores:
    """Seconds of all cores together: at work, idle, and taken away by the machine that lends them."""

    worked: float
    idle: float
    taken: float

    @classmethod
    def now(cls) -> Cores:
        """What they have done since the machine started."""
        ticks = Path("/proc/stat").read_text("utf-8").splitlines()[0].split()[1:]
        seconds = {field: int(tick) / os.sysconf("SC_CLK_TCK") for field, tick in zip(FIELDS, ticks, strict=False)}
        idle, taken = seconds.pop("idle") + seconds.pop("iowait"), seconds.pop("steal")
        return cls(sum(seconds.values()), idle, taken)

    def since(self, before: Cores) -> Cores:
        """What they have done since another time."""
        return Cores(self.worked - before.worked, self.idle - before.idle, self.taken - before.taken)


class Pace:
    """How long a core takes to add a million numbers, measured again and again until the context ends."""

    def __init__(self) -> None:
        """Measure nothing yet."""
        self.seconds: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._measure)

    def __enter__(self) -> Pace:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Measure no more."""
        self._ended.set()
        self._thread.join()

    def _measure(self) -> None:
        while not self.seconds or not self._ended.wait(BETWEEN_PACES):
            total, start = 0, time.thread_time()  # of this core alone, without what was taken away
            for number in range(1_000_000):
                total += number
            self.seconds.append(time.thread_time() - start)


def main(log: Path) -> int:
    """Run the command, print the table, and return the command's exit status."""
    number = os.cpu_count() or 1
    before, start = Cores.now(), time.perf_counter()
    with log.open("wb") as stream, Pace() as pace:
        status = subprocess.run(["make", "test"], stdout=stream, stderr=subprocess.STDOUT, check=False).returncode
    clock, spent = time.perf_counter() - start, Cores.now().since(before)
    table = Table("make test", "seconds", "of the clock", title=f"{number} cores; exit status {status}")
    for name, seconds in (
        ("the clock", clock),
        ("each core at work", spent.worked / number),
        ("each core idle", spent.idle / number),
        ("each core taken away", spent.taken / number),
        ("each core, but for what was taken away", (spent.worked + spent.idle) / number),
    ):
        table.add_row(name, f"{seconds:.1f}", f"{seconds / clock:.2f}")
    million = statistics.mean(pace.seconds)
    ours = (spent.worked + spent.idle) / number
    paces = f"{min(pace.seconds):.3f} to {max(pace.seconds):.3f}"
    table.add_row(f"a million additions ({paces})", f"{million:.3f}", "")
    table.caption = f"Each core worth {ours / million:,.0f} million additions"
    Console().print(table)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
