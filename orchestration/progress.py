"""Progress of long work: a Dagster resource that tells whoever watches which step a run is at, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from iapt.workspace_lock import ignore_message

if TYPE_CHECKING:
    from iapt.ingest.drop_reading import Progress  # with it comes all that reads drops


class ProgressReporter:
    """Hands progress on to callbacks; the command line gives some that draw and print, everyone else gets silence."""

    def __init__(self, report: Progress | None = None, say: Callable[[str], None] = ignore_message) -> None:
        """A reporter that calls `report`, and `say` with what is waited for."""
        self.report: Progress = report or _ignore_progress
        self.say = say

    def begin(self, step: str) -> None:
        """Say which step begins; how long it takes is not known."""
        self.report(step, 0, 0)

    def say_with(self, log: Callable[[str], None]) -> Callable[[str], None]:
        """Return what tells a person that something is waited for: in a log, and to whoever watches."""

        def say(message: str) -> None:
            log(message)
            self.begin(message)
            self.say(message)

        return say


def _ignore_progress(step: str, done: int, total: int) -> None:
    """Report progress to nobody."""
