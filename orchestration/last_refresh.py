"""What came of the last refresh, for whoever asks: without Dagster, whose import takes longer than the answer."""

from __future__ import annotations

from typing import Final

from iapt.workspace import Workspace
from iapt.workspace_state import RefreshRecord

#: A tag of a run: the log file that the command writes.
LOG_TAG: Final = "iapt/log"


def read_record(workspace: Workspace) -> RefreshRecord | None:
    """Return the record of the last refresh; None where there was none."""
    return RefreshRecord.load_if_present(workspace.last_refresh)


def describe_state(record: RefreshRecord, *, is_running: bool) -> str:
    """Return what came of the refresh of a record, for a person. `is_running` is whether a refresh is at work now."""
    by = f" (by {record.started_by})" if record.started_by else ""
    killed = "ended without a word: its process was killed. Refresh again"
    result = {
        "running": "is at work" if is_running else killed,
        "failed": f"failed; nothing was released: {record.failure}",
        "nothing_to_do": f"had nothing to do: {record.nothing_to_do}",
        "unchanged": f"found nothing new; the release is {record.released}",
        "released": f"made release {record.released}",
    }[record.state]
    return f"The last refresh, {record.started}{by}, {result}"
