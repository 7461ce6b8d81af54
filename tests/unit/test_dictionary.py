"""The data dictionary is complete, current, and safe to show."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from iapt.contract import CONTRACTS, EXTRACT_GRAINS, TOPICS
from iapt.release.dictionary import (
    STATUSES,
    Dictionary,
    NotDescribedError,
    as_json,
    as_markdown,
    as_page,
    build_dictionary,
)
from iapt.workspace import DBT_PROJECT, PROJECT_ROOT


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return build_dictionary(DBT_PROJECT)


def test_every_released_column_is_described_in_its_order(dictionary: Dictionary) -> None:
    described = {table.name: {column.name: column.type for column in table.columns} for table in dictionary.tables}
    assert described == {
        table: {column: kind.lower() for column, kind in columns.items()} for table, columns in CONTRACTS.items()
    }
    assert [
        column.name for table in dictionary.tables for column in table.columns if len(column.description) < 10
    ] == []
    assert [table.name for table in dictionary.tables if len(table.description) < 20] == []


def test_every_quantity_of_a_wide_table_has_a_unit(dictionary: Dictionary) -> None:
    wide = [table for table in dictionary.tables if table.name.startswith("mart_")]
    assert [
        f"{table.name}.{column.name}"
        for table in wide
        for column in table.columns
        if column.type == "double" and not column.unit
    ] == []
    units = {column.name: column.unit for table in wide for column in table.columns}
    assert units["count_recovery"] == units["count_recovery_upper"] == "referrals"
    assert units["percentage_recovery"] == units["percentage_recovery_standard"] == "%"
    assert units["mean_wait_accessing_services"] == "days"
    assert units["percentage_recovery_status"] == ""


def test_tables_whose_figures_can_be_noted_say_where(dictionary: Dictionary) -> None:
    noted = {table.name for table in dictionary.tables if "`dim_note`" in table.notes}
    assert noted == {*EXTRACT_GRAINS, *TOPICS, "mart_recovery_rate"}
    assert as_markdown(dictionary).count("stand in `dim_note`") == len(noted)
    assert as_page(dictionary, "Dictionary").count("stand in <code>dim_note</code>") == len(noted)


def test_every_measure_is_defined(dictionary: Dictionary) -> None:
    assert len(dictionary.measures) > 300
    assert [measure["measure"] for measure in dictionary.measures if len(measure["definition"]) < 20] == []


def test_every_status_of_the_contract_is_explained() -> None:
    assert list(STATUSES) == ["published", "suppressed", "not_applicable", "not_published"]


def test_the_page_in_the_documentation_is_current(dictionary: Dictionary) -> None:
    written = (PROJECT_ROOT / "docs" / "dictionary.md").read_text("utf-8")
    assert written == as_markdown(dictionary), "docs/dictionary.md is out of date: run `make dictionary`"


def test_the_page_asks_nothing_of_anybody_and_shows_text_as_text(dictionary: Dictionary) -> None:
    page = as_page(dictionary, "<Dictionary> & more")
    assert "<h1>&lt;Dictionary&gt; &amp; more</h1>" in page
    assert "http" not in page
    assert "<code>suppressed</code>" in page
    assert "`" not in page.partition("<script>")[0]
    assert "src=" not in page
    assert all(f'id="{table}"' in page for table in CONTRACTS)


def test_the_data_for_programs_holds_the_same(dictionary: Dictionary) -> None:
    assert [table["name"] for table in json.loads(as_json(dictionary))["tables"]] == list(CONTRACTS)


def test_a_column_without_a_description_is_refused(tmp_path: Path) -> None:
    project = Path(
        shutil.copytree(DBT_PROJECT, tmp_path / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    )
    path = project / "models" / "marts" / "dim_period.yml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("\"{{ doc('period_label') }}\"", '""'), "utf-8")
    with pytest.raises(NotDescribedError, match=r"dim_period\.period_label: expected a description"):
        build_dictionary(project)
    path.write_text(text.replace("doc('period_label')", "doc('nothing_so_called')"), "utf-8")
    with pytest.raises(NotDescribedError, match="names the text 'nothing_so_called'"):
        build_dictionary(project)
