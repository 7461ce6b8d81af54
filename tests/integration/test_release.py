"""The release: what it holds, that it is exactly what the gate passed, and that nothing else can be published."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from iapt.contract import CONTRACTS, DERIVED, DIMENSIONS, TOPICS
from iapt.files import compute_sha256
from iapt.release.publish import NotPublishableError, Published, ReportBuilder, publish
from iapt.report.site import make_report_builder
from iapt.workspace import PROJECT_ROOT, Workspace
from orchestration.assets.release import gate, release, staged_tables
from orchestration.progress import ProgressReporter
from orchestration.resources import WorkspaceResource
from tests.factories.candidates import make_candidate_of_home
from tests.integration.conftest import BuiltHome


def _latest(built: BuiltHome) -> Path:
    return built.home.latest


GATE = dg.AssetSelection.checks(gate)
RELEASE = dg.AssetSelection.assets(release).without_checks()
STAGED = dg.AssetSelection.assets(staged_tables).without_checks()


def _run(home: Workspace, selection: dg.AssetSelection) -> dg.ExecuteInProcessResult:
    """Run a selection in a run of its own, as someone in the UI might."""
    definitions = dg.Definitions(
        assets=[staged_tables, release],
        asset_checks=[gate],
        jobs=[dg.define_asset_job("by_hand", selection, executor_def=dg.in_process_executor)],
        resources={"workspace": WorkspaceResource(root=str(home.root)), "progress": ProgressReporter()},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def("by_hand").execute_in_process(instance=instance, raise_on_error=False)


def _failures(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(
        str(event.step_failure_data.user_failure_data.description)
        if event.step_failure_data.user_failure_data
        else str(event.step_failure_data.error)
        for event in result.all_events
        if event.is_step_failure
    )


def test_a_release_holds_what_was_promised(released_home: BuiltHome) -> None:
    names = {path.name for path in _latest(released_home).iterdir()}
    assert names == {
        *(f"{table}.parquet" for table in CONTRACTS),
        "iapt.duckdb",
        "manifest.json",
        "README.md",
        "datapackage.json",
        "dictionary.html",
        "dictionary.json",
        "data_docs",
        "csv",
        "report",
    }
    assert (_latest(released_home) / "data_docs" / "index.html").is_file()


def test_latest_is_a_link_into_the_releases(released_home: BuiltHome) -> None:
    assert _latest(released_home).readlink().parts[0] == "releases"


def test_every_extract_has_its_columns_in_order(released_home: BuiltHome) -> None:
    with duckdb.connect() as connection:
        for table in ("extract_monthly", "extract_quarterly", "extract_annual"):
            path = str(_latest(released_home) / f"{table}.parquet")
            found = connection.execute("describe select * from read_parquet(?)", [path]).fetchall()
            assert [row[0] for row in found] == list(CONTRACTS[table])


def test_the_manifest_names_the_bytes_that_are_there(released_home: BuiltHome) -> None:
    manifest = json.loads((_latest(released_home) / "manifest.json").read_text("utf-8"))
    for name, record in manifest["files"].items():
        assert compute_sha256(_latest(released_home) / name) == record["sha256"], name
    there = {
        path.relative_to(_latest(released_home)).as_posix()
        for path in _latest(released_home).rglob("*")
        if path.is_file()
    }
    assert there == {*manifest["files"], "manifest.json"}


def test_synthetic_data_says_so_everywhere(released_home: BuiltHome) -> None:
    manifest = json.loads((_latest(released_home) / "manifest.json").read_text("utf-8"))
    assert manifest["data_origin"] == "synthetic"
    assert {drop["origin"] for drop in manifest["drops"]} == {"synthetic"}
    assert "SYNTHETIC DATA" in (_latest(released_home) / "README.md").read_text("utf-8")


def test_the_database_opens_with_the_storage_version_of_bi_drivers(released_home: BuiltHome) -> None:
    path = str(_latest(released_home) / "iapt.duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as release (read_only)")
        tags = connection.execute("select tags from duckdb_databases() where database_name = 'release'").fetchall()
        assert tags[0][0]["storage_version"].startswith("v1.0.0")
        for table in CONTRACTS:
            path = str(_latest(released_home) / f"{table}.parquet")
            # Of the rows in any order: how many there are, and the sum of their hashes.
            served, released = (
                connection.execute(f"select count(*), sum(hash(row)::hugeint) from {rows} as row").fetchall()
                for rows in (f"release.{table}", f"read_parquet('{path}')")
            )
            assert served == released, table


def test_the_queries_of_the_documents_find_figures(released_home: BuiltHome) -> None:
    documents = [PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "docs").rglob("*.md"))]
    queries = [query for path in documents for query in re.findall(r"```sql\n(.*?)```", path.read_text("utf-8"), re.S)]
    assert len(queries) >= 3
    with duckdb.connect(str(released_home.home.latest / "iapt.duckdb"), read_only=True) as connection:
        assert [query for query in queries if not connection.execute(query).fetchall()] == []


def test_the_join_of_populations_keeps_every_row(released_home: BuiltHome) -> None:
    join = """
        inner join dim_population as populations
            on figures.variable_type = populations.variable_type
            and figures.variable_a is not distinct from populations.variable_a
            and figures.variable_b is not distinct from populations.variable_b
    """
    text = (PROJECT_ROOT / "docs" / "data-access.md").read_text("utf-8")
    assert " ".join(join.split()) in " ".join(text.split())
    with duckdb.connect(str(released_home.home.latest / "iapt.duckdb"), read_only=True) as connection:
        for table in ("extract_monthly", "extract_quarterly", "extract_annual"):
            rows, joined = (
                connection.execute(f"select count(*) from {table} as figures {how}").fetchall()[0][0]
                for how in ("", join)
            )
            assert rows == joined > 0, table


def test_the_join_of_notes_keeps_every_row_and_finds_the_noted_one(released_home: BuiltHome) -> None:
    text = (PROJECT_ROOT / "docs" / "data-access.md").read_text("utf-8")
    (query,) = [query for query in re.findall(r"```sql\n(.*?)```", text, re.S) if "dim_note" in query]
    path = released_home.home.latest / "iapt.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as release (read_only)")
        for table in ("extract_monthly", "dim_note"):
            connection.execute(f"create table {table} as from release.{table}")
        before = connection.execute(query).fetchall()
        assert {row[3] for row in before} == {None}  # no figure of a synthetic drop is an error of the publisher's
        connection.execute(
            """
            insert into dim_note by name
            select
                'a-note' as note_id, 'extract_monthly' as table_name, 'released' as cell_status,
                'A long wait.' as note, period, org_level, org_code, partner_code, variable_type, variable_a,
                variable_b, measure
            from extract_monthly
            where period = '2025-06' and org_level = 'provider' and measure = 'mean_wait_accessing_services'
            order by org_code limit 1
            """
        )
        after = connection.execute(query).fetchall()
    assert len(after) == len(before) > 1
    assert [row[3] for row in after if row[3]] == ["A long wait."]


def test_publications_say_what_became_of_every_drop_and_of_what_is_not_there(released_home: BuiltHome) -> None:
    manifest = json.loads((_latest(released_home) / "manifest.json").read_text("utf-8"))
    with duckdb.connect() as connection:
        connection.execute(f"create view publications as from '{_latest(released_home) / 'publications.parquet'}'")

        def query(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        in_use = query("select drop_sha256, file, bytes from publications where state in ('present', 'superseded')")
        assert {(drop["sha256"], drop["file"], drop["bytes"]) for drop in manifest["drops"]} <= set(in_use)
        gaps = "select series, period, listed from publications where state = 'not_published'"
        assert query(gaps) == [("quarterly", "2020-21 Q2", "not_listed")]
        missing = "select state from publications where series = 'monthly' and period = '2024-05' and revision = 1"
        assert query(missing) == [("missing",)]
        assert query("select count(distinct as_of), max(archived_on) = max(as_of) from publications") == [(1, True)]
        # A file of an invented figure is not to be had from the publisher.
        assert query("select count(page), count(address) from publications") == [(0, 0)]


def test_the_documented_query_of_publications_has_a_row_a_month(released_home: BuiltHome) -> None:
    text = (PROJECT_ROOT / "docs" / "data-access.md").read_text("utf-8")
    (query,) = [query for query in re.findall(r"```sql\n(.*?)```", text, re.S) if "join publications" in query]
    with duckdb.connect(str(_latest(released_home) / "iapt.duckdb"), read_only=True) as connection:
        rows = connection.execute(query).fetchall()
        months = connection.execute("select period from dim_period where period_grain = 'month'").fetchall()
    assert sorted(row[0] for row in rows) == sorted(month for (month,) in months)
    assert {"present", "not_loaded"} <= {row[3] for row in rows}


def test_csv_holds_the_same_figures_one_file_a_period(released_home: BuiltHome) -> None:
    folder = _latest(released_home) / "csv"
    plain = {path.name for path in folder.iterdir() if path.suffix == ".csv"}
    assert plain == {f"{table}.csv" for table in DIMENSIONS}
    assert {path.name for path in folder.glob("mart_*")} == {
        f"{table}.csv.gz" for table in DERIVED if table.startswith("mart_")
    }
    assert (folder / "extract_quarterly_2020-21-q2.csv.gz").is_file()
    columns = dict.fromkeys(CONTRACTS["extract_monthly"], "VARCHAR")
    as_text = f"auto_detect = false, delim = ',', quote = '\"', columns = {columns}"
    with duckdb.connect() as connection:
        for table in ("extract_monthly", "extract_quarterly", "extract_annual"):
            csv, parquet = str(folder / f"{table}_[0-9]*.csv.gz"), str(_latest(released_home) / f"{table}.parquet")
            totals = [
                connection.execute(
                    f"select count(*), count(value), sum(cast(value as decimal(18, 1))) from {source}"
                ).fetchall()
                for source in (f"read_csv('{csv}', header = true, {as_text})", f"read_parquet('{parquet}')")
            ]
            assert totals[0] == totals[1], table


KINDS = {
    "VARCHAR": "text",
    **dict.fromkeys(("DOUBLE", "BIGINT", "INTEGER"), "number"),
    "DATE": "date",
    "BOOLEAN": "truth",
}
#: Text of which every value looks like a number or a date: whoever guesses takes it for one, quoted or not.
LOOKS_LIKE_ANOTHER_KIND = {("dim_period", "dataset_version"), ("dim_organisation", "boundary_moves")}


def _csv_files_of(release_folder: Path) -> list[tuple[str, str]]:
    """Every CSV file that the data package names: its table and its path."""
    package = json.loads((release_folder / "datapackage.json").read_text("utf-8"))
    return [
        (resource["name"], path)
        for resource in package["resources"]
        for path in ([resource["path"]] if isinstance(resource["path"], str) else resource["path"])
    ]


def _rows_of_file(release_folder: Path, table: str, path: str) -> str:
    """The rows of the Parquet table that a CSV file holds, with texts as a spreadsheet may read them."""
    columns = ", ".join(
        f"case when {name} <> ltrim({name}, '=+-@\t\r') then '''' || {name} else {name} end as {name}"
        if kind == "VARCHAR"
        else name
        for name, kind in CONTRACTS[table].items()
    )
    period = path.removeprefix(f"csv/{table}").removesuffix(".gz").removesuffix(".csv").removeprefix("_")
    where = f"where lower(replace(period, ' ', '-')) = '{period}'" if period else ""
    return f"select {columns} from read_parquet('{release_folder / table}.parquet') {where}"


def _same_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: str, expected: str) -> bool:
    """Whether two queries have the same rows, each value of the table's type; an empty text is no absent one."""
    columns = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in CONTRACTS[table].items())
    one, other = (
        connection.execute(
            f"select count(*), sum(hash(row)::hugeint) from (select {columns} from ({query})) as row"
        ).fetchall()
        for query in (rows, expected)
    )
    return one == other


