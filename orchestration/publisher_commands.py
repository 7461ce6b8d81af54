"""The commands about the publisher, with their options; what they do is imported when they run, as it takes long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from iapt.discovery import RECHECKED
from iapt.workspace import CATALOGUE
from iapt.workspace_lock import WAIT_SECONDS
from orchestration.console import HomeOption, open_workspace
from orchestration.publisher_site import MIRROR_VARIABLE

SeriesOption = Annotated[
    list[str] | None,
    typer.Option("--series", help="Only this series, such as monthly; may be given more than once."),
]
MirrorOption = Annotated[
    str,
    typer.Option(
        "--mirror",
        envvar=MIRROR_VARIABLE,
        help="Ask this server instead of the publisher's: an address that has its pages and files at the same paths.",
    ),
]


def register_publisher_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""

    @app.command()
    def pull(
        series: SeriesOption = None,
        since: Annotated[
            str,
            typer.Option("--since", help="Only what ends in or after this period: 2024-04, 2024-25 Q1, 2024-25."),
        ] = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched; ask for nothing.")] = False,
        recheck: Annotated[
            bool, typer.Option("--recheck", help="Ask again also for files that were asked for a short while ago.")
        ] = False,
        refresh: Annotated[bool, typer.Option("--refresh", help="Then build and release what is archived.")] = False,
        mirror: MirrorOption = "",
        copy: Annotated[
            str,
            typer.Option(
                "--from",
                envvar="IAPT_COPY",
                help="Take the files from a copy of them, by their names: a folder, s3://, abfs:// or sftp://.",
            ),
        ] = "",
        home: HomeOption = None,
        wait: Annotated[int, typer.Option(min=0, help="How many seconds to wait for a refresh.")] = int(WAIT_SECONDS),
    ) -> None:
        """Get every file that the catalogue lists and the archive lacks, the newest first.

        A file that is archived is asked for again after some hours, without its body where it has not changed. Exit
        status: 0 all of them are archived; 1 nothing could be had; 2 usage; 3 some could not be had. With --refresh it
        is that of the refresh, where that is not 0.
        """
        from orchestration.pull_command import pull_into_workspace

        workspace = open_workspace(home)
        exit_status = pull_into_workspace(
            workspace,
            series=series or (),
            since=since,
            dry_run=dry_run,
            recheck=recheck,
            mirror=mirror,
            copy=copy,
            wait_seconds=wait,
        )
        if refresh and not dry_run:
            from orchestration.refresh_command import refresh_workspace

            exit_status = refresh_workspace(workspace) or exit_status
        raise typer.Exit(exit_status)

    @app.command()
    def accept(
        sha256: Annotated[str, typer.Argument(help="The sha256 of a held drop, or its first 8 digits and more.")],
        note: Annotated[str, typer.Option("--note", help="Why; it is kept.")] = "",
        home: HomeOption = None,
    ) -> None:
        """Let releases be built from a held drop. `iapt status` lists those that are held."""
        from orchestration.pull_command import decide

        decide(open_workspace(home), sha256, "accepted", note)

    @app.command()
    def reject(
        sha256: Annotated[str, typer.Argument(help="The sha256 of a held drop, or its first 8 digits and more.")],
        note: Annotated[str, typer.Option("--note", help="Why; it is kept.")] = "",
        home: HomeOption = None,
    ) -> None:
        """Never build a release from a held drop. Its bytes stay in the archive."""
        from orchestration.pull_command import decide

        decide(open_workspace(home), sha256, "rejected", note)

    @app.command("discover")
    def discover_publications(
        write: Annotated[
            bool, typer.Option("--write", help="Put the rows into catalogue/publications.yml, and not only show them.")
        ] = False,
        since: Annotated[
            str,
            typer.Option("--since", help="Read no page of what ends before this period: 2024-04, 2024-25 Q1, 2024-25."),
        ] = "",
        recheck: Annotated[
            int,
            typer.Option("--recheck", min=0, help="So many of the newest publications of a series are read again."),
        ] = RECHECKED,
        ended: Annotated[
            bool, typer.Option("--ended", help="Also read the pages of series that another took the place of.")
        ] = False,
        saved: Annotated[
            Path | None,
            typer.Option(
                "--from",
                help="A folder of pages that were saved by hand, in place of the publisher's site.",
                exists=True,
                file_okay=False,
            ),
        ] = None,
        home_only: Annotated[
            bool, typer.Option("--home-only", help="Put the rows into the home's own list: pulled, and not reviewed.")
        ] = False,
        home: HomeOption = None,
        mirror: MirrorOption = "",
        catalogue_folder: Annotated[
            Path, typer.Option("--catalogue", help="The folder of the catalogue.", exists=True, file_okay=False)
        ] = CATALOGUE,
    ) -> None:
        """Read the publisher's pages, and show what the catalogue of publications lacks, as a diff to review.

        The diff is all that is printed on standard output. Exit status: 0 nothing is lacking, or what is lacking is
        shown; 1 the publisher could not be read, or nothing could be written; 2 usage; 3 there are questions.
        """
        from orchestration.discover_command import discover_and_show

        if write and home_only:
            raise typer.BadParameter("expected --write or --home-only; found both")
        raise typer.Exit(
            discover_and_show(
                open_workspace(home),
                catalogue_folder,
                saved=saved,
                mirror=mirror,
                since=since,
                rechecked=recheck,
                ended=ended,
                is_written=write,
                home_only=home_only,
            )
        )
