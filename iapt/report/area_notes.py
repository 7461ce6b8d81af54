"""Notes on released figures, by the page that shows them."""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from iapt.catalogue.report_config import ReportConfig
from iapt.report.release_tables import GRAINS, Release


class FigureNote(NamedTuple):
    """A note on a figure that pages show; `period` and `note` are numbers on the axis and in the release's notes."""

    population: str
    measure: str
    period: int
    note: int


class Remark(NamedTuple):
    """A note on a figure of a measure that no page shows, by the publisher's name of the measure."""

    period: int
    name: str
    note: int


def read_notes(
    connection: duckdb.DuckDBPyConnection, release: Release, config: ReportConfig, report: str
) -> tuple[dict[tuple[str, str], list[FigureNote]], dict[tuple[str, str], list[Remark]]]:
    """The notes and the remarks of each page, by its prefix and code.

    `connection` has the tables `axis` and `pages` of the report.
    """
    order = {note.id: number for number, note in enumerate(release.notes)}
    notes: dict[tuple[str, str], list[FigureNote]] = {}
    remarks: dict[tuple[str, str], list[Remark]] = {}
    for prefix, code, population, measure, name, number, note in connection.execute(
        """
        select distinct pages.prefix, pages.code, populations.population_type || '/' || populations.population,
               notes.measure, measures.name, axis.number, notes.note_id
        from dim_note as notes
        inner join axis on notes.period = axis.period
        inner join pages on notes.org_level = pages.org_level and notes.org_code = pages.org_code
        inner join dim_population as populations
            on notes.variable_type is not distinct from populations.variable_type
            and notes.variable_a is not distinct from populations.variable_a
            and notes.variable_b is not distinct from populations.variable_b
        left join dim_measure as measures on notes.measure = measures.measure
        where notes.cell_status = 'released' and notes.period_grain = $grain and notes.partner_code is null
        order by all
        """,
        {"grain": GRAINS[report]},
    ).fetchall():
        page = (str(prefix), str(code))
        if measure in config.measure_order:
            notes.setdefault(page, []).append(FigureNote(str(population), str(measure), int(number), order[note]))
        else:
            remarks.setdefault(page, []).append(Remark(int(number), str(name or measure), order[note]))
    return notes, remarks
