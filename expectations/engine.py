"""The engine: Great Expectations running rules inside DuckDB, imported only when something is validated.

Great Expectations is told to return whether a rule passed and nothing else, so none of its results, logs or pages holds
a row. How many rows violate a rule, and the keys of a few, come from the same query and are returned apart from them.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from urllib.parse import quote

from expectations.rules import Rule
from iapt.validation import EXAMPLES_SHOWN

if TYPE_CHECKING:
    import duckdb
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource

# Versions of Great Expectations that report their use read this when they are imported.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

#: No result of Great Expectations ever carries rows: only whether the rule passed.
RESULT_FORMAT: Final = "BOOLEAN_ONLY"
#: The batch of every table: all of its rows.
ALL_ROWS: Final = "all_rows"
CONTRADICTION: Final = "Great Expectations and the rows it counted do not agree"
_ERROR_NAME: Final = re.compile(r"\w+(?:Error|Exception)\b")


@dataclass(frozen=True)
class Violations:
    """How many rows violate a rule, and the examples of `Rule.summary_query`."""

    count: int = 0
    examples: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Finding:
    """What came of running one rule; `error` names the kind of error that prevented it from being run."""

    rule: Rule
    result: Literal["passed", "failed", "error"]
    violations: Violations = field(default_factory=Violations)
    error: str = ""


@dataclass(frozen=True)
class TableRun:
    """The findings on one table, and Great Expectations' own result, from which its page is drawn."""

    findings: tuple[Finding, ...]
    result: "ExpectationSuiteValidationResult"


def warm_up() -> None:
    """Import Great Expectations and its DuckDB dialect, which takes seconds: while something else is waited for."""
    import duckdb_sqlalchemy  # noqa: F401  SQLAlchemy finds it by its name when the first rule is run

    _make_expectation_class()


