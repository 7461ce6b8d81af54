"""The report of a validation: which bytes were checked, by which rules, with what result. Checks nothing itself."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, Self, TypeAlias, get_args

import duckdb

Severity: TypeAlias = Literal["critical", "warning"]
Result: TypeAlias = Literal["passed", "failed", "error", "skipped"]
Example: TypeAlias = Mapping[str, str | None]

EXAMPLES_SHOWN: Final = 3
#: Of a rule that many files violate, how many are named to a person.
FILES_SHOWN: Final = 10


@dataclass(frozen=True)
class RuleOutcome:
    """What came of one rule on one file: how many rows violate it and the keys of a few, never a figure."""

    rule: str
    table: str
    file: str
    description: str
    result: Result
    violations: int | None = None
    examples: tuple[Example, ...] = ()
    message: str = ""
    severity: Severity = "critical"
    subject: str = "structure"
    remedy: str = ""  # what to do about a violation; only a warning has one

    def __post_init__(self) -> None:
        """Reject an outcome that contradicts itself."""
        if self.result not in get_args(Result):
            raise ValueError(f"{self.rule} on {self.file}: {self.result!r} is none of {', '.join(get_args(Result))}")
        if len(self.examples) > EXAMPLES_SHOWN:
            raise ValueError(f"{self.rule} on {self.file}: at most {EXAMPLES_SHOWN} examples are shown")
        if self.result == "passed" and self.violations:
            raise ValueError(f"{self.rule} on {self.file}: a rule that {self.violations} rows violate has not passed")

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Read an outcome back from the object that JSON has of it."""
        values: dict[str, Any] = {**record, "examples": tuple(record["examples"])}
        return cls(**values)

    @property
    def is_blocking(self) -> bool:
        """Whether nothing may be released because of this outcome. An error or a skipped rule always blocks."""
        return self.result in ("error", "skipped") or (self.result == "failed" and self.severity == "critical")


@dataclass(frozen=True)
class ValidationReport:
    """Whether exactly these files may be released, and why.

    Rules that are decided by period were asked now of `periods_validated` periods, of `periods_remembered` before.
    """

    passed: bool
    files: Mapping[str, str] = field(default_factory=dict)
    outcomes: tuple[RuleOutcome, ...] = ()
    periods_validated: int = 0
    periods_remembered: int = 0

    def __post_init__(self) -> None:
        """Reject a report that contradicts its own outcomes."""
        if self.passed != is_releasable(self.outcomes):
            raise ValueError(
                f"the report says passed={self.passed}, but of its {len(self.outcomes)} outcomes "
                f"{sum(outcome.is_blocking for outcome in self.outcomes)} block"
            )

    @classmethod
    def from_outcomes(
        cls,
        files: Mapping[str, str],
        outcomes: Iterable[RuleOutcome],
        *,
        periods_validated: int = 0,
        periods_remembered: int = 0,
    ) -> Self:
        """Return the report that follows from the outcomes."""
        outcomes = tuple(outcomes)
        return cls(is_releasable(outcomes), dict(files), outcomes, periods_validated, periods_remembered)

    def to_json(self) -> str:
        """Return the report as JSON text, the same text each time."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a report back; one that was edited so that it contradicts itself is refused."""
        document = json.loads(text)
        return cls(
            passed=document["passed"],
            files=document["files"],
            outcomes=tuple(RuleOutcome.from_record(outcome) for outcome in document["outcomes"]),
            periods_validated=document.get("periods_validated", 0),
            periods_remembered=document.get("periods_remembered", 0),
        )

    def describe_failures(self) -> str:
        """Return every rule that did not pass, for a person: what was expected of which file."""
        failures = [outcome for outcome in self.outcomes if outcome.result != "passed"]
        if not failures:
            return f"Every rule passed: {len(self.outcomes)} checks of {len(self.files)} files."
        blocking = sum(outcome.is_blocking for outcome in failures)
        first_line = (
            f"{blocking} of {len(self.outcomes)} checks stop this release; nothing may be released."
            if blocking
            else f"{len(failures)} of {len(self.outcomes)} checks warn; none stops this release."
        )
        # a skipped rule is only a consequence: reasons come first, consequences in a line each
        reasons = [_describe_failure(outcome) for outcome in failures if outcome.result != "skipped"]
        return "\n\n".join([first_line, *reasons, *_describe_skipped(failures)])