def test_the_data_package_names_every_csv_file_and_the_type_of_each_column(released_home: BuiltHome) -> None:
    files = _csv_files_of(_latest(released_home))
    assert {path for _, path in files} == {f"csv/{path.name}" for path in (_latest(released_home) / "csv").iterdir()}
    package = json.loads((_latest(released_home) / "datapackage.json").read_text("utf-8"))
    words = {"VARCHAR": "string", "DOUBLE": "number", "BIGINT": "integer", "INTEGER": "integer"}
    for resource in package["resources"]:
        assert {field["name"]: field["type"] for field in resource["schema"]["fields"]} == {
            name: words.get(kind, kind.lower()) for name, kind in CONTRACTS[resource["name"]].items()
        }
        assert resource["schema"]["missingValues"] == [""]


def test_pandas_reads_every_csv_file_as_the_manual_says_with_the_values_of_parquet(released_home: BuiltHome) -> None:
    text = (PROJECT_ROOT / "docs" / "data-access.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    names: dict[str, Any] = {"release": str(_latest(released_home))}
    exec(compile(code, "data-access.md", "exec"), names)
    kinds = {"string": "text", "Int64": "number", "float64": "number", "boolean": "truth"}
    for table, path in _csv_files_of(_latest(released_home)):
        frame = names["read_table"](table, path)
        assert {name: kinds.get(str(kind), "date") for name, kind in frame.dtypes.items()} == {
            name: KINDS[kind] for name, kind in CONTRACTS[table].items()
        }, path
        with duckdb.connect() as connection:
            connection.register("frame", frame)
            assert _same_rows(connection, table, "from frame", _rows_of_file(_latest(released_home), table, path)), path


def test_duckdb_guesses_of_every_csv_file_the_kinds_and_values_of_parquet(released_home: BuiltHome) -> None:
    """But for a column without any value, by which nothing can be guessed, and for text that looks otherwise."""
    for table, path in _csv_files_of(_latest(released_home)):
        guessed = f"from read_csv('{_latest(released_home) / path}', sample_size = -1)"
        with duckdb.connect() as connection:
            found = {name: KINDS[kind] for name, kind, *_ in connection.execute(f"describe {guessed}").fetchall()}
            assert list(found) == list(CONTRACTS[table]), path
            counts = ", ".join(f"count({name})" for name in found)
            held = connection.execute(f"select {counts} {guessed}").fetchall()[0]
            wrong = {
                (table, name)
                for (name, kind), values in zip(CONTRACTS[table].items(), held, strict=True)
                if values and found[name] != KINDS[kind]
            }
            assert wrong <= LOOKS_LIKE_ANOTHER_KIND, path
            assert _same_rows(connection, table, guessed, _rows_of_file(_latest(released_home), table, path)), path


def test_whole_numbers_are_plain_in_csv(released_home: BuiltHome) -> None:
    with gzip.open(_latest(released_home) / "csv" / "extract_annual_2020-21.csv.gz", "rt", encoding="utf-8") as lines:
        text = lines.read()
    assert ',634650,"published",' in text
    assert "634650.0" not in text


def test_publishing_the_same_tables_again_makes_no_release(copied_home: Workspace) -> None:
    before = sorted(path.name for path in copied_home.releases.iterdir())
    result = _run(copied_home, RELEASE)
    assert result.success, _failures(result)
    assert sorted(path.name for path in copied_home.releases.iterdir()) == before


def test_the_same_tables_under_another_policy_are_another_release_that_says_so(copied_home: Workspace) -> None:
    def no_report(_: Path, target: Path, said: object) -> None:
        target.mkdir()

    builder = ReportBuilder(make_report_builder(copied_home.boundaries).fingerprint, no_report)

    def publish_under(profile: str) -> Published:
        return publish(
            make_candidate_of_home(copied_home, profile=profile, report_builder=builder),
            copied_home,
            date.today(),
        )

    assert not publish_under("publisher").is_new
    published = publish_under("hardened")
    assert published.is_new
    manifest = json.loads((published.folder / "manifest.json").read_text("utf-8"))
    assert manifest["disclosure"]["profile"] == "hardened"


def test_staging_twice_gives_the_same_bytes(copied_home: Workspace) -> None:
    before = {path.name: compute_sha256(path) for path in copied_home.staging.iterdir()}
    assert _run(copied_home, STAGED).success
    assert {path.name: compute_sha256(path) for path in copied_home.staging.iterdir()} == before


def _plant(home: Workspace, table: str, change: str) -> None:
    """Change a staged table after the gate has validated it."""
    path = home.staging / f"{table}.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"create table {table} as from read_parquet('{path}')")
        connection.execute(change)
        connection.execute(f"copy {table} to '{path}' (format parquet)")


def test_nothing_is_staged_of_marts_that_are_not_of_the_landed_drops(copied_home: Workspace) -> None:
    """New drops were landed, and dbt failed: their names would stand on a release that does not hold them."""
    landed = json.loads(copied_home.landed.read_text("utf-8"))
    copied_home.landed.write_text(json.dumps(landed | {"input_fingerprint": "of other drops"}), "utf-8")
    staged = copied_home.staged.read_bytes()
    result = _run(copied_home, STAGED)
    assert "found marts of other drops" in _failures(result)
    assert copied_home.staged.read_bytes() == staged


def test_the_release_alone_in_another_run_refuses_bytes_the_gate_did_not_pass(copied_home: Workspace) -> None:
    before = copied_home.latest.readlink()
    _plant(copied_home, "extract_annual", "update extract_annual set value = 3 where value = 5")
    result = _run(copied_home, RELEASE)
    assert not result.success
    assert "extract_annual.parquet" in _failures(result)
    assert copied_home.latest.readlink() == before


def test_the_release_alone_refuses_without_a_report(copied_home: Workspace) -> None:
    shutil.rmtree(copied_home.validation)
    result = _run(copied_home, RELEASE)
    assert not result.success
    assert "Expected a validation report of the gate" in _failures(result)


def test_the_release_alone_refuses_after_a_failed_report(copied_home: Workspace) -> None:
    before = copied_home.latest.readlink()
    _plant(copied_home, "extract_monthly", "update extract_monthly set value_marker = '[x]' where value_marker = '[c]'")
    gate = _run(copied_home, GATE)
    refused = _run(copied_home, RELEASE)
    assert not gate.success
    assert not refused.success
    message = _failures(refused)
    assert "extract_monthly.parquet" in message
    assert "for example: period 20" in message
    assert copied_home.latest.readlink() == before


def test_a_violation_blocks_the_release_within_the_run(copied_home: Workspace) -> None:
    before = copied_home.latest.readlink()
    _plant(copied_home, "extract_quarterly", "delete from extract_quarterly where period = '2020-21 Q2'")
    result = _run(copied_home, GATE | RELEASE)
    assert not result.success
    assert copied_home.latest.readlink() == before
    failed = [evaluation for evaluation in result.get_asset_check_evaluations() if not evaluation.passed]
    refused = {evaluation.asset_key.path[-1] for evaluation in failed}
    # and what follows from the quarters, which no longer has them to follow from
    assert {"extract_quarterly"} <= refused <= {"extract_quarterly", "extract_quarterly_current_boundaries", *TOPICS}
    assert all(evaluation.blocking for evaluation in failed)


def test_a_file_beside_the_staged_tables_is_not_published(copied_home: Workspace) -> None:
    (copied_home.staging / "true_counts.parquet").write_bytes(b"anything")
    result = _run(copied_home, RELEASE)
    assert not result.success
    assert "true_counts.parquet" in _failures(result)


def test_a_failure_while_publishing_leaves_the_last_release_standing(
    copied_home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, folders = copied_home.latest.readlink(), sorted(copied_home.releases.iterdir())
    (copied_home.latest / "manifest.json").chmod(0o644)
    manifest = json.loads((copied_home.latest / "manifest.json").read_text("utf-8"))
    manifest["files"]["dim_measure.parquet"]["sha256"] = "0" * 64  # so that there is something new to publish
    (copied_home.latest / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    monkeypatch.setattr("iapt.release.publish.write_database", _fail)
    with pytest.raises(OSError, match="no space"):
        publish(make_candidate_of_home(copied_home), copied_home, date(2026, 1, 1))
    assert copied_home.latest.readlink() == before
    assert sorted(copied_home.releases.iterdir()) == folders


def _fail(*_: object, **__: object) -> None:
    raise OSError("no space left")


def test_a_release_is_never_edited(copied_home: Workspace) -> None:
    modes = {path.stat().st_mode & 0o222 for path in copied_home.latest.resolve().rglob("*") if path.is_file()}
    assert modes == {0}


def test_a_changed_release_gets_the_next_number_and_the_old_one_stays(copied_home: Workspace) -> None:
    change = "update {} set former_names = 'an older name' where measure_id = 'M001'"
    _plant(copied_home, "dim_measure", change.format("dim_measure"))
    with duckdb.connect(str(copied_home.warehouse)) as warehouse:  # the gate compares the two
        warehouse.execute(change.format("marts.dim_measure"))
    assert _run(copied_home, GATE).success
    published = publish(
        make_candidate_of_home(copied_home, fingerprint="another fingerprint"), copied_home, date.today()
    )
    assert published.is_new
    assert published.release_id.endswith(".2")
    assert len(list(copied_home.releases.iterdir())) == 2
    manifest = json.loads((copied_home.latest / "manifest.json").read_text("utf-8"))
    assert manifest["previous_release"].endswith(".1")


def test_publish_says_which_rule_file_and_rows(copied_home: Workspace) -> None:
    _plant(
        copied_home, "extract_annual", "update extract_annual set value = 7 where statistic = 'count' and value = 10"
    )
    _run(copied_home, GATE)
    with pytest.raises(NotPublishableError) as refused:
        publish(make_candidate_of_home(copied_home), copied_home, date.today())
    message = str(refused.value)
    assert "counts_are_absent_or_multiples_of_five" in message
    assert "extract_annual.parquet" in message
    assert "violating rows" in message
    assert "for example: period 20" in message
