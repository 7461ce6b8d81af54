"""The reader: the cells of one kept drop become observations with a status, or quarantined cells with a reason.

Everything the layouts say is turned into SQL, and DuckDB does the reading: a CSV straight from its file, a sheet from
the rows python-calamine gave. Cells are counted in and out.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import itertools
import json
import mmap
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import duckdb
import pandas as pd

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.layouts import (
    Layout,
    Level,
    PeriodFromColumns,
    PeriodFromLabel,
    PeriodFromNames,
    VariableInHeader,
    Variables,
    WideMeasures,
    find_nearest,
    layouts_digest,
    period_pattern,
    rank_by_nearness,
    recognise,
)
from iapt.catalogue.organisation_codes import LEVEL_NAMES
from iapt.files import write_atomically
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.containers import (
    ERROR_CELL,
    GET_IT_AGAIN,
    HIDDEN_SHEET,
    Table,
    cell_text,
    find_zip_member,
    open_tables,
)
from iapt.ingest.named_periods import infer_period_from_name, is_named_for_a_series, parse_periods_in_name
from iapt.ingest.notices import SEPARATOR, format_notice
from iapt.ingest.sheets import ERROR_REASON, SPREADSHEET_ERRORS, UNCALCULATED, UNCALCULATED_REASON
from iapt.periods import (
    CALENDAR_END,
    CALENDAR_START,
    Period,
    find_period_starting,
    parse_day,
    parse_period_label,
    parse_period_name,
)
from iapt.rejection import DropRejectedError
from iapt.run_warnings import name_first
from iapt.sources.file_formats import describe_delimiter
from iapt.sql import quote_identifier as _name
from iapt.sql import quote_literal as _text
from iapt.threads import threads_per_worker

# Raised whenever the same bytes under the same layout would give other observations: kept drops are then read again.
READER_VERSION = 7
#: Two: a small drop is mostly planning, which DuckDB does on one core, and a large one fills the memory.
READERS = 2
ENGLAND_CODE, ENGLAND_NAME = "E92000001", "England"
SYNTHETIC_MARK = "(SYNTHETIC)"
#: How the reason begins for a cell of a column that is never read: no figure of the drop is lost by it.
COMPANION_OF = "an unsuppressed companion of "
ERROR_IN_A_KEY = "a key of the row is a spreadsheet's error"
#: What a spreadsheet writes into a cell that has no value, in every layout.
QUARANTINED_ANYWHERE = {**dict.fromkeys(SPREADSHEET_ERRORS, ERROR_REASON), UNCALCULATED: UNCALCULATED_REASON}
#: White space of any alphabet, with the characters that show nothing, at either end of a text.
OUTER_SPACE = r"^[\s\p{Z}\p{Cc}\p{Cf}]+|[\s\p{Z}\p{Cc}\p{Cf}]+$"
#: Beyond this a double no longer holds every whole number: what is read would not be what is written.
LARGEST_EXACT = 2**53 - 1
TOO_LARGE = f"a number beyond {LARGEST_EXACT:,} is not kept exactly"
#: How many texts, codes or reasons of one kind the notices of a drop name.
NAMED_IN_NOTICES = 5
PARQUET = "format parquet, compression zstd"
#: How many tables a rejection names beside the one it is about.
OTHERS_NAMED = 3
ROWS_OF_OTHER_LEVELS = (
    "rows that name an organisation of another level than their own are set aside; look at them, and get the file again"
)
#: A branch of a CASE that no row takes.
NEVER = "when null then null"
REMOVE_THE_WRONG = (
    "Get the file again. If it is published so, take out the wrong one of the two (a row, or a table that another one "
    "corrects), and offer the file under a name that ends in -v2."
)
MEND_LAYOUT = "If the publisher has changed the file, mend its layout in catalogue/layouts; else get the file again."


MEND_CELL = "Get the file again; if it is published so, mend the cell in a copy, and offer the copy."
MEND_ROW = "Get the file again; if it is published so, mend the row in a copy, and offer the copy."
#: A text in place of figures in fewer cells than this is a slip; in more it may be a mark of the publisher's.
FEWEST_OF_A_MARK = 3

#: Keys of a summary that an earlier version of the pipeline wrote.
_KEYS_BEFORE = {"refusal": "rejection", "synthetic_mark": "has_synthetic_mark"}


@dataclass
class TableSummary:
    """What was read from one group of tables of a drop that share a layout. Counts are of measure cells.

    `coverage` lists which levels each period has, by the period's first day.
    """

    layout: str
    series: str
    period_grain: str
    members: list[str]
    periods: list[str]
    coverage: list[tuple[str, str]]
    rows: int
    cells: int
    observations: dict[str, int]
    quarantined: dict[str, int]
    duplicate_rows: int


@dataclass
class DropSummary:
    """What became of a drop: read in full, or rejected with the reason. Kept beside its observations.

    `unread` names the tables inside it that no layout knows: a new layout may know them.
    """

    sha256: str
    file: str
    digest: str
    tables: list[TableSummary] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    has_synthetic_mark: bool = False
    rejection: dict[str, str] | None = None

    @property
    def cells(self) -> int:
        """Measure cells in the drop."""
        return sum(table.cells for table in self.tables)

    @property
    def observations(self) -> int:
        """Cells that became observations."""
        return sum(sum(table.observations.values()) for table in self.tables)

    @property
    def quarantined(self) -> int:
        """Cells that were set aside with a reason."""
        return sum(sum(table.quarantined.values()) for table in self.tables)

    @classmethod
    def from_json(cls, text: str) -> DropSummary:
        """A summary as it was written."""
        content = {_KEYS_BEFORE.get(key, key): value for key, value in json.loads(text).items()}
        content["tables"] = [TableSummary(**table) for table in content["tables"]]
        return cls(**content)

    def to_json(self) -> str:
        """The summary as text to keep."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def count_quarantined_cells(summary: DropSummary) -> int:
    """How many cells of a drop were set aside though they stand in a column that is read."""
    return sum(
        cells
        for table in summary.tables
        for reason, cells in table.quarantined.items()
        if not reason.startswith(COMPANION_OF)
    )


