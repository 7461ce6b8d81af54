"""The asset of the publications: what the catalogue and the publisher's pages say, what is due, what is late."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import dagster as dg

from iapt.discovery.results import DiscoveryResult, UpcomingPublication
from iapt.ingest.completeness import PublicationState, State
from iapt.ingest.due_publications import PublicationOutlook
from iapt.run_warnings import RunWarning
from orchestration.assets.checks import to_markdown_list
from orchestration.check_events import PAGES_ARE_UNDERSTOOD, PARAGRAPH, PUBLICATIONS_ARE_ON_TIME
from orchestration.publisher_resource import PublisherResource
from orchestration.resources import RefreshConfig, WorkspaceResource

PUBLICATIONS = dg.AssetKey("publications")


@dg.asset(
    key=PUBLICATIONS,
    group_name="drops",
    kinds={"yaml"},
    description=(
        "Every file of the publisher's that is known: the reviewed list of catalogue/publications.yml, and what was "
        "found on the publisher's pages since. What is due by the calendar and not there is awaited; past a tolerance "
        "it is late."
    ),
    check_specs=[
        dg.AssetCheckSpec(
            PUBLICATIONS_ARE_ON_TIME,
            asset=PUBLICATIONS,
            description="Nothing that the publisher's calendar expects is past its day and the tolerance.",
        ),
        dg.AssetCheckSpec(
            PAGES_ARE_UNDERSTOOD,
            asset=PUBLICATIONS,
            description="The publisher's pages could be read, and leave no question about what they publish.",
        ),
    ],
)
def publications(
    context: dg.AssetExecutionContext,
    config: RefreshConfig,
    workspace: WorkspaceResource,
    publisher: PublisherResource,
    workspace_lock: dg.ResourceParam[None],  # it writes down what it finds
) -> Iterator[dg.MaterializeResult[Any]]:
    """Say what is listed and due; with `discover`, read the publisher's pages first and add what they have."""
    if config.find_source(workspace.paths) == "folder":
        rows = workspace.load_catalogue().publications.rows
        yield dg.MaterializeResult(
            metadata={"source": "folder", "listed": len(rows)},
            check_results=[_make_result(check, "") for check in (PUBLICATIONS_ARE_ON_TIME, PAGES_ARE_UNDERSTOOD)],
        )
        return
    discovery = publisher.discover() if config.discover else None
    if discovery is not None:
        _log(context, discovery)
        if discovery.failures and not discovery.writable and not publisher.list_unarchived():
            raise dg.Failure(
                "The publisher's pages could not be read, and nothing that is listed is left to get. The last release "
                f"stands. {' '.join(discovery.failures)}"
            )
    outlook = publisher.find_outlook()
    yield dg.MaterializeResult(
        metadata={
            "source": "publisher",
            "listed": len(publisher.load_publications().rows),
            "listed and not archived": len(publisher.list_unarchived()),
            "by state": _make_table_of_states(publisher.assess()),
            "awaited": outlook.describe_awaited() or "nothing",
            "next expected": outlook.next.describe(outlook.today) if outlook.next is not None else "nothing",
            **(_describe_discovery(discovery) if discovery is not None else {}),
        },
        check_results=[check_on_time(outlook), check_pages(discovery)],
    )


def describe_late(outlook: PublicationOutlook) -> str:
    """Return the warning that names what is late and since when; empty where nothing is."""
    if not outlook.late:
        return ""
    warning = RunWarning.of(
        PUBLICATIONS_ARE_ON_TIME,
        PUBLICATIONS.to_user_string(),
        "expected of the publisher by now, and listed nowhere",
        [expected.describe(outlook.today) for expected in outlook.late],
        "Look at the publisher's pages: where it is out under another name, `iapt discover` says what it asks; where "
        "it will never come, say so in catalogue/gaps.yml.",
    )
    return str(warning)


def check_on_time(outlook: PublicationOutlook) -> dg.AssetCheckResult:
    """Warn of publications that are past their day and the tolerance."""
    return _make_result(
        PUBLICATIONS_ARE_ON_TIME, describe_late(outlook), {"awaited": len(outlook.awaited), "late": len(outlook.late)}
    )


def check_pages(discovery: DiscoveryResult | None) -> dg.AssetCheckResult:
    """Warn of what could not be read of the publisher's pages, and of what they leave open."""
    if discovery is None:
        return _make_result(PAGES_ARE_UNDERSTOOD, "")
    warnings = [
        RunWarning.of(name, PUBLICATIONS.to_user_string(), found, subjects, remedy)
        for name, found, subjects, remedy in (
            (
                "pages_are_read",
                "pages of the publisher could not be read",
                discovery.failures,
                "What is listed is pulled all the same; the next refresh reads the pages again.",
            ),
            (
                PAGES_ARE_UNDERSTOOD,
                "the publisher's pages leave questions",
                list(map(str, discovery.questions)),
                "Nothing of these was listed or pulled: `iapt discover` shows them in full.",
            ),
        )
        if subjects
    ]
    return _make_result(
        PAGES_ARE_UNDERSTOOD,
        PARAGRAPH.join(map(str, warnings)),
        {"pages read": len(discovery.pages_read), "questions": len(discovery.questions)},
    )


def _make_result(check: str, warning: str, metadata: Mapping[str, Any] | None = None) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=check,
        asset_key=PUBLICATIONS,
        passed=not warning,
        severity=dg.AssetCheckSeverity.WARN,
        description=warning or None,
        metadata=metadata or {"note": "the publisher's pages were not read in this run"},
    )


def _log(context: dg.AssetExecutionContext, discovery: DiscoveryResult) -> None:
    for publication in discovery.writable:
        context.log.info(f"found {publication.id}: {publication.file}")
    for line in (*discovery.failures, *map(str, discovery.questions)):
        context.log.warning(line)


def _describe_discovery(discovery: DiscoveryResult) -> dict[str, Any]:
    return {
        "pages read": len(discovery.pages_read),
        "found": to_markdown_list([f"{row.id} at {row.file}" for row in discovery.writable]),
        "announced": to_markdown_list([describe_announced(announced) for announced in discovery.not_yet_published]),
        "questions": to_markdown_list(list(map(str, discovery.questions))),
    }


def describe_announced(announced: UpcomingPublication) -> str:
    """Say what the publisher announces, and for when."""
    when = f", announced for {announced.expected}" if announced.expected is not None else ""
    return f"{announced.title}{when}"


def _make_table_of_states(states: Sequence[PublicationState]) -> dg.TableMetadataValue:
    """Return how many publications of each series are in each state."""
    counts = Counter((state.series, state.state) for state in states)
    records = [
        dg.TableRecord({"series": series, **{state: counts[series, state] for state in get_args(State)}})
        for series in dict.fromkeys(state.series for state in states)
    ]
    return dg.MetadataValue.table(records)
