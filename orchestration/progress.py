"""Progress of long work: a Dagster resource that tells whoever watches which step a run is at, and how far it is."""

from collections.abc import Callable

from iapt.ingest.drop_reading import Progress, no_progress
from iapt.workspace_lock import ignore_message


class ProgressReporter:
    """Hands progress on to callbacks; the command line gives some that draw and print, everyone else gets silence."""

    def __init__(self, report: Progress = no_progress, say: Callable[[str], None] = ignore_message) -> None:
        """A reporter that calls `report`, and `say` with what is waited for."""
        self.report = report
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
