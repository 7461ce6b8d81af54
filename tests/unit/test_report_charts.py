"""Charts as the report's own scripts draw them: what lies where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import pytest
from py_mini_racer import MiniRacer

from iapt.report.rendering import DRAWING_SCRIPTS, STATIC, WIDTH

NARROW = 360
#: What "[b]" takes in the drawing's text, generously.
WIDTH_OF_MARK = 23


@pytest.fixture(scope="module")
def engine() -> Iterator[MiniRacer]:
    with MiniRacer() as racer:
        for script in DRAWING_SCRIPTS:
            racer.eval((STATIC / script).read_text("utf-8"))
        yield racer


def _draw_chart(engine: MiniRacer, width: int, axis: Sequence[Mapping[str, object]]) -> str:
    """A chart of 50% in every period, on its standard."""
    spec = {
        "id": "recovery",
        "title": "Recovery rate",
        "description": "",
        "unit": "%",
        "axis": axis,
        "series": [{"label": "Everyone", "short": "Everyone", "cells": [_make_cell(50) for _ in axis]}],
        "standard": [{"from": 0, "to": len(axis) - 1, "value": 50, "label": "50% recovery standard"}],
        "width": width,
    }
    return str(engine.call("iapt.lineChart.drawLineChart", spec))


@pytest.mark.parametrize("width", [NARROW, WIDTH])
def test_the_name_of_a_standard_covers_no_figure(engine: MiniRacer, width: int) -> None:
    """Beside the plot where there is room; on a phone in the list of lines alone."""
    drawn = _draw_chart(engine, width, _make_years())
    named = [float(x) for x in re.findall(r'<text x="([^"]+)"[^>]*>50% recovery standard<', drawn)]
    assert len(named) == (width == WIDTH) == drawn.count("50% recovery standard<")
    plot = float(_read_attribute(drawn, 'class="standard"', "x2"))
    assert all(x > plot for x in named)
    assert 'class="standard"' in str(engine.eval("iapt.lineChart.STANDARD_SAMPLE"))


@pytest.mark.parametrize(
    ("width", "broken", "marks"),
    [
        (NARROW, (38, 41), 1),
        (NARROW, (20, 38), 2),
        (NARROW, (20, 38, 41), 2),
        (WIDTH, (20, 38, 41), 2),
        (WIDTH, (20, 38), 2),
    ],
)
def test_marks_of_breaks_do_not_lie_over_each_other(
    engine: MiniRacer, width: int, broken: tuple[int, ...], marks: int
) -> None:
    """Breaks of neighbouring months share a mark in their middle; each keeps its line."""
    axis = [{"period": f"P{number}", "label": f"P{number}", "status": "published"} for number in range(87)]
    for number in broken:
        axis[number]["break_name"] = "A change"
    drawn = _draw_chart(engine, width, axis)
    lines = [float(x) for x in re.findall(r'<line class="break" x1="([^"]+)"', drawn)]
    places = [float(x) for x in re.findall(r'<text class="note" x="([^"]+)"[^>]*>\[b\]<', drawn)]
    assert len(lines) == len(broken)
    assert len(places) == marks
    assert all(after - before > WIDTH_OF_MARK for before, after in pairwise(places))
    assert all(min(abs(line - place) for place in places) < WIDTH_OF_MARK for line in lines)


def _make_years() -> list[dict[str, object]]:
    return [{"label": str(year), "period": str(year), "status": "published"} for year in range(2020, 2024)]


def _make_cell(value: int) -> dict[str, object]:
    return {"status": "published", "value": value, "text": str(value)}


def _read_attribute(drawn: str, element: str, name: str) -> str:
    found = re.search(rf'<[^>]*{element}[^>]*\b{name}="([^"]+)"', drawn)
    assert found is not None, drawn
    return found[1]
