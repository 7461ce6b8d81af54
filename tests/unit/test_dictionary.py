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


def test_a_description_says_something(dictionary: Dictionary) -> None:
    columns = [f"{table.name}.{column.name}" for table in dictionary.tables for column in table.columns]
    described = [column.description for table in dictionary.tables for column in table.columns]
    assert [name for name, text in zip(columns, described, strict=True) if len(text) < 10] == []
    assert [table.name for table in dictionary.tables if len(table.description) < 20] == []


def test_tables_whose_figures_can_be_noted_say_where(dictionary: Dictionary) -> None:
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


def test_the_page_asks_nothing_of_anybody_and_shows_text_as_text(dictionary: Dictionary) -> None:
    page = to_page(dictionary, "<Dictionary> & more")
    assert "<h1>&lt;Dictionary&gt; &amp; more</h1>" in page
    assert "http" not in page
    assert "<code>suppressed</code>" in page
    assert "`" not in page.partition("<script>")[0]
    assert "src=" not in page
    assert all(f'id="{table}"' in page for table in CONTRACTS)


def test_the_data_for_programs_holds_the_same(dictionary: Dictionary) -> None:
    assert [table["name"] for table in json.loads(to_json(dictionary))["tables"]] == list(CONTRACTS)
