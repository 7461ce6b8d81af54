"""Restricted refreshes: an organisation's own unrounded counts, what leaves of them, and who may look."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from iapt.workspace import Workspace
from orchestration.cli import app

COLUMNS = (
    *(
        "{}_START",
        "ORG_LEVEL",
        "ORG_CODE",
        "ORG_NAME",
        "PARTNER_CODE",
        "PARTNER_NAME",
        "PARENT_CODE",
        "PARENT_NAME",
    ),
    *("VARIABLE_TYPE", "VARIABLE_A", "VARIABLE_B", "MEASURE_ID", "MEASURE_NAME", "UNROUNDED_COUNT"),
)
#: Rounded to 7654320: wherever the number itself turns up, unrounded bytes have got out.
CANARY_VALUE = 7654321
SAFE = {"White British": 412, "BME": 3, "Not stated": 27}
#: Four shown categories at the bottom of their rounding, under a total at the top of its own: the fifth can only be 0.
GIVEN_AWAY = {"A": 53, "B": 53, "C": 53, "D": 53, "E": 0}


def _write(
    folder: Path,
    categories: dict[str, int],
    *,
    measure: tuple[str, str] = ("M001", "Count_ReferralsReceived"),
    grain: str = "quarter",
    file: str = "our_counts.csv",
) -> Path:
    folder.mkdir(exist_ok=True)
    counts = [("Total", "", sum(categories.values())), *(("BME Group", name, n) for name, n in categories.items())]
    counts += [("Gender", "Female", CANARY_VALUE)]
    with (folder / file).open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(column.format(grain.upper()) for column in COLUMNS)
        for kind, category, count in counts:
            organisation = ("sub_icb", "00L", "Our place", "", "", "QHM", "Our ICB")
            lines.writerow(("2025-04-01", *organisation, kind, category, "", *measure, count))
    return folder


def _refresh(home: Path, drops: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["refresh", "--restricted", "--drops", str(drops), "--home", str(home)])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A restricted home after a refresh that may release."""
    folder = tmp_path_factory.mktemp("restricted")
    status, said = _refresh(folder / "home", _write(folder / "drops", SAFE))
    assert status == 0, said
    return Workspace(folder / "home" / "restricted")


