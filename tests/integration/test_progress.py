"""A refresh on a terminal: a line that moves from the first step to the last, though the tools write into a log."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from iapt.workspace import PROJECT_ROOT
from tests.factories.drops import FINISHED, make_monthly_csv, make_row

STEPS = (
    "reading drops: iapt_month_apr_2026_activity.csv",
    "loading the drops into the warehouse",
    "building the marts: marts.",
    "checking the figures",
    "writing the candidate release",
    "checking and auditing",
    "writing the release",
    "building the report",
)
#: The line tells the time that has passed, in whole seconds; a refresh of one drop takes several.
CLOCK = re.compile(r"\d:\d\d:\d\d")


def test_the_line_moves_by_step_and_drop_to_the_end(tmp_path: Path) -> None:
    (tmp_path / "drops").mkdir()
    rows = [make_row("25"), make_row("*", measure=FINISHED)]
    (tmp_path / "drops" / "iapt_month_apr_2026_activity.csv").write_bytes(make_monthly_csv(*rows))
    ours, theirs = pty.openpty()
    command = [Path(sys.executable).with_name("iapt"), "refresh", "--drops", tmp_path / "drops"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "160", "IAPT_HOME": str(tmp_path / "home")}
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=theirs, env=environment) as refresh:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other side has been closed
                break
            drawn += piece
        refresh.communicate(timeout=60)
    os.close(ours)
    assert refresh.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.decode("utf-8"))
    places = [text.find(step) for step in STEPS]
    assert -1 not in places, [step for step, place in zip(STEPS, places, strict=True) if place == -1]
    assert places == sorted(places)
    while_marts_are_built = text[places[2] : places[3]]
    assert len(set(CLOCK.findall(while_marts_are_built))) > 1, "the line stands still while a step goes on"
    assert "dagster" not in text
