"""The report of a validation: which bytes were checked, by which rules, with what result. Checks nothing itself."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, Self, TypeAlias, get_args

import duckdb

Severity: TypeAlias = Literal["critical", "warning"]
Result: TypeAlias = Literal["passed", "failed", "error", "skipped"]
Example: TypeAlias = Mapping[str, str | None]

EXAMPLES_SHOWN: Final = 3
#: Of a rule that many files break, how many are named to a person.
FILES_SHOWN: Final = 10


@dataclass(frozen=True)
class RuleOutcome:
    """What came of one rule on one file: how many rows break it and the keys of a few, never a figure."""

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
    remedy: str = ""  # what to do about it, of a warning

    def __post_init__(self) -> None:
        """Refuse an outcome that says two things at once."""
        if self.result not in get_args(Result):
            raise ValueError(f"{self.rule} on {self.file}: {self.result!r} is none of {', '.join(get_args(Result))}")
        if len(self.examples) > EXAMPLES_SHOWN:
            raise ValueError(f"{self.rule} on {self.file}: at most {EXAMPLES_SHOWN} examples are shown")
        if self.result == "passed" and self.violations:
            raise ValueError(f"{self.rule} on {self.file}: a rule that {self.violations} rows break has not passed")

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
    """Whether exactly these files may leave, and why."""

    passed: bool
    files: Mapping[str, str] = field(default_factory=dict)
    outcomes: tuple[RuleOutcome, ...] = ()

    def __post_init__(self) -> None:
        """Reject a report that contradicts its own outcomes."""
        if self.passed != is_releasable(self.outcomes):
            raise ValueError(
                f"the report says passed={self.passed}, but of its {len(self.outcomes)} outcomes "
                f"{sum(outcome.is_blocking for outcome in self.outcomes)} block"
            )

    @classmethod
    def from_outcomes(cls, files: Mapping[str, str], outcomes: Iterable[RuleOutcome]) -> Self:
        """Return the report that follows from the outcomes."""
        outcomes = tuple(outcomes)
        return cls(passed=is_releasable(outcomes), files=dict(files), outcomes=outcomes)

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
        )

    def describe_failures(self) -> str:
        """Return every rule that was not kept, for a person: what was expected of which file."""
        broken = [outcome for outcome in self.outcomes if outcome.result != "passed"]
        if not broken:
            return f"Every rule was kept: {len(self.outcomes)} checks of {len(self.files)} files."
        blocking = sum(outcome.is_blocking for outcome in broken)
        first_line = (
            f"{blocking} of {len(self.outcomes)} checks stop this release; nothing may leave."
            if blocking
            else f"{len(broken)} of {len(self.outcomes)} checks warn; none stops this release."
        )
        # that a rule was not judged is only a consequence: reasons come first, consequences in a line each
        reasons = [_described(outcome) for outcome in broken if outcome.result != "skipped"]
        return "\n\n".join([first_line, *reasons, *_skipped(broken)])


def is_releasable(outcomes: Iterable[RuleOutcome]) -> bool:
    """Return whether these outcomes let a release leave. No outcome at all does not: nothing was judged."""
    outcomes = tuple(outcomes)
    return bool(outcomes) and not any(outcome.is_blocking for outcome in outcomes)


def worst_first(outcomes: Iterable[RuleOutcome]) -> list[RuleOutcome]:
    """Return outcomes of one rule, those that most rows break first."""
    return sorted(outcomes, key=lambda outcome: outcome.violations or 0, reverse=True)


def describe_by_rule(outcomes: Iterable[RuleOutcome]) -> str:
    """Return every rule that was not kept, for a person, each once, with the files that do not keep it."""
    of_rules: dict[tuple[str, str], list[RuleOutcome]] = {}
    for outcome in outcomes:
        if outcome.result != "passed":
            of_rules.setdefault((outcome.rule, _word(outcome)), []).append(outcome)
    return "\n\n".join(_described_in_files(word, worst_first(broken)) for (_, word), broken in of_rules.items())


def _described_in_files(word: str, broken: list[RuleOutcome]) -> str:
    lines = [f"{word} {broken[0].rule}", f"  expected: {broken[0].description}"]
    for outcome in broken[:FILES_SHOWN]:
        rows = "" if outcome.violations is None else f"; violating rows: {outcome.violations:,}"
        lines.append(f"  in {outcome.file}{rows}")
        lines += [f"    {outcome.message}"] if outcome.message else []
        lines += [f"    for example: {key_text(example)}" for example in outcome.examples]
    if len(broken) > FILES_SHOWN:
        lines.append(f"  and in {len(broken) - FILES_SHOWN} more")
    return "\n".join(lines)


def _word(outcome: RuleOutcome) -> str:
    return {
        "failed": "FAILED" if outcome.is_blocking else "WARNING",
        "error": "ERROR",
        "skipped": "NOT JUDGED",
    }[outcome.result]


def _described(outcome: RuleOutcome) -> str:
    lines = [f"{_word(outcome)} {outcome.rule} in {outcome.file}", f"  expected: {outcome.description}"]
    if outcome.violations is not None:
        lines.append(f"  violating rows: {outcome.violations:,}")
    if outcome.message:
        lines.append(f"  {outcome.message}")
    lines += [f"  for example: {key_text(example)}" for example in outcome.examples]
    return "\n".join(lines)


def key_text(example: Example) -> str:
    """Return the key of a row for a person; columns without a value are left out."""
    return ", ".join(f"{column} {value}" for column, value in example.items() if value)


def _skipped(broken: Iterable[RuleOutcome]) -> list[str]:
    by_reason: dict[tuple[str, str], int] = {}
    for outcome in broken:
        if outcome.result == "skipped":
            reason = (outcome.file, outcome.message)
            by_reason[reason] = by_reason.get(reason, 0) + 1
    return [
        f"NOT JUDGED in {file}: {rules} {'rule' if rules == 1 else 'rules'}, for {message}"
        for (file, message), rules in by_reason.items()
    ]


def describe_check_error(kind: str) -> str:
    """Return what is said of a check that ended in an error: its kind alone, since a text can quote a figure."""
    return f"the check itself failed ({kind}), so nothing is known; run the rule's SQL in DuckDB to see why"


def fetch_examples(rows: duckdb.DuckDBPyConnection) -> tuple[Example, ...]:
    """Return the rows of a query that has just been run, as keys by the names of their columns."""
    columns = [column[0] for column in rows.description or ()]
    return tuple(
        {column: None if key is None else str(key) for column, key in zip(columns, row, strict=True)}
        for row in rows.fetchall()
    )
