"""What became of each publication: a state for every line of the table of `iapt.ingest.completeness`."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.catalogue.gaps import Gap
from iapt.catalogue.publications import Publication
from iapt.catalogue.withdrawn import WithdrawnFile
from iapt.ingest.archive import ArchivedDrop, ArchiveStamp, DropArchive
from iapt.ingest.completeness import (
    NO_ADDRESS,
    NOT_ARCHIVED,
    NOT_LISTED,
    OTHER_NAME,
    ArchiveState,
    PublicationState,
    UnusedDrop,
    assess_release,
    assess_workspace,
    list_home_inputs,
    read_archive_state,
)
from iapt.periods import parse_period_label
from iapt.sources.folder import OfferedFile
from iapt.workspace import Workspace
from iapt.workspace_state import HoldReason, Review, Reviews
from tests.factories import drops
from tests.factories.drops import make_monthly_csv, make_row
from tests.factories.publications import PUBLISHER, assess, make_drop, make_in_use, make_publication

GAP = Gap(series="monthly", period="2026-01", kind="not_published", reason="A reason.", known="", source="A source.")
#: Of the months: those of 2026, of which the first is published on 12 March.
MONTHS = [f"2026-{month:02d}" for month in range(1, 13)]
CALENDAR = [*MONTHS, *(month.replace("2026", "2027") for month in MONTHS)]


def states_of(states: list[PublicationState], series: str = "monthly") -> dict[str, str]:
    return {state.id: state.state for state in states if state.series == series}


def one(states: list[PublicationState], identifier: str) -> PublicationState:
    (state,) = (state for state in states if state.id == identifier)
    return state


# by the list


def test_a_listed_publication_of_which_no_drop_is_archived_is_missing() -> None:
    state = one(assess([make_publication("2026-01")]), "monthly/2026-01/1")
    assert (state.state, state.reason, state.listed) == ("missing", NOT_ARCHIVED, "reviewed")
    assert state.file_name == "2026-01 v1.csv"
    assert state.expected_on == dt.date(2026, 3, 12)


def test_a_page_whose_file_is_not_known_is_missing_for_want_of_an_address() -> None:
    state = one(assess([make_publication("2026-01", file=None, format=None)]), "monthly/2026-01/1")
    assert (state.state, state.reason, state.file_name) == ("missing", NO_ADDRESS, "")


def test_what_is_listed_and_never_fetched_says_why() -> None:
    never = make_publication("2026-01", not_pulled="No layout reads it.")
    words = make_publication("2026-01", series="monthly_metadata")
    states = assess([never, words])
    assert one(states, never.id).reason == "No layout reads it."
    assert one(states, words.id).reason == "They hold no figures."
    assert {state.state for state in states if state.publication} == {"not_pulled"}


def test_what_nobody_has_reviewed_is_told_from_what_was_reviewed() -> None:
    listed = [make_publication("2026-01"), make_publication("2026-02")]
    states = assess(listed, discovered=["monthly/2026-02/1"])
    assert one(states, "monthly/2026-01/1").listed == "reviewed"
    assert one(states, "monthly/2026-02/1").listed == "discovered"


# by the calendar


@pytest.mark.parametrize(
    ("as_of", "state", "days_late"),
    [
        ("2026-02-01", "expected", 0),
        ("2026-03-11", "expected", 0),
        ("2026-03-12", "expected", 0),
        ("2026-03-26", "expected", 0),
        ("2026-03-27", "late", 15),
        ("2026-05-01", "late", 50),
    ],
)
def test_a_month_is_expected_until_its_day_and_the_tolerance_are_past(as_of: str, state: str, days_late: int) -> None:
    january = one(assess(as_of=as_of), "monthly/2026-01/1")
    assert (january.state, january.days_late) == (state, days_late)
    assert january.expected_on == dt.date(2026, 3, 12)
    assert january.late_after == dt.date(2026, 3, 26)


def test_what_is_expected_or_late_says_what_of_its_day() -> None:
    reasons = {day: one(assess(as_of=day), "monthly/2026-01/1").reason for day in ("2026-03-11", "2026-03-12")}
    assert reasons == {
        "2026-03-11": "Its day has not come.",
        "2026-03-12": "Its day has come; it is late after 26 March 2026.",
    }
    late = one(assess(as_of="2026-03-27"), "monthly/2026-01/1")
    assert late.reason == "It was expected on 12 March 2026, and nothing lists it."


def test_nothing_is_expected_of_a_period_that_has_not_ended() -> None:
    assert states_of(assess(as_of="2026-01-31")) == {}
    assert states_of(assess(as_of="2026-02-01")) == {"monthly/2026-01/1": "expected"}


def test_a_period_older_than_the_newest_one_known_is_missing_and_never_late() -> None:
    states = assess([make_publication("2026-03")], as_of="2026-12-01")
    assert states_of(states) == {
        **{f"monthly/{month}/1": "missing" for month in MONTHS[:3]},
        **{f"monthly/{month}/1": "late" for month in MONTHS[3:9]},
        **{f"monthly/{month}/1": "expected" for month in MONTHS[9:11]},
    }
    assert one(states, "monthly/2026-02/1").reason == NOT_LISTED
    held = assess([], [make_in_use("2026-03")], as_of="2026-12-01")
    assert states_of(held)["monthly/2026-02/1"] == "missing"


def test_a_series_without_a_calendar_is_known_by_its_list_alone() -> None:
    listed = make_publication("2026-01", series="timeseries", first_period="2025-01")
    states = assess([listed], as_of="2026-12-01")
    assert states_of(states, "timeseries") == {listed.id: "missing"}
    assert one(states, listed.id).expected_on is None


def test_nothing_is_expected_before_the_calendar_begins() -> None:
    earlier = make_publication("2025-12")
    state = one(assess([earlier]), earlier.id)
    assert (state.state, state.expected_on) == ("missing", None)


def test_a_known_gap_was_not_published_whether_it_is_listed_or_not() -> None:
    state = one(assess([make_publication("2026-02")], gaps=[GAP]), "monthly/2026-01/1")
    assert (state.state, state.reason, state.listed) == ("not_published", "A reason.", "not_listed")
    assert states_of(assess([make_publication("2026-01")], gaps=[GAP]))["monthly/2026-01/1"] == "not_published"
    windows = make_publication("2026-01", series="timeseries", first_period="2025-01")
    assert one(assess([windows], gaps=[GAP]), windows.id).state == "missing"
    of_another_series = GAP.model_copy(update={"series": "quarterly", "period": "2025-26 Q4"})
    assert states_of(assess(gaps=[of_another_series]))["monthly/2026-01/1"] == "late"


# by the drops


def test_a_drop_that_was_got_as_a_publication_is_of_it_whatever_its_name_says() -> None:
    listed = [make_publication("2026-01", 2), make_publication("2026-01")]
    got = make_in_use("2026-01", name="2026-01 v1.csv", publication="monthly/2026-01/2")
    state = one(assess(listed, [got]), "monthly/2026-01/2")
    assert (state.state, state.drop) == ("present", got[0])


def test_a_drop_of_a_folder_is_of_the_publication_of_its_series_and_periods() -> None:
    listed = [make_publication("2026-01"), make_publication("2026-02")]
    states = assess(listed, [make_in_use("2026-01", name="2026-01 v1.csv")])
    assert states_of(states)["monthly/2026-01/1"] == "present"
    assert states_of(states)["monthly/2026-02/1"] == "missing"
    assert one(states, "monthly/2026-01/1").reason == ""


def test_a_drop_under_another_name_than_the_listed_one_says_so() -> None:
    state = one(assess([make_publication("2026-01")], [make_in_use("2026-01", name="copy.csv")]), "monthly/2026-01/1")
    assert (state.state, state.reason, state.file_name) == ("present", OTHER_NAME, "copy.csv")


def test_of_several_issues_the_name_decides_then_status_and_revision() -> None:
    listed = [make_publication("2026-01", 2), make_publication("2026-01")]
    by_name = assess(listed, [make_in_use("2026-01", name="2026-01 v2.csv", revision=1)])
    assert states_of(by_name) == {"monthly/2026-01/2": "present", "monthly/2026-01/1": "superseded", **FEBRUARY}
    by_revision = assess(listed, [make_in_use("2026-01", revision=2)])
    assert states_of(by_revision) == states_of(by_name)


FEBRUARY = {"monthly/2026-02/1": "expected", "monthly/2026-03/1": "expected"}


def test_periods_must_be_the_same_ones() -> None:
    listed = make_publication("2026-03", series="timeseries", first_period="2026-01")
    whole = make_in_use("2026-01", "2026-02", "2026-03", series="timeseries")
    part = make_in_use("2026-02", "2026-03", series="timeseries", sequence=2)
    states = [state for state in assess([listed], [whole, part]) if state.series == "timeseries"]
    assert [(state.listed, state.drop) for state in states] == [("not_listed", part[0]), ("reviewed", whole[0])]


def test_a_drop_that_nothing_listed_is_like_is_present_and_not_listed() -> None:
    provisional = make_in_use("2026-01", status="provisional")
    states = [state for state in assess([make_publication("2026-01")], [provisional]) if state.period == "2026-01"]
    assert Counter((state.listed, state.state) for state in states) == {
        ("not_listed", "present"): 1,
        ("reviewed", "missing"): 1,
    }
    other = one(assess([], [make_in_use("2026-01", series="data_quality")]), "data_quality/2026-01/1")
    assert (other.state, other.listed, other.expected_on) == ("present", "not_listed", None)


def test_several_drops_of_one_publication_have_a_row_each() -> None:
    parts = [make_in_use("2026-01", name=name) for name in ("providers.csv", "boards.csv")]
    states = [state for state in assess([make_publication("2026-01")], parts) if state.period == "2026-01"]
    assert {(state.state, state.listed, state.file_name) for state in states} == {
        ("present", "reviewed", "providers.csv"),
        ("present", "reviewed", "boards.csv"),
    }


# what is superseded


def test_an_issue_of_which_a_later_one_is_in_use_is_superseded() -> None:
    listed = [make_publication("2026-01", 2), make_publication("2026-01")]
    earlier = one(assess(listed, [make_in_use("2026-01", name="2026-01 v2.csv")]), "monthly/2026-01/1")
    assert (earlier.state, earlier.superseded_by) == ("superseded", "monthly/2026-01/2")
    unlisted = one(assess(listed[1:], [make_in_use("2026-01", revision=3)]), "monthly/2026-01/1")
    assert (unlisted.state, unlisted.superseded_by) == ("superseded", "monthly/2026-01/3")


def test_an_issue_of_another_period_supersedes_nothing() -> None:
    states = states_of(assess([make_publication("2026-02", 2), make_publication("2026-01")]))
    assert (states["monthly/2026-02/2"], states["monthly/2026-01/1"]) == ("missing", "missing")


def test_a_definitive_issue_supersedes_a_provisional_one_of_any_revision() -> None:
    listed = [make_publication("2026-01", 2, status="provisional"), make_publication("2026-01")]
    states = states_of(assess(listed, [make_in_use("2026-01", name="2026-01 v1.csv")]))
    assert (states["monthly/2026-01/2"], states["monthly/2026-01/1"]) == ("superseded", "present")


def test_the_successor_that_is_named_is_the_one_in_use() -> None:
    listed = [make_publication("2026-01", revision) for revision in (3, 2, 1)]
    first = one(assess(listed, [make_in_use("2026-01", name="2026-01 v2.csv")]), "monthly/2026-01/1")
    assert first.superseded_by == "monthly/2026-01/2"
    assert one(assess(listed), "monthly/2026-01/1").superseded_by == "monthly/2026-01/3"


def test_only_the_latest_of_several_listed_issues_is_missing() -> None:
    listed = [make_publication("2026-01", revision) for revision in (3, 2, 1)]
    states = states_of(assess(listed))
    assert [states[f"monthly/2026-01/{revision}"] for revision in (3, 2, 1)] == ["missing", "superseded", "superseded"]


def test_an_issue_in_use_stays_present_until_the_later_one_is_there() -> None:
    listed = [make_publication("2026-01", 2), make_publication("2026-01")]
    states = states_of(assess(listed, [make_in_use("2026-01", name="2026-01 v1.csv")]))
    assert (states["monthly/2026-01/2"], states["monthly/2026-01/1"]) == ("missing", "present")


def test_a_drop_that_a_later_issue_replaces_is_superseded_also_under_its_own_name() -> None:
    first, second = (make_in_use("2026-01", name="2026-01 v1.csv", sequence=sequence) for sequence in (1, 2))
    states = assess([make_publication("2026-01")], [first, second], replaced=[first[0].sha256])
    january = {state.drop: state for state in states if state.period == "2026-01"}
    assert january[second[0]].state == "present"
    assert (january[first[0]].state, january[first[0]].superseded_by) == ("superseded", "monthly/2026-01/1")


# what is held


def make_unused(publication: str, *, is_pending: bool = True, name: str = "held.csv") -> UnusedDrop:
    return UnusedDrop(make_drop(name, sequence=9), publication, "It shrank.", is_pending)


def test_what_waits_for_a_decision_or_was_rejected_is_held() -> None:
    for is_pending in (True, False):
        unused = make_unused("monthly/2026-01/1", is_pending=is_pending)
        state = one(assess([make_publication("2026-01")], unused=[unused]), "monthly/2026-01/1")
        assert (state.state, state.reason, state.is_pending) == ("held", "It shrank.", is_pending)
        assert state.drop == unused.drop


def test_a_held_drop_stands_beside_the_one_in_use() -> None:
    in_use, unused = make_in_use("2026-01", name="2026-01 v1.csv"), make_unused("monthly/2026-01/1")
    states = assess([make_publication("2026-01")], [in_use], unused=[unused])
    assert {(state.state, state.drop) for state in states if state.period == "2026-01"} == {
        ("present", in_use[0]),
        ("held", unused.drop),
    }


def test_a_held_issue_whose_successor_is_in_use_is_superseded() -> None:
    listed = [make_publication("2026-01", 2), make_publication("2026-01")]
    states = assess(listed, [make_in_use("2026-01", name="2026-01 v2.csv")], unused=[make_unused("monthly/2026-01/1")])
    assert states_of(states)["monthly/2026-01/1"] == "superseded"


def test_a_rejected_file_of_which_a_later_one_is_in_use_is_superseded() -> None:
    rejected = make_unused("monthly/2026-01/1", is_pending=False)
    for sequence, state in ((8, "held"), (10, "superseded")):
        in_use = make_in_use("2026-01", name="2026-01 v1.csv", sequence=sequence)
        states = {state.drop: state for state in assess([make_publication("2026-01")], [in_use], unused=[rejected])}
        assert (states[in_use[0]].state, states[rejected.drop].state) == ("present", state)


def test_a_file_that_waits_for_a_decision_is_held_whatever_arrived_after_it() -> None:
    pending = make_unused("monthly/2026-01/1")
    in_use = make_in_use("2026-01", name="2026-01 v1.csv", sequence=10)
    states = {state.drop: state.state for state in assess([make_publication("2026-01")], [in_use], unused=[pending])}
    assert (states[in_use[0]], states[pending.drop]) == ("present", "held")


def test_a_rejected_issue_supersedes_nothing() -> None:
    listed = [make_publication("2026-01", 2), make_publication("2026-01")]
    pending = assess(listed, unused=[make_unused("monthly/2026-01/2")])
    assert states_of(pending)["monthly/2026-01/1"] == "superseded"
    rejected = assess(listed, unused=[make_unused("monthly/2026-01/2", is_pending=False)])
    assert states_of(rejected)["monthly/2026-01/1"] == "missing"


def test_a_held_drop_of_no_listed_publication_is_told_by_its_id_and_one_of_a_listed_name_by_that() -> None:
    state = one(assess(unused=[make_unused("monthly/2026-02/4")]), "monthly/2026-02/4")
    assert (state.state, state.listed) == ("held", "not_listed")
    named = assess([make_publication("2026-01")], unused=[make_unused("", name="2026-01 v1.csv")])
    assert states_of(named)["monthly/2026-01/1"] == "held"
    for identifier in ("", "weekly/2026-01/1", "monthly/2026-99/1", "monthly/2026-01/x", "monthly"):
        assert "held" not in states_of(assess(unused=[make_unused(identifier)])).values()


# whatever is listed and held

_periods = st.sampled_from(MONTHS)
_publications = st.lists(
    st.builds(
        make_publication,
        _periods,
        st.integers(1, 3),
        not_pulled=st.sampled_from([None, None, "A reason."]),
        status=st.sampled_from(["definitive", "provisional"]),
    ),
    max_size=8,
    unique_by=lambda row: row.id,
)


@st.composite
def _homes(draw: st.DrawFn) -> tuple[list[Publication], ArchiveState]:
    listed = draw(_publications)
    ids = [row.id for row in listed] or [""]
    used = [
        make_in_use(
            draw(_periods),
            sequence=number,
            revision=draw(st.integers(1, 3)),
            publication=draw(st.sampled_from(["", *ids])),
        )
        for number in range(draw(st.integers(0, 5)))
    ]
    replaced = draw(st.sets(st.sampled_from([drop.sha256 for drop, _ in used]))) if used else set()
    unused = [
        UnusedDrop(make_drop("held.csv", sequence=number), draw(st.sampled_from(ids)), "A reason.", draw(st.booleans()))
        for number in range(20, 20 + draw(st.integers(0, 3)))
    ]
    return listed, ArchiveState(used, replaced, unused)


def assess_home(home: tuple[list[Publication], ArchiveState], as_of: dt.date) -> list[PublicationState]:
    listed, files = home
    return assess(listed, files.in_use, as_of=as_of, unused=files.unused, replaced=files.replaced, gaps=[GAP])


def name_row(state: PublicationState) -> tuple[str, str, str]:
    return state.id, state.status, state.drop.sha256 if state.drop else ""


@given(_homes(), st.dates(dt.date(2026, 1, 1), dt.date(2027, 12, 31)), st.integers(0, 400))
def test_every_publication_and_period_has_one_state_and_time_makes_it_late_and_nothing_else(
    home: tuple[list[Publication], ArchiveState], as_of: dt.date, days: int
) -> None:
    states = assess_home(home, as_of)
    names = Counter(map(name_row, states))
    assert set(names.values()) <= {1}  # one state each
    assert {row.id for row in home[0]} <= {state.id for state in states}
    assert {drop.sha256 for drop, _ in home[1].in_use} <= {name for *_, name in names}
    covered = {state.period for state in states if state.series == "monthly"}
    ended = {month for month in CALENDAR if parse_period_label(month).end < as_of}
    assert ended <= covered
    later = {name_row(state): state.state for state in assess_home(home, as_of + dt.timedelta(days=days))}
    for state in states:
        allowed = {"expected", "late"} if state.state == "expected" else {state.state}
        assert later[name_row(state)] in allowed


@given(_homes())
def test_a_drop_in_use_is_present_or_superseded_and_a_row_without_a_drop_is_neither_present_nor_held(
    home: tuple[list[Publication], ArchiveState],
) -> None:
    used = {drop.sha256 for drop, _ in home[1].in_use}
    for state in assess_home(home, dt.date(2026, 6, 1)):
        if state.drop is not None and state.drop.sha256 in used:
            assert state.state == ("superseded" if state.drop.sha256 in home[1].replaced else "present")
        elif state.drop is None:
            assert state.state not in {"present", "held"}
        assert bool(state.superseded_by) == (state.state == "superseded")


# of a home


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    """A home with a month of the list, which was read, and one that was got and is not read yet."""
    workspace = Workspace(tmp_path)
    keep(workspace, "iapt_month_apr_2022_activity_updated.csv", make_monthly_csv(make_row("25", **APRIL)))
    keep(workspace, "arrived.csv", b"not read", "monthly/2022-05/1")
    return workspace


APRIL = {"start": "01/04/2022", "end": "30/04/2022"}


def keep(workspace: Workspace, name: str, content: bytes, publication: str = "") -> ArchivedDrop:
    if not publication:
        drops.read(workspace.root, name, content)
    path = workspace.root / name
    path.write_bytes(content)
    archive, catalogue = DropArchive(workspace.drops), drops.catalogue()
    offered = OfferedFile(path=path, relative_path=name, origin="published", publication=publication)
    stamp = ArchiveStamp(archive.next_sequence(), batch=1, archived_at="2026-06-01T00:00:00+00:00")
    drop, _ = archive.archive(offered, stamp, precedence=catalogue.precedence, limits=catalogue.limits, withdrawn=())
    return drop


def test_a_home_is_assessed_from_what_it_archived(home: Workspace) -> None:
    states = states_of(assess_workspace(home, drops.catalogue(), dt.date(2026, 6, 1)))
    assert {identifier for identifier, state in states.items() if state == "present"} == {
        "monthly/2022-04/1",
        "monthly/2022-05/1",
    }
    assert read_archive_state(home, drops.catalogue()).newest_day == dt.date(2026, 6, 1)


def test_a_drop_that_an_earlier_version_read_is_not_missing(home: Workspace) -> None:
    for path in home.observations.glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"digest": "of an earlier reader"}), "utf-8")
    states = states_of(assess_workspace(home, drops.catalogue(), dt.date(2026, 6, 1)))
    assert states["monthly/2022-04/1"] == "present"


@pytest.mark.parametrize(("decision", "state"), [("held", "held"), ("rejected", "held"), ("accepted", "present")])
def test_a_drop_that_is_held_back_is_in_use_when_it_is_accepted(home: Workspace, decision: str, state: str) -> None:
    (arrived,) = (drop for drop in DropArchive(home.drops) if drop.publication)
    review = Review.model_validate(
        {
            "publication": arrived.publication,
            "file": arrived.file,
            "state": decision,
            "reasons": [{"rule": "shrank", "text": "it shrank"}],
            "held_at": "2026-06-01T00:00:00+00:00",
            "note": "a private remark",
        }
    )
    Reviews(reviews={arrived.sha256: review}).write(home.reviews)
    found = one(assess_workspace(home, drops.catalogue(), dt.date(2026, 6, 1)), arrived.publication)
    assert (found.state, found.is_pending) == (state, decision == "held")
    assert "private" not in found.reason
    assert found.reason.endswith(": it shrank.") == (state == "held")


def test_a_drop_that_cannot_be_read_is_held_with_the_reason(home: Workspace) -> None:
    listed = "nhstalkingtherapies_month_may_2023_activity_performance.csv"
    keep(home, listed, b"a,b\n1,2\n")
    state = one(assess_workspace(home, drops.catalogue(), dt.date(2026, 6, 1)), "monthly/2023-05/1")
    assert (state.state, state.is_pending) == ("held", False)
    assert state.reason.startswith("It cannot be read: ")


def test_a_drop_that_was_withdrawn_is_held_with_the_reason(home: Workspace) -> None:
    (arrived,) = (drop for drop in DropArchive(home.drops) if drop.publication)
    catalogue = drops.with_limits()
    catalogue.__dict__["withdrawn"] = [
        WithdrawnFile(sha256=arrived.sha256, file=arrived.file, reason="It named a person.", source="The page.")
    ]
    found = one(assess_workspace(home, catalogue, dt.date(2026, 6, 1)), arrived.publication)
    assert (found.state, found.reason) == ("held", "It was withdrawn: It named a person.")


def test_a_release_is_as_of_the_day_of_the_newest_drop_used_or_not(home: Workspace) -> None:
    (read,) = (pair for pair in read_archive_state(home, drops.catalogue()).in_use if not pair[0].publication)
    assert {state.as_of for state in assess_release(home, drops.catalogue(), [read])} == {dt.date(2026, 6, 1)}
    older = (make_drop(archived_on="2026-01-01"), read[1])
    newer = UnusedDrop(make_drop(archived_on="2026-02-01"), "", "A reason.")
    assert ArchiveState([older], unused=[newer]).newest_day == dt.date(2026, 2, 1)
    late_in_the_evening = replace(make_drop(), archived_at="2026-01-01T23:30:00-02:00")
    assert ArchiveState([(late_in_the_evening, read[1])]).newest_day == dt.date(2026, 1, 2)


def test_a_release_rests_on_what_a_home_found_and_on_what_it_holds_back_and_on_no_date(home: Workspace) -> None:
    catalogue = drops.catalogue()
    before = list_home_inputs(home, catalogue)
    assert before == []
    (arrived,) = (drop for drop in DropArchive(home.drops) if drop.publication)
    hold(home, arrived, "it shrank")
    (held,) = list_home_inputs(home, catalogue)
    assert held.startswith(f"{arrived.sha256} monthly/2022-05/1 It waits for a decision: it shrank")
    hold(home, arrived, "it shrank", held_at="2026-07-01T00:00:00+00:00")
    assert list_home_inputs(home, catalogue) == [held]
    row = make_publication("2030-01", page={"series": "reports_hub"}, file="https://files.digital.nhs.uk/a.csv")
    home.found_publications.write_text(f"[{row.model_dump_json()}]", "utf-8")
    assert list_home_inputs(home, catalogue) == [row.model_dump_json(), held]


def test_a_release_rests_on_the_boundaries_that_its_map_draws(home: Workspace) -> None:
    home.boundaries.write_text("{}", "utf-8")
    (before,) = list_home_inputs(home, drops.catalogue())
    home.boundaries.write_text('{"type": "FeatureCollection"}', "utf-8")
    (after,) = list_home_inputs(home, drops.catalogue())
    assert before.startswith("boundaries ")
    assert before != after


def hold(workspace: Workspace, drop: ArchivedDrop, text: str, held_at: str = "2026-06-01T00:00:00+00:00") -> None:
    review = Review(
        publication=drop.publication,
        file=drop.file,
        state="held",
        reasons=(HoldReason(rule="shrank", text=text),),
        held_at=held_at,
    )
    Reviews(reviews={drop.sha256: review}).write(workspace.reviews)


def test_of_restricted_counts_nothing_is_published(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "restricted")
    workspace.make_restricted()
    assert assess_workspace(workspace, drops.catalogue(), dt.date(2026, 6, 1)) == []
    assert assess_release(workspace, drops.catalogue(), []) == []
    assert list_home_inputs(workspace, drops.catalogue()) == []


def test_the_calendar_of_the_tests_is_that_of_the_months() -> None:
    assert PUBLISHER.series["monthly"].tolerance_days == drops.catalogue().publisher.series["monthly"].tolerance_days