def run(
    database: Path,
    suites: Mapping[str, Sequence[Rule]],
    *,
    config: Mapping[str, Any] = MappingProxyType({}),
    statements: Sequence[str] = (),
) -> dict[str, TableRun]:
    """Run every suite on its table in a DuckDB file, and return the findings of each table.

    The file is only read; nobody else in this process has it open for writing meanwhile. `config` are the settings of
    DuckDB (see `make_duckdb_config`), `statements` are run on each connection before any rule is.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suites = {table: rules for table, rules in suites.items() if rules}
    source = add_duckdb_source(context, database, tuple(suites), config, statements)
    try:
        return {table: _validate_table(source, table, rules) for table, rules in suites.items()}
    finally:  # two engines of one file: one ran the rules, the other looked up the tables
        source.get_execution_engine().close()
        source.get_engine().dispose()


def add_duckdb_source(
    context: Any,
    database: Path,
    tables: Sequence[str],
    config: Mapping[str, Any] = MappingProxyType({}),
    statements: Sequence[str] = (),
) -> "SQLDatasource":
    """Return tables of a DuckDB file as a data source of Great Expectations, which has none of its own for DuckDB.

    The tables are named at once: with each that is added later, the context writes out all it knows.

    Without the first two options of the engine, the rollback that ends a connection discards DuckDB's result,
    and every expectation ends in an error. The last lets a rule name what DuckDB finds only after a statement, such as
    the tables of another file.
    """
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource

    def prepare(connection: "duckdb.DuckDBPyConnection", _: object) -> None:
        for statement in statements:
            connection.execute(statement)

    source = SQLDatasource(
        name="tables",
        # An address: else `%20` would be a space, and Great Expectations would put a folder in the place of `$HOME`.
        connection_string=f"duckdb:///{quote(database.as_posix())}",
        create_temp_table=False,
        kwargs={
            "isolation_level": "AUTOCOMMIT",
            "skip_autocommit_rollback": True,
            "connect_args": {"read_only": True, "config": dict(config)},
            "pool_events": [(prepare, "connect")] if statements else [],
        },
        assets=[
            {"type": "table", "name": table, "table_name": table, "batch_definitions": [BatchDefinition(name=ALL_ROWS)]}
            for table in tables
        ],
    )
    added: SQLDatasource = context.data_sources.add_sql(source)
    return added


def merge_runs(rules: Sequence[Rule], runs: Sequence[TableRun]) -> TableRun:
    """Return several runs of the rules of one table, on different rows, as one; each rule was run at least once.

    A rule without any run has passed: of each row that it is about it is known already.
    """
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

    findings = tuple(
        _merge_findings(rule, [f for run in runs for f in run.findings if f.rule == rule]) for rule in rules
    )
    results: dict[str, Any] = {}
    for result in (result for run in runs for result in run.result.results):
        name = _name_rule(result)
        # The page shows a rule once: as it failed, if it did.
        if name not in results or (results[name].success and not result.success):
            results[name] = result
    ordered = [results.get(rule.name) or _make_passed_result(rule) for rule in rules]
    success = all(finding.result == "passed" for finding in findings)
    table = rules[0].table if rules else ""
    return TableRun(
        findings,
        ExpectationSuiteValidationResult(success=success, results=ordered, suite_name=table, statistics={}),
    )


def _merge_findings(rule: Rule, findings: Sequence[Finding]) -> Finding:
    """Return what came of a rule that was run on several sets of rows: of none it is known to have passed."""
    errors = sorted({finding.error for finding in findings if finding.result == "error"})
    if errors:
        return Finding(rule, "error", error=", ".join(errors))
    count = sum(finding.violations.count for finding in findings)
    examples = sorted((example for f in findings for example in f.violations.examples), key=_sort_key)
    return Finding(rule, "failed" if count else "passed", Violations(count, tuple(examples[:EXAMPLES_SHOWN])))


def _name_rule(result: Any) -> str:
    return str(result.expectation_config.meta["rule"])


def _sort_key(example: Mapping[str, Any]) -> list[tuple[bool, str]]:
    return [(value is None, str(value)) for value in example.values()]


def _make_passed_result(rule: Rule) -> Any:
    """Return what Great Expectations said of a rule when it passed the rows that are the same as then."""
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    return ExpectationValidationResult(
        success=True,
        expectation_config=_make_expectation(rule).configuration,
        result={},
        exception_info={"raised_exception": False, "exception_traceback": None, "exception_message": None},
    )


def _make_expectation(rule: Rule) -> Any:
    return _make_expectation_class()(
        unexpected_rows_query=rule.summary_query,
        description=f"{rule.name}: {rule.description}",
        severity=rule.severity,
        meta={"rule": rule.name},
    )


def _validate_table(source: "SQLDatasource", table: str, rules: Sequence[Rule]) -> TableRun:
    import great_expectations as gx

    expectation = _make_expectation_class()
    expectation.violations.clear()
    suite = gx.ExpectationSuite(
        name=table,
        expectations=[_make_expectation(rule) for rule in rules],
    )
    batch = source.get_asset(table).get_batch_definition(ALL_ROWS).get_batch()
    result = batch.validate(suite, result_format=RESULT_FORMAT)
    return TableRun(findings=tuple(read_findings(result.results, rules, expectation.violations)), result=result)


@cache
def _make_expectation_class() -> Any:
    from great_expectations.compatibility.pydantic import PrivateAttr
    from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    class ExpectNoViolations(UnexpectedRowsExpectation):
        """Runs the summary query of a rule once: neither the rows nor their keys become part of the result."""

        metric_dependencies = ("unexpected_rows_query.table",)
        #: By rule, of the table that is being validated.
        violations: ClassVar[dict[str, Violations]] = {}
        _configuration: ExpectationConfiguration | None = PrivateAttr(default=None)

        @property
        def configuration(self) -> ExpectationConfiguration:
            """What the rule is, made once: Great Expectations asks for it thirty times, and would make it anew."""
            if self._configuration is None:
                self._configuration = super().configuration
            return self._configuration

        def _validate(
            self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
        ) -> dict[str, bool]:
            [summary] = metrics["unexpected_rows_query.table"]
            violations = read_violations(summary["violations"], summary["examples"])
            self.violations[str((self.meta or {})["rule"])] = violations
            return {"success": violations.count == 0}

    return ExpectNoViolations


def read_violations(count: int | None, examples: Sequence[dict[str, Any]] | None) -> Violations:
    """Return the one row of `Rule.summary_query` as violations; DuckDB aggregates no rows to NULL."""
    return Violations(count or 0, tuple(examples or ()))


def read_findings(
    results: Sequence[Any], rules: Sequence[Rule], violations: Mapping[str, Violations]
) -> Iterator[Finding]:
    """Yield what the results say of each rule. A rule without exactly one result has an error, and has not passed."""
    for rule in rules:
        match [result for result in results if result.expectation_config.meta.get("rule") == rule.name]:
            case [result]:
                yield _read_finding(result, rule, violations.get(rule.name, Violations()))
            case several_or_none:
                yield Finding(rule, "error", error=f"{len(several_or_none)} results instead of one")


def _read_finding(result: Any, rule: Rule, violations: Violations) -> Finding:
    if errors := sorted(set(error_kinds(result.exception_info))):
        return Finding(rule, "error", error=", ".join(errors))
    if (result.success is True) != (violations.count == 0):
        return Finding(rule, "error", error=CONTRADICTION)
    return Finding(rule, "failed" if violations.count else "passed", violations)


def error_kinds(exception_info: Any) -> Iterator[str]:
    """Yield the kind of every error in an `exception_info`, flat or keyed by metric.

    Only the kind: the text of a database error can quote the value that caused it.
    """
    if not isinstance(exception_info, Mapping):
        return
    if exception_info.get("raised_exception"):
        text = f"{exception_info.get('exception_message')} {exception_info.get('exception_traceback')}"
        kind = _ERROR_NAME.search(text)
        yield kind.group() if kind else "an error of unknown kind"
    for inner in exception_info.values():
        yield from error_kinds(inner)
