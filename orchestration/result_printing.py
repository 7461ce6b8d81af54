"""How the commands print what came of a refresh and what a release holds."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from iapt.rejection import DropRejectedError
from iapt.workspace import Workspace
from iapt.workspace_state import Rejection, read_manifest
from orchestration.console import out

#: How many kinds of notices on drops are printed.
NOTICES_SHOWN = 20


def describe_rejection(rejection: Rejection) -> str:
    """Return the record of a rejected drop as a paragraph."""
    return str(DropRejectedError(**rejection))


def print_warnings(warnings: Sequence[str]) -> None:
    """Print the warnings of a refresh, if there are any."""
    if warnings:
        out.print("Warnings, which stopped nothing:")
    for warning in warnings:
        out.print(f"  - {warning}", markup=False)


def print_notices(notices: Sequence[str]) -> None:
    """Print what a refresh left unread, quarantined or mended, if there is any: the first kinds of it."""
    if notices:
        out.print("Left unread, quarantined or mended in the drops:")
    for line in notices[:NOTICES_SHOWN]:
        out.print(f"  - {line}", markup=False)
    if len(notices) > NOTICES_SHOWN:
        out.print(f"  - and {len(notices) - NOTICES_SHOWN} more kinds; the log has all of them.", markup=False)


def print_release(workspace: Workspace, opening: str) -> None:
    """Print which release `latest` is, its tables, and where its report lies."""
    folder, manifest = workspace.latest, read_manifest(workspace.latest)
    assert manifest is not None
    out.print(f"{opening} {manifest['release_id']} ({manifest['data_origin']} data) in {folder}", markup=False)
    table = Table("table", "rows", "Parquet bytes", box=None, pad_edge=False)
    table.columns[1].justify = table.columns[2].justify = "right"
    for name, record in manifest["files"].items():
        if "rows" in record:
            table.add_row(name.removesuffix(".parquet"), f"{record['rows']:,}", f"{record['bytes']:,}")
    out.print(table)
    if manifest.get("report"):
        out.print(f"The report: {folder / 'report' / 'index.html'}, or: iapt serve {folder}", markup=False)
    if manifest["statement"]:
        out.print(manifest["statement"], markup=False)