def test_counts_leave_rounded_and_small_ones_hidden(released: Workspace) -> None:
    with duckdb.connect(str(released.latest / "iapt.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select coalesce(variable_a, 'Total'), value, value_status, lower_bound, upper_bound from extract_quarterly"
        ).fetchall()
    assert sorted(rows) == [
        ("BME", None, "suppressed", 0, 4),
        ("Female", 7654320, "published", 7654318, 7654322),
        ("Not stated", 25, "published", 23, 27),
        ("Total", 440, "published", 438, 442),
        ("White British", 410, "published", 408, 412),
    ]


def test_everything_is_its_owners_only(released: Workspace) -> None:
    assert stat.S_IMODE(released.root.stat().st_mode) == 0o700
    made = [path for path in released.root.rglob("*") if not path.is_symlink()]
    assert [str(path) for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_no_unrounded_count_reaches_a_release_a_log_a_page_or_the_ui(released: Workspace) -> None:
    places = (released.releases, released.logs, released.validation, released.dagster, released.root / "dbt_target")
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    files += [path for path in released.root.iterdir() if path.suffix in (".json", ".html")]
    assert len(files) > 20
    assert [str(path) for path in files if str(CANARY_VALUE).encode() in path.read_bytes()] == []
    for table in ("extract_monthly", "extract_quarterly", "extract_annual"):
        found = duckdb.sql(
            f"select count(*) from '{released.latest / table}.parquet' where value = {CANARY_VALUE}"
        ).fetchall()
        assert found == [(0,)]


def test_nothing_is_told_of_publications(released: Workspace) -> None:
    assert duckdb.sql(f"select count(*) from '{released.latest / 'publications.parquet'}'").fetchall() == [(0,)]


def test_the_release_does_not_tell_the_bytes_of_a_drop(released: Workspace) -> None:
    drops = [path.name for path in released.drops.iterdir() if path.is_dir()]
    manifest = (released.latest / "manifest.json").read_text("utf-8")
    assert "our_counts.csv" not in manifest
    digests = {path.name for path in released.observations.rglob("*.parquet")}
    for name in (*drops, *digests):
        assert name.split(".")[0][:12] not in manifest, "a small file can be found again by its sha256"


def test_its_owner_can_audit_it(released: Workspace) -> None:
    result = CliRunner().invoke(app, ["audit", "--home", str(released.root)])
    assert result.exit_code == 0, result.output


def test_it_does_not_claim_to_be_the_publishers(released: Workspace) -> None:
    for page in ("README.md", "report/index.html", "report/about.html"):
        text = (released.latest / page).read_text("utf-8")
        assert "Open Government Licence" not in text, page
        assert "the published files" not in text, page
        assert "NHS England and NHS Digital publish" not in text, page
        assert "None" not in text.replace("such as `None` is taken for no value", ""), page


def test_nothing_in_the_release_follows_from_the_bytes_without_the_secret(released: Workspace) -> None:
    """A fingerprint of public code and of a drop's bytes would let anyone try what the bytes may have been."""
    fingerprint = json.loads((released.root / "released.json").read_text("utf-8"))["input_fingerprint"]
    files = [path for path in released.latest.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path.name for path in files if fingerprint.encode() in path.read_bytes()] == []


def test_a_salt_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    home = Workspace(tmp_path)
    assert home.salt == home.salt
    assert stat.S_IMODE((tmp_path / "salt").stat().st_mode) == 0o600
    (tmp_path / "salt").write_text("", "utf-8")
    with pytest.raises(ValueError, match="64 hexadecimal digits; found 0 characters"):
        _ = home.salt


def test_a_release_that_discloses_a_person_is_refused(tmp_path: Path) -> None:
    status, said = _refresh(tmp_path / "home", _write(tmp_path / "drops", GIVEN_AWAY))
    assert status == 1
    assert "no_standalone_disclosure in extract_quarterly.parquet" in said
    assert "1 x count_referrals_received (exact_zero)" in said
    assert not (tmp_path / "home" / "restricted" / "latest").exists()


def test_other_measures_than_counts_are_refused(tmp_path: Path) -> None:
    measure = ("M192", "Percentage_Recovery")
    status, said = _refresh(
        tmp_path / "home", _write(tmp_path / "drops", {"White British": 41, "BME": 3}, measure=measure)
    )
    assert status == 1
    assert "our_counts.csv" in said
    assert "Count_" in said


def test_months_beside_their_year_are_refused_though_neither_discloses_anyone_alone(tmp_path: Path) -> None:
    drops = _write(tmp_path / "drops", SAFE, grain="month", file="our_month.csv")
    _write(drops, SAFE, grain="year", file="our_year.csv")
    status, said = _refresh(tmp_path / "home", drops)
    assert status == 1
    told = " ".join(said.split())
    assert "our_year.csv, its periods: expected only one of months, quarters and years" in told
    assert "counts of events add up" in told
    assert not (tmp_path / "home" / "restricted" / "latest").exists()


def test_a_year_is_refused_where_months_are_kept_though_they_are_offered_no_more(tmp_path: Path) -> None:
    status, said = _refresh(tmp_path / "home", _write(tmp_path / "months", SAFE, grain="month"))
    assert status == 0, said
    status, said = _refresh(tmp_path / "home", _write(tmp_path / "years", SAFE, grain="year", file="our_year.csv"))
    assert status == 1
    assert "its periods" in " ".join(said.split())


def test_a_restricted_drop_is_never_read_without_the_flag(tmp_path: Path) -> None:
    drops = _write(tmp_path / "drops", SAFE)
    result = CliRunner().invoke(app, ["refresh", "--drops", str(drops), "--home", str(tmp_path / "home")])
    assert result.exit_code == 1
    assert "that no layout recognises" in result.output


def test_a_home_with_published_drops_does_not_become_restricted(tmp_path: Path) -> None:
    home = Workspace(tmp_path)
    home.drops.mkdir()
    with pytest.raises(FileExistsError, match="other drops"):
        home.make_restricted()
