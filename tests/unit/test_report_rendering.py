"""V8 in our process: whatever thread draws, and whatever becomes of the drawing, the process goes on and ends."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from iapt.report.rendering import make_renderer
from iapt.workspace import PROJECT_ROOT

# As a refresh draws, in a thread of its own, and then as `iapt report` does.
DRAW_IN_A_THREAD_AND_IN_ANOTHER = """
import threading
from contextlib import ExitStack
from iapt.report.rendering import make_renderer

def draw():
    renderer = opened.enter_context(make_renderer({}))
    renderer.receive("site", {"areas": [{"name": str(number)} for number in range(10_000)]})

with ExitStack() as opened:
    first = threading.Thread(target=draw)
    first.start()
    first.join()
    for _ in range(20):
        draw()
"""


def test_reports_are_drawn_in_any_thread() -> None:
    """Where a processor has memory protection keys, a thread older than V8 would end the process with a signal."""
    drawn = subprocess.run(
        [sys.executable, "-c", DRAW_IN_A_THREAD_AND_IN_ANOTHER], cwd=PROJECT_ROOT, check=False, timeout=300
    )
    assert drawn.returncode == 0


def test_nothing_of_v8_is_left_where_a_page_cannot_be_drawn() -> None:
    """A failure that someone keeps would keep V8 open too, and a process may wait for it forever when it ends."""
    before = threading.active_count()
    with pytest.raises(LookupError), make_renderer({}) as renderer:
        raise LookupError
    assert renderer is not None
    assert threading.active_count() == before
