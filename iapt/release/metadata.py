"""What a release says about itself: where it comes from, what its markers mean, what it covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iapt.catalogue.disclosure_policy import Policy
from iapt.contract import VALUE_STATUSES
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.landing import pseudonymise_drop_id
from iapt.ingest.observation_store import DropSummary
from iapt.release.coverage import format_coverage, summarise_coverage

ATTRIBUTION = (
    "Contains NHS Digital / NHS England statistics on IAPT and NHS Talking Therapies, licensed under the Open "
    "Government Licence v3.0. An independent product, not endorsed by the publisher."
)
LICENCE = "Open Government Licence v3.0"
LICENCE_TEXT = "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"
STATEMENTS = {
    "synthetic": (
        "SYNTHETIC DATA. Every figure below the England totals is invented, to demonstrate the pipeline. "
        "Do not quote it."
    ),
    "restricted": (
        "MADE FROM UNPUBLISHED FIGURES. Rounded, suppressed and audited by this pipeline; whether it may be published "
        "is for the owner of the figures to say."
    ),
}

_PLURALS = {
    "count": "counts",
    "percentage": "percentages",
    "mean": "means",
    "median": "medians",
    "minimum": "minima",
    "maximum": "maxima",
    "sum": "sums",
    "unknown": "measures that nobody has reviewed",
}
_DECIMALS = {0: "are whole", 1: "have one decimal"}


def describe_policy(policy: Policy) -> str:
    """Say which policy a release was made under."""
    made_under = f"Made under version {policy.version} of the disclosure policy, profile `{policy.profile}`."
    return f"{made_under} {policy.description}"


def describe_rounding(policy: Policy) -> str:
    """Say how figures were rounded and what was suppressed, in the policy's own numbers."""
    least, most = policy.declared_bounds(None)
    decimals = {statistic: _DECIMALS[number] for statistic, number in policy.decimals.items()}
    averages = [
        f"{_PLURALS[statistic]} {decimals[statistic]}" for statistic in ("mean", "median") if statistic in decimals
    ]
    unreleased = [_PLURALS[statistic] for statistic in policy.statistics if statistic not in policy.released_statistics]
    sentences = [
        f"counts are rounded to the nearest {policy.round_counts_to} and {least} to {most} are suppressed, "
        "for England too"
    ]
    if "percentage" in decimals:
        sentences.append(
            f"percentages {decimals['percentage']}, made from unrounded counts, never from rounded ones, and "
            "suppressed when their numerator is"
        )
    sentences += _describe_extra_suppression(policy)
    if averages:
        sentences.append(f"{_join_names(averages)}, suppressed with the count they rest on")
    if unreleased:
        sentences.append(f"{_join_names(unreleased)} are not released")
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)


def _describe_extra_suppression(policy: Policy) -> list[str]:
    complement = policy.hide_percentage_when_complement_at_most
    denominator = policy.hide_percentage_when_denominator_below
    reasons = [
        *([f"its denominator less its numerator could be {complement} or less"] if complement is not None else []),
        *([f"its denominator could be below {denominator}"] if denominator is not None else []),
    ]
    if not reasons:
        return []
    return [
        f"a percentage is suppressed too where {' or '.join(reasons)}, and where the counts it rests on are not "
        "published (but for England's percentages that rest on no published count at all)"
    ]


