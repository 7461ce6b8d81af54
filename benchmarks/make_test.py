"""`make test` by the clock, and by what the machine gave it: a virtual machine's cores may be lent to others meanwhile.

Run it in a clean clone after `make setup`, with nothing else at work; on Linux. What the command prints goes to a file:

    .venv/bin/python benchmarks/make_test.py /tmp/test.log
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

#: The first fields of the line `cpu` of /proc/stat, in ticks of all cores together (proc_stat(5)).
FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


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


def main(log: Path) -> int:
    """Run the command, print the table, and return the command's exit status."""
    number = os.cpu_count() or 1
    before, start = Cores.now(), time.perf_counter()
    with log.open("wb") as stream:
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
    Console().print(table)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
