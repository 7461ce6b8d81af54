"""Random changes of drops, seeds and policy, each followed by a comparison with a home built anew from the same drops.

    .venv/bin/python -m benchmarks.changing_homes SCRATCH --steps 20 --seed 1

No measure of speed. Prints each change, what it affected, and every difference in a table or a part; ends with 1 where
there is one. The changes of a seed are the same each time: the last line of a failed run is what to repeat.
"""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.factories.changing_home import ChangingHome, start_changing_home
from tests.oracles.home_contents import (
    list_changed_parts,
    list_differences,
    list_parts_made_again,
    read_parts,
)


def main(
    scratch: Annotated[Path, typer.Argument(help="A folder for drops, homes and a copy of the project.")],
    steps: Annotated[int, typer.Option(help="How many changes.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the random changes.")] = 1,
) -> None:
    """Change a home step by step and compare."""
    folder = scratch.resolve() / f"seed-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    with start_changing_home(folder) as home:
        _change_and_compare(home, steps, seed)


def _change_and_compare(home: ChangingHome, steps: int, seed: int) -> None:
    console, chance = Console(width=160), random.Random(seed)
    for number in range(1, steps + 1):
        before = read_parts(home.home)
        name = home.change_at_random(chance)
        plan = home.refresh()
        after = read_parts(home.home)
        differences = list_differences(home.home, home.build_anew())
        changed, made_again = list_changed_parts(before, after), list_parts_made_again(before, after)
        affected = "every period" if plan.is_full else ", ".join(period.label for period in plan.affected) or "none"
        console.print(
            f"{number} {name}: affected {affected}; {len(changed)} of {len(made_again)} parts made again changed"
        )
        if left := sorted((changed & after.keys()) - made_again):
            differences.append(f"changed and not made again: {left}")
        if differences:
            console.print("\n".join(differences))
            sys.exit(f"seed {seed}, step {number}: {name}")
    console.print("no difference")


if __name__ == "__main__":
    typer.run(main)