def _join_names(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def describe_markers(policy: Policy) -> dict[str, str]:
    """Return what each marker means."""
    least, most = policy.declared_bounds(None)
    hides_more = ", or could reveal one" if _describe_extra_suppression(policy) else ""
    return {
        VALUE_STATUSES["suppressed"].marker: (
            f"suppressed: the true count is {least} to {most}, or the figure rests on such a count{hides_more}; "
            "it is not zero"
        ),
        VALUE_STATUSES["not_published"].marker: "never published, such as quarter 2 of 2020/21",
    }


def describe_provenance(drops: Sequence[Mapping[str, Any]]) -> str:
    """Say what the manifest knows of where the files of a release come from and how they were made.

    `drops` are the records of the manifest. A file has its provenance from the record that lay beside it when it was
    offered; nothing is made up for one without.
    """
    with_source = sum(1 for drop in drops if drop.get("source"))
    with_making = sum(1 for drop in drops if drop.get("made"))
    if drops and with_source == with_making == len(drops):
        return (
            "`manifest.json` says of each file where it was got and how it was made: whether it is the publisher's "
            "own, an excerpt or a copy."
        )
    if not with_source and not with_making:
        return (
            "They were offered without a record of provenance: where each was got, and whether it is the publisher's "
            "own file, an excerpt or a copy, is not known. `manifest.json` has the name and the sha256 of each."
        )
    return (
        f"`manifest.json` says of {with_source} of {len(drops)} files where they were got, and of {with_making} how "
        "they were made: whether they are the publisher's own, excerpts or copies. Of the others that is not known."
    )


@dataclass(frozen=True)
class Description:
    """What publishing needs to know of the making of a release."""

    data_origin: str
    input_fingerprint: str
    drops: Sequence[tuple[ArchivedDrop, DropSummary]]
    policy: Policy
    rejected: Sequence[dict[str, str]] = ()
    code_commit: str | None = None
    salt: str | None = None
    #: The sha256 of each of the drops that a re-issue of the same file replaced: they are no second publication.
    replaced: frozenset[str] = frozenset()

    def to_manifest(self) -> dict[str, Any]:
        """Return the release's provenance and statements as plain data."""
        return {
            "data_origin": self.data_origin,
            "statement": STATEMENTS.get(self.data_origin),
            "disclosure": self.policy.to_manifest(),
            "rounding_and_suppression": describe_rounding(self.policy),
            "markers": describe_markers(self.policy),
            "licence": LICENCE if self.salt is None else None,
            "attribution": ATTRIBUTION if self.salt is None else None,
            "input_fingerprint": pseudonymise_drop_id(self.input_fingerprint, self.salt),
            "code_commit": self.code_commit,
            "drops": [
                _make_drop_record(drop, summary, self.replaced)
                if self.salt is None
                else _make_restricted_record(drop, summary, self.salt)
                for drop, summary in self.drops
            ],
            "rejected_drops": list(self.rejected) if self.salt is None else len(self.rejected),
        }


def _make_drop_record(drop: ArchivedDrop, summary: DropSummary, replaced: frozenset[str]) -> dict[str, Any]:
    return {
        "file": drop.file,
        "sha256": drop.sha256,
        "bytes": drop.bytes,
        "origin": drop.origin,
        "made": drop.made or None,
        "source": drop.source or None,
        "licence": drop.licence,
        "status": drop.status,
        "revision": drop.revision,
        "is_replaced": drop.sha256 in replaced,
        "layouts": [table.layout for table in summary.tables],
        "periods": sorted({period for table in summary.tables for period in table.periods}),
        "cells": summary.cells,
        "observations": summary.observations,
        "quarantined": summary.quarantined,
        "notices": summary.notices,
    }


def _make_restricted_record(drop: ArchivedDrop, summary: DropSummary, salt: str) -> dict[str, Any]:
    """A restricted drop by the name it has in the tables; nothing of its bytes, its file or its size."""
    return {
        "sha256": pseudonymise_drop_id(drop.sha256, salt),
        "origin": drop.origin,
        "layouts": [table.layout for table in summary.tables],
        "periods": sorted({period for table in summary.tables for period in table.periods}),
    }


def _count_drops(description: Description) -> str:
    """Say how many drops a release is made from, those that a re-issue replaced apart."""
    replaced = len(description.replaced)
    earlier = f", and {replaced} earlier {'issue' if replaced == 1 else 'issues'} that they replace" if replaced else ""
    return f"{len(description.drops) - replaced} drops{earlier}"


def render_release_readme(release_id: str, description: Description, release: Path) -> str:
    """Return the README of a release: what it is, what it holds, how to read it. `release` is its folder."""
    statement = STATEMENTS.get(description.data_origin)
    metadata = description.to_manifest()
    lines = [
        f"# NHS Talking Therapies (IAPT) statistics, release {release_id}",
        "",
        *([f"> **{statement}**", ""] if statement else []),
        f"Made from {_count_drops(description)} ({description.data_origin}). `manifest.json` lists each drop and",
        "file with its sha256, and the result of the checks, which `data_docs/index.html` shows for people.",
        *([describe_provenance(metadata["drops"])] if description.data_origin == "published" else []),
        "",
        "## What it covers",
        "",
        *format_coverage(summarise_coverage(release)),
        "",
        "## What it holds",
        "",
        "Each table is a Parquet file here, a table of `iapt.duckdb`, and CSV in `csv/` (marts gzipped, and extracts",
        "too, one file a period). CSV files do not say their types, which `datapackage.json` does: in pandas read them",
        'with `keep_default_na=False, na_values=[""]`, else a category such as `None` is taken for no value.',
        "",
        "- `mart_*` are wide tables to read without a join, one topic each: every measure has its value, its",
        "  status, and if it is a count its bounds. Choose one `period_grain`, `org_level` and `population_type`.",
        "- `extract_*` are the figures they are made of, a row each; `extract_*_current_boundaries` are figures of the",
        "  areas of today's organisations, where `comparability` says how each was had, or why there is none.",
        "- `dim_*` say what periods, days, organisations, populations, measures and standards are. Join `measure`",
        "  to `dim_measure`, `org_level` and `org_code` to `dim_organisation`, `period_grain` and `period` to",
        "  `dim_period`. `dim_note` holds known errors of the publications, each keyed to its figure.",
        "- `publications` says what became of each file of the publisher's: in use, superseded, missing, late and so",
        "  on. Join `drop_sha256` to learn from which file, page and address a figure is.",
        "",
        "`dictionary.html`, to search, and `dictionary.json` say what every column and measure means.",
        "",
        "## How to read a figure",
        "",
        describe_rounding(description.policy),
        "",
        describe_policy(description.policy),
        "",
        "`value` is empty unless `value_status` is `published`; an empty value is never zero. `value_marker` says why:",
        "",
        *(f"- `{marker}` {meaning}." for marker, meaning in describe_markers(description.policy).items()),
        "",
        "`lower_bound` and `upper_bound` are what rounding or suppression allow the true count to be. Take a total",
        "from its own row, `variable_type` `Total`: categories overlap, hold totals of their own, or are suppressed.",
        "Never sum rows of more than one `org_level`: England, regions and providers each hold the whole country. A",
        "quarter is not the sum of its months, nor a year of its quarters. `org_type` is `placeholder` where a code is",
        "no place (`UNKNOWN`, a commissioning hub): leave such rows in a sum, and out of a ranking or a map.",
        "",
        *(["## Licence", "", f"{ATTRIBUTION} <{LICENCE_TEXT}>", ""] if description.salt is None else []),
    ]
    return "\n".join(lines)