def is_releasable(outcomes: Iterable[RuleOutcome]) -> bool:
    """Return whether these outcomes allow a release. Without any outcome nothing was validated, so they do not."""
    outcomes = tuple(outcomes)
    return bool(outcomes) and not any(outcome.is_blocking for outcome in outcomes)


def worst_first(outcomes: Iterable[RuleOutcome]) -> list[RuleOutcome]:
    """Return outcomes of one rule, those with most violations first."""
    return sorted(outcomes, key=lambda outcome: outcome.violations or 0, reverse=True)


def describe_by_rule(outcomes: Iterable[RuleOutcome]) -> str:
    """Return every rule that did not pass, for a person, each once, with the files that violate it."""
    failures: dict[tuple[str, str], list[RuleOutcome]] = {}
    for outcome in outcomes:
        if outcome.result != "passed":
            failures.setdefault((_status_word(outcome), outcome.rule), []).append(outcome)
    return "\n\n".join(_describe_rule(word, worst_first(of_rule)) for (word, _), of_rule in failures.items())


def _describe_rule(word: str, failures: list[RuleOutcome]) -> str:
    lines = [f"{word} {failures[0].rule}", f"  expected: {failures[0].description}"]
    for outcome in failures[:FILES_SHOWN]:
        rows = "" if outcome.violations is None else f"; violating rows: {outcome.violations:,}"
        lines.append(f"  in {outcome.file}{rows}")
        lines += [f"    {outcome.message}"] if outcome.message else []
        lines += [f"    for example: {format_key(example)}" for example in outcome.examples]
    if len(failures) > FILES_SHOWN:
        lines.append(f"  and in {len(failures) - FILES_SHOWN} more")
    return "\n".join(lines)


def _status_word(outcome: RuleOutcome) -> str:
    return "WARNING" if outcome.result == "failed" and not outcome.is_blocking else outcome.result.upper()


def _describe_failure(outcome: RuleOutcome) -> str:
    lines = [f"{_status_word(outcome)} {outcome.rule} in {outcome.file}", f"  expected: {outcome.description}"]
    if outcome.violations is not None:
        lines.append(f"  violating rows: {outcome.violations:,}")
    if outcome.message:
        lines.append(f"  {outcome.message}")
    lines += [f"  for example: {format_key(example)}" for example in outcome.examples]
    return "\n".join(lines)


def format_key(example: Example) -> str:
    """Return the key of a row for a person; columns without a value are left out."""
    return ", ".join(f"{column} {value}" for column, value in example.items() if value)


def _describe_skipped(failures: Iterable[RuleOutcome]) -> list[str]:
    reasons = Counter((outcome.file, outcome.message) for outcome in failures if outcome.result == "skipped")
    return [
        f"SKIPPED in {file}: {rules} {'rule' if rules == 1 else 'rules'}, for {message}"
        for (file, message), rules in reasons.items()
    ]


def describe_check_error(kind: str) -> str:
    """Return what is said of a check that ended in an error: its kind alone, since a text can quote a figure."""
    return f"the check itself failed ({kind}), so nothing is known; run the rule's SQL in DuckDB to see why"


def make_examples(keys: Iterable[Mapping[str, Any]]) -> tuple[Example, ...]:
    """Return the keys of rows as text."""
    return tuple({column: None if key is None else str(key) for column, key in row.items()} for row in keys)


def fetch_examples(rows: duckdb.DuckDBPyConnection) -> tuple[Example, ...]:
    """Return the rows of a query that has just been run, as keys by the names of their columns."""
    columns = [column[0] for column in rows.description or ()]
    return make_examples(dict(zip(columns, row, strict=True)) for row in rows.fetchall())
