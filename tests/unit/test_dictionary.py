"""The data dictionary is current, and safe to show."""

from __future__ import annotations

import json

import pytest

from iapt.contract import CONTRACTS, EXTRACT_GRAINS, TOPICS
from iapt.release.dictionary import Dictionary, build_dictionary, to_json, to_markdown, to_page
from iapt.workspace import PROJECT_ROOT


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return build_dictionary()


def test_descriptions_are_long_enough_to_mean_something(dictionary: Dictionary) -> None:
    columns = {f"{table.name}.{column.name}": column for table in dictionary.tables for column in table.columns}
    assert [name for name, column in columns.items() if len(column.description) < 10] == []
    assert [table.name for table in dictionary.tables if len(table.description) < 20] == []


def test_tables_with_notes_on_known_errors_say_where_they_are(dictionary: Dictionary) -> None:
    noted = {table.name for table in dictionary.tables if "`dim_note`" in table.notes}
    assert noted == {*EXTRACT_GRAINS, *TOPICS, "mart_recovery_rate"}
    assert to_markdown(dictionary).count("stand in `dim_note`") == len(noted)
    assert to_page(dictionary, "Dictionary").count("stand in <code>dim_note</code>") == len(noted)


def test_every_measure_is_defined(dictionary: Dictionary) -> None:
    assert len(dictionary.measures) > 300
    assert [measure["measure"] for measure in dictionary.measures if len(measure["definition"]) < 20] == []


def test_the_page_in_the_documentation_is_current(dictionary: Dictionary) -> None:
    written = (PROJECT_ROOT / "docs" / "dictionary.md").read_text("utf-8")
    assert written == to_markdown(dictionary), "docs/dictionary.md is out of date: run `make contract`"


def test_the_page_needs_no_network_and_escapes_its_text(dictionary: Dictionary) -> None:
    page = to_page(dictionary, "<Dictionary> & more")
    assert "<h1>&lt;Dictionary&gt; &amp; more</h1>" in page
    assert "http" not in page
    assert "<code>suppressed</code>" in page
    assert "`" not in page.partition("<script>")[0]
    assert "src=" not in page
    assert all(f'id="{table}"' in page for table in CONTRACTS)


def test_the_json_has_the_released_tables_in_order(dictionary: Dictionary) -> None:
    assert [table["name"] for table in json.loads(to_json(dictionary))["tables"]] == list(CONTRACTS)
