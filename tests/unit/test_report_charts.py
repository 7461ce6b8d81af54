"""Charts as the report's own scripts draw them: what lies where."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from py_mini_racer import MiniRacer

from orchestration.report.rendering import ASSETS, DRAWING_SCRIPTS

NARROW = 340


@pytest.fixture(scope="module")
def engine() -> Iterator[MiniRacer]:
    with MiniRacer() as racer:
        for script in DRAWING_SCRIPTS:
            racer.eval((ASSETS / script).read_text("utf-8"))
        yield racer


@pytest.mark.parametrize(("figures", "side"), [([51, 52, 51, 52], "below"), ([49, 48, 49, 48], "above")])
def test_on_a_phone_the_label_of_a_standard_covers_no_mark(engine: MiniRacer, figures: list[int], side: str) -> None:
    spec = {
        "id": "recovery",
        "title": "Recovery rate",
        "description": "",
        "unit": "%",
        "axis": [{"label": str(year), "status": "published"} for year in range(2020, 2024)],
        "series": [
            {"label": "Everyone", "short": "Everyone", "cells": [_published(figure) for figure in figures]},
        ],
        "standard": [{"from": 0, "to": 3, "value": 50, "label": "50% recovery standard"}],
        "width": NARROW,
    }
    drawn = str(engine.call("iapt.charts.lines", spec))
    line = float(_attribute(drawn, 'class="standard"', "y1"))
    label = float(_attribute(drawn, 'class="standard-label"', "y"))
    assert ("below" if label > line else "above") == side


def _published(value: int) -> dict[str, object]:
    return {"status": "published", "value": value, "text": str(value), "derived": False}


def _attribute(drawn: str, element: str, name: str) -> str:
    found = re.search(rf'<[^>]*{element}[^>]*\b{name}="([^"]+)"', drawn)
    assert found is not None, drawn
    return found[1]
