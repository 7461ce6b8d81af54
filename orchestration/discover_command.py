"""`iapt discover`: reads the publisher's pages and shows the rows that the catalogue of publications lacks."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

import typer

from iapt.catalogue.catalogue import Catalogue
from iapt.discovery.catalogue_edit import (
    CatalogueEditError,
    diff_rows,
    format_row,
    format_rows,
    insert_rows,
    write_rows,
)
from iapt.discovery.discovery import ReadPage, discover
from iapt.discovery.results import DiscoveryResult
from iapt.discovery.saved_pages import SavedPages
from iapt.ingest.listed_publications import add_found_publications, load_publications
from iapt.periods import Period, parse_period_label
from iapt.run_warnings import make_printable
from iapt.sources.remote_files import SourceError
from iapt.workspace import Workspace
from iapt.workspace_lock import WAIT_SECONDS, WorkspaceLockedError, lock_workspace
from orchestration.console import describe_os_error, err, fail, out
from orchestration.publisher_site import open_site

#: How many questions are printed in full.
QUESTIONS_SHOWN = 50


def _parse_since(label: str) -> Period | None:
    try:
        return parse_period_label(label) if label else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def discover_and_show(
    workspace: Workspace,
    catalogue_folder: Path,
    *,
    saved: Path | None,
    mirror: str,
    since: str,
    rechecked: int,
    ended: bool,
    is_written: bool,
    home_only: bool,
) -> int:
    """Read the publisher's pages, print what the catalogue lacks, write it where asked to; return the exit status."""
    first = _parse_since(since)
    catalogue = Catalogue(catalogue_folder)
    try:
        known = load_publications(workspace, catalogue)[0] if home_only else catalogue.publications
        with _open_pages(catalogue, saved, mirror) as read_page:
            result = discover(
                catalogue, read_page, publications=known, since=first, rechecked=rechecked, ended_too=ended
            )
        _show_findings(result)
        if home_only:
            _add_to_home(result, workspace, catalogue)
        else:
            _show_diff(result, catalogue, is_written=is_written)
    except (SourceError, CatalogueEditError, ValueError, WorkspaceLockedError) as error:
        raise fail(str(error)) from error
    except OSError as error:
        raise fail(f"Nothing was written: {describe_os_error(error)}") from error
    return result.exit_status


@contextlib.contextmanager
def _open_pages(catalogue: Catalogue, saved: Path | None, mirror: str) -> Generator[ReadPage]:
    """Yield what reads a page: a folder of saved ones, or the publisher's site."""
    if saved is not None:
        yield SavedPages(saved).read_page
        return
    with open_site(catalogue, mirror) as site:
        yield site.read_page


def _show_findings(result: DiscoveryResult) -> None:
    """Print on standard error what was found, what is asked, and what could not be read."""
    for proposal in result.proposals:
        err.print(f"{proposal.kind} {proposal.publication.id}: {make_printable(proposal.reason)}", markup=False)
        if proposal.awaits:
            err.print(f"  not listed yet; first {proposal.awaits}", markup=False)
            err.print(format_row(proposal.publication).rstrip(), markup=False)
    for question in result.questions[:QUESTIONS_SHOWN]:
        first, *others = str(question).splitlines()
        err.print(f"? {make_printable(first)}", markup=False)
        for line in others:
            err.print(f"  {make_printable(line.strip())}", markup=False)
    if (hidden := len(result.questions) - QUESTIONS_SHOWN) > 0:
        err.print(f"and {hidden:,} more questions", markup=False)
    for failure in result.failures:
        err.print(failure, markup=False)
    for upcoming in result.not_yet_published:
        expected = upcoming.expected or "an unknown day"
        err.print(f"not published yet, announced for {expected}: {make_printable(upcoming.title)}", markup=False)


def _show_diff(result: DiscoveryResult, catalogue: Catalogue, *, is_written: bool) -> None:
    """Print the diff of the list on standard output, and write the rows where that is asked for."""
    path = catalogue.folder / "publications.yml"
    before = path.read_bytes().decode("utf-8")
    rows = result.writable
    after = insert_rows(before, rows, catalogue.publisher)
    out.print(diff_rows(before, after, "catalogue/publications.yml"), end="", markup=False)
    if is_written and rows:
        write_rows(path, rows, catalogue.publisher)
    err.print(_describe_counts(result, "written" if is_written else "proposed"), markup=False)


def _add_to_home(result: DiscoveryResult, workspace: Workspace, catalogue: Catalogue) -> None:
    """Print the rows on standard output, and add them to what the home has found."""
    if result.writable:
        with lock_workspace(workspace, WAIT_SECONDS, lambda message: err.print(message, markup=False)):
            add_found_publications(workspace, catalogue, result.writable)
        out.print(format_rows(result.writable), end="", markup=False)
    err.print(_describe_counts(result, f"added to {workspace.found_publications}"), markup=False)


def _describe_counts(result: DiscoveryResult, fate: str) -> str:
    """Return in one sentence what was read and what came of it."""
    written = f"{len(result.writable):,} {fate}"
    waiting = len(result.proposals) - len(result.writable)
    parts = [
        f"{len(result.pages_read):,} pages read, {result.listed:,} publications listed there",
        written + (f", {waiting:,} that wait for an answer" if waiting else ""),
        f"{len(result.questions):,} questions",
    ]
    if result.not_looked_at:
        parts.append(f"{result.not_looked_at:,} not looked at (--since)")
    return "; ".join(parts) + "."
