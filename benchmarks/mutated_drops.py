"""Ten thousand mutated drops, ingested and read by the real path: what became of each, and what was said of it.

Every mutant is drawn from a seed (`tests/factories/drop_mutations.py`), so a run can be repeated, and one looked at:

    .venv/bin/python -m benchmarks.mutated_drops --count 10000 --seed 1 --sample 100
    .venv/bin/python -m benchmarks.mutated_drops --seed 1 --only 4711

What must never be is a fault, and any fault ends the run with 1: an exception, half an archived drop, rejected cells
left behind, cells in that are not cells out, by an oracle that counts them in the bytes. What was read otherwise than
its base without a word is listed by kind; where no reader of the file alone could know, the kind says why.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from rich.console import Console
from rich.table import Column, Table

from tests.factories.drop_mutations import KINDS, Kind, Mutant, encode_base, make_mutant
from tests.factories.mutant_trials import Key, Trial, run_trials
from tests.factories.small_drops import make_small_drops

OUTCOMES = ("rejected", "same figures", "told", "not knowable", "silent", "fault")
_IN_ONE_HOME = 250
_UNCHANGED = Kind("unchanged", "base")


@dataclass(frozen=True)
class Judgement:
    """What became of a mutant, how its figures differ from those of its base, and what was said of it alone."""

    number: int
    kind: str
    base: str
    file: str
    change: str
    outcome: str
    differences: tuple[str, ...]
    words: tuple[str, ...]
    faults: tuple[str, ...]
    was_counted: bool


@functools.cache
def read_bases() -> dict[str, Trial]:
    """The bases themselves, ingested and read."""
    drops = make_small_drops()
    mutants = [
        Mutant(number, base, _UNCHANGED, drop.file, encode_base(base), "")
        for number, (base, drop) in enumerate(drops.items())
    ]
    trials = run_trials(mutants)
    for trial in trials:
        if not trial.is_read or trial.faults:
            raise ValueError(f"expected every base to be read; {trial.mutant.base}: {trial.rejection or trial.faults}")
    return {trial.mutant.base: trial for trial in trials}


def judge(trial: Trial) -> Judgement:
    """Compare a mutant with its base."""
    mutant, base = trial.mutant, read_bases()[trial.mutant.base]
    differences = tuple(_find_differences(base, trial)) if trial.is_read else ()
    words = (trial.rejection,) if trial.rejection else tuple(_find_new_words(base, trial))
    if trial.faults:
        outcome = "fault"
    elif trial.rejection:
        outcome = "rejected"
    elif not differences:
        outcome = "same figures"
    elif words:
        outcome = "told"
    else:
        outcome = "not knowable" if mutant.kind.is_unknowable_of(make_small_drops()[mutant.base].layout) else "silent"
    return Judgement(
        mutant.number,
        mutant.kind.name,
        mutant.base,
        mutant.file,
        mutant.change,
        outcome,
        differences,
        words,
        tuple(trial.faults),
        trial.was_counted,
    )


def _is_untold(trial: Trial) -> bool:
    """Whether a mutant was read otherwise than its base and reading said nothing: rules are asked of such alone."""
    base = read_bases()[trial.mutant.base]
    return not any(_find_new_words(base, trial)) and any(_find_differences(base, trial))


def _find_new_words(base: Trial, trial: Trial) -> Iterator[str]:
    """What was said of a mutant and not of its base: of a rule or a reason, that it concerns more cells."""
    known = dict(map(_split_count, base.words))
    for word in trial.words:
        what, count = _split_count(word)
        if what not in known or count > known[what]:
            yield word


def _split_count(word: str) -> tuple[str, int]:
    counted = re.fullmatch(r"((?:rule|quarantined): .*) \((\d+)\)", word, re.DOTALL)
    return (counted[1], int(counted[2])) if counted else (word, 0)


def _find_differences(base: Trial, trial: Trial) -> Iterator[str]:
    lost = [key for key in base.cells if key not in trial.cells]
    added = [key for key in trial.cells if key not in base.cells]
    changed = [key for key in base.cells if key in trial.cells and base.cells[key] != trial.cells[key]]
    for what, keys in (("lost", lost), ("added", added), ("changed", changed)):
        if keys:
            key = keys[0]
            figures = " -> ".join(cells[key] for cells in (base.cells, trial.cells) if key in cells)
            yield f"{len(keys):,} {what}, such as {_describe_key(key)}: {figures}"
    renamed = [key for key in base.names if trial.names.get(key, base.names[key]) != base.names[key]]
    for key in renamed[:2]:
        yield f"name of {' '.join(filter(None, key))}: {sorted(base.names[key])} -> {sorted(trial.names[key])}"


def _describe_key(key: Key) -> str:
    return " ".join(part for part in key[1:2] + key[3:] if part)


def judge_run(numbers: Sequence[int], seed: int) -> list[Judgement]:
    """Try these mutants of a run, and judge each."""
    judgements: list[Judgement] = []
    waiting = [make_mutant(number, seed) for number in numbers]
    while waiting:
        # The same bytes twice are one drop: they go into homes of their own.
        by_digest = {hashlib.sha256(mutant.content).digest(): mutant for mutant in reversed(waiting)}
        together = sorted(by_digest.values(), key=lambda mutant: mutant.number)
        waiting = [mutant for mutant in waiting if mutant not in together]
        judgements += [judge(trial) for trial in run_trials(together, _is_untold)]
    return sorted(judgements, key=lambda judgement: judgement.number)


def _run(count: int, seed: int, processes: int, console: Console) -> list[Judgement]:
    parts = [range(start, min(start + _IN_ONE_HOME, count)) for start in range(0, count, _IN_ONE_HOME)]
    judgements: list[Judgement] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for judged in pool.map(judge_run, parts, [seed] * len(parts)):
            judgements += judged
            outcomes = Counter(judgement.outcome for judgement in judgements)
            console.print(f"{len(judgements):,}: {', '.join(f'{outcomes[name]:,} {name}' for name in OUTCOMES)}")
    return judgements


def _make_table(judgements: Sequence[Judgement]) -> Table:
    table = Table(Column("kind", no_wrap=True), *OUTCOMES, "all", title="what became of mutants, by kind")
    counts = Counter((judgement.kind, judgement.outcome) for judgement in judgements)
    for kind in KINDS:
        of_kind = [counts[kind, outcome] for outcome in OUTCOMES]
        table.add_row(kind, *(str(times or "") for times in of_kind), str(sum(of_kind)))
    totals = [sum(counts[kind, outcome] for kind in KINDS) for outcome in OUTCOMES]
    table.add_row("all", *map(str, totals), str(sum(totals)))
    return table


def _print(console: Console, judgement: Judgement) -> None:
    lines = [
        f"[{judgement.number}] {judgement.outcome}: {judgement.kind} of {judgement.base} ({judgement.file})",
        f"    change: {judgement.change}",
        *(f"    figures: {difference}" for difference in judgement.differences or ["the same"]),
        *(f"    said: {word}" for word in judgement.words[:6] or ["nothing"]),
        *(f"    FAULT: {fault}" for fault in judgement.faults),
    ]
    console.print("\n".join(line[:400] for line in lines), markup=False, highlight=False, soft_wrap=True)


def main(arguments: Sequence[str]) -> int:
    """Run, print, and return 1 where there was a fault."""
    parser = argparse.ArgumentParser(description="Mutated drops: what became of each.")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=100, help="of the accepted ones, to judge by hand")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", type=int, action="append", help="look at these mutants alone")
    options = parser.parse_args(arguments)
    console = Console(width=160)
    if options.only:
        for judgement in judge_run(options.only, options.seed):
            _print(console, judgement)
        return 0
    start = time.perf_counter()
    judgements = _run(options.count, options.seed, options.processes, console)
    seconds = time.perf_counter() - start
    accepted = [judgement for judgement in judgements if judgement.outcome not in ("rejected", "fault")]
    console.print(_make_table(judgements))
    counted = sum(judgement.was_counted for judgement in accepted)
    console.print(
        f"{len(judgements):,} mutants of seed {options.seed} in {seconds:,.0f} s; {len(accepted):,} accepted, of which "
        f"the cells of {counted:,} were counted in the bytes by the oracle"
    )
    for heading, outcome in (("faults", "fault"), ("read otherwise without a word", "silent")):
        console.print(f"\n{heading}:")
        for judgement in judgements:
            if judgement.outcome == outcome:
                _print(console, judgement)
    console.print(f"\n{options.sample} accepted mutants, to be judged by hand:")
    for judgement in random.Random(options.seed).sample(accepted, min(options.sample, len(accepted))):
        _print(console, judgement)
    return int(any(judgement.faults for judgement in judgements))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
