"""Reading the archived drops of a home: each once, and again only where what it rests on has changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.drop_reading import list_drops_of_period, read_archived_drops
from iapt.ingest.reissues import find_wholly_replaced_drops
from iapt.ingest.series_summaries import summarise_series
from iapt.sources.folder import OfferedFile, discover_files
from tests.factories import drops
from tests.factories.drop_home import (
    APRIL,
    MAY,
    DropHome,
)
from tests.factories.drops import FINISHED, make_monthly_csv, make_row


@pytest.fixture
def home(tmp_path: Path) -> DropHome:
    return DropHome(tmp_path)


def test_a_reissued_month_is_counted_once(home: DropHome) -> None:
    """`iapt status` counts what stands: the re-issue, and not the drop it replaces."""
    home.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    home.read()
    (once,) = summarise_series(home.read().usable, frozenset())
    home.offer(april_v2__csv=APRIL.replace(b",25", b",30")).ingest_folder()
    reading = home.read()
    (held,) = summarise_series(
        reading.usable, find_wholly_replaced_drops(reading.usable, home.observations, drops.catalogue())
    )
    assert len(reading.usable) == 3
    assert (held.drops, held.replaced, held.cells) == (2, 1, once.cells)
    assert (held.first_period, held.last_period) == (once.first_period, once.last_period)


def test_a_second_reading_reads_nothing(home: DropHome, monkeypatch: pytest.MonkeyPatch) -> None:
    home.offer(april__csv=APRIL, may__csv=MAY, broken__csv=b"not,a,known\nheader,of,any\n").ingest_folder()
    seen: list[tuple[object, ...]] = []
    first = read_archived_drops(
        home.drops, home.observations, drops.catalogue(), "published", lambda *step: seen.append(step)
    )
    assert (len(first.read), first.known, len(first.usable), len(first.rejected)) == (3, [], 2, 1)
    assert seen == [
        ("reading drops: april.csv", 0, 3),
        ("reading drops: broken.csv", 1, 3),
        ("reading drops: may.csv", 2, 3),
        ("reading drops: may.csv", 3, 3),
    ]
    monkeypatch.setattr("iapt.ingest.reading.read_drop", lambda *_: pytest.fail("a drop was read again"))
    second = home.read()
    assert second.read == []
    assert sorted(second.known) == sorted(first.read)
    assert (second.usable, second.rejected) == (first.usable, first.rejected)


def test_only_the_new_drop_of_a_grown_folder_is_read(home: DropHome) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    home.read()
    (new,) = home.offer(may__csv=MAY).ingest_folder().new
    assert home.read().read == [new]


def edit_catalogue(folder: Path, edit: Callable[[Path], object]) -> Catalogue:
    copy = folder / "catalogue"
    shutil.copytree(drops.CATALOGUE, copy, dirs_exist_ok=True)
    edit(copy)
    return Catalogue(copy)


def edit_layout(stem: str, **changes: Any) -> Callable[[Path], object]:
    def edit(catalogue: Path) -> None:
        path = catalogue / "layouts" / f"{stem}.yml"
        path.write_text(
            yaml.safe_dump({**yaml.safe_load(path.read_text("utf-8")), **changes}, sort_keys=False), "utf-8"
        )

    return edit


def read_two_layouts(home: DropHome) -> tuple[ArchivedDrop, ArchivedDrop]:
    name, quarterly = drops.make_published_drops()["quarterly_wide"]
    (home.folder / name).write_bytes(quarterly)
    home.offer(april__csv=APRIL).ingest_folder()
    home.read()
    first, second = home.drops
    return first, second


def test_a_changed_layout_reads_again_the_drops_it_concerns_and_no_others(home: DropHome, tmp_path: Path) -> None:
    monthly, _ = read_two_layouts(home)
    tokens = {"*": "suppressed", "NULL": "not_applicable", "..": "not_published"}
    changed = edit_catalogue(tmp_path, edit_layout("monthly_long", tokens=tokens))
    assert home.read(changed).read == [monthly.sha256]
    assert home.read(changed).read == []


def test_a_catalogue_written_otherwise_but_saying_the_same_reads_nothing_again(home: DropHome, tmp_path: Path) -> None:
    read_two_layouts(home)
    assert home.read(edit_catalogue(tmp_path, edit_layout("monthly_long"))).read == []


def test_a_raised_reader_version_reads_everything_again(home: DropHome, monkeypatch: pytest.MonkeyPatch) -> None:
    read_two_layouts(home)
    monkeypatch.setattr("iapt.ingest.observation_store.READER_VERSION", 1_000_000)
    assert len(home.read().read) == 2


def test_rejected_drops_are_tried_again_when_a_layout_changes_and_only_then(home: DropHome, tmp_path: Path) -> None:
    with_dots = make_monthly_csv(make_row("25"), make_row("..", measure=FINISHED))
    home.offer(april__csv=with_dots).ingest_folder()
    assert len(home.read().rejected) == 1
    assert home.read().read == []
    tokens = {"*": "suppressed", "NULL": "not_applicable", "..": "not_published"}
    mended = home.read(edit_catalogue(tmp_path, edit_layout("monthly_long", tokens=tokens)))
    assert len(mended.read) == len(mended.usable) == 1
    assert mended.usable[0][1].observations == 2


def test_a_drop_rejected_by_a_limit_is_tried_again_when_the_limit_is_raised(home: DropHome) -> None:
    home.offer(pack__zip=drops.make_zip({"a.csv": APRIL, "b.csv": APRIL})).ingest_folder()
    ((_, rejection),) = home.read(drops.with_limits(max_members=1)).rejected
    assert "catalogue/limits.yml" in rejection["remedy"]
    assert home.read(drops.with_limits(max_members=1)).read == []
    assert len(home.read(drops.with_limits(max_members=2)).usable) == 1


def test_a_rejected_drop_is_tried_again_when_more_can_be_opened_and_only_then(
    home: DropHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.offer(april__csv=APRIL, broken__zip=b"no pack").ingest_folder()
    ((broken, _),) = home.read().rejected
    assert home.read().read == []
    monkeypatch.setattr("iapt.ingest.containers.describe_openable", lambda file: f"one kind more, of {file}")
    assert home.read().read == [broken.sha256]
    assert home.read().read == []


def test_a_pack_with_tables_unread_is_read_again_when_a_layout_may_know_them(home: DropHome, tmp_path: Path) -> None:
    main = drops.make_csv(drops.ANNUAL_HEADERS["2022-23"], [drops.make_annual_row("25")])
    effect = b"Year begins,Code,Effect\n2022-04-01,ZZ-P1,0.5\n"
    pack = drops.make_zip({"main.csv": main, "effect.csv": effect})
    (home.folder / "annual-2022-23.zip").write_bytes(pack)
    home.offer(april__csv=APRIL).ingest_folder()
    assert len(home.read().usable) == 2

    def add_layout(catalogue: Path) -> None:
        shutil.copy(catalogue / "layouts" / "data_quality.yml", catalogue / "layouts" / "effect_wide.yml")
        edit_layout(
            "effect_wide",
            name="effect_wide",
            series="annual",
            period_grain="year",
            recognise={"header_row": 1, "required": ["Year begins", "Code", "Effect"]},
            period={"from": "columns", "start": "Year begins", "date_styles": ["iso"]},
            levels={"always": {"level": "provider", "organisation": ["Code"]}},
            variables="total",
            measures={"shape": "wide", "columns": ["Effect"]},
        )(catalogue)

    again = home.read(edit_catalogue(tmp_path, add_layout))
    summaries = {drop.file: summary for drop, summary in again.usable}
    assert [table.layout for table in summaries["annual-2022-23.zip"].tables] == ["annual_main_wide", "effect_wide"]
    assert summaries["annual-2022-23.zip"].unread == []
    assert len(again.read) == 1


def test_the_drops_of_a_period_are_those_that_publish_it_at_its_grain(home: DropHome) -> None:
    series = make_monthly_csv(make_row("25"), make_row("35", start="01/05/2026", end="31/05/2026"))
    quarter = drops.make_csv(drops.QUARTERLY_LONG_HEADER, [drops.make_quarterly_row("100")])
    home.offer(april__csv=APRIL, may__csv=MAY, series__csv=series, quarter__csv=quarter).ingest_folder()
    usable = home.read().usable

    def files(grain: str, start: str) -> list[str]:
        return [drop.file for drop, _ in list_drops_of_period(usable, grain, start)]

    assert files("month", "2026-04-01") == ["april.csv", "series.csv"]
    assert files("month", "2026-05-01") == ["may.csv", "series.csv"]
    assert files("quarter", "2026-04-01") == ["quarter.csv"]
    assert files("year", "2026-04-01") == []


def test_a_found_file_is_published_under_the_open_licence_unless_its_folder_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "april.csv").write_bytes(APRIL)
    assert discover_files(tmp_path).files == [OfferedFile(tmp_path / "april.csv", "april.csv", "published")]
