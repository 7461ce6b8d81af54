"""The contract of the tables: their columns, types, units, keys and words, as dbt's YAML declares them.

`contract.json` is written from dbt's manifest by `make contract` (`iapt.contract_builder`); nothing is declared here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

Grain: TypeAlias = Literal["month", "quarter", "year"]
ValueStatus: TypeAlias = Literal["published", "suppressed", "not_applicable", "not_published"]
Series: TypeAlias = Literal["monthly", "quarterly", "annual", "timeseries", "data_quality"]
#: A level of organisations, or of pairs of a commissioner and a provider.
OrgLevel: TypeAlias = Literal[
    "england", "region", "icb", "stp", "sub_icb", "ccg", "provider", "sub_icb_provider", "ccg_provider"
]
#: Where a table stands: among the observations of the drops, in the warehouse, or among the staged files of a release.
Layer: TypeAlias = Literal["drops", "marts", "release"]
Family: TypeAlias = Literal["extract", "current_boundaries", "topic", "mart", "dimension", "fact"]
#: The types of the columns of a table, by name and in order.
Columns: TypeAlias = Mapping[str, str]

CONTRACT_FILE: Final = Path(__file__).with_suffix(".json")

#: The ONS code of England.
ENGLAND: Final = "E92000001"

#: How tables, columns, rules and profiles are named.
SNAKE_CASE: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Column:
    """A column: its type in DuckDB, its unit and measure where it is a quantity, and the words that it may hold."""

    name: str
    type: str
    description: str
    is_required: bool = False
    unit: str = ""
    measure: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table of the warehouse: `key` names one of its rows, `order` is the order of its rows in a release.

    An extract is made from a fact, an extract on current boundaries from an extract.
    """

    name: str
    schema: str
    family: Family
    is_released: bool
    description: str
    key: tuple[str, ...]
    order: tuple[str, ...]
    columns: tuple[Column, ...]
    grain: Grain | None = None
    made_from: str = ""
    notes: str = ""

    @property
    def relation(self) -> str:
        """The table in the warehouse, by its schema."""
        return f"{self.schema}.{self.name}"

    @property
    def types(self) -> Columns:
        """The type of each column, in order."""
        return MappingProxyType({column.name: column.type for column in self.columns})

    def get_values(self, column: str) -> tuple[str, ...]:
        """Return the words that a column may hold. Raises KeyError where the YAML lists none."""
        return {listed.name: listed.values for listed in self.columns if listed.values}[column]

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures of which the table has a column each, in order."""
        return tuple(column.name for column in self.columns if column.name == column.measure)


@dataclass(frozen=True)
class StatusMeaning:
    """What a cell is: the marker that stands in place of a number, and what it means."""

    marker: str
    meaning: str


def _make_column(entry: Mapping[str, Any]) -> Column:
    fields: dict[str, Any] = {**entry, "values": tuple(entry.get("values", ()))}  # JSON knows no tuples
    return Column(**fields)


def _make_table(entry: Mapping[str, Any]) -> Table:
    tuples = {"key": tuple(entry["key"]), "order": tuple(entry["order"])}
    fields: dict[str, Any] = {**entry, **tuples, "columns": tuple(map(_make_column, entry["columns"]))}
    return Table(**fields)


_CONTRACT: Final = json.loads(CONTRACT_FILE.read_text("utf-8"))
_WORDS: Final[Mapping[str, Any]] = _CONTRACT["vocabularies"]

#: Every table of the contract: the released ones in the order of the dictionary, then the facts behind them.
TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {entry["name"]: _make_table(entry) for entry in _CONTRACT["tables"]}
)

ORGANISATION_LEVELS: Final[tuple[str, ...]] = tuple(_WORDS["organisation_levels"])
#: A pair is a commissioner and a provider; each level of pairs with the level of its commissioners.
PAIR_LEVELS: Final[Mapping[str, str]] = MappingProxyType(_WORDS["pair_levels"])
VALUE_STATUSES: Final[Mapping[str, StatusMeaning]] = MappingProxyType(
    {status: StatusMeaning(**entry) for status, entry in _WORDS["value_statuses"].items()}
)
#: The publisher's series, each with the grain of its periods.
SERIES_GRAINS: Final[Mapping[str, Grain]] = MappingProxyType(_WORDS["series"])
STATISTICS: Final[tuple[str, ...]] = tuple(_WORDS["statistics"])
CORRECTION_ACTIONS: Final[tuple[str, ...]] = tuple(_WORDS["correction_actions"])


def _select_grains(family: Family) -> Mapping[str, Grain]:
    return MappingProxyType({t.name: t.grain for t in TABLES.values() if t.family == family and t.grain is not None})


def _select_types(*families: Family) -> Mapping[str, Columns]:
    tables = (table for table in TABLES.values() if table.is_released and table.family in families)
    return MappingProxyType({table.name: table.types for table in tables})


EXTRACT_GRAINS: Final = _select_grains("extract")
FACT_GRAINS: Final = _select_grains("fact")
#: The extracts again, on current boundaries, each with the extract that its figures are from.
CURRENT_BOUNDARIES: Final[Mapping[str, str]] = MappingProxyType(
    {table.name: table.made_from for table in TABLES.values() if table.family == "current_boundaries"}
)
#: The measures of each wide topic mart, in the order of its columns.
TOPICS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {table.name: table.measures for table in TABLES.values() if table.family == "topic"}
)
#: What follows from the extracts and says nothing that they do not, in the forms that readers want.
DERIVED: Final = _select_types("current_boundaries", "topic", "mart")
DIMENSIONS: Final = _select_types("dimension")
#: The columns of every released table.
CONTRACTS: Final[Mapping[str, Columns]] = MappingProxyType(
    {table.name: table.types for table in TABLES.values() if table.is_released}
)
#: The columns of the facts, and of the dimensions that describe them.
MARTS: Final[Mapping[str, Columns]] = MappingProxyType(
    {name: TABLES[name].types for name in (*FACT_GRAINS, "dim_period", "dim_organisation", "dim_measure")}
)

#: The tables that the rules of the drops are about, which `expectations.observations` makes.
DROPS: Final = ("observations", "populations", "percentages")
#: Every table that a rule may speak of. The dimensions are the same in the marts and in the release.
TABLES_BY_LAYER: Final[Mapping[Layer, tuple[str, ...]]] = MappingProxyType(
    {"drops": DROPS, "marts": tuple(MARTS), "release": tuple(CONTRACTS)}
)

#: A population within a period: what a figure and the count it rests on have in common.
POPULATION: Final = TABLES["extract_monthly"].key[:-1]

#: What names one row. Only these columns are ever shown as an example of a row that breaks a rule; people are told of a
#: row of the drops by its file, row and column.
KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {name: table.key for name, table in TABLES.items()} | dict.fromkeys(DROPS, ("drop_number", "cell_number"))
)


def parquet_name(table: str) -> str:
    """Return the name of the staged file that holds a table."""
    return f"{table}.parquet"
