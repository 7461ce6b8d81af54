"""Pulling: what is fetched, what becomes of it, and what is held before a release can be built from it."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import duckdb
import pytest

from iapt.catalogue.withdrawn import WithdrawnFile
from iapt.ingest.drop_reading import read_archived_drops
from iapt.ingest.home_origin import OtherOriginError
from iapt.ingest.ingestion import IngestResult, ingest_folder
from iapt.ingest.reissues import add_status_and_revision
from iapt.pull import receiving
from iapt.pull.by_hand import describe_by_hand, find_by_hand
from iapt.pull.comparison import compare_issues
from iapt.pull.outcomes import Outcome, PulledPublication
from iapt.pull.pulling import FAILURES_IN_A_ROW, plan_pull
from iapt.pull.receiving import PullHome
from iapt.pull.reviews import PENDING, ReviewError, decide_review
from iapt.pull.selection import SelectionError, select_publications
from iapt.sources.remote_files import RefusedError, UnavailableError, Validators
from iapt.workspace_state import PulledFiles, Review, Reviews
from tests.factories import drops
from tests.factories.drops import FINISHED, OTHER_PROVIDER, PROVIDER, REFERRALS, Row, make_monthly_csv, make_row
from tests.factories.pull_home import HOST, NOW, PullingHome, make_publication

MAY_DAYS = {"start": "01/05/2026", "end": "31/05/2026"}


def make_april(*values: str, provider: drops.Body = PROVIDER, measure: tuple[str, str] = REFERRALS) -> list[Row]:
    return [make_row(value, provider=provider, measure=measure) for value in values]


APRIL = make_monthly_csv(*make_april("25"), *make_april("30", provider=OTHER_PROVIDER))
APRIL_REVISED = make_monthly_csv(*make_april("25"), *make_april("35", provider=OTHER_PROVIDER))
#: The same figures in other bytes: the rows in another order.
APRIL_REORDERED = make_monthly_csv(*make_april("30", provider=OTHER_PROVIDER), *make_april("25"))
MAY = make_monthly_csv(make_row("35", **MAY_DAYS))


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., PullingHome]:
    return lambda *rows, **options: PullingHome(tmp_path, rows or [make_publication()], **options)


def serve(home: PullingHome, *contents: bytes) -> list[Outcome]:
    """Put each content at the address of the only publication in turn, and pull; return the outcomes."""
    (row,) = home.rows
    outcomes = []
    for content in contents:
        home.source.put(row, content)
        outcomes.append(home.pull_one().outcome)
    return outcomes


def test_a_listed_file_is_archived_with_its_publication_and_address(make_home: Any) -> None:
    home = make_home(make_publication(revision=2, status="provisional"))
    assert serve(home, APRIL) == ["created"]
    (drop,) = home.list_drops_in_use()
    assert home.archive.path_to(drop).read_bytes() == APRIL
    assert (drop.file, drop.origin) == ("month_apr_2026_performance.csv", "published")
    assert (drop.publication, drop.address, drop.source) == ("monthly/2026-04/2", home.rows[0].file, home.rows[0].file)
    assert (drop.status, drop.revision) == ("provisional", 2), "the list says it, not the name"
    assert list(home.workspace.incoming.iterdir()) == []


def ingest(home: PullingHome, tmp_path: Path, name: str) -> IngestResult:
    """Offer the April file in a folder."""
    (tmp_path / "offered").mkdir()
    (tmp_path / "offered" / name).write_bytes(APRIL)
    at = "2026-06-01T00:00:00+00:00"
    return ingest_folder(tmp_path / "offered", home.archive, home.catalogue, at, home.observations)


def test_the_newest_period_is_pulled_first_and_an_earlier_issue_before_the_later(make_home: Any) -> None:
    later = make_publication(revision=2, file=f"{HOST}apr_2026_v2.csv", supersedes=make_publication().file)
    home = make_home(later, make_publication(), make_publication("2026-05"), make_publication("2026-03"))
    for row in home.rows:
        home.source.put(row, MAY if row.period == "2026-05" else APRIL)
    ids = [pulled.publication.id for pulled in home.pull().pulled]
    assert ids == ["monthly/2026-05/1", "monthly/2026-04/1", "monthly/2026-04/2", "monthly/2026-03/1"]


def test_a_second_pull_asks_with_what_the_server_said_and_receives_no_body(make_home: Any) -> None:
    home = make_home()
    home.source.put(home.rows[0], APRIL)
    home.pull()
    assert home.pull(recheck=False).counts == {"unchanged": 1}
    assert len(home.source.fetched) == 1, "it was asked a moment ago"
    pulled = home.pull_one(recheck=True)
    assert (pulled.outcome, pulled.bytes_received) == ("unchanged", 0)
    assert home.source.fetched[-1][1] == Validators(etag=f'"{hash(APRIL)}"')


def test_the_same_bytes_under_another_version_are_unchanged(make_home: Any) -> None:
    home = make_home()
    home.source.put(home.rows[0], APRIL)
    home.pull()
    known = PulledFiles.load(home.workspace.pulled)
    (file,) = known.files.values()
    changed = file.model_copy(update={"etag": '"another"'})
    PulledFiles(files=dict.fromkeys(known.files, changed)).write(home.workspace.pulled)
    pulled = home.pull_one()
    assert (pulled.outcome, pulled.bytes_received) == ("unchanged", len(APRIL))
    assert len(home.list_drops_in_use()) == 1


def test_other_bytes_with_the_same_cells_are_no_change_in_figures(make_home: Any) -> None:
    home = make_home()
    assert serve(home, APRIL, APRIL_REORDERED) == ["created", "same_figures"]


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        (["25", "30"], ["25", "35"], {"changed": 1}),
        (["25", "30"], ["25", "*"], {"newly_suppressed": 1}),
        (["25", "*"], ["25", "30"], {"shown_again": 1}),
        (["*", "30"], ["10", "*"], {"shown_again": 1, "newly_suppressed": 1}),
        (["25", "NULL"], ["25", "30"], {"changed": 1}),
        (["25.0", "30"], ["25", "30"], {}),
    ],
)
def test_other_cells_are_a_revision_with_counts_by_class(
    make_home: Any, before: list[str], after: list[str], counts: dict[str, int]
) -> None:
    home = make_home()

    def make(values: list[str]) -> bytes:
        return make_monthly_csv(
            make_row(values[0]), make_row(values[1], provider=OTHER_PROVIDER), make_row("5", level="England")
        )

    home.source.put(home.rows[0], make(before))
    home.pull()
    home.source.put(home.rows[0], make(after))
    comparison = home.pull_one().comparison
    names = ("changed", "newly_suppressed", "shown_again", "added", "withdrawn")
    assert {name: getattr(comparison, name) for name in names if getattr(comparison, name)} == counts


def test_added_cells_are_counted_and_hold_nothing(make_home: Any) -> None:
    home = make_home()
    home.source.put(home.rows[0], APRIL)
    home.pull()
    more = make_monthly_csv(
        *make_april("25"),
        *make_april("30", provider=OTHER_PROVIDER),
        *make_april("10", measure=FINISHED),
        *make_april("15", provider=OTHER_PROVIDER, measure=FINISHED),
    )
    home.source.put(home.rows[0], more)
    pulled = home.pull_one()
    assert pulled.outcome == "changed"
    assert (pulled.comparison.added, pulled.detail) == (2, "cells added 2")


def hold(home: PullingHome, first: bytes, second: bytes) -> set[str]:
    """Pull two contents of the same address; return the rules for which the second is held."""
    assert serve(home, first, second) == ["created", "held"]
    (in_use,) = home.list_drops_in_use()
    assert home.archive.path_to(in_use).read_bytes() == first, "a held drop is in no release"
    assert len(list(home.archive)) == 2, "its bytes are kept"
    (review,) = home.read_reviews().reviews.values()
    return {reason.rule for reason in review.reasons}


def test_a_file_that_lost_an_organisation_and_shrank_is_held(make_home: Any) -> None:
    assert hold(make_home(), APRIL, make_monthly_csv(*make_april("25"))) == {"shrank", "lost_organisations"}


def test_a_file_that_lost_a_measure_is_held(make_home: Any) -> None:
    def make(measures: list[tuple[str, str]]) -> bytes:
        return make_monthly_csv(*(make_row("25", measure=measure) for measure in measures))

    more = [(f"M{number:03d}", f"Count_{number}") for number in range(100, 112)]
    assert hold(make_home(), make([*more, FINISHED]), make(more)) == {"lost_measures"}


def test_a_file_with_a_tenth_fewer_cells_passes_and_with_fewer_is_held(make_home: Any) -> None:
    providers = [drops.Body(f"ZZ-{number}", f"Service {number}") for number in range(20)]

    def make(rows: int) -> bytes:
        cells = [
            make_row("25", provider=provider, measure=measure)
            for measure in (REFERRALS, FINISHED)
            for provider in providers
        ]
        return make_monthly_csv(*[row for row in cells if row][:rows])

    home = make_home()
    assert serve(home, make(40), make(36)) == ["created", "changed"]
    home.source.put(home.rows[0], make(32))
    assert home.pull_one().outcome == "held"


def test_a_damaged_file_is_held_and_the_one_before_stays_in_use(make_home: Any) -> None:
    zipped = drops.make_zip({"a.csv": APRIL})
    home = make_home(make_publication(file=f"{HOST}apr_2026.zip", format="zip"))
    assert hold(home, zipped, zipped[:-40]) == {"unreadable"}


def test_a_file_of_another_sha256_than_declared_is_held(make_home: Any) -> None:
    home = make_home(make_publication(sha256="0" * 64))
    assert serve(home, APRIL) == ["held"]
    assert home.list_drops_in_use() == []
    (review,) = home.read_reviews().reviews.values()
    assert [reason.rule for reason in review.reasons] == ["other_sha256"]


def test_a_file_of_another_period_than_listed_is_held(make_home: Any) -> None:
    home = make_home(make_publication(file=f"{HOST}activity.csv"))
    assert serve(home, MAY) == ["held"]
    (review,) = home.read_reviews().reviews.values()
    assert [reason.rule for reason in review.reasons] == ["other_period"]
    assert "2026-04" in review.reasons[0].text
    assert "2026-05" in review.reasons[0].text


def test_a_file_of_another_series_than_listed_is_held(make_home: Any) -> None:
    home = make_home(make_publication("2026-27 Q1", series="quarterly", file=f"{HOST}activity.csv", format="csv"))
    assert serve(home, APRIL) == ["held"]
    (review,) = home.read_reviews().reviews.values()
    assert [reason.rule for reason in review.reasons] == ["other_series"]


def test_a_pack_without_a_member_that_is_listed_is_held(make_home: Any) -> None:
    home = make_home(make_publication(file=f"{HOST}apr_2026.zip", format="zip", members=["a.csv", "b.csv"]))
    assert serve(home, drops.make_zip({"a.csv": APRIL})) == ["held"]
    (review,) = home.read_reviews().reviews.values()
    assert [reason.rule for reason in review.reasons] == ["missing_members"]


def test_a_time_series_is_held_to_its_first_and_last_month(make_home: Any) -> None:
    listed = {"series": "timeseries", "format": "csv", "file": f"{HOST}time_series_apr_2026_may_2026.csv"}
    both = make_monthly_csv(make_row("25"), make_row("35", **MAY_DAYS))
    home = make_home(make_publication("2026-05", first_period="2026-04", **listed))
    assert serve(home, both) == ["created"]


def test_what_a_person_accepts_is_used_and_what_is_rejected_stays_unused(make_home: Any) -> None:
    home = make_home()
    shrunk = make_monthly_csv(*make_april("25"))
    hold(home, APRIL, shrunk)
    (sha256,) = home.read_reviews().reviews
    decide_review(home.workspace, sha256[:12], "accepted", "the service closed", NOW)
    assert sha256 in {drop.sha256 for drop in home.list_drops_in_use()}
    assert home.pull_one().outcome == "unchanged"
    decide_review(home.workspace, sha256, "rejected", "", NOW)
    assert sha256 not in {drop.sha256 for drop in home.list_drops_in_use()}
    assert home.pull_one().outcome == "held"


def test_a_decision_needs_one_held_drop(make_home: Any) -> None:
    home = make_home()
    with pytest.raises(ReviewError, match="at least 8 digits"):
        decide_review(home.workspace, "abc", "accepted", "", NOW)
    with pytest.raises(ReviewError, match="found 0"):
        decide_review(home.workspace, "a" * 12, "accepted", "", NOW)


def test_a_later_file_that_is_used_closes_what_was_held_before_it(make_home: Any) -> None:
    home = make_home()
    hold(home, APRIL, make_monthly_csv(*make_april("25")))
    home.source.put(home.rows[0], APRIL_REVISED)
    assert home.pull_one().outcome == "changed"
    assert [review.state for review in home.read_reviews().reviews.values()] == ["rejected"]


def test_a_later_file_closes_no_hold_of_another_publication(make_home: Any) -> None:
    home = make_home(make_publication("2026-04", sha256="0" * 64))
    assert serve(home, APRIL) == ["held"]
    home.rows.append(make_publication("2026-05"))
    del home.catalogue
    home.source.put(home.rows[1], MAY)
    home.pull()
    assert [review.state for review in home.read_reviews().reviews.values()] == ["held"]


def test_the_status_and_revision_of_the_list_stand_after_the_drop_was_read(make_home: Any) -> None:
    row = make_publication(revision=3, status="provisional", file=f"{HOST}month_apr_2026_final_v9.csv")
    home = make_home(row)
    assert serve(home, APRIL) == ["created"]
    (drop,) = home.list_drops_in_use()
    summary = home.observations.read_summary(drop.sha256, home.catalogue)
    ranked = add_status_and_revision(drop, summary, home.catalogue.precedence)
    assert (ranked.status, ranked.revision) == ("provisional", 3)


def test_a_change_in_any_series_of_a_pack_is_a_change(tmp_path: Path) -> None:
    def write(name: str, value: int) -> Path:
        with duckdb.connect() as connection:
            connection.execute(
                """
                copy (
                    select series, date '2026-04-01' as period_start, 'england' as org_level, 'all' as org_code,
                        cast(null as varchar) as partner_code,
                        'Total' as variable_type, null as variable_a, null as variable_b,
                        'M001' as measure_id, 'Count' as measure_name, value, 'published' as value_status
                    from (values ('monthly', 25), ('timeseries', $value)) as rows (series, value)
                ) to $path (format parquet)
                """,
                {"path": str(tmp_path / name), "value": value},
            )
        return tmp_path / name

    with duckdb.connect() as connection:
        comparison = compare_issues(connection, "0", write("a.parquet", 35), write("b.parquet", 40))
    assert (comparison.earlier_cells, comparison.later_cells, comparison.changed) == (2, 2, 1)


def test_what_could_not_be_read_is_used_once_it_can_be(make_home: Any) -> None:
    odd = APRIL.replace(b"REPORTING_PERIOD_START", b"REPORTING_PERIOD_BEGIN")
    home = make_home()
    assert serve(home, odd) == ["held"]
    fetched = len(home.source.fetched)
    layouts = home.catalogue.layouts
    for layout in layouts:
        if layout.name == "monthly_long":
            period = layout.period.model_copy(update={"start": "REPORTING_PERIOD_BEGIN"})
            required = [name.replace("_START", "_BEGIN") for name in layout.recognise.required]
            recognise = layout.recognise.model_copy(update={"required": required})
            changed = layout.model_copy(update={"period": period, "recognise": recognise})
            home.catalogue.layouts = [*(other for other in layouts if other.name != layout.name), changed]
    assert home.pull_one().outcome == "created"
    assert len(home.source.fetched) == fetched, "the bytes are archived: nothing is fetched again"
    assert len(home.list_drops_in_use()) == 1


def test_a_new_period_with_far_fewer_cells_than_the_one_before_is_used_and_told(make_home: Any) -> None:
    home = make_home()
    assert serve(home, APRIL) == ["created"]
    home.rows.append(make_publication("2026-05"))
    del home.catalogue
    home.source.put(home.rows[1], MAY)
    may, _ = home.pull().pulled
    assert (may.outcome, may.detail[:46]) == ("created", "it has 1 cells, and 2026-04 has 2: compare the")


def test_withdrawn_bytes_are_not_archived(make_home: Any) -> None:
    sha256 = hashlib.sha256(APRIL).hexdigest()
    entry = WithdrawnFile(sha256=sha256, file="a.csv", reason="it shows small figures", source="the publisher's page")
    home = make_home(withdrawn=[entry])
    home.source.put(home.rows[0], APRIL)
    pulled = home.pull_one()
    assert (pulled.outcome, pulled.detail) == ("withdrawn", "it shows small figures")
    assert list(home.archive) == []
    assert list(home.workspace.incoming.iterdir()) == []


def test_withdrawn_bytes_of_a_folder_are_rejected(make_home: Any, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(APRIL).hexdigest()
    home = make_home(withdrawn=[WithdrawnFile(sha256=sha256, file="a.csv", reason="small figures", source="a page")])
    result = ingest(home, tmp_path, "a.csv")
    assert list(home.archive) == []
    ((_, rejection),) = result.rejected
    assert "small figures" in rejection["found"]


def test_an_archived_file_that_is_withdrawn_later_is_used_no_more(make_home: Any) -> None:
    home = make_home()
    assert serve(home, APRIL) == ["created"]
    (drop,) = home.archive
    home.catalogue.withdrawn = [WithdrawnFile(sha256=drop.sha256, file="a", reason="b", source="c")]
    assert home.list_drops_in_use() == []


def test_one_file_that_fails_never_stops_the_others(make_home: Any) -> None:
    home = make_home(make_publication("2026-05"), make_publication())
    home.source.put(home.rows[1], APRIL)
    result = home.pull()
    assert result.counts == {"created": 1, "failed": 1}
    assert not result.is_complete


def test_what_is_archived_stays_so_where_the_server_cannot_be_asked_again(make_home: Any) -> None:
    home = make_home()
    assert serve(home, APRIL) == ["created"]
    home.source.put(home.rows[0], UnavailableError(str(home.rows[0].file), "an answer", "none", "Try later."))
    result = home.pull()
    assert (result.counts, result.is_complete) == ({"unchanged": 1}, True)
    assert "could not be asked" in result.pulled[0].detail


def test_a_server_that_refuses_several_times_in_a_row_is_left_alone(make_home: Any) -> None:
    months = [f"2025-{month:02d}" for month in range(1, 13)]
    home = make_home(*(make_publication(month) for month in months))
    for row in home.rows:
        home.source.put(row, RefusedError(str(row.file), "a file", "403", "Get it by hand."))
    assert home.pull().counts == {"by_hand": 12}
    assert len(home.source.fetched) == FAILURES_IN_A_ROW
    for row in home.rows:
        home.source.put(row, UnavailableError(str(row.file), "an answer", "none", "Try later."))
    home.source.fetched.clear()
    assert home.pull().counts == {"failed": FAILURES_IN_A_ROW, "not_asked": 12 - FAILURES_IN_A_ROW}
    assert len(home.source.fetched) == FAILURES_IN_A_ROW


def test_a_file_got_by_hand_is_taken_from_the_inbox(make_home: Any) -> None:
    row = make_publication("2026-04", file=f"{HOST}month%20apr%202026.csv")
    home = make_home(row)
    home.source.put(row, RefusedError(str(row.file), "a file", "403", "Get it by hand."))
    assert home.pull_one().outcome == "by_hand"
    text = describe_by_hand([row], home.catalogue.publisher, home.workspace.inbox)
    assert "month apr 2026.csv" in text
    assert str(home.workspace.inbox) in text
    assert home.catalogue.publisher.series_pages["talking_therapies_monthly"].address in text
    home.workspace.inbox.mkdir()
    (home.workspace.inbox / "month%20apr%202026 (1).csv").write_bytes(APRIL)
    assert home.pull_one().outcome == "created"
    assert (home.workspace.inbox / "month%20apr%202026 (1).csv").exists(), "what a person put there stays"
    pulled = home.pull_one()
    assert pulled.outcome == "unchanged"
    assert "whether it has changed could not be asked" in pulled.detail


def test_bytes_that_a_folder_brought_before_become_the_publication(make_home: Any, tmp_path: Path) -> None:
    home = make_home()
    ingest(home, tmp_path, "apr_2026.csv")
    assert serve(home, APRIL) == ["unchanged"]
    (drop,) = home.list_drops_in_use()
    assert (drop.publication, drop.file) == ("monthly/2026-04/1", "month_apr_2026_performance.csv")


def test_a_re_issue_is_compared_with_the_file_of_a_folder(make_home: Any, tmp_path: Path) -> None:
    home = make_home(make_publication(revision=2, file=f"{HOST}month_apr_2026_v2.csv"))
    ingest(home, tmp_path, "month_apr_2026.csv")
    read_archived_drops(home.archive, home.observations, home.catalogue, "published")
    assert serve(home, APRIL_REVISED) == ["changed"]


def test_an_earlier_issue_that_arrives_after_the_later_one_is_not_compared_with_it(make_home: Any) -> None:
    earlier = make_publication()
    later = make_publication(revision=2, file=f"{HOST}month_apr_2026_v2.csv", supersedes=earlier.file)
    home = make_home(later, earlier)
    home.source.put(later, APRIL)
    assert home.pull().counts == {"created": 1, "failed": 1}
    home.source.put(earlier, make_monthly_csv(*make_april("25")))
    assert home.pull().counts == {"created": 1, "unchanged": 1}


def test_bytes_that_are_in_use_are_not_taken_for_another_publication(make_home: Any) -> None:
    home = make_home(make_publication(file=f"{HOST}a.csv"))
    assert serve(home, APRIL) == ["created"]
    home.rows.append(make_publication("2026-05", file=f"{HOST}b.csv"))
    del home.catalogue
    home.source.put(home.rows[1], APRIL)
    may, april = home.pull().pulled
    assert (may.outcome, april.outcome) == ("failed", "unchanged")
    assert "in use as monthly/2026-04/1" in may.detail
    assert len(home.list_drops_in_use()) == 1


def test_bytes_that_are_held_under_a_wrong_entry_are_used_under_the_right_one(make_home: Any) -> None:
    home = make_home(make_publication(file=f"{HOST}a.csv"), make_publication("2026-05", file=f"{HOST}b.csv"))
    for row in home.rows:
        home.source.put(row, APRIL)
    assert [pulled.outcome for pulled in home.pull().pulled] == ["held", "unchanged"]
    (drop,) = home.list_drops_in_use()
    assert drop.publication == "monthly/2026-04/1"


def test_a_run_that_is_killed_after_archiving_leaves_nothing_in_use(
    make_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home()
    home.source.put(home.rows[0], APRIL)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("iapt.pull.receiving.assess_drop", die)
        with pytest.raises(KeyboardInterrupt):
            home.pull()
    assert len(list(home.archive)) == 1
    assert home.list_drops_in_use() == []
    fetched = len(home.source.fetched)
    assert home.pull(recheck=False).counts == {"created": 1}
    assert len(home.source.fetched) == fetched, "the bytes were archived whole: nothing is fetched again"
    assert len(home.list_drops_in_use()) == 1


def test_what_a_killed_run_left_half_written_is_removed_by_the_next(make_home: Any) -> None:
    home = make_home()
    for folder in (home.workspace.drops / ".archiving-abc", home.workspace.observations / "reading-abc"):
        folder.mkdir(parents=True)
        (folder / "part.csv").write_bytes(b"half")
    assert serve(home, APRIL) == ["created"]
    assert [path.name for path in home.workspace.drops.iterdir()] == [next(iter(home.archive)).sha256]
    assert not list(home.workspace.observations.glob("reading-*"))


def test_a_body_that_was_cut_stays_among_the_arrivals_and_nothing_else(make_home: Any) -> None:
    home = make_home()
    incoming = home.workspace.incoming
    cut, whole, other = incoming / f"{1:016x}", incoming / f"{2:016x}", incoming / "drop_folders"
    for folder, name in ((cut, "a.csv.part"), (whole, "b.csv"), (other, "c.csv")):
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"half")
    assert serve(home, APRIL) == ["created"]
    assert sorted(incoming.iterdir()) == [cut, other]


def test_what_is_pending_can_be_neither_accepted_nor_rejected(make_home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home()
    home.source.put(home.rows[0], APRIL)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("iapt.pull.receiving.assess_drop", die)
    with pytest.raises(KeyboardInterrupt):
        home.pull()
    (sha256,) = home.read_reviews().reviews
    for decision in ("accepted", "rejected"):
        with pytest.raises(ReviewError, match="pull` again"):
            decide_review(home.workspace, sha256, decision, "", NOW)


def test_a_plan_asks_for_nothing(make_home: Any) -> None:
    home = make_home(make_publication("2026-05"), make_publication())
    home.source.put(home.rows[1], APRIL)
    home.pull()
    home.source.fetched.clear()
    selected = select_publications(home.catalogue.publications, home.catalogue.publisher)
    plan = plan_pull(PullHome(home.workspace, home.archive, home.observations, home.catalogue), selected)
    assert plan.counts == {"unchanged": 1, "planned": 1}
    assert home.source.fetched == []


def test_a_home_of_invented_figures_is_refused(make_home: Any, tmp_path: Path) -> None:
    home = make_home()
    home.catalogue.publisher = home.catalogue.publisher.model_copy(update={"data_origin": "synthetic"})
    assert serve(home, APRIL) == ["created"]
    other = PullingHome(tmp_path, home.rows)
    with pytest.raises(OtherOriginError, match="never share a"):
        other.pull()


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ({"series": ["weekly"]}, "expected a series"),
        ({"series": ["monthly_metadata"]}, "never pulled"),
        ({"since": "spring"}, "--since"),
    ],
)
def test_a_selection_that_means_nothing_is_refused(make_home: Any, selection: dict[str, Any], said: str) -> None:
    with pytest.raises(SelectionError, match=said):
        make_home().pull(**selection)


def test_since_leaves_out_what_ends_before_it(make_home: Any) -> None:
    home = make_home(make_publication("2026-05"), make_publication("2026-04"), make_publication("2024-03"))
    ids = [pulled.publication.id for pulled in home.pull(since="2026-04").pulled]
    assert ids == ["monthly/2026-05/1", "monthly/2026-04/1"]
    assert len(home.pull(since="2023-24").pulled) == 3


def test_a_year_that_ends_after_since_is_pulled_and_what_is_never_pulled_is_not(make_home: Any) -> None:
    year = make_publication("2024-25", series="annual", file=f"{HOST}annual_2024-25.zip", format="zip")
    never = make_publication("2026-05", not_pulled="No layout reads it.")
    home = make_home(make_publication(), year, never)
    ids = [
        row.id for row in select_publications(home.catalogue.publications, home.catalogue.publisher, since="2024-09")
    ]
    assert ids == ["monthly/2026-04/1", "annual/2024-25/1"]


def test_a_defect_met_in_one_file_never_stops_the_others(make_home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(make_publication("2026-05"), make_publication())
    home.source.put(home.rows[0], MAY)
    home.source.put(home.rows[1], APRIL)
    read = receiving.read_drop

    def fail_on_may(connection: Any, drop: Any, *others: Any) -> Any:
        if "may" in drop.file:
            raise MemoryError("Unable to allocate\x1b[2J 9 GiB\nand so on")
        return read(connection, drop, *others)

    with monkeypatch.context() as patched:
        patched.setattr("iapt.pull.receiving.read_drop", fail_on_may)
        for _ in range(2):
            may, april = home.pull().pulled
            assert may.outcome == "failed"
            assert "MemoryError: Unable to allocate" in may.detail
            assert may.detail.isprintable()
            assert april.outcome in {"created", "unchanged"}
            assert [drop.publication for drop in home.list_drops_in_use()] == ["monthly/2026-04/1"]
    assert home.pull().pulled[0].outcome == "created"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("IO Error: disk is full")])
def test_an_error_of_the_machine_ends_the_pull(make_home: Any, monkeypatch: Any, error: Exception) -> None:
    home = make_home()
    home.source.put(home.rows[0], APRIL)
    monkeypatch.setattr("iapt.pull.receiving.read_drop", Mock(side_effect=error))
    if "disk is full" in str(error):
        monkeypatch.setattr("iapt.pull.receiving.describe_machine_error", lambda text: text)
    with pytest.raises(type(error)):
        home.pull()


def test_an_archive_that_refuses_is_not_taken_for_the_publisher(make_home: Any, monkeypatch: Any) -> None:
    home = make_home()
    home.source.put(home.rows[0], APRIL)
    refusal = RefusedError("s3://bucket/drops", "credentials that the store accepts", "none", "Set them.")
    monkeypatch.setattr(home.archive, "archive", Mock(side_effect=refusal))
    with pytest.raises(RefusedError):
        home.pull()


def test_what_was_rejected_is_never_used_by_a_later_pull(make_home: Any) -> None:
    home = make_home()
    assert serve(home, APRIL) == ["created"]
    (drop,) = home.archive
    rejected = Review(
        publication="monthly/2026-04/1", file=drop.file, state="rejected", reasons=(PENDING,), held_at="2026-07-01"
    )
    Reviews(reviews={drop.sha256: rejected}).write(home.workspace.reviews)
    assert home.pull_one().outcome == "held"
    assert home.list_drops_in_use() == []


def test_a_held_drop_keeps_its_reason_where_the_server_cannot_be_asked(make_home: Any) -> None:
    home = make_home(make_publication(sha256="0" * 64))
    assert serve(home, APRIL) == ["held"]
    home.source.put(home.rows[0], UnavailableError(str(home.rows[0].file), "an answer", "none", "Try later."))
    pulled = home.pull_one()
    assert pulled.outcome == "held"
    assert "the list declares" in pulled.detail
    assert "could not be asked" in pulled.detail


def withdraw(home: PullingHome, content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    home.catalogue.withdrawn = [WithdrawnFile(sha256=sha256, file="a", reason="small figures", source="a page")]


def test_withdrawn_bytes_are_received_once(make_home: Any) -> None:
    home = make_home()
    withdraw(home, APRIL)
    home.source.put(home.rows[0], APRIL)
    received = [home.pull_one(recheck=recheck).bytes_received for recheck in (False, False, True)]
    assert received == [len(APRIL), 0, 0]
    selected = select_publications(home.catalogue.publications, home.catalogue.publisher)
    plan = plan_pull(PullHome(home.workspace, home.archive, home.observations, home.catalogue), selected)
    assert plan.select("planned") == []


def test_an_archived_file_that_is_withdrawn_later_is_told_as_withdrawn(make_home: Any) -> None:
    home = make_home()
    assert serve(home, APRIL) == ["created"]
    withdraw(home, APRIL)
    for recheck in (False, True):
        pulled = home.pull_one(recheck=recheck)
        assert (pulled.outcome, pulled.detail) == ("withdrawn", "small figures")


def relist(home: PullingHome, **changes: Any) -> PulledPublication:
    """Change the only row of the list, as a review of the catalogue does, and pull."""
    home.rows[0] = home.rows[0].model_copy(update=changes)
    del home.catalogue
    fetched = len(home.source.fetched)
    pulled = home.pull_one(recheck=False)
    assert len(home.source.fetched) == fetched, "the bytes are archived: nothing is asked for"
    return pulled


@pytest.mark.parametrize("changes", [{"status": "provisional"}, {"revision": 3}])
def test_a_corrected_entry_of_the_list_is_that_of_the_archived_drop(make_home: Any, changes: dict[str, Any]) -> None:
    home = make_home()
    assert serve(home, APRIL) == ["created"]
    (before,) = home.archive
    assert relist(home, **changes).outcome == "unchanged"
    (drop,) = home.list_drops_in_use()
    listed = {"publication": home.rows[0].id, "status": home.rows[0].status, "revision": home.rows[0].revision}
    assert drop == replace(before, **listed)
    assert relist(home).detail == "", "it is corrected once"


def test_a_file_that_was_held_for_a_wrong_entry_is_used_under_the_corrected_one(make_home: Any) -> None:
    home = make_home(make_publication("2026-05", file=f"{HOST}activity.csv"))
    assert serve(home, APRIL) == ["held"]
    assert relist(home, period="2026-04").outcome == "unchanged"
    assert [drop.publication for drop in home.list_drops_in_use()] == ["monthly/2026-04/1"]


def test_a_declared_sha256_that_is_corrected_or_added_counts_at_once(make_home: Any) -> None:
    home = make_home(make_publication(sha256="0" * 64))
    assert serve(home, APRIL) == ["held"]
    assert relist(home).outcome == "held"
    assert relist(home, sha256=hashlib.sha256(APRIL).hexdigest()).outcome == "created"
    assert len(home.list_drops_in_use()) == 1
    assert relist(home, sha256="1" * 64).outcome == "held"
    assert home.list_drops_in_use() == []


@pytest.mark.parametrize("decision", ["accepted", "rejected"])
def test_a_decision_outlives_a_corrected_entry_and_the_same_bytes_at_another_address(
    make_home: Any, decision: Any
) -> None:
    home = make_home(make_publication(sha256="0" * 64))
    assert serve(home, APRIL) == ["held"]
    ((sha256, _),) = home.read_reviews().reviews.items()
    decide_review(home.workspace, sha256, decision, "", NOW)
    expected = {"accepted": ("unchanged", 1), "rejected": ("held", 0)}[decision]
    assert (relist(home, status="provisional").outcome, len(home.list_drops_in_use())) == expected
    later = make_publication(revision=2, file=f"{HOST}month_apr_2026_v2.csv", sha256="0" * 64)
    home.rows.insert(0, later)
    del home.catalogue
    home.source.put(later, APRIL)
    assert [pulled.outcome for pulled in home.pull().pulled] == [expected[0]] * 2
    assert len(home.list_drops_in_use()) == expected[1]
    (review,) = home.read_reviews().reviews.values()
    assert (review.state, review.publication) == (decision, "monthly/2026-04/2")


def test_bytes_of_an_earlier_file_that_come_back_are_told(make_home: Any) -> None:
    home = make_home()
    assert serve(home, APRIL, APRIL_REVISED) == ["created", "changed"]
    home.source.put(home.rows[0], APRIL)
    pulled = home.pull_one()
    assert pulled.outcome == "unchanged"
    assert "the bytes of an earlier file again" in pulled.detail
    assert hashlib.sha256(APRIL_REVISED).hexdigest() in pulled.detail
    assert home.pull_one().detail == ""


def test_the_bytes_of_another_publication_are_told_at_each_pull_and_received_once(make_home: Any) -> None:
    home = make_home(make_publication(file=f"{HOST}a.csv"), make_publication("2026-05", file=f"{HOST}b.csv"))
    for row in home.rows:
        home.source.put(row, APRIL)
    assert home.pull().counts == {"unchanged": 1, "held": 1}
    for recheck in (False, True):
        result = home.pull(recheck=recheck)
        assert (result.counts, result.bytes_received) == ({"unchanged": 1, "failed": 1}, 0)
        assert "in use as monthly/2026-04/1" in result.pulled[0].detail
    assert list(home.workspace.incoming.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "found"), [(b"<!doctype html><html><body>Sign in</body></html>", "a web page"), (b"", "0 bytes")]
)
def test_a_web_page_that_a_person_saved_is_not_archived(make_home: Any, content: bytes, found: str) -> None:
    home = make_home()
    home.workspace.inbox.mkdir()
    (home.workspace.inbox / "month_apr_2026_performance.csv").write_bytes(content)
    pulled = home.pull_one()
    assert pulled.outcome == "failed"
    assert found in pulled.detail
    assert str(home.workspace.inbox) in pulled.detail
    assert list(home.archive) == []


def test_a_file_got_by_hand_that_is_too_large_or_unreadable_stops_no_other(make_home: Any, monkeypatch: Any) -> None:
    home = make_home(make_publication("2026-05"), make_publication())
    home.source.put(home.rows[1], APRIL)
    home.workspace.inbox.mkdir()
    by_hand = home.workspace.inbox / "month_may_2026_performance.csv"
    by_hand.write_bytes(MAY)
    with monkeypatch.context() as patched:
        denied = PermissionError(13, "Permission denied", str(by_hand))
        patched.setattr("iapt.pull.by_hand.check_first_bytes", Mock(side_effect=denied))
        may, april = home.pull().pulled
        assert (may.outcome, april.outcome) == ("failed", "created")
        assert "Permission denied" in may.detail
    home.catalogue.limits = home.catalogue.limits.model_copy(update={"max_file_bytes": len(MAY) - 1})
    may, april = home.pull().pulled
    assert (may.outcome, april.outcome) == ("failed", "unchanged")
    assert "max_file_bytes" in may.detail
    assert home.read_reviews().reviews == {}


def test_a_file_got_by_hand_is_archived_under_the_publishers_name(make_home: Any) -> None:
    home = make_home(make_publication(file=f"{HOST}month%20apr%202026.csv"))
    home.workspace.inbox.mkdir()
    (home.workspace.inbox / "month%20apr%202026 (1).csv").write_bytes(APRIL)
    assert home.pull_one().outcome == "created"
    (drop,) = home.list_drops_in_use()
    assert drop.file == "month apr 2026.csv"
    assert list(home.workspace.incoming.iterdir()) == []


def test_a_name_of_a_folder_changes_nothing_of_what_the_list_says(make_home: Any, tmp_path: Path) -> None:
    home = make_home()
    assert serve(home, APRIL) == ["created"]
    before = list(home.archive)
    result = ingest(home, tmp_path, "month_apr_2026_performance-v2.csv")
    assert list(home.archive) == before
    assert (result.new, len(result.other_names)) == ([], 1)


@pytest.mark.parametrize(
    "name",
    [
        *("Caf\u00e9 [1] b+c.csv", "Cafe\u0301 [1] b+c.csv", "CAF\u00c9 [1] B+C.CSV", "Caf\u00e9 [1] b+c (2).csv"),
        *("Caf%C3%A9%20[1]%20b+c.csv", "Caf%C3%A9%20%5B1%5D%20b%2Bc (1).csv"),
    ],
)
def test_a_file_got_by_hand_is_found_however_its_name_was_written(tmp_path: Path, name: str) -> None:
    row = make_publication(file=f"{HOST}Caf%C3%A9%20[1]%20b+c.csv")
    (tmp_path / name).write_bytes(APRIL)
    assert find_by_hand(tmp_path, row) == tmp_path / name


@pytest.mark.parametrize("name", ["month_apr_2026_performance.csv.part", "month_apr_2026_performance (old).csv"])
def test_a_file_of_another_name_is_not_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(APRIL)
    assert find_by_hand(tmp_path, make_publication()) is None


def test_a_corrected_entry_counts_for_a_file_that_was_got_at_another_address(make_home: Any) -> None:
    home = make_home()
    assert serve(home, APRIL) == ["created"]
    moved = make_publication(file=f"{HOST}moved.csv")
    home.rows[0] = moved
    del home.catalogue
    assert serve(home, APRIL) == ["unchanged"]
    relist(home, status="provisional")
    assert [drop.status for drop in home.list_drops_in_use()] == ["provisional"]


def test_a_home_that_is_made_again_holds_what_it_held(make_home: Any) -> None:
    home = make_home()
    shrunk = make_monthly_csv(*make_april("25"))
    assert serve(home, APRIL, shrunk, APRIL_REVISED) == ["created", "held", "changed"]
    used = home.list_drops_in_use()
    home.workspace.reviews.unlink()
    home.workspace.pulled.unlink()
    shutil.rmtree(home.workspace.observations)
    home.source.files.clear()
    home.pull()
    assert home.list_drops_in_use() == used
    assert [review.state for review in home.read_reviews().reviews.values()] == ["rejected"]


def test_a_run_that_is_killed_while_a_home_is_made_again_leaves_nothing_in_use(
    make_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home()
    assert serve(home, APRIL, make_monthly_csv(*make_april("25"))) == ["created", "held"]
    home.workspace.reviews.unlink()
    with monkeypatch.context() as patched:
        patched.setattr("iapt.pull.receiving.assess_drop", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            home.pull()
    assert home.list_drops_in_use() == []
    home.workspace.pulled.unlink()
    home.source.files.clear()
    home.pull()
    assert len(home.list_drops_in_use()) == 1, "the first file is used again, the shrunken one is held"
