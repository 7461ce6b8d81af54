"""What is remembered of periods that passed a check: one file a check, for the owner only.

Only what passed is remembered, and under all that the result rests on; whoever asks compares that. A file that is not
exactly as it was written is not used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from iapt.files import write_atomically

_PRIVATE: Final = 0o600


@dataclass(frozen=True)
class PeriodMemory:
    """Where it is remembered which periods passed, and `basis`, a digest of what all of them passed under."""

    folder: Path
    basis: str


class PassedPeriod(BaseModel):
    """A period that passed a check. `key` is a digest of its rows and of the rules.

    `looked_up` are, for each other table, the values by which the rows look up rows of it, and `references` a digest of
    the rows that they found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: str
    looked_up: dict[str, list[str]] = {}
    references: dict[str, str] = {}


_PASSED_PERIODS: Final = TypeAdapter(dict[str, PassedPeriod])


def digest(content: object) -> str:
    """Return a digest of plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def read_passed_periods(folder: Path, check: str) -> dict[str, PassedPeriod]:
    """Return the periods that are remembered of a check; none where the file is not as it was written."""
    try:
        record = json.loads((folder / f"{check}.json").read_text("utf-8"))
        if set(record) != {"check", "periods", "sha256"} or record["check"] != check:
            return {}
        if record["sha256"] != digest([check, record["periods"]]):
            return {}
        return _PASSED_PERIODS.validate_python(record["periods"])
    except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError, ValidationError, TypeError):
        return {}


def write_passed_periods(folder: Path, check: str, periods: Mapping[str, PassedPeriod]) -> None:
    """Replace what is remembered of a check. Raises OSError where it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    plain = {period: passed.model_dump() for period, passed in sorted(periods.items())}
    record = {"check": check, "periods": plain, "sha256": digest([check, plain])}
    write_atomically(folder / f"{check}.json", json.dumps(record, sort_keys=True), mode=_PRIVATE)
