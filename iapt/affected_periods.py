"""Affected periods: which periods a build has to make again, and why. Plain data; reads no figure.

What the figures of a period rest on is a digest for each of its drops and of the reviewed files that name it; what all
of them rest on is the foundation: models, seeds, policy and code. A period is affected where any of these differs from
those of the last build that was finished.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.disclosure_policy import Policy
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary
from iapt.ingest.reissues import add_status_and_revision
from iapt.input_fingerprint import digest_files
from iapt.period_inputs import AffectedPeriod, PeriodInputs
from iapt.periods import Period, find_period_ending, parse_period_label
from iapt.run_warnings import list_first
from iapt.yaml_files import read_yaml

#: The models and the code that every figure of the marts rests on. The seeds count apart from them, each on its own.
MODEL_PATTERNS: Final = (
    "dbt_project/dbt_project.yml",
    "dbt_project/macros/**/*",
    "dbt_project/models/**/*.sql",
    "dbt_project/models/**/*.yml",
    "dbt_project/seeds/*.yml",
)
#: Which issue of a file replaces another is decided by its name and by words in it.
CODE_PATTERNS: Final = (
    "iapt/affected_periods.py",
    "iapt/catalogue/precedence.py",
    "iapt/catalogue/re_issues.py",
    "iapt/ingest/landing.py",
    "iapt/ingest/reissues.py",
    "iapt/ingest/tables.py",
    "iapt/named_periods.py",
    "iapt/periods.py",
)
#: Reviewed files that every period rests on. The others of the catalogue name the periods that they are about.
CATALOGUE_PATTERNS: Final = ("catalogue/precedence.yml", "catalogue/re_issues.yml", "catalogue/relations.yml")
SEEDS: Final = "dbt_project/seeds"
#: Of a seed, in its YAML: the columns on which no figure rests, or `all`.
LABEL_COLUMNS: Final = "label_columns"
#: Of a reviewed entry: what is for people. No figure rests on it; the tables that carry it are made whole.
_WORDS: Final = {"reason", "known", "inferred", "source"}
_ENGINES: Final = ("duckdb", "dbt-core", "dbt-duckdb")
_DROPS_NAMED: Final = 3


def compute_foundation(root: Path, policy: Policy, salt: str | None = None) -> dict[str, str]:
    """Return what the figures of every period rest on: for each thing, by its name, a digest.

    `root` is the folder of the project. Of a seed the columns count that are no labels.
    """
    return {
        "the models": digest_files(root, MODEL_PATTERNS),
        "the code that loads drops": digest_files(root, CODE_PATTERNS),
        "the rules of precedence": digest_files(root, CATALOGUE_PATTERNS),
        "the disclosure policy": _digest(policy.to_manifest()),
        "DuckDB or dbt": _digest([version(engine) for engine in _ENGINES]),
        **({"the names of drops": _digest(salt)} if salt else {}),
        **_digest_seeds(root / SEEDS),
    }


def list_period_inputs(
    drops: Sequence[tuple[ArchivedDrop, DropSummary]], catalogue: Catalogue
) -> dict[str, PeriodInputs]:
    """Return what the figures of each period rest on, by grain and label: every period of the drops and every gap.

    A gap rests on the periods beside it, whose organisations it lists. A correction of several periods is applied to
    all of them or to none, so each of them rests on the drops of the others too.
    """
    of_drops: dict[Period, dict[str, str]] = defaultdict(dict)
    of_series: dict[tuple[str, Period], dict[str, str]] = defaultdict(dict)
    names: dict[Period, dict[str, str]] = defaultdict(dict)
    cells: dict[Period, int] = defaultdict(int)
    for drop, summary in drops:
        ranked = add_status_and_revision(drop, summary, catalogue.precedence)
        rank = (ranked.origin, ranked.status, ranked.revision, ranked.sequence, ranked.batch, ranked.file)
        digest = _digest([summary.digest, *rank])
        for table in summary.tables:
            periods = [parse_period_label(label) for label in table.periods]
            for period in periods:
                of_drops[period][drop.sha256] = of_series[table.series, period][drop.sha256] = digest
                names[period][drop.sha256] = drop.file
                cells[period] += table.cells // len(periods)
    reviewed: dict[Period, dict[str, str]] = defaultdict(dict)
    for correction in catalogue.corrections:
        periods = [parse_period_label(label) for label in correction.periods]
        for period in periods:
            reviewed[period][f"the correction {correction.id}"] = _digest(correction.model_dump(exclude=_WORDS))
            if others := {other.label: of_series[correction.series, other] for other in periods if other != period}:
                reviewed[period][f"the drops of the other periods of {correction.id}"] = _digest(others)
    for gap in catalogue.gaps:
        period = parse_period_label(gap.period)
        reviewed[period]["the gap"] = _digest(gap.model_dump(exclude=_WORDS))
        for beside in (find_period_ending(period.start - dt.timedelta(days=1), period.grain), period.following):
            reviewed[period][f"the drops of {beside.label}"] = _digest(
                {"drops": of_drops.get(beside, {}), "reviewed": dict(reviewed.get(beside, {}))}
            )
    gaps = {parse_period_label(gap.period) for gap in catalogue.gaps}
    return {
        f"{period.grain} {period.label}": PeriodInputs(
            grain=period.grain,
            start=period.start.isoformat(),
            label=period.label,
            cells=cells[period],
            drops=of_drops[period],
            names=names[period],
            reviewed=reviewed[period],
        )
        for period in sorted({*of_drops, *gaps})
    }


def find_affected_periods(
    inputs: Mapping[str, PeriodInputs],
    foundation: Mapping[str, str],
    built_inputs: Mapping[str, PeriodInputs],
    built_foundation: Mapping[str, str],
    *,
    unfinished: Iterable[str] = (),
    rebuild: str = "",
) -> list[AffectedPeriod]:
    """Return the periods whose figures rest on something else than those of the last finished build, and why.

    `unfinished` are those that a later build began with and did not finish; `rebuild` says why every period is made
    again whatever it rests on, and is empty where none is for such a reason.
    """
    of_all = [rebuild] if rebuild else []
    left = set(unfinished)
    if not built_foundation:
        of_all.append("a build of every period was not finished" if left else "nothing was built before")
    else:
        of_all += [f"{name} changed" for name in _find_differences(foundation, built_foundation)]
    affected = []
    for key in sorted({*inputs, *built_inputs, *left}, key=_parse_key):
        now, before, period = inputs.get(key), built_inputs.get(key), _parse_key(key)
        why = [*of_all, *(_describe_differences(now, before) if built_foundation else ())]
        if key in left:
            why.append("a build of it was not finished")
        if why:
            affected.append(
                AffectedPeriod(
                    grain=period.grain,
                    start=period.start.isoformat(),
                    label=period.label,
                    cells=now.cells if now else 0,
                    why=tuple(why),
                )
            )
    return affected


def _parse_key(key: str) -> Period:
    """Return the period of a key such as `month 2026-01`; one that a killed build began with has no inputs any more."""
    return parse_period_label(key.partition(" ")[2])


def _describe_differences(now: PeriodInputs | None, before: PeriodInputs | None) -> list[str]:
    """Say what of a period's inputs differs: drops by their file names, and reviewed files."""
    now_drops, before_drops = (now.drops if now else {}), (before.drops if before else {})
    names = {**(before.names if before else {}), **(now.names if now else {})}
    changes = {
        "added": now_drops.keys() - before_drops.keys(),
        "withdrawn": before_drops.keys() - now_drops.keys(),
        "read again or ranked anew": {
            sha256 for sha256 in now_drops.keys() & before_drops.keys() if now_drops[sha256] != before_drops[sha256]
        },
    }
    described = []
    for change, sha256s in changes.items():
        if sha256s:
            files = sorted(names[sha256] for sha256 in sha256s)
            described.append(f"{change}: {list_first(files[:_DROPS_NAMED], len(files))}")
    reviewed = _find_differences(now.reviewed if now else {}, before.reviewed if before else {})
    return described + [f"{name} changed" for name in reviewed]


def _find_differences(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*now, *before} if now.get(name) != before.get(name))


def _digest_seeds(folder: Path) -> dict[str, str]:
    """Return a digest of each seed without the columns on which no figure rests; of one that is all labels, none."""
    digests = {}
    for path in sorted(folder.glob("_seeds_*.yml")):
        for seed in read_yaml(path)["seeds"]:
            labels = seed.get("config", {}).get("meta", {}).get(LABEL_COLUMNS, ())
            if labels == "all":
                continue
            with (folder / f"{seed['name']}.csv").open(encoding="utf-8", newline="") as stream:
                rows = [
                    sorted((column, text) for column, text in row.items() if column not in labels)
                    for row in csv.DictReader(stream)
                ]
            digests[f"the seed {seed['name']}"] = _digest(sorted(rows))
    return digests


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
