"""`iapt refresh`: the refresh as a person sees it, its progress, what came of it, and the exit status."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from iapt.machine_errors import MachineError
from iapt.run_warnings import make_printable
from iapt.workspace import Workspace
from iapt.workspace_lock import WAIT_SECONDS, WorkspaceLockedError
from iapt.workspace_state import RefreshRecord
from orchestration.console import describe_os_error, err, fail, open_terminal, out, print_sentence
from orchestration.progress import ProgressReporter
from orchestration.refresh import refresh as run_refresh
from orchestration.result_printing import describe_rejection, print_notices, print_release, print_warnings


def refresh_workspace(
    workspace: Workspace,
    drops: str | None = None,
    *,
    profile: str = "",
    rebuild: bool = False,
    wait_seconds: float = WAIT_SECONDS,
) -> int:
    """Refresh, print what came of it, and return the exit status."""
    try:
        with _show_progress() as progress:
            record = run_refresh(
                workspace,
                drops,
                profile=profile,
                rebuild=rebuild,
                wait_seconds=wait_seconds,
                progress=progress,
            )
    except WorkspaceLockedError as error:
        raise fail(str(error)) from error
    except MachineError as error:
        raise fail(f"The refresh did not come to its end. {error}") from error
    except OSError as error:
        raise fail(f"Nothing was released: {describe_os_error(error)}") from error
    _print_refresh(workspace, record)
    return record.exit_status


@contextlib.contextmanager
def _show_progress() -> Generator[ProgressReporter]:
    """Yield a reporter that draws a bar on the terminal, and prints what is waited for, on standard error."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with open_terminal() as terminal:
        bar = Progress(
            *columns,
            console=terminal,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not terminal.is_terminal,
        )
        # Standard error as it is now, before the output of the tools is redirected into the log.
        console = terminal if terminal.is_terminal else Console(file=sys.stderr, highlight=False, soft_wrap=True)
        with bar:
            task = bar.add_task("refreshing", total=None)

            def draw(step: str, done: int, total: int) -> None:
                # Drawn at once: a step may be over before the line is next drawn by itself.
                bar.update(task, description=make_printable(step), completed=done, total=total or None, refresh=True)

            yield ProgressReporter(draw, lambda message: print_sentence(console, message))


def _print_refresh(workspace: Workspace, record: RefreshRecord) -> None:
    """Print what was read, what was rejected and why, and what was released and workspace."""
    log = workspace.logs / (record.log or "")
    if record.drops_read:
        out.print(f"Read {record.drops_read} new drops; {record.drops_known} were known from before.")
    elif record.drops_known:
        out.print(f"Nothing read: all {record.drops_known} drops were read before.")
    if record.rejected:
        out.print(f"Rejected {len(record.rejected)} drops:")
        for rejection in record.rejected:
            out.print(f"  - {describe_rejection(rejection)}", markup=False)
    if record.failure is not None:
        err.print("Nothing was released; the last release, if there is one, stands.", markup=False)
        err.print(record.failure, markup=False)
        print_warnings(record.warnings)
        print_notices(record.notices)
        err.print(f"In full: {log}", markup=False)
        return
    if record.nothing_to_do is not None:
        out.print(record.nothing_to_do, markup=False)
        return
    print_release(workspace, "Released" if record.is_new else "Nothing new; the latest release is")
    print_warnings(record.warnings)
    print_notices(record.notices)
    if record.warnings or record.notices:
        out.print(f"In full: {log}", markup=False)
