"""The files of listed publications, made of the demonstration's figures: of the right period, format and members."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Final

from iapt.catalogue.publications import Publication, Publications
from iapt.periods import parse_period_label
from iapt.synthetic import layouts, measures, writers
from iapt.synthetic.england import MONTHS
from iapt.synthetic.folder import make_month_drop
from iapt.synthetic.geography import list_demonstration_pairs
from iapt.synthetic.measures import format_published_texts
from iapt.synthetic.names import name_long_quarter_file
from iapt.synthetic.truth import make_annual_table, make_month_table, make_quarterly_table
from tests.factories.rar_writer import RarMember, make_rar5

#: The demonstration's quarter and years that stand for all others of their shape.
_QUARTER: Final = "2025-26 Q1"
_YEAR_OF_SHAPE: Final = {"2017-18": "2019-20", "2018-19": "2019-20"}


def make_publication_file(publication: Publication) -> bytes:
    """Return the bytes of a monthly, quarterly or annual publication, the same each time."""
    return {"monthly": _make_month, "quarterly": _make_quarter, "annual": _make_year}[publication.series](publication)


def list_pulled_publications(publications: Publications) -> list[Publication]:
    """Return the 79 publications whose files are made: 65 months, 6 quarters and 8 years of today's shapes."""
    first = {"monthly": "2021-01", "quarterly": "2023-24 Q1", "annual": "2017-18"}
    superseded = {row.supersedes for row in publications.rows}
    return [
        row
        for row in publications.rows
        if row.file is not None
        and row.series in first
        and row.period >= first[row.series]
        and row.not_pulled is None
        and row.file not in superseded
    ]


def _make_month(publication: Publication) -> bytes:
    period = publication.period
    if period not in MONTHS:
        return _move_dates(_make_month_of(max(MONTHS), "csv").decode(), max(MONTHS), period).encode()
    return _make_month_of(period, publication.format)


def _move_dates(text: str, made: str, listed: str) -> str:
    """Return a text with the first and last day of one period, in ISO form, in place of those of another."""
    of_text, wanted = parse_period_label(made), parse_period_label(listed)
    for day, other in ((of_text.start, wanted.start), (of_text.end, wanted.end)):
        text = text.replace(day.isoformat(), other.isoformat())
    return text


@functools.cache
def _make_month_of(period: str, file_format: str | None) -> bytes:
    frame = make_month_table([period], list_demonstration_pairs())
    if file_format == "xlsx":
        existing = [measure for measure in measures.MONTHLY if measure.exists_in(period)]
        cells = layouts.make_month_cells(period, frame, existing, format_published_texts(frame, existing))
        return writers.make_workbook({"Data": cells}, day_format="dd/mm/yyyy")
    _, content = make_month_drop(period, frame, measures.MONTHLY)
    return content


@functools.cache
def _make_quarter_members() -> Mapping[str, str]:
    """Return the texts of the three members of a quarterly pack, by their kinds."""
    frame = make_quarterly_table([_QUARTER])
    levels = {
        "ICB_subICB": ("england", "region", "icb", "sub_icb"),
        "provider": ("england", "provider"),
        "subICB_provider": ("england", "sub_icb_provider"),
    }
    members = {}
    for kind, shown in levels.items():
        rows = frame[frame["level"].isin(shown)]
        texts = format_published_texts(rows, measures.LONG_QUARTERLY)
        members[kind] = "".join(layouts.format_long_quarter_lines(_QUARTER, rows, measures.LONG_QUARTERLY, texts))
    return members


def _make_quarter(publication: Publication) -> bytes:
    members = {}
    for (kind, text), name in zip(
        _make_quarter_members().items(), name_long_quarter_file(publication.period).inside, strict=True
    ):
        assert kind in name
        members[name] = _move_dates(text, _QUARTER, publication.period).encode()
    return writers.make_zip(members)


def _make_year(publication: Publication) -> bytes:
    year = publication.period
    shape = _YEAR_OF_SHAPE.get(year, year)
    frame = make_annual_table([shape])
    content = writers.encode_lines(
        layouts.format_annual_lines(shape, frame, format_published_texts(frame, measures.ANNUAL))
    )
    stem = re.sub(r"[.][a-z]+$", "", publication.file_name)
    name = f"{stem}-main.csv"
    is_rar = publication.format == "rar"
    return make_rar5([RarMember(name, content)]) if is_rar else writers.make_zip({name: content})
