"""Damaged drops: whatever bytes a drop is made of, it is read or rejected with a sentence; nothing else is raised.

The damage is drawn from a seed, so that every run tries the same files; `IAPT_DAMAGED_DROPS` tries more of them.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories import drops, mutant_trials
from tests.factories.drop_mutations import KINDS, Mutant, make_mutant
from tests.factories.drops import FINISHED, MONTHLY_HEADER, make_monthly_csv, make_row

TIMES = int(os.environ.get("IAPT_DAMAGED_DROPS", "12"))
ROWS = [make_row("25"), make_row("*", measure=FINISHED)]
SHEETS = {"Notes": [["A note"]], "Data": [MONTHLY_HEADER, *ROWS]}
SOUND = {
    **dict(drops.make_published_drops().values()),
    "month_apr_2026.xlsx": drops.make_xlsx(SHEETS),
    "month_apr_2026.zip": drops.make_zip({"a.csv": make_monthly_csv(*ROWS), "metadata.xlsx": drops.make_xlsx(SHEETS)}),
    "month_apr_2026_utf_16.csv": make_monthly_csv(*ROWS).decode().encode("utf-16"),
}
# What a damaged or forged file holds where nobody expects it.
PIECES = [
    *(b"", b"\0", b"\xff", b"\r", b"\n\n", b'"', b'""', b",", b";" * 9, b"\xff\xfe", b"<", b"&", b"]]>", b"-", b"'"),
    *(b"#N/A", b"1e400", b"9" * 400, b"NULL", b"nan", b"\xc3\x28", b"\xf0\x9f\x98\x80", b"=cmd()", b"%s{}", b"\x1a"),
    *(b'<c r="A1" t="e"/>', b'<row r="9">', b'hidden="1"', b'encoding="UTF-9"', b'state="hidden"', b"</c>", b'r:id=""'),
]


def damaged(content: bytes, made: random.Random) -> bytes:
    """The bytes after a few accidents."""
    found = bytearray(content)
    for _ in range(made.randrange(1, 4)):
        if not found:
            break
        place, length = made.randrange(len(found)), made.randrange(1, 40)
        match made.randrange(6):
            case 0:  # a bit turns
                found[place] ^= 1 << made.randrange(8)
            case 1:  # the end is lost
                del found[max(place, 1) :]
            case 2:  # a part is lost
                del found[place : place + length]
            case 3:  # a part comes twice
                found[place:place] = found[place : place + length]
            case 4:  # something else stands there
                piece = made.choice(PIECES)
                found[place : place + len(piece)] = piece
            case _:  # something is put in
                found[place:place] = made.choice(PIECES)
    return bytes(found)


def damaged_inside(content: bytes, made: random.Random) -> bytes:
    """A sound ZIP or workbook around damaged members; what it says of their sums is right."""
    members: list[tuple[str | zipfile.ZipInfo, bytes]] = []
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        names = source.namelist()
        hit = made.choice(names)
        for name in names:
            part = source.read(name)
            if name == hit and part.startswith(b"PK") and made.random() < 0.7:
                part = damaged_inside(part, made)
            elif name == hit:
                part = damaged(part, made)
            kept = name if made.random() < 0.97 else name + made.choice(["", ".xlsx", ".csv", "/x.csv", "\u202e"])
            members.append((kept, part))
    return drops.make_zip(members)


def variants(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Damaged copies of a drop, some of them under the name of another kind of file."""
    made = random.Random(name)
    for number in range(TIMES):
        is_container = content.startswith(b"PK")
        broken = damaged_inside(content, made) if is_container and number % 3 else damaged(content, made)
        suffix = Path(name).suffix if number % 8 else made.choice([".csv", ".xlsx", ".zip"])
        yield f"{Path(name).stem}{suffix}", broken


@pytest.mark.parametrize("name", SOUND)
def test_a_damaged_drop_is_read_or_rejected_and_nothing_else_comes_of_it(name: str, tmp_path: Path) -> None:
    assert drops.read(tmp_path, name, SOUND[name]).observations
    for number, (offered, content) in enumerate(variants(name, SOUND[name])):
        try:
            found = drops.read(tmp_path, offered, content)
        except BaseException as error:  # noqa: BLE001 (no exception at all may leave the reader)
            (tmp_path / f"failed-{offered}").write_bytes(content)
            pytest.fail(f"variant {number} of {name}, under the name {offered}: {type(error).__name__}: {error}")
        if found.summary.rejection is not None:
            assert len(found.rejection) < 1500, found.rejection
            assert found.rejection.isprintable(), found.rejection
            assert not found.store.observations_path(found.drop.sha256).exists()
        else:
            assert found.summary.cells == found.summary.observations + found.summary.quarantined


