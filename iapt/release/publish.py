"""Publishing: turn the staged bytes that passed the gate into an immutable release and point `latest` to it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from iapt.contract import EXTRACT_GRAINS, parquet_name
from iapt.disclosure.auditor import NO_RESIDUAL_DISCLOSURE, NO_STANDALONE_DISCLOSURE
from iapt.duckdb_connections import open_duckdb
from iapt.files import compute_sha256, flush_tree, rename_durably, write_json_atomically
from iapt.release.csv_files import CSV_FOLDER, CsvFile, digest_csv_writer, write_csv_files
from iapt.release.database import write_database
from iapt.release.datapackage import DATA_PACKAGE, to_data_package
from iapt.release.dictionary import DICTIONARY_DATA, DICTIONARY_PAGE, build_dictionary, to_json, to_page
from iapt.release.manifest_comparison import compare_with_manifest
from iapt.release.metadata import Description, render_release_readme
from iapt.release.parquet_joining import find_differences_from_parts
from iapt.release.parts import TABLES_IN_PARTS, StagedParts, find_part
from iapt.release.released_files import FileRecord, PartDigests, ReleasedFiles
from iapt.release.stage import TABLES
from iapt.sql import sql_list
from iapt.validation import ValidationReport
from iapt.workspace import Workspace
from iapt.workspace_state import MANIFEST, read_manifest

UNFINISHED = ".making-"  # how the name begins of a folder in which a release is being made
REPORT_FOLDER = "report"
DATA_DOCS_FOLDER = "data_docs"
#: What writes the database and what writes the CSV files share the memory of this process.
_WRITERS = 2


class NotPublishableError(Exception):
    """Raised when the staged bytes are not the ones the gate passed; the last good release stands."""


@dataclass(frozen=True)
class ReportBuilder:
    """What makes the report that a release carries.

    `fingerprint` is a digest of how; `build` makes it of a release folder, into a folder, with the metadata of the
    release.
    """

    fingerprint: str
    build: Callable[[Path, Path, Mapping[str, Any]], object]


@dataclass(frozen=True)
class ReleaseCandidate:
    """What may become a release.

    `tables` is the folder of staged Parquet files, `validation` the report of the gate on them, None where it has not
    run, and `data_docs` the folder of its pages.
    """

    tables: Path
    validation: ValidationReport | None
    data_docs: Path
    description: Description
    report_builder: ReportBuilder | None = None

    @property
    def report_fingerprint(self) -> str | None:
        """How the report is made; None where the release carries none."""
        return self.report_builder.fingerprint if self.report_builder else None


@dataclass(frozen=True)
class Published:
    """The outcome of publishing: the release that now is `latest`, and whether it is a new one."""

    release_id: str
    folder: Path
    is_new: bool


def publish(candidate: ReleaseCandidate, workspace: Workspace, today: date) -> Published:
    """Publish the staged tables if, and only if, the gate passed exactly these bytes.

    The tables are copied, the copies hashed against the validation report, and everything else in the release is made
    from the copies, the report too. Where the newest release holds the same tables under the same disclosure policy and
    the same report already, and every file of it is as its manifest lists it, nothing is made.
    Raises NotPublishableError with the reason; nothing is then changed.
    """
    validation = _require_passed(candidate)
    previous = read_manifest(workspace.latest)
    if (
        previous is not None
        and _is_same_release(previous, candidate, validation)
        and not any(compare_with_manifest(workspace.latest.resolve(), previous))
    ):
        return Published(previous["release_id"], workspace.latest.resolve(), is_new=False)
    workspace.releases.mkdir(parents=True, exist_ok=True)
    release_id = _next_release_id(workspace.releases, today)
    metadata = {
        "release_id": release_id,
        "released_on": today.isoformat(),
        "previous_release": previous["release_id"] if previous else None,
        **candidate.description.to_manifest(),
        "report": candidate.report_fingerprint,
    }
    temp_folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=workspace.releases))
    try:
        earlier = ReleasedFiles.load(workspace.latest)
        tables = _take_tables(candidate.tables, temp_folder, validation, earlier)
        made, records = _write_release(temp_folder, tables, candidate, metadata, earlier, workspace)
        manifest = {
            **metadata,
            "checks": _count_results(validation),
            "writers": made.writers,
            "parts": made.parts,
            "files": _list_files(temp_folder, temp_folder, records, earlier),
        }
        write_json_atomically(temp_folder / MANIFEST, manifest)
        _make_read_only(temp_folder, owner_only=workspace.is_restricted)
        folder = rename_durably(temp_folder, workspace.releases / release_id)
    except BaseException:
        shutil.rmtree(temp_folder, ignore_errors=True)
        raise
    _point_latest_to(workspace.latest, folder)
    return Published(release_id, folder, is_new=True)


def _require_passed(candidate: ReleaseCandidate) -> ValidationReport:
    """Return the validation report. Raises NotPublishableError unless the gate passed exactly the staged bytes."""
    validation = candidate.validation
    if validation is None:
        raise NotPublishableError(
            "Expected a validation report of the gate on the staged tables; found none. Run the gate first."
        )
    if not validation.passed:
        raise NotPublishableError(
            f"The gate did not pass the staged tables; the last release stands.\n\n{validation.describe_failures()}"
        )
    audit_rules = (NO_RESIDUAL_DISCLOSURE, NO_STANDALONE_DISCLOSURE)
    audited = {outcome.table for outcome in validation.outcomes if outcome.rule in audit_rules}
    if missing := sorted(EXTRACT_GRAINS.keys() - audited):
        raise NotPublishableError(
            f"Expected a validation report that audited every extract beside its source; found none on "
            f"{', '.join(missing)}. Run the gate with its auditor."
        )
    paths = sorted(candidate.tables.iterdir()) if candidate.tables.is_dir() else []
    staged = {path.name: compute_sha256(path) for path in paths if path.is_file()}
    if staged != dict(validation.files) or set(staged) != {parquet_name(table) for table in TABLES}:
        names = sorted(staged.keys() | validation.files.keys())
        changed = [name for name in names if staged.get(name) != validation.files.get(name)]
        raise NotPublishableError(
            "Expected the staged bytes the gate validated; found others in "
            f"{', '.join(changed) or 'the list of files'}. Run the gate on them, or stage again."
        )
    return validation


def _is_same_release(manifest: Mapping[str, Any], candidate: ReleaseCandidate, validation: ValidationReport) -> bool:
    """Whether a release holds the tables of the candidate, made under the same policy, with the same report."""
    released = {name: record["sha256"] for name, record in manifest["files"].items() if name in validation.files}
    return (
        manifest.get("disclosure") == candidate.description.policy.to_manifest()
        and manifest.get("report") == candidate.report_fingerprint
        and released == dict(validation.files)
    )


def _next_release_id(releases: Path, today: date) -> str:
    """Return the calendar id `YYYY.MM.N` after those that exist."""
    month = f"{today:%Y.%m}"
    matches = (re.fullmatch(re.escape(month) + r"\.(\d+)", path.name) for path in releases.iterdir())
    return f"{month}.{max((int(match[1]) for match in matches if match), default=0) + 1}"


def _take_tables(
    tables: Path, release: Path, validation: ValidationReport, earlier: ReleasedFiles
) -> dict[str, FileRecord]:
    """Link the tables that the last release has too and copy the others; return what the manifest says of each.

    Raises NotPublishableError where a table is not of the bytes that the gate passed.
    """
    records: dict[str, FileRecord] = {}
    for name in map(parquet_name, TABLES):
        digest = validation.files[name]
        if earlier.get_digest(name) == digest and (record := earlier.link(name, release / name)) is not None:
            records[name] = record
            continue
        shutil.copyfile(tables / name, release / name)
        if compute_sha256(release / name) != digest:
            raise NotPublishableError(f"{name} changed while it was being published; run the refresh again.")
        records[name] = {"sha256": digest, "bytes": (release / name).stat().st_size}
    with open_duckdb(threads=1) as connection:  # reads the footers alone
        counts = connection.execute(
            f"select file_name, num_rows from parquet_file_metadata([{sql_list(release / name for name in records)}])"
        ).fetchall()
    return {Path(str(file)).name: {**records[Path(str(file)).name], "rows": int(rows)} for file, rows in counts}


def _prove_parts(workspace: Workspace, release: Path) -> PartDigests:
    """Return the sha256 of the part of each period of each table of a release that is, byte for byte, its parts.

    A table that is not what the staged parts give is left out: what was made of it cannot be told by period.
    """
    staged = StagedParts.load_if_present(workspace.staged_parts) or StagedParts()
    proven = {}
    for table in TABLES_IN_PARTS:
        parts = staged.of_table(table)
        paths = [find_part(workspace.parts, part) for part in parts]
        if (
            parts
            and all(path.is_file() for path in paths)
            and [compute_sha256(path) for path in paths] == [part.sha256 for part in parts]
            and not any(find_differences_from_parts(release / parquet_name(table), paths))
        ):
            proven[table] = {part.period: part.sha256 for part in parts}
    return proven


def _write_release(
    release: Path,
    tables: Mapping[str, FileRecord],
    candidate: ReleaseCandidate,
    metadata: Mapping[str, Any],
    earlier: ReleasedFiles,
    workspace: Workspace,
) -> tuple[ReleasedFiles, dict[str, FileRecord]]:
    """Write everything that is made of the tables of a release folder, into it.

    Return what it was made of, and what is known of its files.
    """
    release_id, description = str(metadata["release_id"]), candidate.description
    records = dict(tables)

    def find_parts() -> ReleasedFiles:
        return ReleasedFiles(release, tables, _prove_parts(workspace, release), {CSV_FOLDER: digest_csv_writer()})

    def reuse_csv_file(file: CsvFile, target: Path) -> bool:
        name = f"{CSV_FOLDER}/{file.name}"
        if not _is_same_csv_file(file, made, earlier) or (record := earlier.link(name, target)) is None:
            return False
        records[name] = record
        return True

    with ThreadPoolExecutor(max_workers=1) as executor:
        # The database takes longest and DuckDB alone makes it, on every core that is free; the rest takes one.
        proving = executor.submit(find_parts)
        database = executor.submit(lambda: write_database(proving.result(), workspace, workers=_WRITERS))
        if candidate.report_builder is not None:
            candidate.report_builder.build(release, release / REPORT_FOLDER, metadata)
        made = proving.result()
        csv_paths = write_csv_files(release, reuse_csv_file, spill=workspace.spill, workers=_WRITERS)
        shutil.copytree(candidate.data_docs, release / DATA_DOCS_FOLDER)
        dictionary = build_dictionary(release)
        (release / DICTIONARY_DATA).write_text(to_json(dictionary), encoding="utf-8")
        (release / DICTIONARY_PAGE).write_text(to_page(dictionary, f"Data dictionary, release {release_id}"), "utf-8")
        package = to_data_package(release_id, csv_paths, is_licensed=description.salt is None)
        (release / DATA_PACKAGE).write_text(package, encoding="utf-8")
        (release / "README.md").write_text(render_release_readme(release_id, description, release), encoding="utf-8")
        for folder in [path for path in release.iterdir() if path.is_dir()]:
            records |= _list_files(release, folder, records, earlier)
            flush_tree(folder)  # the disk has time now, beside the database; before the rename little is left to do
        database.result()
    return made, records


def _is_same_csv_file(file: CsvFile, made: ReleasedFiles, earlier: ReleasedFiles) -> bool:
    """Whether the last release's file of this name was made by the same code of the same rows."""
    if file.period is None:
        is_of_same_rows = earlier.get_table_digest(file.table) == made.get_table_digest(file.table)
    else:
        part = made.parts.get(file.table, {}).get(file.period)
        is_of_same_rows = part is not None and earlier.parts.get(file.table, {}).get(file.period) == part
    return is_of_same_rows and earlier.writers.get(CSV_FOLDER) == made.writers[CSV_FOLDER]


