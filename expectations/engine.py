"""The engine: Great Expectations running rules inside DuckDB, imported only when something is judged."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import quote

from expectations.rules import Rule

if TYPE_CHECKING:
    import duckdb
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource

# Versions of Great Expectations that report their use read this when they are imported.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

Answer: TypeAlias = Literal["kept", "broken", "error"]

#: No result of a rule ever carries rows: only whether the rule is kept.
RESULT_FORMAT: Final = "BOOLEAN_ONLY"
#: The batch of every table: all of its rows.
WHOLE: Final = "whole"
NAME_OF_AN_ERROR = re.compile(r"\w+(?:Error|Exception)\b")


@dataclass(frozen=True)
class Finding:
    """Whether a rule is kept, or which kind of error kept it from being run."""

    rule: Rule
    answer: Answer
    error: str = ""


@dataclass(frozen=True)
class TableRun:
    """What Great Expectations found in one table, and its own result, from which its page is drawn."""

    findings: tuple[Finding, ...]
    result: "ExpectationSuiteValidationResult"


def warm_up() -> None:
    """Import Great Expectations and its DuckDB dialect, which takes seconds: while something else is waited for."""
    import duckdb_sqlalchemy  # noqa: F401  SQLAlchemy finds it by its name when the first rule is run

    _expectation_that_no_row_breaks_a_rule()


def run(
    database: Path, suites: Mapping[str, Sequence[Rule]], *, schema: str | None = None, threads: int | None = None
) -> dict[str, TableRun]:
    """Run every suite on its table in a DuckDB file, or in one schema of it, and return the findings of each table.

    The file is only read; nobody else in this process has it open for writing meanwhile. `threads` is how many DuckDB
    gets; by default one for every core.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    judged = {table: rules for table, rules in suites.items() if rules}
    source = duckdb_source(context, database, tuple(judged), schema, threads)
    try:
        return {table: _run_on(source, table, rules) for table, rules in judged.items()}
    finally:  # two engines of one file: one ran the rules, the other looked up the tables
        source.get_execution_engine().close()
        source.get_engine().dispose()


def duckdb_source(
    context: Any, database: Path, tables: Sequence[str], schema: str | None = None, threads: int | None = None
) -> "SQLDatasource":
    """Return tables of a DuckDB file as a data source of Great Expectations, which has none of its own for DuckDB.

    The tables are named at once: with each that is added later, the context writes out all it knows.

    Without the first two options of the engine, the rollback that ends a connection discards DuckDB's result,
    and every expectation ends in an error. The last lets a rule name the other tables of its schema as it names
    its own: DuckDB takes the schema from a statement only, not from the connection string.
    """
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource

    def enter_schema(connection: "duckdb.DuckDBPyConnection", _: object) -> None:
        connection.execute(f"use {schema}")

    source = SQLDatasource(
        name="judged",
        # An address: else `%20` would be a space, and Great Expectations would put a folder in the place of `$HOME`.
        connection_string=f"duckdb:///{quote(database.as_posix())}",
        create_temp_table=False,
        kwargs={
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
            "connect_args": {"read_only": True, **({"config": {"threads": threads}} if threads else {})},
            "pool_events": [(enter_schema, "connect")] if schema else [],
        },
        assets=[
            {"type": "table", "name": table, "table_name": table, "batch_definitions": [BatchDefinition(name=WHOLE)]}
            for table in tables
        ],
    )
    added: SQLDatasource = context.data_sources.add_sql(source)
    return added


def _run_on(source: "SQLDatasource", table: str, rules: Sequence[Rule]) -> TableRun:
    import great_expectations as gx

    expectation = _expectation_that_no_row_breaks_a_rule()
    suite = gx.ExpectationSuite(
        name=table,
        expectations=[
            expectation(
                unexpected_rows_query=rule.query,
                description=f"{rule.name}: {rule.description}",
                severity=rule.severity,
                meta={"rule": rule.name},
            )
            for rule in rules
        ],
    )
    batch = source.get_asset(table).get_batch_definition(WHOLE).get_batch()
    result = batch.validate(suite, result_format=RESULT_FORMAT)
    return TableRun(findings=tuple(findings_in(result.results, rules)), result=result)


@cache
def _expectation_that_no_row_breaks_a_rule() -> Any:
    from great_expectations.compatibility.pydantic import PrivateAttr
    from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    class ExpectNoRowToBreakTheRule(UnexpectedRowsExpectation):
        """Counts the rows that break a rule inside the database: not one of them is fetched."""

        metric_dependencies = ("unexpected_rows_query.row_count",)
        _configuration: ExpectationConfiguration | None = PrivateAttr(default=None)

        @property
        def configuration(self) -> ExpectationConfiguration:
            """What the rule is, made once: Great Expectations asks for it thirty times, and would make it anew."""
            if self._configuration is None:
                self._configuration = super().configuration
            return self._configuration

        def _validate(
            self, metrics: dict[str, int], runtime_configuration: Any = None, execution_engine: Any = None
        ) -> dict[str, bool]:
            return {"success": metrics["unexpected_rows_query.row_count"] == 0}

    return ExpectNoRowToBreakTheRule


def findings_in(results: Sequence[Any], rules: Sequence[Rule]) -> Iterator[Finding]:
    """Say of each rule what its result says. A rule without one result has an error, and is not kept."""
    for rule in rules:
        match [result for result in results if result.expectation_config.meta.get("rule") == rule.name]:
            case [result]:
                errors = sorted(set(errors_in(result.exception_info)))
                if errors:
                    yield Finding(rule, "error", ", ".join(errors))
                elif result.success is True:
                    yield Finding(rule, "kept")
                else:
                    yield Finding(rule, "broken")
            case found:
                yield Finding(rule, "error", f"{len(found)} results instead of one")


def errors_in(exception_info: Any) -> Iterator[str]:
    """Yield the kind of every error in an `exception_info`, flat or keyed by metric.

    Only the kind: the text of a database error can quote the value it stumbled over.
    """
    if not isinstance(exception_info, Mapping):
        return
    if exception_info.get("raised_exception"):
        text = f"{exception_info.get('exception_message')} {exception_info.get('exception_traceback')}"
        kind = NAME_OF_AN_ERROR.search(text)
        yield kind.group() if kind else "an error of unknown kind"
    for inner in exception_info.values():
        yield from errors_in(inner)
