"""Trials of mutated drops: ingested and read by the real path, what must always hold, and what was said."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from expectations.drop_validation import DropToValidate, DropValidationCache, validate_drops
from iapt.ingest.archive import PROVENANCE, ArchivedDrop, DropArchive
from iapt.ingest.drop_reading import read_archived_drops
from iapt.ingest.ingestion import ingest_folder
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.rejection import DropRejectedError
from iapt.sql import quote_literal
from tests.factories import drops
from tests.factories.drop_mutations import Mutant
from tests.oracles.drop_cells import UnreadableError, read_cells

SEEDS = drops.ROOT / "dbt_project" / "seeds"
ARCHIVED_AT = "2026-11-01T00:00:00+00:00"
_KEY = (
    *("series", "period_start", "period_end", "org_level", "org_code", "partner_code", "parent_code"),
    *("variable_type", "variable_a", "variable_b", "measure_id", "measure"),
)
_LONGEST_MESSAGE = 1500

Key = tuple[str, ...]


@dataclass
class Trial:
    """What became of a mutant. `faults` are what must never be; `cells` its figures by key, `names` its names by code.

    `words` is what was said of it: the rejection, notices, quarantine, and rules and warnings that it broke.
    """

    mutant: Mutant
    sha256: str = ""
    summary: DropSummary | None = None
    rejection: str = ""
    cells: dict[Key, str] = field(default_factory=dict)
    names: dict[Key, frozenset[str]] = field(default_factory=dict)
    quarantined: int = 0
    words: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    was_counted: bool = False

    @property
    def is_read(self) -> bool:
        """Whether the drop was read, in full or but for what was quarantined."""
        return self.summary is not None and not self.rejection


def ask_of_all(_trial: Trial) -> bool:
    """Ask the rules of drops of every mutant that was read."""
    return True


def ask_of_none(_trial: Trial) -> bool:
    """Ask the rules of drops of no mutant."""
    return False


def run_trials(mutants: Sequence[Mutant], asked: Callable[[Trial], bool] = ask_of_all) -> list[Trial]:
    """Ingest and read mutants in one home of their own; where that raises, each in a home of its own.

    The rules of drops are asked of those mutants that were read and for which `asked` holds.
    """
    try:
        return _run_in_one_home(mutants, asked)
    except Exception as error:  # noqa: BLE001 (whatever is raised is a fault, and is told of its mutant)
        if len(mutants) > 1:
            return [trial for mutant in mutants for trial in run_trials([mutant], asked)]
        return [Trial(mutants[0], faults=[f"raised {type(error).__name__}: {error}"])]


def _run_in_one_home(mutants: Sequence[Mutant], asked: Callable[[Trial], bool]) -> list[Trial]:
    with tempfile.TemporaryDirectory(prefix="mutants-") as root:
        home = Path(root)
        offered = home / "offered"
        trials = {}
        for mutant in mutants:
            path = offered / f"{mutant.number:06}" / mutant.file
            path.parent.mkdir(parents=True)
            path.write_bytes(mutant.content)
            relative = path.relative_to(offered).as_posix()
            trials[relative] = Trial(mutant, hashlib.sha256(mutant.content).hexdigest())
        if len({trial.sha256 for trial in trials.values()}) != len(trials):
            raise ValueError("expected mutants of different bytes in one home")
        (offered / PROVENANCE).write_text(json.dumps({"data_origin": "synthetic"}), "utf-8")
        archive, store = DropArchive(home / "drops"), ObservationStore(home / "observations")
        ingested = ingest_folder(offered, archive, drops.catalogue(), ARCHIVED_AT)
        for path, record in ingested.rejected:
            trials[path].rejection = str(DropRejectedError(**record))
        for path in ingested.ignored:
            if path in trials:
                trials[path].rejection = "ignored: it is no drop by its name"
        result = read_archived_drops(archive, store, drops.catalogue(), "synthetic")
        by_sha256 = {trial.sha256: trial for trial in trials.values()}
        for drop, record in result.rejected:
            by_sha256[drop.sha256].rejection = str(DropRejectedError(**record))
        for drop, summary in result.usable:
            by_sha256[drop.sha256].summary = summary
        for trial in trials.values():
            _check_archive(trial, archive)
            _check_reading(trial, store)
        _check_leftovers(by_sha256, archive, store)
        for trial in trials.values():
            if trial.summary is not None:
                _add_words_of_reading(trial, trial.summary)
        _validate([trial for trial in trials.values() if trial.is_read and asked(trial)], store, home)
        return list(trials.values())


# -- what must always hold ---------------------------------------------------------------------------------------------


def _check_archive(trial: Trial, archive: DropArchive) -> None:
    """The archive has the whole of the drop or nothing of it."""
    folder = archive.folder / trial.sha256
    if not folder.exists():
        if not trial.rejection:
            trial.faults.append("neither archived nor rejected")
        return
    files = sorted(path.name for path in folder.iterdir())
    if files != sorted([PROVENANCE, trial.mutant.file]):
        trial.faults.append(f"half archived: {files}")
        return
    if (folder / trial.mutant.file).read_bytes() != trial.mutant.content:
        trial.faults.append("archived with other bytes")
    drop = ArchivedDrop.from_record(json.loads((folder / PROVENANCE).read_text("utf-8")))
    if (drop.sha256, drop.bytes, drop.file) != (trial.sha256, len(trial.mutant.content), trial.mutant.file):
        trial.faults.append("archived with a provenance of something else")


def _check_reading(trial: Trial, store: ObservationStore) -> None:
    """A rejected drop leaves no cell; of one that is read, every cell is an observation or quarantined."""
    observations, quarantine = store.observations_path(trial.sha256), store.quarantine_path(trial.sha256)
    if trial.rejection:
        if observations.exists() or quarantine.exists():
            trial.faults.append("rejected, with cells left")
        if len(trial.rejection) > _LONGEST_MESSAGE or not trial.rejection.isprintable():
            trial.faults.append(f"a rejection that nobody can read: {trial.rejection[:80]!r}")
        return
    summary = trial.summary
    if summary is None:
        trial.faults.append("neither read nor rejected")
        return
    texts = _load_cells(trial, observations)
    if quarantine.exists():
        query = f"select value_as_published, count(*) from read_parquet({quote_literal(quarantine)}) group by 1"
        for text, times in drops.connection().cursor().execute(query).fetchall():
            texts[text] += times
            trial.quarantined += times
    total = texts.total()
    if not summary.cells == summary.observations + summary.quarantined == total:
        trial.faults.append(
            f"{summary.cells} cells in; {summary.observations} observations and {summary.quarantined} quarantined; "
            f"{total} cells in the files"
        )
    members = [member for table in summary.tables for member in table.members]
    try:
        counted = read_cells(trial.mutant.content, members)
    except UnreadableError:
        return
    trial.was_counted = True
    if counted.total() != total:
        trial.faults.append(f"{counted.total()} cells counted in the bytes, {total} read")
    elif not summary.file.lower().endswith(".xlsx") and "sheet " not in "".join(members) and counted != texts:
        trial.faults.append(f"other texts than in the bytes: {list((counted - texts).items())[:3]}")


def _load_cells(trial: Trial, observations: Path) -> Counter[str]:
    """Fill the cells and names of a trial; return the texts of its observations."""
    rows = (
        drops.connection()
        .cursor()
        .execute(
            f"""
            select series, period_start::varchar, period_end::varchar, org_level, org_code, partner_code, parent_code,
                variable_type, variable_a, variable_b, measure_id, source_column,
                measure_name, org_name, partner_name, parent_name,
                value_as_published, value_status, value, duplicate_of_row is not null
            from read_parquet({quote_literal(observations)})
            """
        )
        .fetchall()
    )
    texts: Counter[str] = Counter()
    names: dict[Key, set[str]] = {}
    for row in rows:
        key = tuple("" if cell is None else str(cell) for cell in row[:12])
        text, status, value, is_duplicate = row[16:]
        texts[text] += 1
        for what, code, name in (
            ("measure", row[10], row[12]),
            ("organisation", row[4], row[13]),
            ("partner", row[5], row[14]),
            ("parent", row[6], row[15]),
        ):
            names.setdefault((what, str(row[3]) if what == "organisation" else "", str(code)), set()).add(str(name))
        if is_duplicate:
            continue
        if key in trial.cells:
            trial.faults.append(f"two observations of one cell: {key}")
        # `5.0` is the figure that `5` is.
        trial.cells[key] = f"{value:g} ({status})" if value is not None else f"{text} ({status})"
    trial.names = {key: frozenset(found) for key, found in names.items()}
    return texts


def _check_leftovers(trials: Mapping[str, Trial], archive: DropArchive, store: ObservationStore) -> None:
    """Nothing is left but archived drops, observations, quarantines and summaries."""
    odd = [path.name for path in archive.folder.glob("*") if path.name not in trials]
    odd += [path.name for path in store.folder.glob("*") if re.split(r"[.]", path.name)[0] not in trials]
    if odd:
        raise AssertionError(f"left behind: {odd[:5]}")


# -- what was said -----------------------------------------------------------------------------------------------------


def _add_words_of_reading(trial: Trial, summary: DropSummary) -> None:
    trial.words += [f"notice: {notice}" for notice in summary.notices]
    for table in summary.tables:
        trial.words += [f"quarantined: {reason} ({cells})" for reason, cells in table.quarantined.items()]


def _validate(trials: Sequence[Trial], store: ObservationStore, home: Path) -> None:
    """Add the rules and warnings that the figures of each trial break."""
    if not trials:
        return
    requested = [
        DropToValidate(trial.sha256, trial.mutant.file, store.observations_path(trial.sha256), "read so")
        for trial in trials
    ]
    validations = validate_drops(requested, DropValidationCache(home / "validations"), SEEDS).validations
    for trial, validation in zip(trials, validations, strict=True):
        for outcome in validation.outcomes:
            if outcome.result == "failed":
                trial.words.append(f"rule: {outcome.rule} ({outcome.violations})")
            elif outcome.result != "passed":
                trial.faults.append(f"rule {outcome.rule}: {outcome.result} {outcome.message}")
        trial.words += _find_warnings(store.observations_path(trial.sha256))


#: What the warnings of the models tell of one drop: `dbt_project/tests/warn_*.sql`.
_WARNINGS = {
    "unlisted measure names": """
        select distinct measure_id || ' ' || measure_name from cells
        where measure_id is not null
            and (measure_id, measure_name) not in (select (measure_id, name) from measure_names)
    """,
    "unlisted organisations": """
        select distinct org_level || ' ' || org_code from (
            select split_part(org_level, '_provider', 1) as org_level, org_code from cells
            where org_level not in ('england', 'provider')
            union all select 'provider', org_code from cells where org_level = 'provider'
            union all select 'provider', partner_code from cells where partner_code is not null
        ) where org_code not in (select org_code from organisations)
    """,
    "unlisted populations": """
        select distinct concat_ws(' ', variable_type, variable_a, variable_b) from cells
        where variable_type <> 'Total' and series <> 'data_quality' and
            (variable_type, coalesce(variable_a, ''), coalesce(variable_b, '')) not in (
                select (variable_type, coalesce(variable_a, ''), coalesce(variable_b, '')) from populations
            )
    """,
    "identical duplicate rows": """
        select source_member || ' ' || source_row from cells
        where duplicate_of_row is not null and not (org_level = 'england' and period_grain = 'quarter')
    """,
}


@functools.cache
def _connect_to_seeds() -> duckdb.DuckDBPyConnection:
    """A database of the reviewed lists."""
    connection = duckdb.connect(config={"threads": 1})
    for seed in ("measure_names", "organisations", "populations"):
        file = quote_literal(SEEDS / f"{seed}.csv")
        connection.execute(f"create table {seed} as from read_csv({file}, all_varchar = true)")
    return connection


def _find_warnings(observations: Path) -> list[str]:
    connection = _connect_to_seeds()
    connection.execute(f"create or replace temp view cells as from read_parquet({quote_literal(observations)})")
    return [
        f"warning: {warning} {text}"
        for warning, query in _WARNINGS.items()
        for (text,) in connection.execute(query).fetchall()
    ]