class ObservationStore:
    """The folder of observations: for each drop a Parquet file, its quarantine, and the summary written last."""

    def __init__(self, folder: Path) -> None:
        """A store in `folder`, made on the first reading."""
        self.folder = folder

    def observations_path(self, sha256: str) -> Path:
        """Where the observations of a drop lie."""
        return self.folder / f"{sha256}.parquet"

    def quarantine_path(self, sha256: str) -> Path:
        """Where the quarantined cells of a drop lie; the file exists only where there are any."""
        return self.folder / f"{sha256}.quarantine.parquet"

    def read_summary(self, sha256: str, catalogue: Catalogue) -> DropSummary | None:
        """The summary of a drop, if it was read under today's reader and layouts."""
        path = self.folder / f"{sha256}.json"
        if not path.is_file():
            return None
        summary = DropSummary.from_json(path.read_text("utf-8"))
        return summary if summary.digest == _digest(summary, catalogue) else None

    def forget(self, sha256: str) -> None:
        """Let a drop be read anew, as if it never was."""
        for path in (self.observations_path(sha256), self.quarantine_path(sha256), self.folder / f"{sha256}.json"):
            path.unlink(missing_ok=True)

    def write_summary(self, summary: DropSummary) -> None:
        """Write a summary whole, so that a crash leaves either none or all of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / f"{summary.sha256}.json", summary.to_json())


def _digest(summary: DropSummary, catalogue: Catalogue) -> str:
    """What a summary rests on: the reader and the layouts used; all of them, and the limits, where not all was read."""
    names = {table.layout for table in summary.tables}
    is_partial = bool(summary.rejection or summary.unread)
    layouts = [layout for layout in catalogue.layouts if is_partial or layout.name in names]
    text = f"reader {READER_VERSION} {layouts_digest(layouts)} {catalogue.organisation_codes.model_dump_json()}"
    text += catalogue.impossible_values.model_dump_json()
    if summary.rejection:
        text += f" {catalogue.limits.model_dump_json()} {catalogue.precedence.model_dump_json()}"
    # An entry concerns the drop it names alone; that it was rejected for its name is no reason to read others again.
    for entry in catalogue.misnamed_files:
        if entry.sha256 == summary.sha256 or entry.file == summary.file:
            text += f" {entry.model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()


def open_reading_connection() -> duckdb.DuckDBPyConnection:
    """A connection to read drops with, a few at a time. The rows of a file keep their order."""
    connection = duckdb.connect(config={"threads": threads_per_worker(READERS)})
    connection.execute("set preserve_insertion_order = true")
    return connection


def read_drop(
    connection: duckdb.DuckDBPyConnection, drop: ArchivedDrop, path: Path, catalogue: Catalogue, store: ObservationStore
) -> DropSummary:
    """Read a kept drop at `path` into the store, and return what became of it.

    A drop that cannot be read in full is rejected: the summary then holds the rejection and no observations are left.
    Raises AssertionError where cells in and cells out differ (a defect of ours, never of the drop).
    """
    store.folder.mkdir(parents=True, exist_ok=True)
    summary = DropSummary(drop.sha256, drop.file, digest="")
    try:
        with tempfile.TemporaryDirectory(prefix="reading-", dir=store.folder) as scratch:
            _read_tables(connection, drop, path, catalogue, store, Path(scratch), summary)
    except DropRejectedError as rejection:
        store.observations_path(drop.sha256).unlink(missing_ok=True)
        store.quarantine_path(drop.sha256).unlink(missing_ok=True)
        summary = DropSummary(drop.sha256, drop.file, digest="", rejection=rejection.to_record())
    summary.digest = _digest(summary, catalogue)
    store.write_summary(summary)
    return summary


def _read_tables(
    connection: duckdb.DuckDBPyConnection,
    drop: ArchivedDrop,
    path: Path,
    catalogue: Catalogue,
    store: ObservationStore,
    scratch: Path,
    summary: DropSummary,
) -> None:
    groups = _group_tables(drop, path, catalogue, scratch, summary)
    for number, (layouts, header, tables) in enumerate(groups):
        reading = _Reading(connection, drop, layouts, header, tables, scratch / f"group-{number}", catalogue)
        summary.tables.append(reading.read())
        summary.notices.extend(reading.notices)
        _reject_other_period(drop, summary.tables[-1], reading.periods_by_member(), catalogue)
        summary.has_synthetic_mark |= reading.has_synthetic_mark()
    targets = {
        "observations": store.observations_path(drop.sha256),
        "quarantine": store.quarantine_path(drop.sha256),
    }
    for kind, target in targets.items():
        written = _join_parts(connection, sorted(scratch.glob(f"group-*/{kind}.parquet")), scratch / f"{kind}.parquet")
        if written is None:
            target.unlink(missing_ok=True)
        else:
            written.replace(target)
    if summary.cells != summary.observations + summary.quarantined:
        raise AssertionError(
            f"{drop.file}: {summary.cells} cells in, {summary.observations} observations and "
            f"{summary.quarantined} quarantined cells out"
        )


def _reject_other_period(
    drop: ArchivedDrop, table: TableSummary, by_member: Mapping[str, Sequence[str]], catalogue: Catalogue
) -> None:
    """Raise where the name of the file, or of a member of its ZIP, says another period than its rows.

    `by_member` are the periods of each table by its name. The names of sheets are not asked: the publisher's do not
    always follow those of their files.
    """
    if any(entry.is_of(drop.sha256, drop.file, table.periods) for entry in catalogue.misnamed_files):
        return
    of_members: dict[str, list[str]] = {}
    for name, periods in by_member.items():
        if member := find_zip_member(name):
            of_members.setdefault(member, []).extend(periods)
    places = {member: f"the name of the member {member}" for member in of_members}
    for name, periods in ((drop.file, table.periods), *of_members.items()):
        if disagreement := _compare_with_name(name, periods):
            said, of = disagreement
            raise DropRejectedError(
                drop.file,
                places.get(name, "its name"),
                f"rows of the period that the name says: {said}",
                f"rows of {of}",
                "Get the file of that period again; no figure of this one is used. If the rows are right and the "
                "publisher names the file so, list it in catalogue/misnamed_files.yml; if its name was changed on the "
                "way, offer it under the publisher's name.",
            )


def find_name_conflict(
    drop: ArchivedDrop, summary: DropSummary, name: str, catalogue: Catalogue
) -> DropRejectedError | None:
    """Return why the bytes of a drop in use cannot be what another name that they are offered under says.

    None where that name says nothing of a period, or the one that was read. Where the period stands in names alone, as
    of annual packs, either of the two names may be the wrong one.
    """
    for table in summary.tables:
        if any(entry.is_of(drop.sha256, name, table.periods) for entry in catalogue.misnamed_files):
            continue
        if disagreement := _compare_with_name(name, table.periods):
            said, of = disagreement
            return DropRejectedError(
                name,
                "its name",
                f"a file of the period that the name says: {said}",
                f"the very bytes that are in use as {drop.file}, of {of}",
                f"Get the file of {said} again, and take this one out of the folder. If {drop.file} was the wrong "
                f"name, remove the folder drops/{drop.sha256} from the home, and offer the file under this one alone.",
            )
    return None


def _compare_with_name(name: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """The period that a name says, and that of the rows, where they differ."""
    periods = sorted({parse_period_label(label) for label in labels})
    said = infer_period_from_name(name, periods)
    if said is None:
        return None
    return said, periods[0].label + (f" to {periods[-1].label}" if len(periods) > 1 else "")


def _join_parts(connection: duckdb.DuckDBPyConnection, parts: list[Path], target: Path) -> Path | None:
    """One Parquet file of all parts in order; the part itself where there is one, None where there is none."""
    if len(parts) < 2:
        return parts[0] if parts else None
    files = ", ".join(_text(str(part)) for part in parts)
    connection.execute(f"copy (from read_parquet([{files}])) to {_text(str(target))} ({PARQUET})")
    return target


_Group = tuple[tuple[Layout, ...], tuple[str, ...], list[Table]]


def _group_tables(
    drop: ArchivedDrop, path: Path, catalogue: Catalogue, scratch: Path, summary: DropSummary
) -> list[_Group]:
    """The tables of a drop, those of one layout together, in the order they stand in the file.

    A workbook may hold sheets that are no tables (a title sheet, definitions), and a pack members that are none; they
    are named and left. What resembles a layout and is not recognised is a table that has changed, and the drop is
    rejected for it: what is left of a pack is not what was published. In a pack whose layout knows of other tables,
    which share its keys, only what is the main table but for a column or so. Tables of one layout share one header:
    rows that repeat from table to table can be told apart from others only when read together.
    """
    groups: dict[tuple[str, ...], _Group] = {}
    unrecognised: list[tuple[Table, DropRejectedError]] = []
    opened = list(open_tables(path, drop.file, catalogue.limits, scratch, summary.notices))
    for table in _without_earlier_issues(opened, catalogue, summary):
        try:
            if table.delimiter != ",":
                raise _other_delimiter(drop, table)
            found = recognise(table.top, catalogue.layouts, file=drop.file, place=table.place)
        except DropRejectedError as rejection:
            unrecognised.append((table, rejection))
            continue
        names = tuple(layout.name for layout in found.layouts)
        variables = tuple(filter(None, (layout.variable_column(found.header) for layout in found.layouts)))
        _, header, tables = groups.setdefault((*names, *variables), (found.layouts, found.header, []))
        if found.header != header:
            raise _other_header(drop, tables[0], header, table, found.header)
        tables.append(replace(table, header_row=found.header_row))
        summary.notices += table.notices
    if not groups:
        rejection = DropRejectedError(drop.file, "the whole file", "a published table", "none", GET_IT_AGAIN)
        if unrecognised:
            rejection = _nearest_rejection(unrecognised, catalogue.layouts)
        raise _name_hidden_sheets(rejection, summary.notices)
    keeping_others = {
        layout.name
        for layouts, _, _ in groups.values()
        for layout in layouts
        if layout.recognise.other_members == "kept_unread"
    }
    for table, reason in unrecognised:
        nearest = find_nearest(table.top, catalogue.layouts)
        if nearest is not None and (nearest.is_changed_main_table or not keeping_others):
            raise _name_hidden_sheets(reason, summary.notices)
        summary.unread.append(table.member)
        summary.notices.append(
            format_notice("a table without a known layout is kept with the drop, unread", table.member)
        )
    return list(groups.values())


def _without_earlier_issues(tables: Sequence[Table], catalogue: Catalogue, summary: DropSummary) -> list[Table]:
    """The tables of a drop without those of ZIP members of which a later issue lies beside them; each is told.

    The publisher has corrected packs by another member whose name differs by `-v2`, and may leave the first one in.
    """
    precedence = catalogue.precedence
    members = dict.fromkeys(member for table in tables if (member := find_zip_member(table.member)))
    latest: dict[str, str] = {}
    for member in members:
        name = precedence.name_without_revision(member)
        if name not in latest or precedence.revision_of(member) > precedence.revision_of(latest[name]):
            latest[name] = member
    left: dict[str, str] = {}
    for member in members:
        later = latest[precedence.name_without_revision(member)]
        if precedence.revision_of(later) > precedence.revision_of(member):
            left[member] = later
            summary.notices.append(
                format_notice(
                    "an earlier issue beside a later one in the same file is left unread", f"{member}, for {later}"
                )
            )
    return [table for table in tables if find_zip_member(table.member) not in left]


def _name_hidden_sheets(rejection: DropRejectedError, notices: Iterable[str]) -> DropRejectedError:
    """The rejection with the hidden sheets that were passed over: what was published may stand in one of them."""
    begins = f"{HIDDEN_SHEET}{SEPARATOR}"
    hidden = [text.removeprefix(begins) for text in notices if text.startswith(begins)]
    if not hidden:
        return rejection
    named = name_first(hidden[:OTHERS_NAMED], len(hidden))
    return replace(
        rejection,
        found=f"{rejection.found}. Hidden and not read: {named}",
        remedy=f"If a hidden sheet is what was published, unhide it, save the workbook, and offer it. "
        f"{rejection.remedy}",
    )


def _other_delimiter(drop: ArchivedDrop, table: Table) -> DropRejectedError:
    found, remedy = describe_delimiter(table.delimiter)
    return DropRejectedError(drop.file, f"{table.place}row 1", "commas between the values", found, remedy)


def _other_header(
    drop: ArchivedDrop, first: Table, header: tuple[str, ...], other: Table, found: tuple[str, ...]
) -> DropRejectedError:
    pairs = itertools.zip_longest(header, found, fillvalue="no more columns")
    here, there = next(pair for pair in pairs if pair[0] != pair[1])
    return DropRejectedError(
        drop.file,
        f"{other.place}the header",
        f"{here!r}, as in {first.member}",
        f"{there!r}",
        "Get the file again, or offer its tables as drops of their own.",
    )


def _nearest_rejection(unrecognised: list[tuple[Table, DropRejectedError]], layouts: list[Layout]) -> DropRejectedError:
    """One rejection for a drop of which nothing was recognised: that of the table nearest to a layout.

    It is the likely cause: one new column in the main table leaves nothing of an annual pack recognised, and what its
    other tables lack is no news. A few of those are named, the nearest first.
    """
    (_, nearest), *others = sorted(unrecognised, key=lambda pair: rank_by_nearness(pair[0].top, layouts))
    if not others:
        return nearest
    named = ", ".join(table.member for table, _ in others[:OTHERS_NAMED])
    rest = len(others) - OTHERS_NAMED
    found = f"{nearest.found}. No layout recognises the other tables either: {named}"
    return replace(nearest, found=found + (f" and {rest} more" if rest > 0 else ""))


class _Reading:
    """One group of tables of a drop on its way through DuckDB: load, check, then shape into observations."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        drop: ArchivedDrop,
        layouts: tuple[Layout, ...],
        header: tuple[str, ...],
        tables: list[Table],
        folder: Path,
        catalogue: Catalogue,
    ) -> None:
        self.connection, self.drop, self.header, self.tables, self.folder = connection, drop, header, tables, folder
        self.codes = catalogue.organisation_codes
        self.impossible_values = catalogue.impossible_values
        self.candidates = layouts
        self.layout = layouts[0]
        self.periods: dict[str, Period] = {}
        self.notices: list[str] = []
        folder.mkdir()

    def read(self) -> TableSummary:
        """Load the rows and shape them; raises DropRejectedError at the first thing the layout does not allow."""
        rows = 0
        for number, offered in enumerate(self.tables):
            table = self._in_utf8(offered, number)
            self._load(table, is_first=number == 0)
            before, rows = rows, self._one("select count(*) from source_rows")
            # Of each table, not of all: a member without rows would take its levels from the period unsaid.
            if rows == before:
                raise DropRejectedError(
                    self.drop.file, f"{table.place}below the header", "rows of figures", "none", GET_IT_AGAIN
                )
            if table.csv_path is not None:
                self._reject_unended_row(table, table.csv_path)
        if self.layout.evidence == "inferred":
            self.notices.append(
                format_notice(
                    "a layout that no real file has confirmed was used; compare figures with the file", self.layout.name
                )
            )
        self._strip_keys()
        self._set_aside_rows_with_errors()
        periods = self._load_periods()
        self._check_levels()
        self._load_keyed_rows()
        self._set_aside_rows_without_code()
        self._set_aside_rows_of_other_levels()
        self._reject_cut_organisation()
        duplicates = self._find_duplicates()
        self._tell_repeated_tables()
        self._load_cells(duplicates)
        observations, quarantined = self._shape()
        return TableSummary(
            layout=self.layout.name,
            series=self.layout.series,
            period_grain=self.layout.period_grain,
            members=[table.member for table in self.tables],
            periods=[period.label for period in periods],
            coverage=self._coverage(),
            rows=rows,
            cells=rows * len(self._value_columns),
            observations=observations,
            quarantined=quarantined,
            duplicate_rows=duplicates,
        )

    def _coverage(self) -> list[tuple[str, str]]:
        query = """
            select distinct cast(period_start as varchar), org_level from keyed_rows order by 1, 2
        """
        return [(start, level) for start, level in self.connection.execute(query).fetchall()]

    def periods_by_member(self) -> dict[str, list[str]]:
        """The labels of the periods that the rows of each table are of, by the table's name."""
        found: dict[str, list[str]] = {}
        rows = self.connection.execute("select distinct source_member, period_start from keyed_rows order by all")
        for member, start in rows.fetchall():
            period = find_period_starting(start, self.layout.period_grain)
            if period is not None:
                found.setdefault(member, []).append(period.label)
        return found

    def has_synthetic_mark(self) -> bool:
        """Whether any organisation wears the mark of a demonstration drop."""
        marked = f"""
            select count(*) from keyed_rows
            where contains(upper(coalesce(org_name, '') || coalesce(partner_name, '')), {_text(SYNTHETIC_MARK)})
        """
        return self._one(marked) > 0

    # -- loading ---------------------------------------------------------------------------------------------------

    @property
    def _value_columns(self) -> list[str]:
        """The columns of this table that hold measure cells."""
        return self.layout.measure_columns_in(self.header)

    @property
    def _read_column(self) -> str:
        """The one value column that is read in a long layout; empty in a wide one."""
        return next((name for name in self.layout.recognise.value_columns if name in self.header), "")

    def _one(self, query: str) -> int:
        return int(self.connection.execute(query).fetchall()[0][0])

    def _in_utf8(self, table: Table, number: int) -> Table:
        """The table as UTF-8, which it mostly is; else from Windows-1252, in which Excel saves its apostrophes.

        Latin-1 need not be told apart: its letters have the same bytes there.
        """
        if table.csv_path is None or table.encoding == "utf-8":
            return table
        path = self.folder / f"table-{number}.csv"
        with table.csv_path.open("rb") as source, path.open("w", encoding="utf-8", newline="") as target:
            for line_number, line in enumerate(source, start=1):
                try:
                    target.write(line.decode("cp1252"))
                except UnicodeDecodeError as error:
                    raise DropRejectedError(
                        self.drop.file,
                        f"{table.place}line {line_number}, byte {error.start + 1}",
                        "text in UTF-8 or Windows-1252",
                        f"the byte 0x{line[error.start]:02X}, which is neither",
                        f"{GET_IT_AGAIN} If it is whole, save it as UTF-8 and offer it so.",
                    ) from error
        return replace(table, csv_path=path, encoding="utf-8")

    def _load(self, table: Table, *, is_first: bool) -> None:
        """Append a table's rows, all text, with the number each has in its file (the header's row counted)."""
        verb = "create or replace temp table source_rows as" if is_first else "insert into source_rows"
        header_row = table.header_row
        columns = ", ".join(_name(name) for name in self.header)
        if table.csv_path is not None:
            self._reject_blank_row(table, table.csv_path, header_row)
            source = self._csv_source(table, header_row)
            number = f"row_number() over () + {header_row}"
        else:
            frame = self._sheet_frame(table, header_row)
            self.connection.register("sheet", frame)
            source, number = "sheet", "source_row"
        # A row of commas alone is passed over as a blank row of a sheet is; its number stays.
        written = ", ".join(_name(name) for name in self.header)
        try:
            self.connection.execute(
                f"""
                {verb} select * from (
                    select {_text(table.member)} as source_member, {number} as source_row, {columns} from {source}
                )
                where coalesce({written}) is not null
                """
            )
        except duckdb.InvalidInputException as error:
            raise self._broken_csv(table, error) from error
        finally:
            if table.csv_path is None:
                self.connection.unregister("sheet")

    def _reject_unended_row(self, table: Table, path: Path) -> None:
        """Raise where the last row has no line end: a file cut within a figure, 45 of 455, looks just so."""
        with path.open("rb") as content:
            content.seek(-1, os.SEEK_END)
            if content.read() in (b"\n", b"\r"):
                return
        raise DropRejectedError(
            self.drop.file,
            f"{table.place}the last row",
            "a line end after the last row",
            "none: the file may be cut short",
            "Get the file again; if it is whole, end its last line and offer it so.",
        )

    def _reject_blank_row(self, table: Table, path: Path, header_row: int) -> None:
        """Raise for a blank line above a row: DuckDB passes over it and would misnumber the rows that follow."""
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if all(content.find(ends) < 0 for ends in (b"\n\n", b"\n\r\n", b"\r\r")):
                return
        blank = 0
        # Where the quotes are broken this gives up: DuckDB then says which row.
        with path.open(encoding=table.encoding, newline="") as lines, contextlib.suppress(csv.Error):
            for number, row in enumerate(csv.reader(lines), start=1):
                if row and blank:
                    raise self._rejection(table.member, blank, "a row of figures", "a blank line", remedy=MEND_ROW)
                if not row and number > header_row:
                    blank = blank or number

    def _csv_source(self, table: Table, header_row: int) -> str:
        types = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in self.header)
        return (
            f"read_csv({_text(str(table.csv_path))}, auto_detect = false, header = false, skip = {header_row}, "
            f"delim = ',', quote = '\"', escape = '\"', encoding = '{table.encoding}', strict_mode = true, "
            f"null_padding = false, columns = {{{types}}})"
        )

    def _broken_csv(self, table: Table, error: duckdb.Error) -> DropRejectedError:
        text = str(error)
        line = re.search(r"Line: (\d+)", text)
        counts = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
        if not counts and table.csv_path is not None and len(ends := _line_ends(table.csv_path)) > 1:
            return DropRejectedError(
                self.drop.file,
                table.member or "the whole file",
                "text with every line of it ended alike",
                f"lines ended by {' and by '.join(ends)}",
                "Get the file again; if it is published so, save it with one kind of line end and offer it so.",
            )
        kind = re.search(r"\n(?:Error: )?((?:Value with|Unterminated|Invalid|The|It was)[^\n]{5,120})", text)
        expected = f"{len(self.header)} columns in every row"
        if not (line or counts or kind):
            expected = "text in UTF-8 or Windows-1252, every line of it ended alike"
        found = f"{counts.group(2)} columns" if counts else (kind.group(1) if kind else text.splitlines()[0][:160])
        found = found.removeprefix("Invalid Input Error: ").rstrip(".")
        place = f"{table.place}row {line.group(1)}" if line else f"{table.place}a row below the header"
        return DropRejectedError(self.drop.file, place, expected, found, GET_IT_AGAIN)

    def _sheet_frame(self, table: Table, header_row: int) -> pd.DataFrame:
        """The sheet's rows below its header as text; wholly blank rows are passed over."""
        width = len(self.header)
        numbers: list[int] = []
        rows: list[list[str]] = []
        for number, row in enumerate((table.sheet_rows or [])[header_row:], start=header_row + 1):
            texts = [cell_text(cell) for cell in row]
            if not any(texts):
                continue
            if any(texts[width:]):
                raise DropRejectedError(
                    self.drop.file,
                    f"{table.place}row {number}",
                    f"{width} columns",
                    "a value beyond the last",
                    MEND_LAYOUT,
                )
            numbers.append(number)
            rows.append(texts[:width] + [""] * (width - len(texts)))
        frame = pd.DataFrame(rows, columns=list(self.header), dtype=object)
        frame.insert(0, "source_row", pd.Series(numbers, dtype="int64"))
        return frame

    # -- keys ------------------------------------------------------------------------------------------------------

    def _strip_keys(self) -> None:
        """Take white space off the ends of every key text, and say of which: it tells no two keys apart."""
        padded: list[tuple[str, list[tuple[str, str, int, int]]]] = []
        for column in (name for name in self.header if name not in self._value_columns):
            found = self.connection.execute(
                f"""
                with texts as (
                    select {_name(column)} as text, count(*) as times,
                        arg_min(source_member, source_row) as member, min(source_row) as first_row
                    from source_rows group by 1
                )
                select text, member, first_row, times from texts
                where regexp_matches(text, {_text(OUTER_SPACE)}) order by first_row, text
                """
            ).fetchall()
            if found:
                padded.append((column, found))
        if not padded:
            return
        stripped = ", ".join(
            f"regexp_replace({_name(column)}, {_text(OUTER_SPACE)}, '', 'g') as {_name(column)}" for column, _ in padded
        )
        self.connection.execute(
            f"create or replace temp table source_rows as select * replace ({stripped}) from source_rows order by rowid"
        )
        for column, found in padded:
            texts, rows = len(found), sum(times for *_, times in found)
            named = ", ".join(
                f"{text[:60]!r} ({_place(member, row)})" for text, member, row, _ in found[:NAMED_IN_NOTICES]
            )
            more = f" and {texts - NAMED_IN_NOTICES} more" if texts > NAMED_IN_NOTICES else ""
            self.notices.append(
                format_notice("white space is taken off the ends of keys", f"{column} {named}{more}, {rows:,} rows")
            )

    def _set_aside_rows_with_errors(self) -> None:
        """Move the rows of which a key is a spreadsheet's error to `error_rows`: nobody knows whose figures they are.

        Raises DropRejectedError where no other row is left.
        """
        keys = [name for name in self.header if name not in self._value_columns]
        is_error = " or ".join(_is_one_of(_name(name), QUARANTINED_ANYWHERE) for name in keys)
        self.connection.execute(
            f"create or replace temp table error_rows as select * from source_rows where {is_error} order by rowid"
        )
        rows = self.connection.execute("select source_member, source_row from error_rows limit 6").fetchall()
        if not rows:
            return
        self.connection.execute(f"delete from source_rows where {is_error}")
        total = self._one("select count(*) from error_rows")
        if self._one("select count(*) from source_rows") == 0:
            member, row = rows[0]
            raise self._rejection(member, row, "keys in some row", "a spreadsheet's error in the keys of every row")
        places = name_first([_place(member, row) for member, row in rows], total)
        self.notices.append(format_notice("rows with a spreadsheet's error in a key are set aside", places))

    # -- periods ---------------------------------------------------------------------------------------------------

    def _load_periods(self) -> list[Period]:
        """Resolve the period of every row and choose, where the header allows several layouts, the one it fits."""
        rule = self.layout.period
        if isinstance(rule, PeriodFromNames):
            found = {"": self._period_from_names()}
        elif isinstance(rule, PeriodFromLabel):
            found = {
                text: self._period_from_label(text, member, row)
                for text, member, row in self._distinct(_blank(rule.column))
            }
        else:
            key = self._period_key()
            found = {
                text: self._period_from_dates(text, rule, member, row) for text, member, row in self._distinct(key)
            }
        for text, period in found.items():
            if not period.is_in_calendar:
                raise self._outside_calendar(text, period)
        self.periods = found
        periods = sorted(set(found.values()))
        # A time series that has come to one month is none the less no monthly file, whose figures it would replace.
        is_series = len(periods) > 1 or self._is_named_series()
        fitting = [
            layout
            for layout in self.candidates
            if layout.recognise.periods == "any" or (layout.recognise.periods == "several") == is_series
        ]
        if is_series and not fitting and len(periods) == 1:
            raise DropRejectedError(
                self.drop.file,
                "its name",
                f"the name of a file of one month, as layout {self.candidates[0].name} is of",
                "the name of a time series",
                "If it is the monthly file, offer it under the publisher's name; if it is a time series, write a "
                "layout for it in catalogue/layouts.",
            )
        if len(fitting) != 1:
            names = ", ".join(layout.name for layout in self.candidates)
            raise DropRejectedError(
                self.drop.file,
                f"{self.tables[0].place}the period columns",
                f"as many periods as exactly one of the layouts {names} allows",
                f"{len(periods)} periods",
                MEND_LAYOUT,
            )
        self.layout = fitting[0]
        return periods

    def _is_named_series(self) -> bool:
        """Whether the name of the file, or of a member of its ZIP, says a time series."""
        members = (find_zip_member(table.member) for table in self.tables)
        return any(is_named_for_a_series(name) for name in (self.drop.file, *members) if name)

    def _outside_calendar(self, text: str, period: Period) -> DropRejectedError:
        place = "its name"
        if not isinstance(self.layout.period, PeriodFromNames):
            member, row = next((m, r) for found, m, r in self._distinct(self._period_key()) if found == text)
            place = f"{member}, row {row}" if member else f"row {row}"
        return DropRejectedError(
            self.drop.file,
            place,
            f"a period within {CALENDAR_START} to {CALENDAR_END}, the pipeline's calendar",
            period.label,
            "Look at the file's dates and name; where they are right, lengthen the calendar in "
            "iapt/periods.py and the models it names.",
        )

    def _period_key(self) -> str:
        rule = self.layout.period
        if isinstance(rule, PeriodFromNames):
            return "''"
        if isinstance(rule, PeriodFromLabel):
            return _blank(rule.column)
        if rule.end is None:
            return _blank(rule.start)
        return f"{_blank(rule.start)} || ' to ' || {_blank(rule.end)}"

    def _period_bound(self, bound: str) -> str:
        """SQL for the `start` or `end` of a row's period. No join: a join would not keep the order of the file."""
        cases = " ".join(
            f"when {_text(text)} then date '{getattr(period, bound)}'" for text, period in self.periods.items()
        )
        return f"case period_key {cases} end"

    def _distinct(self, expression: str) -> list[tuple[str, str, int]]:
        query = f"""
            select {expression}, arg_min(source_member, source_row), min(source_row)
            from source_rows group by 1 order by 3, 2 limit 2001
        """
        rows = self.connection.execute(query).fetchall()
        if len(rows) > 2000:
            raise DropRejectedError(
                self.drop.file, "the whole table", "at most 2,000 distinct periods or group types", "more", MEND_LAYOUT
            )
        return rows

    def _period_from_dates(self, text: str, rule: PeriodFromColumns, member: str, row: int) -> Period:
        start_text, _, end_text = text.partition(" to ")
        start = parse_day(start_text, list(rule.date_styles))
        period = find_period_starting(start, self.layout.period_grain) if start else None
        if period is None and "month_first" in rule.date_styles:
            period = self._period_month_first(start_text, member, row)
        end = parse_day(end_text, list(rule.date_styles)) if rule.end else (period.end if period else None)
        if period is None or end != period.end:
            shown = f"{rule.start} {start_text!r}" + (f", {rule.end} {end_text!r}" if rule.end else "")
            raise self._rejection(member, row, f"the first and last day of a {period_noun(self.layout)}", shown)
        return period

    def _period_month_first(self, text: str, member: str, row: int) -> Period | None:
        """The month that a date such as 04/01/2016 begins where its month comes first; None where it begins none.

        Raises DropRejectedError where no name says a period that would show whether it is read rightly.
        """
        start = parse_day(text, ["month_first"])
        period = find_period_starting(start, self.layout.period_grain) if start else None
        names = [self.drop.file, *(table.member for table in self.tables)]
        if period is not None and not any(parse_periods_in_name(name) for name in names):
            raise self._rejection(
                member, row, "the month in the file's name, where a date is written month first", f"{text!r}"
            )
        return period

    def _period_from_label(self, text: str, member: str, row: int) -> Period:
        match = period_pattern(self.layout).fullmatch(text)
        if match is None or not _is_financial_year(match):
            raise self._rejection(member, row, f"a period like {period_pattern(self.layout).pattern}", repr(text))
        groups = match.groupdict()
        quarter = int(groups["quarter"]) if groups.get("quarter") else None
        return parse_period_name(self.layout.period_grain, int(groups["first_year"]), quarter)

    def _period_from_names(self) -> Period:
        """The one financial year that the names of the file and its members agree on."""
        years = set()
        for table in self.tables:
            for name in (self.drop.file, table.member):
                found = filter(_is_financial_year, period_pattern(self.layout).finditer(name))
                years |= {int(match["first_year"]) for match in found}
        if len(years) != 1:
            names = ", ".join([self.drop.file, *(table.member for table in self.tables)])
            raise DropRejectedError(
                self.drop.file,
                "its name",
                "one financial year, such as 2020-21, in the names of the file and its member",
                f"{sorted(years) if years else 'none'} in {names}",
                "Offer the file under the publisher's own name.",
            )
        return parse_period_name(self.layout.period_grain, years.pop())

    # -- rows ------------------------------------------------------------------------------------------------------

    def _check_levels(self) -> None:
        levels = self.layout.levels
        if levels.column is None or levels.otherwise is not None:
            return
        for text, member, row in self._distinct(_blank(levels.column)):
            if text not in levels.values:
                raise self._rejection(
                    member, row, f"{levels.column} one of {', '.join(levels.values)}", repr(text), column=levels.column
                )

    def _by_level(self, part: str, index: int) -> str:
        """SQL for the code (index 0) or name (1) of the organisation, partner or parent of a row at any level."""
        levels = self.layout.levels
        blank = self.layout.blank_organisation_code
        choices: dict[str, list[str | None]] = {}
        known: dict[str | None, Level] = {"": levels.always} if levels.always else {**levels.values}
        if levels.otherwise:
            known[None] = levels.otherwise
        for text, level in known.items():
            columns = getattr(level, part)
            if columns is not None and len(columns) > index and columns[index] in self.header:
                value = f"nullif({_name(columns[index])}, '')"
                if part != "parent" and index == 0 and blank:
                    value = f"coalesce({value}, {_text(blank)})"
            elif part == "organisation" and level.level == "england":
                value = _text((ENGLAND_CODE, ENGLAND_NAME)[index])
            else:
                continue
            choices.setdefault(value, []).append(text)
        if not choices:
            return "cast(null as varchar)"
        if levels.always:
            return next(iter(choices))
        cases = " ".join(
            f"when {_text(text)} then {value}" for value, texts in choices.items() for text in texts if text is not None
        )
        other = next((value for value, texts in choices.items() if None in texts), "null")
        return f"case {_blank(levels.column or '')} {cases or NEVER} else {other} end"

    def _level(self) -> str:
        levels = self.layout.levels
        if levels.always:
            return _text(levels.always.level)
        cases = " ".join(f"when {_text(text)} then {_text(level.level)}" for text, level in levels.values.items())
        other = _text(levels.otherwise.level) if levels.otherwise else "null"
        return f"case {_blank(levels.column or '')} {cases or NEVER} else {other} end"

    def _load_keyed_rows(self) -> None:
        """Each row with its period, level, organisations and population, and the measure where it stands in the row."""
        layout, variables, measures = self.layout, self.layout.variables, self.layout.measures
        if isinstance(variables, Variables):
            kinds = [_blank(variables.type)] + [
                f"case when not {_is_one_of(_blank(name), variables.placeholders)} then {_name(name)} end"
                for name in (variables.a, variables.b)
            ]
        elif isinstance(variables, VariableInHeader):
            name = layout.variable_column(self.header) or ""
            category = f"case when not {_is_one_of(_blank(name), variables.placeholders)} then {_name(name)} end"
            kinds = [_text(name), category, "cast(null as varchar)"]
        else:
            kinds = ["'Total'", "cast(null as varchar)", "cast(null as varchar)"]
        # Where any text of the column but a few is a code, it is no type.
        group_type = _blank(layout.levels.column) if layout.levels.column and not layout.levels.otherwise else "''"
        long_measure = not isinstance(measures, WideMeasures)
        measure = (
            [_blank(measures.id), _blank(measures.name)] if not isinstance(measures, WideMeasures) else ["''", "''"]
        )
        self.connection.execute(
            f"""
            create or replace temp table keyed_rows as
            select
                source_member, source_row,
                {self._period_bound("start")} as period_start, {self._period_bound("end")} as period_end,
                {group_type} as group_type,
                {self._level()} as org_level,
                {self._by_level("organisation", 0)} as org_code, {self._by_level("organisation", 1)} as org_name,
                {self._by_level("partner", 0)} as partner_code, {self._by_level("partner", 1)} as partner_name,
                {self._by_level("parent", 0)} as parent_code, {self._by_level("parent", 1)} as parent_name,
                {kinds[0]} as variable_type, {kinds[1]} as variable_a, {kinds[2]} as variable_b,
                {measure[0]} as measure_id, {measure[1]} as measure_name,
                {self._strays()} as stray,
                {", ".join(f"{_blank(name)} as {_name('cell ' + name)}" for name in self._value_columns)}
            from (select *, {self._period_key()} as period_key from source_rows)
            """
        )
        if long_measure:
            self._reject_missing_measure()
        if isinstance(variables, VariableInHeader):
            self._reject_measure_as_variable(layout.variable_column(self.header) or "", variables.column)

    def _reject_measure_as_variable(self, name: str, place: int) -> None:
        """Raise where the categories of a variable are figures, in one row for each organisation: it is a measure."""
        is_figure = f"({_is_number('variable_a')} or {_is_one_of('variable_a', self.layout.tokens)})"
        rows = self.connection.execute(
            f"""
            select min(source_member), min(source_row) from keyed_rows
            having count(*) filter (where not coalesce({is_figure}, true)) = 0
                and count(*) = count(distinct source_member || ' ' || coalesce(org_code, ''))
                and count(variable_a) > 0
            """
        ).fetchall()
        for member, row in rows:
            raise self._rejection(
                member,
                row,
                f"the categories of a variable in column {place}",
                "nothing but figures, in one row for each organisation: a measure stands where the variable should",
                column=name,
            )

    def _reject_missing_measure(self) -> None:
        """Raise where a row does not say of what its figure is."""
        rows = self.connection.execute(
            "select source_member, source_row from keyed_rows where measure_id = '' order by source_row limit 1"
        ).fetchall()
        if rows:
            member, row = rows[0]
            raise self._rejection(member, row, "a MEASURE_ID", "a blank", remedy=MEND_ROW)

    def _set_aside_rows_without_code(self) -> None:
        """Move the rows whose organisation has no code to `rows_set_aside`, with a reason, and say of which codes.

        A word for no organisation that keeps its place in totals stays, in its reviewed spelling; any other is a reason
        to set its rows aside, as is a text that does not look like a code of its level. A parent is an attribute of its
        row: a word for none leaves the row without one.
        Raises DropRejectedError where the codes are so odd that the columns cannot be what the layout takes them for.
        """
        self.connection.execute(
            "create or replace temp table code_faults (part varchar, level varchar, code varchar, "
            "spelling varchar, reason varchar)"
        )
        faults: list[tuple[str, str, str, str | None, str | None]] = []
        for part, level, code in self._published_codes():
            fault = self._judge_code(part, level, code)
            if fault is not None:
                faults.append((part, level, code, *fault))
        self._reject_levels_without_codes(faults)
        self.connection.execute(
            "create or replace temp table rows_set_aside as select * exclude (stray), '' as reason "
            "from keyed_rows limit 0"
        )
        if not faults:
            return
        self.connection.executemany("insert into code_faults values (?, ?, ?, ?, ?)", faults)
        parts = {"organisation": "org_code", "partner": "partner_code", "parent": "parent_code"}
        joins = " ".join(
            f"""
            left join code_faults as {part}_faults
                on {part}_faults.part = '{part}' and {part}_faults.level = keyed_rows.org_level
                and {part}_faults.code = coalesce(keyed_rows.{column}, '')
            """
            for part, column in parts.items()
        )
        spelt = ", ".join(
            f"case when {part}_faults.code is null then {column} else {part}_faults.spelling end as {column}"
            for part, column in parts.items()
        )
        reason = ", ".join(f"{part}_faults.reason" for part in parts)
        self.connection.execute(
            f"""
            create or replace temp table judged_rows as
            select keyed_rows.* replace ({spelt}), coalesce({reason}) as reason
            from keyed_rows {joins} order by keyed_rows.rowid
            """
        )
        self.connection.execute(
            "create or replace temp table keyed_rows as "
            "select * exclude (reason) from judged_rows where reason is null order by rowid"
        )
        self.connection.execute(
            "insert into rows_set_aside select * exclude (stray) from judged_rows where reason is not null "
            "order by rowid"
        )
        found = self.connection.execute(
            """
            select
                reason, arg_min(source_member, source_row), min(source_row), count(*),
                coalesce(arg_min(org_code, source_row), ''), arg_min(partner_code, source_row)
            from rows_set_aside group by 1 order by 3, 1
            """
        ).fetchall()
        for _, member, row, times, code, partner in found[:NAMED_IN_NOTICES]:
            shown = repr(code[:40]) + (f" with {partner[:40]!r}" if partner is not None else "")
            subject = f"{shown}, {times:,} rows, the first at {_place(member, row)}"
            self.notices.append(
                format_notice("rows without a real code are set aside, their cells quarantined", subject)
            )
        if len(found) > NAMED_IN_NOTICES:
            rest = sum(times for _, _, _, times, *_ in found[NAMED_IN_NOTICES:])
            subject = f"{len(found) - NAMED_IN_NOTICES} more codes, {rest:,} rows"
            self.notices.append(
                format_notice("rows without a real code are set aside, their cells quarantined", subject)
            )
        if self._one("select count(*) from keyed_rows") == 0:
            why, member, row, *_ = found[0]
            raise self._rejection(member, row, "the code of an organisation in some row", f"in every row, {why}")

    def _code_columns_of_others(self) -> dict[str, list[str]]:
        """Each column of codes with the texts of the level column in whose rows it belongs to other levels."""
        levels = self.layout.levels
        own = {
            text: {columns[0] for columns in (level.organisation, level.partner, level.parent) if columns}
            for text, level in levels.values.items()
        }
        columns = [name for name in self.header if name != levels.column and any(name in used for used in own.values())]
        others = {name: [text for text, used in own.items() if name not in used] for name in columns}
        return {name: texts for name, texts in others.items() if texts}

    def _strays(self) -> str:
        """SQL for the reason to set aside a row that names an organisation of another level; null for any other."""
        level_column = self.layout.levels.column or ""
        cases = []
        for column, levels in self._code_columns_of_others().items():
            is_of_others = _is_one_of(_blank(level_column), levels)
            found = self.connection.execute(
                f"select distinct {_blank(level_column)}, {_blank(column)} from source_rows where {is_of_others} "
                "order by all"
            ).fetchall()
            for level, text in found:
                if self._stands_for_everyone(text) or self.codes.names_no_organisation(text):
                    continue
                why = f"{column} holds {text[:40]!r} in a row of {level_column} {level!r}, which has none such"
                is_this = f"{_blank(level_column)} = {_text(level)} and {_name(column)} = {_text(text)}"
                cases.append(f"when {is_this} then {_text(why)}")
        return f"case {' '.join(cases)} end" if cases else "cast(null as varchar)"

    def _set_aside_rows_of_other_levels(self) -> None:
        """Move the rows that name an organisation of another level than their own to `rows_set_aside`.

        Whose figure such a row holds nobody knows: it may be a pair's, under the level of England.
        Raises DropRejectedError where every row of a level does, of three or more: the columns are then no longer
        what the layout takes them for.
        """
        strays = self.connection.execute(
            """
            select stray, arg_min(source_member, source_row), min(source_row), count(*)
            from keyed_rows where stray is not null group by stray order by 3, 1
            """
        ).fetchall()
        if strays:
            drifted = self.connection.execute(
                """
                select arg_min(source_member, source_row), min(source_row), count(*), arg_min(stray, source_row)
                from keyed_rows group by org_level
                having count(stray) = count(*) and (count(*) >= ? or count(*) = (select count(*) from keyed_rows))
                order by 2 limit 1
                """,
                [self.codes.rejected_from_odd_codes],
            ).fetchall()
            for member, row, times, why in drifted:
                found = f"{why}; so do all {times:,} rows of this level" if times > 1 else why
                raise self._rejection(member, row, "no organisation of another level than the row's own", found)
            self.connection.execute(
                """
                insert into rows_set_aside
                select * exclude (stray), stray as reason from keyed_rows where stray is not null order by rowid
                """
            )
            self.connection.execute(
                """
                create or replace temp table keyed_rows as
                select * from keyed_rows where stray is null order by rowid
                """
            )
            subjects = [
                f"{_place(member, row)}, {why}" + (f" ({times:,} rows alike)" if times > 1 else "")
                for why, member, row, times in strays[:NAMED_IN_NOTICES]
            ]
            if rest := strays[NAMED_IN_NOTICES:]:
                subjects.append(f"{sum(times for *_, times in rest):,} more rows")
            self.notices += [format_notice(ROWS_OF_OTHER_LEVELS, subject) for subject in subjects]
        self.connection.execute("alter table keyed_rows drop column stray")

    def _published_codes(self) -> list[tuple[str, str, str]]:
        """Every code that stands for the organisation, the partner or the parent of a row, with the row's level."""
        return self.connection.execute(
            """
            select distinct 'organisation', org_level, coalesce(org_code, '') from keyed_rows
            where org_level <> 'england'
            union all
            select distinct 'partner', org_level, coalesce(partner_code, '') from keyed_rows
            where org_level like '%_provider'
            union all
            select distinct 'parent', org_level, parent_code from keyed_rows where parent_code is not null
            order by all
            """
        ).fetchall()

    def _judge_code(self, part: str, level: str, code: str) -> tuple[str | None, str | None] | None:
        """What is wrong with a code: the spelling to go on with and, where its rows are set aside, the reason.

        None where nothing is.
        """
        own_level = {"partner": "provider", "parent": "parent"}.get(part, level.removesuffix("_provider"))
        what = {"partner": "partner", "parent": "parent"}.get(part, "organisation")
        kept = self.codes.kept_placeholder(code, own_level)
        if kept is not None:
            return None if kept == code else (kept, None)
        if self._stands_for_everyone(code) or self.codes.names_no_organisation(code):
            if part == "parent":
                return None, None
            shown = f"is the placeholder {code!r}" if code else "is blank"
            return code, f"the code of the {what} {shown}, where the level {level} needs one"
        if self.codes.has_shape_of(code, own_level):
            return None
        return code, f"the code of the {what}, {code[:40]!r}, does not look like that of {LEVEL_NAMES[own_level]}"

    def _stands_for_everyone(self, text: str) -> bool:
        """Whether a text is a word for all organisations, of this layout or of any."""
        return text in self.layout.levels.placeholders or self.codes.stands_for_everyone(text)

    def _reject_levels_without_codes(self, faults: Iterable[tuple[str, str, str, str | None, str | None]]) -> None:
        """Raise where a level has no code but words for everyone, or mostly texts that are no codes.

        Both say that the codes stand elsewhere than the layout thinks, or that all of them were spoilt.
        """
        published = Counter((part, level) for part, level, _ in self._published_codes())
        odd: dict[tuple[str, str], list[str]] = {}
        for part, level, code, _, reason in faults:
            if reason is not None:
                odd.setdefault((part, level), []).append(code)
        for (part, level), texts in odd.items():
            everyone = [
                text for text in texts if self._stands_for_everyone(text) and not self.codes.names_no_organisation(text)
            ]
            shapeless = [text for text in texts if text not in everyone and not self.codes.names_no_organisation(text)]
            is_drift = (
                len(shapeless) >= self.codes.rejected_from_odd_codes and len(shapeless) * 2 > published[part, level]
            )
            if len(everyone) == published[part, level] or is_drift:
                text = (shapeless if is_drift else everyone)[0]
                column = {"organisation": "org_code", "partner": "partner_code"}.get(part, "parent_code")
                member, row = self.connection.execute(
                    f"""
                    select source_member, source_row from keyed_rows
                    where org_level = {_text(level)} and {column} = {_text(text)} order by source_row limit 1
                    """
                ).fetchall()[0]
                what = {"organisation": "an organisation code", "partner": "a partner code"}.get(
                    part, "a parent's code"
                )
                found = (
                    f"the placeholder {text!r}" if not is_drift else f"{text!r}, and {len(shapeless) - 1} more like it"
                )
                raise self._rejection(member, row, f"{what} of the level {level}", found)

    def _reject_cut_organisation(self) -> None:
        """Raise where a rectangular CSV ends within an organisation: with fewer measures than any other of its type.

        A workbook that is cut short does not open, so only a CSV is looked at.
        """
        measures = self.layout.measures
        if isinstance(measures, WideMeasures) or not measures.rectangular:
            return
        for table in self.tables:
            found = self.connection.execute(
                f"""
                with organisations as (
                    select
                        group_type, org_code, partner_code,
                        count(distinct measure_id) as measures, max(source_row) as last_row
                    from keyed_rows where source_member = {_text(table.member)}
                    group by group_type, org_code, partner_code
                ),
                last as (select * from organisations order by last_row desc limit 1)
                select last.last_row, last.measures, min(others.measures)
                from last
                inner join organisations as others
                    on others.group_type = last.group_type and others.last_row <> last.last_row
                group by last.last_row, last.measures
                having last.measures < min(others.measures)
                """
            ).fetchall()
            if found and table.csv_path is not None:
                row, held, fewest = found[0]
                raise DropRejectedError(
                    self.drop.file,
                    f"{table.place}row {row}, the last",
                    f"{fewest} measures or more of the last organisation, as of every other one of its group type",
                    f"{held}: the file may be cut short",
                    "Get the file again; if it is published so, set rectangular: false in "
                    f"catalogue/layouts/{self.layout.name}.yml.",
                )

    def _find_duplicates(self) -> int:
        """Mark rows that repeat an earlier one, names apart; raises DropRejectedError where the repeats do not agree.

        A key never includes a name: one organisation stands twice under two names in one published year
        (docs/sources.md#organisations), and each file of a quarterly pack repeats the England rows.
        """
        values = ", ".join(_name("cell " + name) for name in self._value_columns)
        key = "period_start, org_level, org_code, partner_code, variable_type, variable_a, variable_b, measure_id"
        same = " and ".join(f"keyed_rows.{part} is not distinct from repeated.{part}" for part in key.split(", "))
        self.connection.execute(
            f"""
            create or replace temp table duplicate_rows as
            select source_member, source_row, first_member, first_row, agrees
            from (
                select
                    source_member, source_row,
                    count(*) over same_key as repeats,
                    first_value(source_row) over (same_key order by source_member, source_row) as first_row,
                    first_value(source_member) over (same_key order by source_member, source_row) as first_member,
                    ({values}) is not distinct from
                        first_value(({values})) over (same_key order by source_member, source_row) as agrees
                from keyed_rows
                semi join (select {key} from keyed_rows group by all having count(*) > 1) as repeated
                    on {same}
                window same_key as (partition by {key})
            )
            where (source_member, source_row) is distinct from (first_member, first_row)
            """
        )
        conflict = self.connection.execute(
            """
            select source_member, source_row, first_member, first_row from duplicate_rows
            where not agrees order by source_member, source_row limit 1
            """
        ).fetchall()
        if conflict:
            member, row, first_member, first_row = conflict[0]
            first = f"row {first_row}" + (f" of {first_member}" if first_member != member else "")
            raise self._rejection(
                member, row, f"the same figures as {first}, which has the same key", "other figures", REMOVE_THE_WRONG
            )
        return self._one("select count(*) from duplicate_rows")

    def _tell_repeated_tables(self) -> None:
        """Say which tables hold nothing but rows of another one: the same sheet, or the same file, twice."""
        repeated = self.connection.execute(
            """
            select source_member, first_member
            from duplicate_rows where source_member <> first_member
            group by source_member, first_member
            having count(*) = (
                select count(*) from keyed_rows where keyed_rows.source_member = duplicate_rows.source_member
            )
            order by source_member
            """
        ).fetchall()
        for member, first in repeated:
            self.notices.append(
                format_notice("a table repeats another row for row, and is counted once", f"{member} repeats {first}")
            )

    # -- cells -----------------------------------------------------------------------------------------------------

    def _load_cells(self, duplicates: int) -> None:
        """One row per measure cell, in the file's order. What duplicates is marked first: a wide row is many cells."""
        rows = "keyed_rows"
        if duplicates:
            rows = "marked_rows"
            self.connection.execute(
                """
                create or replace temp table marked_rows as
                select keyed_rows.*, duplicate_rows.first_row as duplicate_of_row
                from keyed_rows
                left join duplicate_rows
                    on keyed_rows.source_member = duplicate_rows.source_member
                    and keyed_rows.source_row = duplicate_rows.source_row
                order by keyed_rows.rowid
                """
            )
        duplicate = "duplicate_of_row" if duplicates else "cast(null as bigint) as duplicate_of_row"
        key = (
            f"source_member, source_row, {duplicate}, period_start, period_end, group_type, org_level, org_code, "
            "org_name, partner_code, partner_name, parent_code, parent_name, variable_type, variable_a, variable_b, "
            "nullif(measure_id, '') as measure_id"
        )
        if isinstance(self.layout.measures, WideMeasures):
            # The names go in as one list constant: a UNION per column would read the rows once for each.
            names = ", ".join(_text(name) for name in self._value_columns)
            values = ", ".join(_name("cell " + name) for name in self._value_columns)
            query = f"""
                select *, source_column as measure_name
                from (
                    select {key}, unnest([{names}]) as source_column, unnest([{values}]) as value_as_published
                    from {rows}
                )
            """
        else:
            column = self._read_column
            query = f"""
                select {key}, {_text(column)} as source_column, measure_name,
                    {_name("cell " + column)} as value_as_published
                from {rows}
            """
        self.connection.execute(f"create or replace temp view cells as {query}")

    def _reject_unknown_token(self) -> None:
        """Raise for the first text in a measure cell that is neither a number nor a token the layout knows."""
        known = [*self.layout.tokens, *self.layout.quarantine_tokens]
        text, member, row, column, times = self.connection.execute(
            f"""
            select value_as_published, source_member, source_row, source_column,
                count(*) over (partition by value_as_published)
            from read_parquet({_text(str(self.folder / "observations.parquet"))})
            where value_status is null order by source_member, source_row limit 1
            """
        ).fetchall()[0]
        expected = "a number, or one of " + ", ".join(repr(token) for token in known)
        is_mark = times >= FEWEST_OF_A_MARK and not any(character.isnumeric() for character in text)
        found = repr(text[:40]) + (f", in {times:,} cells" if times > 1 else "")
        remedy = MEND_LAYOUT if is_mark else MEND_CELL
        raise self._rejection(member, row, expected, found, column=column, remedy=remedy)

    def _shape(self) -> tuple[dict[str, int], dict[str, int]]:
        """Write the observations and the quarantined cells of this group, and count both from what was written."""
        layout = self.layout
        tokens = {token: why for token, why in QUARANTINED_ANYWHERE.items() if token not in layout.tokens}
        tokens |= layout.quarantine_tokens
        impossible = self._impossible()
        self._reject_other_measures(impossible)
        is_odd = " or ".join(condition for condition, _ in impossible)
        is_quarantined = f"({_is_one_of('cells.value_as_published', tokens)} or {is_odd})"
        statuses = " ".join(
            f"when cells.value_as_published = {_text(token)} then {_text(status)}"
            for token, status in layout.tokens.items()
        )
        reasons = " ".join(
            f"when cells.value_as_published = {_text(token)} then {_text(why)}" for token, why in tokens.items()
        )
        reasons += " ".join(f" when {condition} then {_text(why)}" for condition, why in impossible)
        observations = f"""
            select
                {_text(self.drop.sha256)} as drop_sha256, {_text(self.drop.file)} as source_file,
                cells.source_member, cells.source_row, cells.source_column,
                {_text(layout.series)} as series, {_text(layout.period_grain)} as period_grain,
                cells.period_start, cells.period_end,
                cells.group_type, cells.org_level, cells.org_code, cells.org_name,
                cells.partner_code, cells.partner_name, cells.parent_code, cells.parent_name,
                cells.variable_type, cells.variable_a, cells.variable_b,
                cells.measure_id, cells.measure_name,
                cells.value_as_published, try_cast(cells.value_as_published as double) as value,
                case
                    {statuses}
                    when {_is_number("cells.value_as_published")} then 'published'
                end as value_status,
                cells.duplicate_of_row
            from cells
            where not {is_quarantined}
        """
        unread = [name for name in self.header if name in layout.recognise.value_columns and name != self._read_column]
        parts = [
            f"""
            select {_text(self.drop.sha256)} as drop_sha256, {_text(self.drop.file)} as source_file,
                source_member, source_row, source_column, value_as_published,
                case {reasons} end as reason
            from cells where {is_quarantined}
            """
        ]
        read_columns = [self._read_column] if self._read_column else self._value_columns
        names = ", ".join(_text(name) for name in read_columns)
        values = ", ".join(_name("cell " + name) for name in read_columns)
        parts.append(
            f"""
            select {_text(self.drop.sha256)}, {_text(self.drop.file)}, source_member, source_row,
                unnest([{names}]), unnest([{values}]), reason
            from rows_set_aside
            """
        )
        values = ", ".join(_blank(name) for name in read_columns)
        parts.append(
            f"""
            select {_text(self.drop.sha256)}, {_text(self.drop.file)}, source_member, source_row,
                unnest([{names}]), unnest([{values}]), {_text(ERROR_IN_A_KEY)}
            from error_rows
            """
        )
        # A companion column may hold unsuppressed figures: its cells are counted, its values are not written down.
        parts += [
            f"""
            select {_text(self.drop.sha256)}, {_text(self.drop.file)}, source_member, source_row, {_text(name)}, null,
                {_text(COMPANION_OF + self._read_column + " is not read")}
            from (
                select source_member, source_row from keyed_rows
                union all select source_member, source_row from rows_set_aside
                union all select source_member, source_row from error_rows
            )
            """
            for name in unread
        ]
        counts = self._write("observations", observations, "value_status")
        if None in counts:
            self._reject_unknown_token()
        quarantined = self._write("quarantine", " union all ".join(parts), "reason")
        self._notice_error_cells([why for why in set(QUARANTINED_ANYWHERE.values()) if why in quarantined])
        self._notice_impossible([(condition, why) for condition, why in impossible if why in quarantined])
        return (
            {str(status): count for status, count in counts.items()},
            {str(reason): count for reason, count in quarantined.items()},
        )

    def _impossible(self) -> list[tuple[str, str]]:
        """SQL that holds for a cell with a number that cannot be, and the reason to set it aside, for each reason.

        Which measures are meant is asked of each name once, and not of each cell.
        """
        value = "try_cast(cells.value_as_published as double)"
        found = [(_is_too_large("cells.value_as_published"), TOO_LARGE)]
        names = self.connection.execute("select distinct measure_name from cells order by 1").fetchall()
        entries = {
            name: next((e for e in self.impossible_values.values if e.is_about(name)), None) for (name,) in names
        }
        for entry in self.impossible_values.values:
            meant = [name for name, own in entries.items() if own is entry]
            limits = [f"{value} < {entry.at_least}"] if entry.at_least is not None else []
            limits += [f"{value} > {entry.at_most}"] if entry.at_most is not None else []
            limits += [f"{value} <> floor({value})"] if entry.is_whole else []
            if meant and limits:
                beyond = f"{_is_number('cells.value_as_published')} and ({' or '.join(limits)})"
                found.append((f"({beyond} and {_is_one_of('cells.measure_name', meant)})", entry.reason))
        return found

    def _reject_other_measures(self, impossible: Iterable[tuple[str, str]]) -> None:
        """Raise where most figures of a measure cannot be its own: then those that could be are another's too."""
        is_number = _is_number("cells.value_as_published")
        for condition, why in impossible:
            found = self.connection.execute(
                f"""
                select
                    measure_name,
                    count(*) filter (where {condition}) as impossible,
                    count(*) as numbers,
                    min(source_row) filter (where {condition}) as first_row,
                    first(source_member order by source_row) filter (where {condition}) as first_member
                from cells
                where {is_number}
                group by measure_name
                having impossible >= {self.impossible_values.rejected_from_rows} and impossible * 2 > numbers
                order by first_row limit 1
                """
            ).fetchall()
            if found:
                name, times, numbers, row, member = found[0]
                raise DropRejectedError(
                    self.drop.file,
                    _place(member, row),
                    f"figures of {name}: {why}",
                    f"{times:,} of its {numbers:,} figures that cannot be: its figures are those of another measure",
                    "Get the file again; if it is published so, list what this measure can be in "
                    "catalogue/impossible_values.yml.",
                )

    def _notice_error_cells(self, reasons: Sequence[str]) -> None:
        """Say where errors of a spreadsheet stand among the figures of a CSV; those of a sheet were told before."""
        members = [table.member for table in self.tables if table.csv_path is not None]
        if not reasons or not members:
            return
        is_error = _is_one_of("value_as_published", [*QUARANTINED_ANYWHERE])
        found = self.connection.execute(
            f"""
            select source_member, source_row, source_column, value_as_published, count(*) over () from cells
            where {is_error} and {_is_one_of("source_member", members)} order by source_member, source_row limit 6
            """
        ).fetchall()
        if found:
            places = [f"{_place(member, row)}, column {column} {text}" for member, row, column, text, _ in found]
            self.notices.append(format_notice(ERROR_CELL, name_first(places, found[0][-1])))

    def _notice_impossible(self, found_impossible: Iterable[tuple[str, str]]) -> None:
        """Say where a number is that was set aside because it cannot be kept, or cannot be."""
        for condition, why in found_impossible:
            found = self.connection.execute(
                f"""
                select source_member, source_row, source_column, count(*) over () from cells
                where {condition} order by source_row limit 1
                """
            ).fetchall()
            if found:
                member, row, column, times = found[0]
                subject = f"{times:,} cells, the first at {_place(member, row)}, column {column}"
                self.notices.append(format_notice(f"a number that cannot be is set aside, since {why}", subject))

    def _write(self, kind: str, query: str, counted: str) -> dict[str | None, int]:
        """Write a query's rows to this group's Parquet file; return how many rows the file has by a column."""
        target = self.folder / f"{kind}.parquet"
        self.connection.execute(f"copy ({query}) to {_text(str(target))} ({PARQUET})")
        rows = self.connection.execute(
            f"select {counted}, count(*) from read_parquet({_text(str(target))}) group by 1 order by 1"
        ).fetchall()
        if not rows and kind == "quarantine":
            target.unlink()
        return dict(rows)

    def _rejection(
        self, member: str, row: int, expected: str, found: str, remedy: str = MEND_LAYOUT, *, column: str = ""
    ) -> DropRejectedError:
        place = _place(member, row)
        return DropRejectedError(
            self.drop.file, place + (f", column {column}" if column else ""), expected, found, remedy
        )


