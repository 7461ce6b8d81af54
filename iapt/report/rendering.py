"""The views of the report, drawn while it is built by the very scripts that draw them in a browser.

One implementation draws a chart, whether a reader has JavaScript or not; it runs in V8 here (mini-racer), without any
access to files or network.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import markupsafe
from py_mini_racer import MiniRacer, init_mini_racer

# V8 first, then the threads that use it: of processors with memory protection keys, a thread gets those that are there
# when it is made. One that is older than V8 ends the whole process. Reports are built in threads of their own.
init_mini_racer(ignore_duplicate_init=True)

STATIC = Path(__file__).parent / "static"
#: In the order in which they are loaded: what all pages draw with, what a kind of page draws, what browsers add.
DRAWING_SCRIPTS = ("lookup.js", "cells.js", "line_chart.js", "map_chart.js", "tables.js", "panels.js")
PAGE_SCRIPTS = ("topic_page.js", "recovery_page.js", "map_page.js", "organisation_page.js")
BROWSER_SCRIPTS = ("chart_reader.js", "table_sorting.js", "controls.js")
#: The width of a drawing on a desk, in CSS pixels. Narrow screens draw again.
WIDTH = 760


@dataclass(frozen=True)
class View:
    """The main part of a page, what it is called, and the state that it shows."""

    title: str
    html: markupsafe.Markup
    state: Mapping[str, Any]


@contextmanager
def make_renderer(site: Mapping[str, Any]) -> Generator[Renderer]:
    """A renderer of what all pages share, for as long as this lasts.

    V8 is closed with it, whatever happens: a process that ends with V8 still open may wait for it forever.
    """
    with MiniRacer() as engine:
        yield Renderer(engine, site)


class Renderer:
    """The views, for one release."""

    def __init__(self, engine: MiniRacer, site: Mapping[str, Any]) -> None:
        """Load the scripts and what all pages share."""
        self._engine = engine
        for script in (*DRAWING_SCRIPTS, *PAGE_SCRIPTS):
            self._engine.eval((STATIC / script).read_text("utf-8"))
        self._engine.eval(_ENTRY_POINTS)
        self.receive("site", site)

    def receive(self, name: str, data: Mapping[str, Any]) -> None:
        """Hand over what one data file holds."""
        self._engine.call("iapt.put", name, data)

    def draw_topic(self, report: str, topic: str, area: str, figures: Mapping[str, Any]) -> View:
        """A topic of a report as it is shown first."""
        chosen = {"by": "", "measure": "", "period": ""}
        state = {"report": report, "topic": topic, "area": area, "width": WIDTH, **chosen}
        return self.draw("topic", state, figures)

    def draw_recovery(self, report: str, area: str, figures: Mapping[str, Any]) -> View:
        """The recovery rate of an area beside its default populations."""
        state = {"report": report, "area": area, "areas": (), "width": WIDTH}
        return self.draw("recovery", state, figures)

    def draw_map(self, report: str, data: Mapping[str, Any]) -> View:
        """The map of a report as it is shown first."""
        return self.draw("map", {"report": report, "measure": "", "period": "", "width": WIDTH}, data)

    def draw_organisation(self, area: str, figures: Mapping[str, Mapping[str, Any]]) -> View:
        """The page of one organisation: `figures` are those of each report that has any."""
        return self.draw("area", {"area": area}, figures)

    def draw_boards(self, report: str, figures: Mapping[str, Mapping[str, Any]]) -> View:
        """The newest recovery rates of every board, in one table."""
        return self.draw("boards", {"report": report}, figures)

    def draw(self, kind: str, state: Mapping[str, Any], data: Mapping[str, Any]) -> View:
        """The first view of a page of a kind, of the state that is asked for."""
        view = json.loads(self._engine.call("iapt.build", kind, state, data))
        return View(view["title"], markupsafe.Markup(view["html"]), view["state"])


# What the build asks of the scripts: the same corrections of the state as in a browser, then the view.
_ENTRY_POINTS = """
iapt.put = (name, data) => { iapt.receive(name, data); return true; };
iapt.build = (kind, asked, data) => JSON.stringify(iapt.pages[kind].build(asked, data));
"""


def list_scripts(kind: str) -> Sequence[str]:
    """The scripts of an interactive page of a kind: topic, recovery or map."""
    return (*DRAWING_SCRIPTS, f"{kind}_page.js", *BROWSER_SCRIPTS)
