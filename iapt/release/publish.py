"""Publishing: turn the staged bytes that passed the gate into an immutable release and swing `latest` to it."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from iapt.contract import CURRENT_BOUNDARIES, DERIVED
from iapt.disclosure.auditor import NO_RESIDUAL_DISCLOSURE, NO_STANDALONE_DISCLOSURE
from iapt.files import compute_sha256, write_json_atomically
from iapt.release.datapackage import DATA_PACKAGE, to_data_package
from iapt.release.dictionary import DICTIONARY_DATA, DICTIONARY_PAGE, build_dictionary, to_json, to_page
from iapt.release.metadata import Description, release_readme
from iapt.release.stage import EXTRACTS, TABLES
from iapt.sql import quote_literal
from iapt.threads import threads_per_worker
from iapt.validation import ValidationReport

MANIFEST = "manifest.json"
DATABASE = "iapt.duckdb"
CSV_FOLDER = "csv"
REPORT_FOLDER = "report"
# A spreadsheet runs a text that begins with one of these as a formula.
_FORMULA_STARTS = "=+-@\t\r"
WRITERS = 2
#: A spreadsheet holds about a million rows: these have more, so each of their periods is a file.
CSV_BY_PERIOD = (*EXTRACTS, *CURRENT_BOUNDARIES)
GZIP_LEVEL = 3  # the next one takes twice the time for a file that is a tenth smaller
STORAGE_VERSION = "v1.0.0"  # later ones do not open in the DuckDB that BI drivers carry


class NotPublishableError(Exception):
    """Raised when the staged bytes are not the ones the gate passed; the last good release stands."""


@dataclass(frozen=True)
class ReportBuilder:
    """What makes the report that a release carries.

    `recipe` is a digest of how; `build` makes it of a release folder, into a folder, with what the release says of
    itself.
    """

    recipe: str
    build: Callable[[Path, Path, Mapping[str, Any]], object]


@dataclass(frozen=True)
class CsvFile:
    """A CSV file of a table: its name, the query of its rows, and the columns of text, whose every value is quoted."""

    table: str
    name: str
    rows: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """The outcome of publishing: the release that now is `latest`, and whether it is a new one."""

    release_id: str
    folder: Path
    is_new: bool


def publish(
    staged: Path,
    verdict: ValidationReport | None,
    data_docs: Path,
    releases: Path,
    latest: Path,
    description: Description,
    today: date,
    report: ReportBuilder | None = None,
) -> Published:
    """Publish the staged tables if, and only if, the verdict passed exactly these bytes.

    The tables are copied, the copies hashed against the verdict, and everything else in the release is made from the
    copies, the report too. Where the newest release holds the same tables under the same disclosure policy and the same
    report already, nothing is made.
    Raises NotPublishableError with the reason; nothing is then changed.
    """
    _refuse_unless_passed(staged, verdict)
    assert verdict is not None
    if (existing := _same_release(latest, verdict, description, report)) is not None:
        _record_recipe(latest, existing, description.recipe)
        return Published(existing, latest.resolve(), is_new=False)
    releases.mkdir(parents=True, exist_ok=True)
    release_id = _next_id(releases, today)
    beside = Path(tempfile.mkdtemp(prefix=".making-", dir=releases))
    try:
        for table in TABLES:
            copy = beside / f"{table}.parquet"
            shutil.copyfile(staged / copy.name, copy)
            if compute_sha256(copy) != verdict.files.get(copy.name):
                raise NotPublishableError(f"{copy.name} changed while it was being published; run the refresh again.")
        said = _said_of(release_id, description, today, latest, report)
        with ThreadPoolExecutor(max_workers=1) as beside_them:
            others: list[Future[Any]] = [beside_them.submit(_write_database, beside)]
            if report is not None:
                others.append(beside_them.submit(report.build, beside, beside / REPORT_FOLDER, said))
            csv_paths = _write_csv(beside)
            for other in others:
                other.result()
        shutil.copytree(data_docs, beside / "data_docs")
        dictionary = build_dictionary(beside)
        (beside / DICTIONARY_DATA).write_text(to_json(dictionary), encoding="utf-8")
        (beside / DICTIONARY_PAGE).write_text(to_page(dictionary, f"Data dictionary, release {release_id}"), "utf-8")
        package = to_data_package(release_id, dictionary, csv_paths, is_licensed=description.salt is None)
        (beside / DATA_PACKAGE).write_text(package, encoding="utf-8")
        (beside / "README.md").write_text(release_readme(release_id, description, beside), encoding="utf-8")
        manifest = {**said, **_listed(beside, verdict)}
        (beside / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for path in beside.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o444)
        beside.chmod(0o755)
        folder = releases / release_id
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    _point_latest_to(latest, folder)
    _record_recipe(latest, release_id, description.recipe)
    return Published(release_id, folder, is_new=True)


def _refuse_unless_passed(staged: Path, verdict: ValidationReport | None) -> None:
    if verdict is None:
        raise NotPublishableError(
            "Expected a verdict of the gate on the staged tables; found none. Run the gate first."
        )
    if not verdict.passed:
        raise NotPublishableError(
            f"The gate refused the staged tables; the last release stands.\n\n{verdict.describe_failures()}"
        )
    audited = {
        outcome.table
        for outcome in verdict.outcomes
        if outcome.rule in (NO_RESIDUAL_DISCLOSURE, NO_STANDALONE_DISCLOSURE)
    }
    if missing := sorted(EXTRACTS.keys() - audited):
        raise NotPublishableError(
            f"Expected a verdict that audited every extract beside its source; found none on {', '.join(missing)}. "
            "Run the gate with its auditor."
        )
    found = (
        {path.name: compute_sha256(path) for path in sorted(staged.iterdir()) if path.is_file()}
        if staged.is_dir()
        else {}
    )
    if found != dict(verdict.files) or set(found) != {f"{table}.parquet" for table in TABLES}:
        changed = sorted(
            name for name in found.keys() | verdict.files.keys() if found.get(name) != verdict.files.get(name)
        )
        raise NotPublishableError(
            "Expected the staged bytes the gate judged; found others in "
            f"{', '.join(changed) or 'the list of files'}. Run the gate on them, or stage again."
        )


def read_manifest(latest: Path) -> dict[str, Any] | None:
    """The manifest of the newest release, if there is one."""
    path = latest / MANIFEST
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def read_last_released_fingerprint(latest: Path) -> str | None:
    """The recipe that last gave the newest release; another recipe may have given the same tables since."""
    manifest = read_manifest(latest)
    path = latest.with_name("released.json")
    if manifest is None or not path.is_file():
        return None
    record = json.loads(path.read_text("utf-8"))
    return str(record["recipe"]) if record["release_id"] == manifest["release_id"] else None


def _record_recipe(latest: Path, release_id: str, recipe: str) -> None:
    path = latest.with_name("released.json")
    write_json_atomically(path, {"release_id": release_id, "recipe": recipe})


def _same_release(
    latest: Path, verdict: ValidationReport, description: Description, report: ReportBuilder | None
) -> str | None:
    manifest = read_manifest(latest)
    # A release says what it was made under: the same tables under another policy or profile are another release.
    if manifest is None or manifest.get("disclosure") != description.policy.to_manifest():
        return None
    if manifest.get("report") != (report.recipe if report else None):
        return None
    released = {name: record["sha256"] for name, record in manifest["files"].items() if name in verdict.files}
    return str(manifest["release_id"]) if released == dict(verdict.files) else None


def _next_id(releases: Path, today: date) -> str:
    """The calendar id `YYYY.MM.N` after those that exist."""
    month = f"{today:%Y.%m}"
    numbers = [
        int(match.group(1))
        for path in releases.iterdir()
        if (match := re.fullmatch(re.escape(month) + r"\.(\d+)", path.name))
    ]
    return f"{month}.{max(numbers, default=0) + 1}"


def _point_latest_to(latest: Path, folder: Path) -> None:
    """Point `latest` at a release by one rename, so that a reader sees the old one or the new one, never none."""
    beside = latest.with_name(latest.name + ".part")
    beside.unlink(missing_ok=True)
    beside.symlink_to(os.path.relpath(folder, latest.parent), target_is_directory=True)
    beside.replace(latest)


def _write_csv(release: Path) -> dict[str, list[str]]:
    """Write every table as text: those no spreadsheet could hold whole by period, and no formula it would run.

    Returns the paths of the files of each table, from the folder of the release.
    """
    folder = release / CSV_FOLDER
    folder.mkdir()

    def write(file: CsvFile) -> None:
        with connection.cursor() as cursor:
            write_csv_file(cursor, file, folder / file.name)

    # On one thread each, so that the rows of a file are written in the order in which they are read.
    with duckdb.connect(config={"threads": 1}) as connection, ThreadPoolExecutor(max_workers=WRITERS) as writers:
        files = [file for table in TABLES for file in csv_files(connection, table, _parquet(release, table))]
        list(writers.map(write, files))
    return {
        table: [f"{CSV_FOLDER}/{file.name}" for file in files if file.table == table]
        for table in dict.fromkeys(file.table for file in files)
    }


def csv_files(connection: duckdb.DuckDBPyConnection, table: str, parquet: str) -> Iterator[CsvFile]:
    """The CSV files of a table in a Parquet file.

    A period is read straight from the table's file: its rows lie together there, so little else is decoded.
    """
    source = f"read_parquet({quote_literal(parquet)})"
    columns = connection.execute(f"describe select * from {source}").fetchall()
    selected = csv_columns([(str(name), str(kind)) for name, kind, *_ in columns])
    texts = tuple(str(name) for name, kind, *_ in columns if kind == "VARCHAR")
    rows = f"select {selected} from {source} as staged"
    if table not in CSV_BY_PERIOD:
        yield CsvFile(table, csv_name(table), rows, texts)
        return
    periods = connection.execute(f"select distinct period from {source} where period is not null order by 1").fetchall()
    for (period,) in periods:
        of_period = f"{rows} where staged.period = {quote_literal(str(period))}"
        yield CsvFile(table, csv_name(table, str(period)), of_period, texts)


def write_csv_file(connection: duckdb.DuckDBPyConnection, file: CsvFile, target: Path) -> None:
    """Write the rows of a file in their order as CSV, gzipped where its name says so.

    Every text is quoted, and nothing else: who guesses types takes no code for a number, and an absent value, of
    whichever type, stays apart from a text.
    zlib takes half the time of DuckDB's own gzip. No time and no name go into the file: same rows, same bytes.
    """
    plain = target.with_name(target.name.removesuffix(".gz"))
    # Else an operator may hold back a few rows to write them together with later ones, and does so after those.
    connection.execute("set enable_caching_operators = false")
    quoted = f", force_quote ({', '.join(file.texts)})" if file.texts else ""
    connection.execute(f"copy ({file.rows}) to {quote_literal(plain)} (format csv, header true{quoted})")
    if plain == target:
        return
    with (
        plain.open("rb") as text,
        target.open("wb") as written,
        gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=written, mtime=0) as packed,
    ):
        shutil.copyfileobj(text, packed, 1 << 20)
    plain.unlink()


def csv_name(table: str, period: str | None = None) -> str:
    """The name of the CSV file of a table, or of one period of it."""
    if period is not None:
        return f"{table}_{period.lower().replace(' ', '-')}.csv.gz"
    return f"{table}.csv.gz" if table in DERIVED else f"{table}.csv"


def _parquet(release: Path, table: str) -> str:
    return str(release / f"{table}.parquet")


def csv_columns(columns: Sequence[tuple[str, str]]) -> str:
    """The columns of a table, each a name and a type, as a spreadsheet should find them."""
    has_statistic = "statistic" in dict(columns)
    return ", ".join(csv_column(name, kind, has_statistic=has_statistic) for name, kind in columns)


def csv_column(name: str, kind: str, *, has_statistic: bool) -> str:
    """A column as a spreadsheet should find it: whole numbers plain, means at one decimal, no live formulas."""
    if name == "value" and has_statistic:
        return (
            "case when statistic in ('mean', 'median') or value <> floor(value) then printf('%.1f', value) "
            "else cast(cast(value as bigint) as varchar) end as value"
        )
    if kind == "DOUBLE":
        is_average = name.startswith(("mean_", "median_"))
        return (
            f"case when {str(is_average).lower()} or {name} <> floor({name}) then printf('%.1f', {name}) "
            f"else cast(cast({name} as bigint) as varchar) end as {name}"
        )
    if kind == "VARCHAR":
        # Not `left({name}, 1) in (...)`, which is a join for each column: slow, and a join does not keep the order.
        return f"case when {name} <> ltrim({name}, '{_FORMULA_STARTS}') then '''' || {name} else {name} end as {name}"
    return name


def _write_database(release: Path) -> None:
    """One DuckDB file with every table, in a storage version that today's BI drivers open."""
    target = quote_literal(release / DATABASE)
    with duckdb.connect(config={"threads": threads_per_worker(WRITERS)}) as connection:
        # It is tried on every text, which takes a quarter of the time, and is hardly ever the smallest: words repeat.
        connection.execute("set disabled_compression_methods = 'fsst'")
        connection.execute(f"attach {target} as release (storage_version '{STORAGE_VERSION}')")
        for table in TABLES:
            connection.execute(
                f"create table release.{table} as select * from read_parquet(?)", [_parquet(release, table)]
            )
        connection.execute("detach release")


def _said_of(
    release_id: str, description: Description, today: date, latest: Path, report: ReportBuilder | None
) -> dict[str, Any]:
    """What a release says of itself, apart from its files."""
    previous = read_manifest(latest)
    return {
        "release_id": release_id,
        "released_on": today.isoformat(),
        "previous_release": previous["release_id"] if previous else None,
        **description.to_manifest(),
        "report": report.recipe if report else None,
    }


def _listed(release: Path, verdict: ValidationReport) -> dict[str, Any]:
    """The checks that were made, and every file with its bytes and, of a table, its rows."""
    with duckdb.connect() as connection:
        rows = {
            f"{table}.parquet": int(
                connection.execute("select count(*) from read_parquet(?)", [_parquet(release, table)]).fetchall()[0][0]
            )
            for table in TABLES
        }
    files = {}
    for path in sorted(path for path in release.rglob("*") if path.is_file()):
        name = path.relative_to(release).as_posix()
        files[name] = {"sha256": compute_sha256(path), "bytes": path.stat().st_size}
        if name in rows:
            files[name]["rows"] = rows[name]
    results = [outcome.result for outcome in verdict.outcomes]
    return {"checks": {result: results.count(result) for result in sorted(set(results))}, "files": files}