def period_noun(layout: Layout) -> str:
    """What a layout's period is called in an error."""
    return {"month": "month", "quarter": "quarter (from April)", "year": "financial year"}[layout.period_grain]


def _line_ends(path: Path) -> list[str]:
    """The ways in which the rows of a CSV end; a line that ends within quotes ends no row."""
    outside_quotes = re.sub(rb'"[^"]*"', b"", path.read_bytes())
    found = Counter(re.findall(rb"\r\n|\n|\r", outside_quotes))
    return [name for end, name in ((b"\r\n", "CRLF"), (b"\n", "LF"), (b"\r", "CR")) if found[end]]


def _is_financial_year(match: re.Match[str]) -> bool:
    """Whether the second year of a period, of two digits or four, follows the first, where the pattern names both."""
    following, next_year = match.groupdict().get("next_year"), int(match["first_year"]) + 1
    return following is None or int(following) == (next_year if len(following) == 4 else next_year % 100)


def _is_one_of(column: str, texts: Iterable[str]) -> str:
    """SQL that holds where a column is one of the texts. Not `in`: that may run as a join and lose the file's order."""
    return f"list_contains([{', '.join(map(_text, texts))}]::varchar[], {column})"


def _is_number(column: str) -> str:
    """SQL that holds for a plain decimal number; `nan`, `inf`, exponents and thousands separators are not numbers."""
    return (
        f"(try_cast({column} as double) is not null and translate({column}, '0123456789', '') in ('', '.', '-', '-.'))"
    )


def _is_too_large(column: str) -> str:
    """SQL that holds for a plain decimal number beyond the whole numbers that a double holds exactly."""
    return f"({_is_number(column)} and abs(try_cast({column} as double)) > {LARGEST_EXACT})"


def _place(member: str, row: int) -> str:
    return f"{member}, row {row}" if member else f"row {row}"


def _blank(column: str) -> str:
    return f"coalesce({_name(column)}, '')"
