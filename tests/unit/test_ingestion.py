"""Ingestion: bytes archived once and never changed, of one origin, under the name that says most."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from iapt.files import compute_sha256
from iapt.ingest.archive import ArchiveStamp, DropArchive
from iapt.ingest.drop_reading import ReadResult, find_name_conflicts
from iapt.ingest.ingestion import ingest_folder
from iapt.rejection import DropRejectedError
from iapt.sources.folder import OfferedFile
from tests.factories import drops
from tests.factories.drop_home import (
    APRIL,
    APRIL_REVISED,
    ARCHIVED_AT,
    MAY,
    SYNTHETIC,
    DropHome,
    read_reasons,
    write_sidecar,
)


@pytest.fixture
def home(tmp_path: Path) -> DropHome:
    return DropHome(tmp_path)


def test_a_drop_is_archived_as_published_beside_its_provenance(home: DropHome) -> None:
    home.offer(**{"iapt_month_feb_2023_activity v2__csv": APRIL})
    result = home.ingest_folder()
    (drop,) = home.drops
    assert result.offered == result.new == [drop.sha256] == [hashlib.sha256(APRIL).hexdigest()]
    assert home.drops.path_to(drop).read_bytes() == APRIL
    assert home.drops.path_to(drop).name == "iapt_month_feb_2023_activity v2.csv"
    assert drop.to_record() == {
        "sha256": hashlib.sha256(APRIL).hexdigest(),
        "file": "iapt_month_feb_2023_activity v2.csv",
        "bytes": len(APRIL),
        "origin": "published",
        "made": "",
        "source": "",
        "licence": "Open Government Licence v3.0",
        "status": "definitive",
        "revision": 2,
        "sequence": 1,
        "batch": 1,
        "source_path": "iapt_month_feb_2023_activity v2.csv",
        "archived_at": ARCHIVED_AT,
        "publication": "",
        "address": "",
    }
    assert home.drops.get(drop.sha256) == drop
    assert home.drops.get("0" * 64) is None


def test_the_records_of_an_earlier_versions_home_are_read_under_their_old_keys(home: DropHome) -> None:
    home.offer(april__csv=APRIL, other__csv=b"no,table\n1,2\n").ingest_folder()
    before = home.read()
    for folder, keys in {
        home.drops.folder: {"source_path": "got_from", "archived_at": "kept_at"},
        home.observations.folder: {"rejection": "refusal", "has_synthetic_mark": "synthetic_mark"},
    }.items():
        for path in folder.rglob("*.json"):
            record = json.loads(path.read_text("utf-8"))
            path.write_text(json.dumps({keys.get(key, key): value for key, value in record.items()}), "utf-8")
            assert keys.keys() <= record.keys()
    after = home.read()
    assert (after.usable, after.rejected) == (before.usable, before.rejected)
    assert (len(before.read), after.read) == (2, [])


def test_archived_bytes_cannot_be_written_to(home: DropHome) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    (drop,) = home.drops
    assert home.drops.path_to(drop).stat().st_mode & 0o222 == 0


def test_the_same_bytes_again_are_nothing_new_even_under_another_name(home: DropHome) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    before = home.read_archive()
    home.offer(again__csv=APRIL, april__csv=APRIL)
    result = home.ingest_folder()
    assert result.new == []
    assert len(result.offered) == 1
    assert result.rejected == []
    assert home.read_archive() == before


def test_rejected_bytes_offered_under_another_name_are_ingested_anew(home: DropHome) -> None:
    main = drops.make_csv(drops.ANNUAL_HEADERS["2022-23"], [drops.make_annual_row("25")])

    def ingest_and_read() -> ReadResult:
        ingest_folder(home.folder, home.drops, drops.catalogue(), ARCHIVED_AT, home.observations)
        return home.read()

    home.offer(main__csv=main, april__csv=APRIL)
    (rejected,) = ingest_and_read().rejected
    assert "one financial year" in rejected[1]["expected"]
    (home.folder / "main.csv").rename(home.folder / "annual-2022-23-v2.csv")
    reading = ingest_and_read()
    assert reading.rejected == []
    assert [drop.file for drop, _ in reading.usable] == ["april.csv", "annual-2022-23-v2.csv"]
    renamed = reading.usable[1][0]
    assert (renamed.revision, renamed.source_path, renamed.batch) == (2, "annual-2022-23-v2.csv", 3)
    assert sorted(path.name for path in home.drops.path_to(renamed).parent.iterdir()) == [
        "annual-2022-23-v2.csv",
        "provenance.json",
    ]
    assert home.drops.path_to(renamed).read_bytes() == main
    assert home.drops.path_to(renamed).stat().st_mode & 0o222 == 0
    # Once it can be used it keeps its name: the same bytes again are nothing new.
    (home.folder / "annual-2022-23-v2.csv").rename(home.folder / "main.csv")
    before = home.read_archive()
    assert ingest_and_read().rejected == []
    assert home.read_archive() == before


def test_other_bytes_under_the_same_name_are_a_new_drop_and_the_old_one_stays(home: DropHome) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    before = home.read_archive()
    result = home.offer(april__csv=APRIL_REVISED).ingest_folder()
    old, new = home.drops
    assert (old.file, new.file) == ("april.csv", "april.csv")
    assert (old.sequence, new.sequence) == (1, 2)
    assert (old.batch, new.batch) == (1, 2)
    assert result.offered == result.new == [new.sha256]
    assert before.items() <= home.read_archive().items()


def test_drops_of_one_ingestion_share_a_batch_and_are_numbered_in_the_order_of_their_paths(home: DropHome) -> None:
    (home.folder / "2026").mkdir()
    home.offer(may__csv=MAY, april__csv=APRIL)
    (home.folder / "2026" / "revised.csv").write_bytes(APRIL_REVISED)
    home.ingest_folder()
    assert [(drop.source_path, drop.sequence, drop.batch) for drop in home.drops] == [
        ("2026/revised.csv", 1, 1),
        ("april.csv", 2, 1),
        ("may.csv", 3, 1),
    ]


def test_bytes_are_copied_once_and_nothing_is_left_of_copies_that_were_not_needed(home: DropHome) -> None:
    home.offer(april__csv=APRIL, again__csv=APRIL, may__csv=MAY, june__csv=APRIL_REVISED)
    withdrawn, known = hashlib.sha256(MAY).hexdigest(), hashlib.sha256(APRIL_REVISED).hexdigest()
    paths = sorted(home.folder.glob("*.csv"))
    with home.drops.copying_ahead(paths, compute_sha256, {withdrawn}) as compute_digest:
        assert [compute_digest(path) for path in paths] == [compute_sha256(path) for path in paths]
        assert _count_copies(home, APRIL) == 2
        assert _count_copies(home, APRIL_REVISED) == 1
        assert _count_copies(home, MAY) == 0
    assert list(home.drops.folder.iterdir()) == []
    home.ingest_folder()
    with home.drops.copying_ahead(paths, compute_sha256) as compute_digest:
        assert compute_digest(home.folder / "june.csv") == known
        assert _count_copies(home, APRIL_REVISED) == 1
    assert {path.name for path in home.drops.folder.iterdir()} == {drop.sha256 for drop in home.drops}


def _count_copies(home: DropHome, content: bytes) -> int:
    return sum(path.is_file() and path.read_bytes() == content for path in home.drops.folder.rglob("*"))


def test_a_file_that_grows_after_it_was_copied_ahead_is_not_archived(home: DropHome) -> None:
    path = home.offer(april__csv=APRIL).folder / "april.csv"
    stamp, catalogue = ArchiveStamp(1, 1, ARCHIVED_AT), drops.catalogue()
    with home.drops.copying_ahead([path], compute_sha256) as compute_digest:
        compute_digest(path)
        path.write_bytes(APRIL + b"and more\n")
        with pytest.raises(OSError, match="changed while it was being archived"):
            home.drops.archive(
                OfferedFile(path, path.name, "published"),
                stamp,
                precedence=catalogue.precedence,
                limits=catalogue.limits,
                withdrawn=(),
                compute_digest=compute_digest,
            )
    assert list(home.drops.folder.iterdir()) == []


def test_a_crash_while_archiving_leaves_nothing_half_written(home: DropHome, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    home.offer(april__csv=APRIL)
    for step in ("shutil.copyfile", "json.dumps", "pathlib.Path.chmod", "os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(step, crash)
            with pytest.raises(KeyboardInterrupt):
                home.ingest_folder()
        assert home.read_archive() == {}
        assert list(home.drops.folder.iterdir()) == []
    assert home.ingest_folder().new


def test_what_a_power_cut_leaves_behind_is_no_archived_drop(home: DropHome) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    (drop,) = home.drops
    half_archived = home.drops.folder / ".archiving-cut-short"
    shutil.copytree(home.drops.path_to(drop).parent, half_archived)
    record = replace(drop, sha256="0" * 64, sequence=9).to_record()
    (half_archived / "provenance.json").write_text(json.dumps(record), "utf-8")
    assert list(home.drops) == [drop]
    assert home.drops.next_sequence() == 2


def test_a_file_that_changes_while_it_is_archived_is_not_archived(
    home: DropHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copies_other_bytes(source: object, target: Path) -> None:
        Path(target).write_bytes(APRIL_REVISED)

    home.offer(april__csv=APRIL)
    monkeypatch.setattr(shutil, "copyfile", copies_other_bytes)
    with pytest.raises(OSError, match="changed while it was being archived"):
        home.ingest_folder()
    assert home.read_archive() == {}


def test_a_file_larger_than_the_limit_is_rejected_before_it_is_read(home: DropHome) -> None:
    home.offer(april__csv=APRIL, may__csv=MAY)
    small = drops.with_limits(max_file_bytes=len(APRIL) - 1)
    assert "in catalogue/limits.yml" in read_reasons(home.ingest_folder(small))["april.csv"]
    assert list(home.drops) == []
    exact = drops.with_limits(max_file_bytes=max(len(APRIL), len(MAY)))
    assert len(home.ingest_folder(exact).new) == 2


# -- origins ----------------------------------------------------------------------------------------------------------


def test_synthetic_drops_beside_published_ones_are_rejected(home: DropHome) -> None:
    write_sidecar(home, "provenance.json", {"april.csv": {"data_origin": "synthetic"}})
    result = home.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    assert result.origin == "published"
    assert "expected drops of one origin in a folder (published)" in read_reasons(result)["april.csv"]
    assert [drop.file for drop in home.drops] == ["may.csv"]


def test_a_folder_of_synthetic_drops_is_read_apart_from_published_ones(home: DropHome) -> None:
    home.offer(may__csv=MAY).ingest_folder()
    (home.folder / "may.csv").unlink()
    write_sidecar(home, "provenance.json", {}, data_origin="synthetic")
    assert home.offer(synthetic__csv=SYNTHETIC).ingest_folder().origin == "synthetic"
    assert [drop.file for drop, _ in home.read(origin="published").usable] == ["may.csv"]
    assert [drop.file for drop, _ in home.read(origin="synthetic").usable] == ["synthetic.csv"]


def test_a_drop_that_looks_published_and_bears_the_mark_of_a_demonstration_is_rejected(home: DropHome) -> None:
    home.offer(april__csv=SYNTHETIC, may__csv=MAY).ingest_folder()
    reading = home.read()
    assert [drop.file for drop, _ in reading.usable] == ["may.csv"]
    ((drop, rejection),) = reading.rejected
    assert drop.file == "april.csv"
    assert "the mark of a demonstration drop" in str(DropRejectedError(**rejection))


def test_bytes_archived_under_one_origin_are_rejected_under_another(home: DropHome) -> None:
    home.offer(april__csv=SYNTHETIC).ingest_folder()
    write_sidecar(home, "provenance.json", {}, data_origin="synthetic")
    result = home.ingest_folder()
    assert "expected published bytes, as which they were archived before" in read_reasons(result)["april.csv"]
    assert result.offered == []


def test_an_empty_folder_offers_nothing(home: DropHome) -> None:
    result = home.ingest_folder()
    assert (result.origin, result.offered, result.new, result.rejected) == ("published", [], [], [])
    assert home.read() == ReadResult()


# -- other names of known bytes ---------------------------------------------------------------------------------------


def reject_names(home: DropHome) -> list[str]:
    """Ingest the folder, read it, and say which other names of known bytes are rejected, and why."""
    result = ingest_folder(home.folder, home.drops, drops.catalogue(), ARCHIVED_AT, home.observations)
    usable = home.read().usable
    return [
        str(DropRejectedError(**each)) for each in find_name_conflicts(result.other_names, usable, drops.catalogue())
    ]


@pytest.mark.parametrize("at_once", [True, False])
def test_known_bytes_under_a_name_of_another_month_are_rejected(home: DropHome, at_once: bool) -> None:
    home.offer(**{"iapt_month_apr_2026__csv": APRIL})
    if not at_once:
        assert reject_names(home) == []
    home.offer(**{"iapt_month_apr_2027__csv": APRIL})
    (reason,) = reject_names(home)
    assert "iapt_month_apr_2027.csv, its name: expected a file of the period that the name says: apr 2027" in reason
    assert "the very bytes that are in use as iapt_month_apr_2026.csv, of 2026-04" in reason
    assert [drop.file for drop in home.drops] == ["iapt_month_apr_2026.csv"]


def test_an_annual_table_first_offered_under_the_wrong_year_is_rejected_and_the_remedy_works(home: DropHome) -> None:
    main = drops.make_csv(drops.ANNUAL_HEADERS["2022-23"], [drops.make_annual_row("25")])
    home.offer(**{"psych-ther-ann-rep-2021-22-main__csv": main})
    assert reject_names(home) == []
    home.offer(**{"psych-ther-ann-rep-2022-23-main-v2__csv": main})
    (reason,) = reject_names(home)
    (drop,) = home.drops
    assert drop.file == "psych-ther-ann-rep-2021-22-main.csv"
    assert f"take the folder {drop.sha256} out of the archive" in reason
    shutil.rmtree(home.drops.folder / drop.sha256)
    (home.folder / "psych-ther-ann-rep-2021-22-main.csv").unlink()
    assert reject_names(home) == []
    ((_, summary),) = home.read().usable
    assert summary.tables[0].periods == ["2022-23"]


@pytest.mark.parametrize(
    ("first", "then", "known_as"),
    [
        ("april_provisional", "april_performance", "april_performance"),
        ("april_performance", "april_provisional", "april_performance"),
        ("april_performance", "april_performance_v2", "april_performance_v2"),
        ("april_performance_v2", "april_performance", "april_performance_v2"),
        ("april_performance", "april_provisional_v2", "april_performance"),
        ("april_performance", "april_final", "april_performance"),
    ],
)
def test_known_bytes_take_the_name_that_says_them_definitive_or_revised(
    home: DropHome, first: str, then: str, known_as: str
) -> None:
    home.offer(**{f"{first}__csv": APRIL})
    assert reject_names(home) == []
    home.offer(**{f"{then}__csv": APRIL})
    for _ in range(2):
        assert reject_names(home) == []
        assert [drop.file for drop in home.drops] == [f"{known_as}.csv"]


# -- two writers ------------------------------------------------------------------------------------------------------


def test_a_writer_who_comes_second_takes_the_drop_of_the_first(
    home: DropHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive in a shared folder, and two homes that archive the same bytes at the same moment."""
    whole = shutil.copyfile

    def copy_after_the_other(source: Path, target: Path) -> Path:
        monkeypatch.setattr(shutil, "copyfile", whole)
        ingest_folder(home.folder, DropArchive(home.drops.folder), drops.catalogue(), "2026-05-31T00:00:00+00:00")
        return whole(source, target)

    home.offer(april__csv=APRIL)
    monkeypatch.setattr(shutil, "copyfile", copy_after_the_other)
    result = home.ingest_folder()
    assert (result.new, len(result.offered)) == ([], 1)
    assert [drop.archived_at for drop in home.drops] == ["2026-05-31T00:00:00+00:00"]
    assert [path.name for path in home.drops.folder.iterdir()] == result.offered


def test_drops_that_two_writers_numbered_at_the_same_moment_have_one_order(home: DropHome) -> None:
    home.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    for number, path in enumerate(sorted(home.drops.folder.glob("*/provenance.json"), reverse=True)):
        record = json.loads(path.read_text("utf-8")) | {"sequence": 1, "archived_at": f"2026-06-0{number + 1}"}
        path.write_text(json.dumps(record), "utf-8")
    assert [drop.archived_at for drop in home.drops] == ["2026-06-01", "2026-06-02"]
