"""Progress of long work: a Dagster resource that tells whoever watches how far the reading is."""

from orchestration.drops.intake import Progress, no_progress


class ProgressReporter:
    """Hands progress on to a callback; the command line gives one that draws, everyone else gets silence."""

    def __init__(self, report: Progress = no_progress) -> None:
        """A reporter that calls `report`."""
        self.report = report
