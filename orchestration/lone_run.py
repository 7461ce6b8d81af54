"""A run of the refresh is alone in its home, and clears away what a killed one left behind."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from orchestration.exclusive import HomeIsBusy, alone_in
from orchestration.resources import PipelineHome

ABANDONED = "Its process ended without a word: the home was free when the next refresh began."


def end_abandoned_runs(instance: dg.DagsterInstance, job: str, but: str | None) -> list[str]:
    """Fail the runs of a job that nobody works on any more, and free what they held; their ids.

    For whoever is alone in the home: a run of the job that has started, and is not `but`, was killed. Dagster would
    wait for the places in its pools forever.
    """
    started = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    ended = []
    for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=started)):
        if run.run_id != but:
            instance.report_run_failed(run, ABANDONED)
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended


class AloneInTheHome(dg.ConfigurableResource[None]):
    """For a run of the refresh, from its first step to its last."""

    pipeline: PipelineHome
    job: str

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[None]:
        """Hold the home; raises dg.Failure where another refresh does."""
        try:
            with alone_in(self.pipeline.home):
                if context.instance is not None and context.run is not None:
                    for run_id in end_abandoned_runs(context.instance, self.job, but=context.run.run_id):
                        (context.log or dg.get_dagster_logger()).warning(f"run {run_id} was abandoned: {ABANDONED}")
                yield
        except HomeIsBusy as error:
            raise dg.Failure(f"Nothing was changed: {error}.") from error
