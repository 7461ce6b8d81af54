"""Rules: what one rule about a table is, and how its SQL is made ready to run. Holds no rule."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import jinja2

from iapt.contract import KEYS, SNAKE_CASE, TABLES_BY_LAYER, Layer, parquet_name
from iapt.validation import EXAMPLES_SHOWN, Severity

WORD = re.compile(r"\w+")
SQL_FOLDER = Path(__file__).parent / "suites" / "sql"
_SQL = jinja2.Environment(loader=jinja2.FileSystemLoader(SQL_FOLDER), undefined=jinja2.StrictUndefined)


@dataclass(frozen=True)
class Rule:
    """One statement about a table that is true of every one of its rows.

    `query` returns every row that violates the rule, as the key columns of its table and nothing else, so that no
    result of any rule can hold a figure. `{batch}` is replaced by the table and never has an alias; other tables of the
    layer are read by their names. A literal brace is doubled; the query has no colon.

    A rule is decided by period if its violations are those it has in the rows of each period alone, beside the rows of
    the same period of other tables and what `expectations.references` gives it of the rest. One that does not say so is
    asked of the whole table, each time.
    """

    name: str
    table: str
    description: str
    query: str
    severity: Severity = "critical"
    subject: str = "structure"  # rules of one subject are reported as one Dagster check
    layer: Layer = "release"
    is_decided_by_period: bool = False
    remedy: str = ""  # what a person does about a violation; a warning always has one, since nothing stops for it

    def __post_init__(self) -> None:
        """Reject a rule that could not be run, or not be understood when it fails."""
        for name in (self.name, self.subject):
            if not SNAKE_CASE.fullmatch(name):
                raise ValueError(f"a rule and its subject are named in snake_case, not {name!r}")
        if self.table not in TABLES_BY_LAYER[self.layer]:
            known = ", ".join(TABLES_BY_LAYER[self.layer])
            raise ValueError(f"rule {self.name}: {self.table!r} is no table of the {self.layer}; there are {known}")
        if "{batch}" not in self.query:
            raise ValueError(f"rule {self.name}: its query does not read {{batch}}, the table")
        if ":" in self.query:
            raise ValueError(f"rule {self.name}: a colon in its query would be taken for a bound parameter")
        if not self.description.endswith("."):
            raise ValueError(f"rule {self.name}: its description is one or more sentences")
        if self.severity == "warning" and not self.remedy.endswith("."):
            raise ValueError(f"rule {self.name}: a warning says in one or more sentences what to do: its remedy")

    @property
    def file(self) -> str:
        """What a violation is in: a staged file, or a table of another layer."""
        return parquet_name(self.table) if self.layer == "release" else f"{self.layer}.{self.table}"

    @cached_property
    def tables(self) -> frozenset[str]:
        """Every table of its layer that the rule reads, its own included."""
        return frozenset({self.table, *WORD.findall(self.query)}.intersection(TABLES_BY_LAYER[self.layer]))

    @property
    def summary_query(self) -> str:
        """The query whose one row says how many rows violate the rule, and the keys of a few: the first by their keys.

        The columns are `violations`, which may be NULL for none, and `examples`. In the drops every example is a drop
        with its own number of `violations` and the first `cells` of them.
        """
        if self.layer != "drops":
            return f"select count(*) as violations, min(v, {EXAMPLES_SHOWN}) as examples from ({self.query}) as v"
        by_drop = (
            f"select drop_number, count(*) as violations, min(cell_number, {EXAMPLES_SHOWN}) as cells "
            f"from ({self.query}) group by drop_number"
        )
        return (
            "select sum(violations) as violations, list(by_drop order by drop_number) as examples "
            f"from ({by_drop}) as by_drop"
        )

    def format_query(self, batch: str) -> str:
        """Return the SQL of the violating rows, with a table or a subquery in the place of `{batch}`."""
        return self.query.format(batch=batch)


def with_subject(subject: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return rules as rules of one subject."""
    return tuple(replace(rule, subject=subject) for rule in rules)


def decided_by_period(*rules: Rule) -> tuple[Rule, ...]:
    """Return rules as rules that are decided period by period."""
    return tuple(replace(rule, is_decided_by_period=True) for rule in rules)


def load_query(name: str, table: str, **parameters: object) -> str:
    """Return the query in `suites/sql/<name>.sql` for a table, in which `{batch}` stands for the table.

    Every query is given the `table` and its `keys`; what else it needs are parameters.
    """
    return render_sql(name, batch="{batch}", table=table, keys=KEYS[table], **parameters)


def render_sql(name: str, **parameters: object) -> str:
    """Return the SQL in `suites/sql/<name>.sql` without its comments.

    Raises TemplateNotFound or UndefinedError where there is no such file or parameter.
    """
    sql = _SQL.get_template(f"{name}.sql").render(parameters)
    return "\n".join(line for line in sql.splitlines() if line.strip() and not line.lstrip().startswith("--"))
