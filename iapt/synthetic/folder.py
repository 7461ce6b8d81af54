"""The folder of demonstration drops: every series in its place, the mark of the synthetic, and provenance."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from iapt.synthetic import layouts, measures, names, writers
from iapt.synthetic.england import INVENTED_MONTHS, INVENTED_YEARS
from iapt.synthetic.measures import Measure, format_published_texts
from iapt.synthetic.names import FileName
from iapt.synthetic.truth import ANNUAL_YEARS, DEMONSTRATION_MONTHS, LONG_QUARTERS, WIDE_QUARTERS, Truth

Drop = tuple[FileName, bytes]

MADE_BY = "iapt demo-drops"
PROVENANCE = "provenance.json"
READ_ME = "README.md"
STATEMENT = (
    "Synthetic data in the layouts of the NHS Talking Therapies (IAPT) publications, to try the pipeline on. "
    "Some totals of England are the published ones, as the README says; every other figure is invented and "
    "describes no real organisation or person. Not official statistics."
)
_READ_ME_TOP = """# Demonstration drops (synthetic)

**Every figure below England's totals is invented.** These files have the layouts, names and conventions of
the published NHS Talking Therapies (IAPT) files. They are not official statistics and describe no real
service.

- Of England's months, referrals and the recovery rate are the published ones where we have them; every other
  figure is invented."""
_READ_ME_END = f"""
- Codes and names of regions, STPs, ICBs, CCGs and sub-ICB locations are real, to try the geography on.
  Providers are invented (codes `ZX...`). Every name below England ends in `(SYNTHETIC)`.
- Figures are rounded and hidden by the publisher's own rule.

`{PROVENANCE}` lists every drop with its sha256. The same version of the program writes the same bytes.
"""
DEFAULT_READ_ME = f"""{_READ_ME_TOP}
- Of England's years, referrals, finished courses and outcomes are published ones, and from 2020-21 on the
  recovery rates by BME group. Every quarter of England is invented.
- Invented for want of the published figure are the totals of
  {", ".join(sorted(year for year in INVENTED_YEARS if year in ANNUAL_YEARS))} and of the months
  {", ".join(period for period in DEMONSTRATION_MONTHS if period in INVENTED_MONTHS)}.
- In the monthly and quarterly files about a dozen commissioners stand for all of England. In the annual files
  all STPs or ICBs are there, and the commissioners not shown stand together as `UNKNOWN`. Ages of ICBs and ethnic
  groups of regions are in the quarterly files only.
- There is no quarterly file for July to September 2020: it was never published. Other gaps between the files are
  periods left out to keep the demonstration small. The monthly files before 2025 and the quarterly one of January to
  March 2024 are here for layouts, containers and names that no later file has.{_READ_ME_END}"""
NATIONAL_READ_ME = f"""{_READ_ME_TOP}
- These are monthly files of the publisher's size, for benchmarks. Measures beyond the core ones repeat other
  counts under the publisher's names and mean nothing.{_READ_ME_END}"""


def make_month_drop(period: str, frame: pd.DataFrame, shown: Iterable[Measure]) -> Drop:
    """A monthly file; `frame` is the truth of that month."""
    file = names.name_month_file(period)
    existing = [measure for measure in shown if measure.exists_in(period)]
    texts = format_published_texts(frame, existing)
    if file.suffix == ".xlsx":
        cells = layouts.make_month_cells(period, frame, existing, texts)
        return file, writers.make_workbook({file.inside[0]: cells}, day_format="dd/mm/yyyy")
    content = writers.encode_lines(layouts.format_month_lines(period, frame, existing, texts))
    return file, writers.make_zip({file.inside[0]: content}) if file.suffix == ".zip" else content


def _select_period(frame: pd.DataFrame, period: str) -> pd.DataFrame:
    return frame[frame["period"] == period]


def _make_month_drops(truth: pd.DataFrame) -> Iterator[Drop]:
    for period, frame in truth.groupby("period", sort=True):
        yield make_month_drop(str(period), frame, measures.MONTHLY)


