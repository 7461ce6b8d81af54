"""The `iapt` command: its commands and their options. What they do is imported when they run, as it takes long."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import gc
import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from iapt.sources.remote_files import UnsafeAddressError
from iapt.sources.store_addresses import parse_store_address
from iapt.workspace import RESTRICTED, Workspace
from iapt.workspace_lock import WAIT_SECONDS
from orchestration.console import (
    HomeOption,
    describe_os_error,
    err,
    explain_archive_errors,
    fail,
    open_workspace,
    out,
    print_sentence,
)
from orchestration.publisher_commands import register_publisher_commands

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="England's IAPT / NHS Talking Therapies statistics: from published drops to a disclosure-checked release.",
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        out.print(f"iapt-pipeline {version('iapt-pipeline')}")
        raise typer.Exit


@app.callback()
def _read_options_of_every_command(
    is_version_asked: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    pass


def _known_profile(name: str) -> str:
    """Refuse a profile the disclosure policy does not have, before anything is read."""
    from iapt.catalogue.disclosure_policy import UnknownProfileError, load_policy

    try:
        load_policy(profile=name or None)
    except UnknownProfileError as error:
        raise typer.BadParameter(str(error)) from error
    return name


def _locate_drops(text: str | None) -> str | None:
    """Return the full path or the address of drops. Refuse a path with nothing there, before anything is read."""
    if not text:
        return None
    try:
        place = parse_store_address(text)
    except UnsafeAddressError as error:
        raise typer.BadParameter(str(error)) from error
    if place.protocol != "file":
        return str(place)
    path = Path(place.path)
    if not path.exists():
        raise typer.BadParameter(f"Path {str(path)!r} does not exist.")
    return str(path.resolve())


ProfileOption = Annotated[
    str,
    typer.Option(
        "--profile",
        help="How much to hide: a profile of catalogue/disclosure.yml.",
        show_default="its default profile",
        callback=_known_profile,
    ),
]


@app.command()
def refresh(
    drops: Annotated[
        str | None,
        typer.Option(
            "--drops",
            help="A folder of drops as published, or one drop: a path, or an address s3://, abfs:// or sftp://.",
            show_default="what is archived, and `inbox` in the home",
            callback=_locate_drops,
        ),
    ] = None,
    home: HomeOption = None,
    profile: ProfileOption = "",
    restricted: Annotated[
        bool,
        typer.Option(
            "--restricted",
            help="The drops are an organisation's own unrounded counts: work in `restricted/` of the home, for its "
            "owner only, and release nothing that reveals a person.",
        ),
    ] = False,
    rebuild: Annotated[bool, typer.Option(help="Build again even where nothing has changed.")] = False,
    wait: Annotated[
        int,
        typer.Option(min=0, help="How many seconds to wait for another refresh, or for a reader of the warehouse."),
    ] = int(WAIT_SECONDS),
) -> None:
    """Read what is new, build the marts, validate the extracts, and release them.

    Exit status: 0 released, nothing new, or no drop to read yet; 1 nothing released; 2 usage; 3 released, but some
    drops were rejected.
    """
    from orchestration.refresh_command import refresh_workspace

    workspace = open_workspace(home)
    try:
        if restricted:
            workspace = workspace if workspace.is_restricted else Workspace(workspace.root / RESTRICTED)
            workspace.make_restricted()
    except OSError as error:
        raise fail(f"Nothing was released: {describe_os_error(error)}") from error
    exit_status = refresh_workspace(workspace, drops, profile=profile, rebuild=rebuild, wait_seconds=wait)
    gc.freeze()  # Python would look through all that was imported once more before it ends: two seconds
    raise typer.Exit(exit_status)


@app.command()
@explain_archive_errors()
def status(
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """What is archived, what is missing, late or held of what is published, and what the latest release is."""
    from orchestration.status_command import print_status

    print_status(open_workspace(home), dt.datetime.now(dt.UTC).date(), as_json=as_json)


@app.command()
def audit(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="A folder that looks like a release.", show_default="the latest", exists=True, file_okay=False
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Validate any folder that looks like a release: every rule, and no disclosure beyond that of its source.

    Its source is the warehouse of the home. Exit status: 0 every rule passed; 1 a rule failed, each is named; 2 the
    folder cannot be validated. Whether its bytes are those of its manifest is printed, and does not count.
    """
    from expectations.release_validation import validate_release
    from iapt.ingest.landing import pseudonymise_drop_id
    from iapt.release.verify import verify_folder
    from iapt.release.workspace_audit import NotVerifiableError, open_auditor
    from iapt.report.comparison import compare_report
    from iapt.workspace_state import BuildInputs

    workspace = open_workspace(home)
    audited = (folder or workspace.latest).expanduser().resolve()
    if not audited.is_dir() or not workspace.warehouse.is_file() or not workspace.built.is_file():
        missing = audited if not audited.is_dir() else workspace.warehouse
        err.print(
            f"{missing}: not found. An audit needs a folder and a home that was refreshed from its drops.", markup=False
        )
        raise typer.Exit(2)
    _reject_locked_warehouse(workspace)
    salt = workspace.salt if workspace.is_restricted else None
    warehouse_drops = frozenset(pseudonymise_drop_id(drop, salt) for drop in BuildInputs.load(workspace.built).drops)
    try:
        verification = verify_folder(
            audited,
            open_auditor(workspace),
            warehouse_drops,
            lambda tables, auditor: validate_release(tables, auditor=auditor),
            compare_report,
        )
    except NotVerifiableError as error:
        raise fail(str(error), 2) from error
    out.print(verification.report.describe_failures(), markup=False)
    if not verification.has_manifest:
        out.print("The folder has no manifest, so where its bytes come from is not known.")
    elif verification.manifest_differences:
        out.print(f"Not as the manifest lists: {', '.join(verification.manifest_differences)}", markup=False)
    else:
        out.print("Every file is as the manifest lists it.")
    raise typer.Exit(0 if verification.report.passed else 1)


