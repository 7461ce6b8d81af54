"""The cases of `tests/cases/*.yml` as typed records: planted leaks, and mutants of drops, marts and the staged release.

A case is a change in SQL and the full names of the rules that must refuse it. `{name}` in its SQL stands for a snippet
at the head of its file, or for a word of the table it changes, and `{table}` for that table. Snippets may name
snippets; `{name argument}` puts an argument where the snippet has `{}`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from iapt.catalogue.strict_model import StrictModel
from iapt.contract import KEYS

CASES = Path(__file__).parent / "cases"
#: `{canary}`: a figure that no drop, mart or extract of a factory holds. Wherever it turns up, a value has leaked.
CANARY_VALUE = 7654321


class _File(StrictModel):
    """What every file of changes has at its head."""

    snippets: Mapping[str, str]
    words_of_tables: Mapping[str, Mapping[str, str]] = {}

    def render(self, sql: str, table: str, **words: str) -> str:
        """Return SQL with every `{name}` replaced. Raises KeyError at a name that is neither a snippet nor a word."""
        of_table = {word: tables[table] for word, tables in self.words_of_tables.items() if table in tables}
        known = {**self.snippets, **of_table, **words, "table": table, "canary": str(CANARY_VALUE)}

        def fill(match: re.Match[str]) -> str:
            return known[match[1]].replace("{}", match[2] or "")

        while (rendered := re.sub(r"\{(\w+)(?: ([^{}]+))?\}", fill, sql)) != sql:
            sql = rendered
        return sql


# -- leaks -------------------------------------------------------------------------------------------------------------


class _LeakCase(StrictModel):
    """A change as `leaks.yml` says it: one of the ways that its head lists, or SQL; or the former, then the latter."""

    why: str = ""
    set: str | None = None
    copy_with: str | None = None
    from_fact: str | None = None
    swap: str | None = None
    unlike: str = "org_code"
    where: str | None = None
    sql: str | None = None
    breaks: tuple[str, ...] = ()


#: The cases of a table, or of several listed with commas, by name.
_Cases = Mapping[str, Mapping[str, _LeakCase]]


class _LeakFile(_File):
    ways: Mapping[str, str]
    views: str
    leaks: Mapping[str, _Cases]
    canaries: _Cases
    harmless: _Cases


@dataclass(frozen=True)
class Leak:
    """A change to one staged table; every one of `rules` must fail on it."""

    name: str
    table: str
    sql: str
    rules: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class LeakCases:
    """What `leaks.yml` holds: leaks, leaks of a number that stands nowhere else, and changes that are no leak."""

    leaks: tuple[Leak, ...]
    canaries: tuple[Leak, ...]
    harmless: tuple[Leak, ...]
    file: _LeakFile

    def render_views(self, table: str) -> str:
        """Return SQL of the views that a leak in an extract may read."""
        return self.file.render(self.file.views, table)


def load_leaks() -> LeakCases:
    """Read `leaks.yml`. Raises ValidationError, ValueError or KeyError where it is not written as it must be."""
    file = _LeakFile.model_validate(_load("leaks.yml"))
    leaks = tuple(leak for cases in file.leaks.values() for leak in _read_leaks(file, cases))
    canaries, harmless = (tuple(_read_leaks(file, cases)) for cases in (file.canaries, file.harmless))
    return LeakCases(leaks, canaries, harmless, file)


def _read_leaks(file: _LeakFile, cases: _Cases) -> Iterator[Leak]:
    for listed, of_table in cases.items():
        for table in listed.split(", "):
            for name, case in of_table.items():
                yield Leak(name.replace("{table}", table), table, _write_sql(file, case, table), case.breaks, case.why)


def _write_sql(file: _LeakFile, case: _LeakCase, table: str) -> str:
    ways = {way: str(value) for way in file.ways if (value := getattr(case, way))}
    if len(ways) > 1 or not (ways or case.sql):
        raise ValueError(f"a change of {table} is made in {len(ways)} ways: {case}")
    where = case.where or "true"
    if ways and not case.where:
        [(way, value)] = ways.items()
        ways[way], _, where = value.partition(" where ")
    statements = [file.ways[way] for way in ways] + [case.sql or ""]
    swapped = ways.get("swap", "").split(", ")
    unlike = {case.unlike, "partner_code"} if case.unlike == "org_code" else {case.unlike}
    return file.render(
        ";\n".join(filter(None, statements)),
        table,
        **ways,
        where=where or "true",
        unlike=case.unlike,
        alike=", ".join(key for key in KEYS["extract_monthly"] if key not in unlike),
        assignments=", ".join(f"{column} = other.{column}" for column in swapped),
        columns=", ".join(f"{table}.{column}" for column in swapped),
    )


# -- mutants -----------------------------------------------------------------------------------------------------------


class _MutantGroup(StrictModel):
    """Changes that each of some tables is made to suffer, by the rule of that table that must refuse them."""

    tables: tuple[str, ...]
    rules: Mapping[str, tuple[str, ...]]


class _MutantFile(_File):
    mutants: tuple[_MutantGroup, ...]


@dataclass(frozen=True)
class Mutant:
    """A change that one rule of a table (in `drop_mutants.yml`: of a drop) must refuse."""

    rule: str
    table: str
    sql: str
    number: int

    @property
    def id(self) -> str:
        """What the tests call it."""
        return f"{self.table}-{self.rule}-{self.number}"


def load_mutants(name: str) -> tuple[Mutant, ...]:
    """Read a file of mutants. Raises ValidationError or KeyError where it is not written as it must be."""
    file = _MutantFile.model_validate(_load(name))
    numbers: Counter[tuple[str, str]] = Counter()
    mutants = []
    for group in file.mutants:
        for table in group.tables:
            for rule, statements in group.rules.items():
                for sql in statements:
                    numbers[table, rule] += 1
                    mutants.append(Mutant(rule, table, file.render(sql, table), numbers[table, rule]))
    return tuple(mutants)


def load_snippets(name: str) -> Mapping[str, str]:
    """Read the snippets at the head of a file of mutants."""
    file = _MutantFile.model_validate(_load(name))
    return {snippet: file.render(sql, "") for snippet, sql in file.snippets.items() if "{table}" not in sql}


def _load(name: str) -> object:
    return yaml.safe_load((CASES / name).read_text("utf-8"))
