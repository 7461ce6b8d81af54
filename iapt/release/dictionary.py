"""The data dictionary: every released table and column, every measure, and what a status means, from one source.

What a column means is written once, in the YAML beside its dbt model; what a measure means in the seed of measures.
Here they are put together with what a release covers, for people (`dictionary.html`, `docs/dictionary.md`) and for
programs (`dictionary.json`).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import markupsafe
import yaml

from iapt.contract import CONTRACTS, EXTRACT_GRAINS, TOPICS, parquet_name
from iapt.workspace import DBT_PROJECT, PROJECT_ROOT

DICTIONARY_PAGE = "dictionary.html"
DICTIONARY_DATA = "dictionary.json"
_DOCS = re.compile(r"{%-? docs (\w+) -?%}(.*?){%-? enddocs -?%}", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_DOC = re.compile(r"{{ doc\('(\w+)'\) }}")
#: What belongs to a measure in a wide table, told by the end of the column's name.
_OF_A_MEASURE = ("", "_status", "_lower", "_upper", "_standard", "_standard_status")
_PERCENTAGE_POINTS = {"gap_to_standard": "percentage points", "recovery_rate": "%", "standard": "%", "threshold": "%"}
_UNITS = {"months_needed": "months", "months_available": "months", "suppressed_parts": "parts"}

#: How the figures of a table can be noted, by table.
NOTED: Mapping[str, str] = {
    **dict.fromkeys(
        EXTRACT_GRAINS,
        "Notes on known errors of these figures stand in `dim_note`: join on the key of a row, where `cell_status` is "
        "`released`.",
    ),
    **dict.fromkeys(
        (*TOPICS, "mart_recovery_rate"),
        "Notes on known errors of these figures stand in `dim_note`, a row a cell: its `measure` is the column's name, "
        "and `percentage_recovery` for `recovery_rate`.",
    ),
}

STATUSES: Mapping[str, tuple[str, str]] = {
    "published": ("", "There is a number."),
    "suppressed": ("[c]", "Withheld: the true count is 0 to 4, or the figure rests on such a count. It is not zero."),
    "not_applicable": ("[z]", "The measure does not apply to the row."),
    "not_published": ("[x]", "The publisher never published it, or a total could not be built whole."),
}


class NotDescribedError(Exception):
    """Raised where a released table or column has no description, or a description names a text that is not there."""


@dataclass(frozen=True)
class Column:
    """A column: its type in SQL, its unit where it is a quantity of one, and what it means."""

    name: str
    type: str
    unit: str
    description: str


@dataclass(frozen=True)
class Table:
    """A table: what it is for, its columns, and which periods a release has of it."""

    name: str
    description: str
    columns: tuple[Column, ...]
    notes: str = ""
    first_period: str = ""
    last_period: str = ""
    rows: int | None = None


@dataclass(frozen=True)
class Dictionary:
    """All of it."""

    tables: tuple[Table, ...]
    measures: tuple[Mapping[str, str], ...]
    statuses: Mapping[str, tuple[str, str]]


def build_dictionary(project: Path, release: Path | None = None) -> Dictionary:
    """The dictionary of the released tables, with what a release folder covers if one is given.

    `project` is the dbt project. Raises NotDescribedError.
    """
    measures = _measures(project)
    units = {measure["measure"]: measure["unit"] for measure in measures}
    tables = tuple(_tables(project, units))
    if release is not None:
        tables = tuple(_with_coverage(table, release) for table in tables)
    return Dictionary(tables, measures, STATUSES)


def as_json(dictionary: Dictionary) -> str:
    """The dictionary for programs."""
    return json.dumps(asdict(dictionary), indent=1, ensure_ascii=False) + "\n"


def as_page(dictionary: Dictionary, title: str) -> str:
    """The dictionary as one page that needs nothing else: it can be searched, and read without JavaScript."""
    return _templates().get_template("dictionary.html").render(dictionary=dictionary, title=title)


def as_markdown(dictionary: Dictionary) -> str:
    """The dictionary as Markdown."""
    return _templates().get_template("dictionary.md").render(dictionary=dictionary)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("iapt.release"),
        autoescape=jinja2.select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["with_code"] = _with_code
    return environment


def _with_code(text: str) -> markupsafe.Markup:
    """Text with what stands between backticks as code, everything else escaped."""
    return markupsafe.Markup(_CODE.sub(r"<code>\1</code>", str(markupsafe.escape(text))))


def _tables(project: Path, units: Mapping[str, str]) -> Iterator[Table]:
    texts = _texts(project)
    models = {
        model["name"]: model
        for path in sorted(project.glob("models/*/*.yml"))
        if not path.name.startswith("_")  # those hold tests
        for model in yaml.load(path.read_text("utf-8"), yaml.CSafeLoader).get("models", [])
    }
    for name, contract in CONTRACTS.items():
        if name not in models:
            raise NotDescribedError(f"{name}: expected its YAML beside the model in {project}/models; found none")
        described = {column["name"]: str(column.get("description", "")) for column in models[name]["columns"]}
        columns = []
        for column, kind in contract.items():
            meaning = _resolved(described.get(column, ""), texts, f"{name}.{column}")
            if not meaning:
                raise NotDescribedError(f"{name}.{column}: expected a description in {name}.yml; found none")
            columns.append(Column(column, kind.lower(), _unit_of(column, units), meaning))
        yield Table(name, _resolved(str(models[name]["description"]), texts, name), tuple(columns), NOTED.get(name, ""))


def _texts(project: Path) -> dict[str, str]:
    return {
        name: " ".join(text.split())
        for path in sorted(project.glob("models/*.md"))
        for name, text in _DOCS.findall(path.read_text("utf-8"))
    }


def _resolved(description: str, texts: Mapping[str, str], place: str) -> str:
    def text_of(match: re.Match[str]) -> str:
        if match[1] not in texts:
            raise NotDescribedError(
                f"{place}: its description names the text {match[1]!r}; models/*.md hold none so called"
            )
        return texts[match[1]]

    return _DOC.sub(text_of, " ".join(description.split()))


def _unit_of(column: str, units: Mapping[str, str]) -> str:
    """The unit of a quantity: of a wide table's column the measure's, of `value` whatever its row's measure has."""
    if column in ("value", "lower_bound", "upper_bound"):
        return "of the row's measure"
    if column in _PERCENTAGE_POINTS:
        return _PERCENTAGE_POINTS[column]
    if column.endswith("_records"):
        return "records"
    for end in _OF_A_MEASURE:
        if end not in ("_status", "_standard_status") and column.removesuffix(end) in units and column.endswith(end):
            return units[column.removesuffix(end)]
    return _UNITS.get(column, "")


def _measures(project: Path) -> tuple[Mapping[str, str], ...]:
    with (project / "seeds" / "measures.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _with_coverage(table: Table, release: Path) -> Table:
    file = release / parquet_name(table.name)
    names = [column.name for column in table.columns]
    with duckdb.connect() as connection:
        found: Sequence[Any] = ("", "", 0)
        if "period" in names and "period_start" in names:
            # A period of which one provider was loaded is no period that the table covers.
            of_england = "org_level = 'england'" if "org_level" in names else "true"
            query = (
                f"select arg_min(period, period_start) filter ({of_england}), "
                f"arg_max(period, period_start) filter ({of_england}), count(*) from read_parquet(?)"
            )
            found = connection.execute(query, [str(file)]).fetchone() or found
        else:
            counted = connection.execute("select count(*) from read_parquet(?)", [str(file)]).fetchone()
            found = ("", "", counted[0] if counted else 0)
    return replace(table, first_period=found[0] or "", last_period=found[1] or "", rows=int(found[2]))


if __name__ == "__main__":
    (PROJECT_ROOT / "docs" / "dictionary.md").write_text(as_markdown(build_dictionary(DBT_PROJECT)), encoding="utf-8")