def _reject_locked_warehouse(workspace: Workspace) -> None:
    """End with a sentence where another program, such as a refresh, writes in the warehouse, or it is damaged."""
    import duckdb

    from iapt.warehouse_lock import WarehouseLockedError, wait_for_warehouse

    say = functools.partial(print_sentence, err)
    try:
        wait_for_warehouse(workspace.warehouse, for_writing=False, wait_seconds=0, say=say)
    except WarehouseLockedError as error:
        raise fail(f"{error}.", 2) from error
    except duckdb.IOException as error:
        raise fail(
            f"{workspace.warehouse} cannot be opened: {str(error).splitlines()[0]}. Remove it, and run `iapt refresh "
            "--rebuild`: it holds nothing that is not made from the archived drops.",
            2,
        ) from error


@app.command()
def findings(
    period: Annotated[str, typer.Argument(help="A month, quarter or financial year: 2021-01, 2020-21 Q3, 2020-21.")],
    home: HomeOption = None,
) -> None:
    """Write which suppressed counts of a period the published figures reveal, and by which facts. For the owner only.

    The file stays in the home's `audits/findings/`, readable by nobody else; nothing of it is printed. Exit status: 0
    written; 2 the period is not loaded.
    """
    from iapt.release.workspace_audit import NotVerifiableError, write_period_findings

    workspace = open_workspace(home)
    _reject_locked_warehouse(workspace)
    try:
        path, count = write_period_findings(workspace, period)
    except NotVerifiableError as error:
        raise fail(str(error), 2) from error
    out.print(f"{count} findings written to {path}. They are sensitive: keep them there.", markup=False)


