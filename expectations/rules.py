"""Rules: what one rule about a table is, and how its SQL is made ready to run. Holds no rule."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from iapt.contract import SNAKE_CASE, TABLES_BY_LAYER, Layer, parquet_name
from iapt.validation import Severity

WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Rule:
    """One statement about a table that every one of its rows must keep.

    `query` returns every row that breaks the rule, as the key columns of its table and nothing else, so that
    no result of any rule can hold a figure. `{batch}` stands for the table and is never given an alias; other
    tables of its room are read by their names. A literal brace is doubled, a colon is never written.
    """

    name: str
    table: str
    description: str
    query: str
    severity: Severity = "critical"
    subject: str = "structure"  # what of a table it is about; rules of one subject are reported as one check
    layer: Layer = "release"  # where the table stands
    remedy: str = ""  # what a person does about it; of a warning always, since nothing stops for it

    def __post_init__(self) -> None:
        """Refuse a rule that could not be run, or not be understood when it is broken."""
        for name in (self.name, self.subject):
            if not SNAKE_CASE.fullmatch(name):
                raise ValueError(f"a rule and its subject are named in snake_case, not {name!r}")
        if self.table not in TABLES_BY_LAYER[self.layer]:
            known = ", ".join(TABLES_BY_LAYER[self.layer])
            raise ValueError(f"rule {self.name}: {self.table!r} is no table of the {self.layer}; there are {known}")
        if "{batch}" not in self.query:
            raise ValueError(f"rule {self.name}: its query does not say where {{batch}}, the table, stands")
        if ":" in self.query:
            raise ValueError(f"rule {self.name}: a colon in its query would be taken for a bound parameter")
        if not self.description.endswith("."):
            raise ValueError(f"rule {self.name}: its description is one or more sentences")
        if self.severity == "warning" and not self.remedy.endswith("."):
            raise ValueError(f"rule {self.name}: a warning says in one or more sentences what to do: its remedy")

    @property
    def file(self) -> str:
        """What breaks the rule when the rule is broken: a staged file, or a table of another room."""
        return parquet_name(self.table) if self.layer == "release" else f"{self.layer}.{self.table}"

    @cached_property
    def tables(self) -> frozenset[str]:
        """Every table of its room that the rule reads, its own included."""
        return frozenset({self.table} | (TABLES_BY_LAYER[self.layer].keys() & set(WORD.findall(self.query))))

    def violations_in(self, batch: str) -> str:
        """Return the SQL of the violating rows, with a table or a subquery put where `{batch}` stands."""
        return self.query.format(batch=batch)


def with_subject(subject: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return rules as rules of one subject."""
    return tuple(replace(rule, subject=subject) for rule in rules)


def with_layer(layer: Layer, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return rules about tables of one name as rules of the tables of that name in another room."""
    return tuple(replace(rule, layer=layer) for rule in rules)
