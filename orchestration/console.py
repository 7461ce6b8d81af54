"""The terminal: where the commands print, how they say that they failed, and the options that they share."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from iapt.workspace import Workspace

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Where the state lives.",
        show_default="IAPT_HOME, or `data` in the project's folder",
        file_okay=False,
    ),
]


def open_workspace(home: Path | None) -> Workspace:
    """Return the workspace that --home names, else that of the environment."""
    return Workspace(home.expanduser().resolve()) if home else Workspace.from_environment()


def fail(message: str, exit_status: int = 1) -> typer.Exit:
    """Print why a command ends, and return the exception that ends it."""
    err.print(message, markup=False)
    return typer.Exit(exit_status)


@contextlib.contextmanager
def explain_archive_errors() -> Generator[None]:
    """End a command with one sentence where the archive or the state of a home cannot be read, or a store is silent."""
    from iapt.ingest.remote_archive import ArchiveLocationError  # imported late: it takes long
    from iapt.sources.remote_files import SourceError
    from iapt.workspace_state import DamagedStateError

    try:
        yield
    except (ArchiveLocationError, DamagedStateError, SourceError) as error:
        raise fail(str(error)) from error


def describe_os_error(error: OSError) -> str:
    """Return what the system says of which file, without its number; our own sentence where the error is ours."""
    return f"{error.filename}: {error.strerror}" if error.strerror and error.filename else str(error)


@contextlib.contextmanager
def open_terminal() -> Generator[Console]:
    """Yield a console on a duplicate of standard error, which is drawn on while standard error itself is redirected.

    Where standard error is no terminal, the console shows nothing.
    """
    try:
        is_terminal = sys.stderr.isatty()
        descriptor = os.dup(sys.stderr.fileno()) if is_terminal else None
    except (OSError, ValueError):  # standard error is no file, or closed
        descriptor = None
    if descriptor is None:
        yield Console(file=io.StringIO(), force_terminal=False)
        return
    with os.fdopen(descriptor, "w", encoding=sys.stderr.encoding or "utf-8", errors="replace") as stream:
        yield Console(file=stream, highlight=False)


def print_sentence(console: Console, message: str) -> None:
    """Print a message as a sentence: it begins with a capital."""
    console.print(message[:1].upper() + message[1:], markup=False)