@app.command()
def report(
    release: Annotated[
        Path | None,
        typer.Argument(help="A release folder.", show_default="the latest", exists=True, file_okay=False),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Where to build it.", show_default="`report` in the home", file_okay=False),
    ] = None,
    boundaries: Annotated[
        Path | None,
        typer.Option(
            "--boundaries",
            help="A GeoJSON file of the boundaries of integrated care boards, by ONS code, for the map.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Build the static report of a release: pages that need no server, no network and no JavaScript.

    A release carries its report already, in `report/`; this builds it again elsewhere. Exit status: 0 built; 2 it
    cannot be built of this folder.
    """
    from iapt.report.site import NOT_BUILDABLE, build_report

    workspace = open_workspace(home)
    source = (release or workspace.latest).expanduser().resolve()
    target = (to or workspace.root / "report").expanduser().resolve()
    given = boundaries or (workspace.boundaries if workspace.boundaries.is_file() else None)
    if target.exists() and any(target.iterdir()) and not (target / "assets" / "report.css").is_file():
        err.print(f"{target}: expected a new folder, an empty one or a report; it holds other files.", markup=False)
        raise typer.Exit(2)
    try:
        with err.status("building the report"):
            built = build_report(source, target, boundaries=given, spill=workspace.spill)
    except NOT_BUILDABLE as error:
        raise fail(str(error), 2) from error
    except OSError as error:
        err.print(f"The report was not built: {describe_os_error(error)}", markup=False)
        raise typer.Exit(2) from error
    out.print(
        f"Built {built.pages} pages in {built.folder} ({built.total_bytes / 1e6:,.0f} MB; the heaviest page, "
        f"{built.heaviest_page}, is {built.heaviest_page_compressed_bytes / 1e3:,.0f} kB compressed with all it "
        "loads). "
        f"Open index.html, or: iapt serve {built.folder}",
        markup=False,
    )


@app.command()
def serve(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="A release folder, or a report.", show_default="the latest release", exists=True, file_okay=False
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0 takes a free one.")] = 8000,
    home: HomeOption = None,
) -> None:
    """Show a report in a browser of this machine, on 127.0.0.1 alone, until interrupted."""
    from iapt.release.publish import REPORT_FOLDER
    from iapt.report.serving import make_server

    workspace = open_workspace(home)
    shown = (folder or workspace.latest).expanduser().resolve()
    if (shown / REPORT_FOLDER).is_dir():
        shown /= REPORT_FOLDER
    try:
        server = make_server(shown, port)
    except FileNotFoundError as error:
        err.print(f"{error}. Make one with `iapt refresh` or `iapt report`.", markup=False)
        raise typer.Exit(2) from error
    except OSError as error:
        err.print(f"127.0.0.1:{port}: {error.strerror}. Name another --port; 0 takes a free one.", markup=False)
        raise typer.Exit(2) from error
    with server:
        out.print(
            f"The report is at http://127.0.0.1:{server.server_port}/index.html  (Ctrl-C ends this)", markup=False
        )
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


@app.command("demo-drops")
def demo_drops(
    folder: Annotated[
        Path, typer.Argument(help="Where to write them; a new or empty folder, or an earlier demonstration.")
    ],
    national: Annotated[
        bool, typer.Option("--national", help="Monthly files of the real size, for benchmarks.")
    ] = False,
    months: Annotated[int, typer.Option(min=1, max=67, help="How many months, with --national.")] = 12,
    home: Annotated[
        Path | None,
        typer.Option("--home", help="The home they are for: none are written where it holds other figures."),
    ] = None,
) -> None:
    """Write synthetic drops in the publisher's layouts, the same bytes each time."""
    from iapt.synthetic import write_demonstration_drops

    manifest = home.expanduser() / "latest" / "manifest.json" if home else None
    if manifest is not None and manifest.is_file():
        origin = json.loads(manifest.read_text("utf-8"))["data_origin"]
        if origin != "synthetic":
            err.print(
                f"{home} holds {origin} figures, and demonstration figures never share a home with them: nothing was "
                "written or released. Name another home: make refresh IAPT_HOME=data-demonstration, or --home",
                markup=False,
            )
            raise typer.Exit(2)
    try:
        with err.status("writing demonstration drops"):
            written = write_demonstration_drops(folder, national=national, months=months)
    except OSError as error:
        err.print(describe_os_error(error), markup=False)
        raise typer.Exit(2) from error
    size = sum(path.stat().st_size for path in written)
    out.print(f"Wrote {len(written)} synthetic drops ({size / 1e6:,.0f} MB) to {folder}.", markup=False)


register_publisher_commands(app)

if __name__ == "__main__":
    app()