def _count_results(validation: ValidationReport) -> dict[str, int]:
    """Return how many outcomes of the gate have each result."""
    results = [outcome.result for outcome in validation.outcomes]
    return {result: results.count(result) for result in sorted(set(results))}


def _list_files(
    release: Path, folder: Path, known: Mapping[str, FileRecord], earlier: ReleasedFiles
) -> dict[str, FileRecord]:
    """Return what the manifest says of every file in a folder of a release; what is known of one is taken over.

    A file that turned out as the last release has it is linked to that.
    """
    records: dict[str, FileRecord] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(release).as_posix()
        record = known.get(name) or {"sha256": compute_sha256(path), "bytes": path.stat().st_size}
        if name not in known and earlier.get_digest(name) == record["sha256"]:
            earlier.link(name, path)
        records[name] = record
    return records


def _make_read_only(folder: Path, *, owner_only: bool) -> None:
    mask = 0o700 if owner_only else 0o777
    for path in (folder, *folder.rglob("*")):
        path.chmod(mask & (0o755 if path.is_dir() else 0o444))


def _point_latest_to(latest: Path, folder: Path) -> None:
    """Point `latest` at a release by one rename, so that a reader sees the old one or the new one, never none."""
    temp_link = latest.with_name(latest.name + ".part")
    temp_link.unlink(missing_ok=True)
    temp_link.symlink_to(os.path.relpath(folder, latest.parent), target_is_directory=True)
    rename_durably(temp_link, latest)