# -- mutants of every kind ---------------------------------------------------------------------------------------------

MUTANTS = int(os.environ.get("IAPT_MUTATED_DROPS", str(3 * len(KINDS))))
IN_ONE_HOME = len(KINDS)


@pytest.mark.parametrize("first", range(0, MUTANTS, IN_ONE_HOME))
def test_a_mutant_of_any_kind_is_archived_whole_and_every_cell_is_accounted_for(first: int) -> None:
    """Of each: no exception, not half archived, no cell lost by a count of our own; `benchmarks/mutated_drops.py`."""
    mutants = {make_mutant(number, 7).content: make_mutant(number, 7) for number in range(first, first + IN_ONE_HOME)}
    trials = mutant_trials.run_trials(list(mutants.values()), mutant_trials.ask_of_none)
    assert {trial.mutant.number: trial.faults for trial in trials if trial.faults} == {}
    assert any(trial.rejection for trial in trials)
    assert sum(trial.was_counted for trial in trials) > IN_ONE_HOME // 3


def test_the_same_seed_makes_the_same_mutants() -> None:
    assert [make_mutant(number, 7).content for number in range(60)] == [
        make_mutant(number, 7).content for number in range(60)
    ]


def make_sound_mutant(**changes: bytes | str) -> Mutant:
    """A month that nothing was done to."""
    name, content = drops.make_published_drops()["monthly_long"]
    return replace(make_mutant(0, 7), **{"number": 0, "file": name, "content": content, **changes})  # type: ignore[arg-type]


def test_a_trial_tells_of_an_exception_of_the_mutant_that_raised_it(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = make_sound_mutant(), replace(make_sound_mutant(content=b"raises"), number=1)
    real = mutant_trials.ingest_folder

    def ingest(folder: Path, *others: Any) -> Any:
        if any(path.read_bytes() == b"raises" for path in folder.rglob("*.csv")):
            raise KeyError("a slip")
        return real(folder, *others)

    monkeypatch.setattr(mutant_trials, "ingest_folder", ingest)
    trials = mutant_trials.run_trials([good, bad], mutant_trials.ask_of_none)
    assert [trial.faults for trial in trials] == [[], ["raised KeyError: 'a slip'"]]


def test_a_trial_tells_of_half_an_archive_a_lost_cell_and_what_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    real = mutant_trials.read_archived_drops

    def read_and_spoil(archive: Any, store: Any, *others: Any) -> Any:
        found = real(archive, store, *others)
        for drop, summary in found.usable:
            archive.path_to(drop).rename(archive.path_to(drop).with_name("half"))
            summary.tables[0].observations["published"] += 1
        return found

    monkeypatch.setattr(mutant_trials, "read_archived_drops", read_and_spoil)
    (trial,) = mutant_trials.run_trials([make_sound_mutant()], mutant_trials.ask_of_none)
    assert [fault.split(":")[0] for fault in trial.faults] == [
        "half archived",
        "2 cells in; 3 observations and 0 quarantined; 2 cells in the files",
    ]
    monkeypatch.setattr(mutant_trials, "read_archived_drops", real)
    monkeypatch.setattr(mutant_trials, "read_cells", lambda *_: Counter({"25": 3}))
    (trial,) = mutant_trials.run_trials([make_sound_mutant()], mutant_trials.ask_of_none)
    assert trial.faults == ["3 cells counted in the bytes, 2 read"]


def test_a_trial_tells_of_cells_left_of_a_rejected_drop_of_other_bytes_and_of_files_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = mutant_trials.read_archived_drops

    def spoil(change: Callable[[Any, Any, str], object], mutant: Mutant) -> list[str]:
        def read_and_spoil(archive: Any, store: Any, *others: Any) -> Any:
            found = real(archive, store, *others)
            change(archive, store, hashlib.sha256(mutant.content).hexdigest())
            return found

        monkeypatch.setattr(mutant_trials, "read_archived_drops", read_and_spoil)
        (trial,) = mutant_trials.run_trials([mutant], mutant_trials.ask_of_none)
        return trial.faults

    def overwrite(archive: Any, _store: Any, sha256: str) -> None:
        path = archive.folder / sha256 / make_sound_mutant().file
        path.chmod(0o644)
        path.write_bytes(b"other")

    rejected = make_sound_mutant(content=b"a,b\n1,2\n")
    assert spoil(lambda _archive, store, sha256: store.observations_path(sha256).touch(), rejected) == [
        "rejected, with cells left"
    ]
    assert spoil(overwrite, make_sound_mutant()) == ["archived with other bytes"]
    left = spoil(lambda archive, _store, _sha256: (archive.folder / ".archiving-1").mkdir(), make_sound_mutant())
    assert left == ["raised AssertionError: left behind: ['.archiving-1']"]