def _make_workbook_drop(truth: pd.DataFrame) -> Drop:
    file = names.name_workbook_file()
    texts = format_published_texts(truth, measures.WORKBOOK)
    tables = (
        layouts.make_title_sheet(STATEMENT),
        layouts.make_table_sheet(truth, texts),
        layouts.make_constructions_sheet(),
    )
    return file, writers.make_workbook(dict(zip(file.inside, tables, strict=True)), day_format="mmm yyyy")


def _make_quarter_drops(truth: pd.DataFrame) -> Iterator[Drop]:
    for period in WIDE_QUARTERS:
        frame = _select_period(truth, period)
        frame = frame[frame["level"] == "ccg"]
        lines = layouts.format_wide_quarter_lines(period, frame, format_published_texts(frame, measures.WIDE_QUARTERLY))
        yield names.name_wide_quarter_file(period), writers.encode_lines(lines)
    levels = (("region", "icb", "sub_icb"), ("provider",), ("sub_icb_provider",))
    for period in LONG_QUARTERS:
        frame, file = _select_period(truth, period), names.name_long_quarter_file(period)
        members = {}
        for name, shown_levels in zip(file.inside, levels, strict=True):
            rows = frame[frame["level"].isin(["england", *shown_levels])]
            texts = format_published_texts(rows, measures.LONG_QUARTERLY)
            lines = layouts.format_long_quarter_lines(period, rows, measures.LONG_QUARTERLY, texts)
            members[name] = writers.encode_lines(lines)
        yield file, writers.make_zip(members)


def _make_annual_drops(truth: pd.DataFrame) -> Iterator[Drop]:
    for year in ANNUAL_YEARS:
        frame, file = _select_period(truth, year), names.name_annual_file(year)
        lines = layouts.format_annual_lines(year, frame, format_published_texts(frame, measures.ANNUAL))
        yield file, writers.make_zip({file.inside[0]: writers.encode_lines(lines)})


def make_default_drops(truth: Truth) -> Iterator[Drop]:
    """Every file of the default demonstration."""
    yield from _make_annual_drops(truth.annual)
    yield from _make_month_drops(truth.monthly)
    yield from _make_quarter_drops(truth.quarterly)
    yield _make_workbook_drop(truth.timeseries)


def _list_earlier_files(folder: Path) -> list[str]:
    """The drops that an earlier demonstration wrote there."""
    path = folder / PROVENANCE
    if not path.is_file():
        return []
    record = json.loads(path.read_text(encoding="utf-8"))
    return list(record["files"]) if record.get("made_by") == MADE_BY else []


def _reject_foreign_files(folder: Path, ours: Iterable[str]) -> None:
    known = {PROVENANCE, READ_ME, *ours} if ours else set()
    present = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    foreign = sorted(path for path in present if path not in known)
    if foreign:
        raise FileExistsError(
            f"{folder}: expected an empty folder or an earlier demonstration, found {foreign[0]} and "
            f"{len(foreign) - 1} other files. Synthetic drops must not stand among others: choose another "
            "folder."
        )


def write_folder(folder: Path, drops: Iterable[Drop], read_me: str = DEFAULT_READ_ME) -> list[Path]:
    """Write drops with their provenance and a README; the drops' paths in the order of their names.

    What an earlier demonstration wrote there is replaced.

    Raises FileExistsError where anything else is there.
    """
    earlier = _list_earlier_files(folder)
    _reject_foreign_files(folder, earlier)
    for name in (*earlier, PROVENANCE, READ_ME):
        (folder / name).unlink(missing_ok=True)
    files: dict[str, dict[str, str | int]] = {}
    try:
        for file, content in drops:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            files[file.path] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            path.write_bytes(content)
            del content  # a national month is large, and the next one is made before this name is bound again
    except BaseException:  # a synthetic file must not stay without its provenance
        for name in files:
            (folder / name).unlink(missing_ok=True)
        raise
    (folder / READ_ME).write_bytes(read_me.encode("utf-8"))
    record = {
        "data_origin": "synthetic",
        "made_by": MADE_BY,
        "statement": STATEMENT,
        "files": dict(sorted(files.items())),
    }
    (folder / PROVENANCE).write_bytes((json.dumps(record, indent=2) + "\n").encode("utf-8"))
    return [folder / path for path in sorted(files)]
