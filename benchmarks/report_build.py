"""Building the report of a release, beside a bare scan of its tables, and switching organisations on its pages.

Wall time within one run, so that the ratios hold though machines differ; the weight of the pages. Needs Debian's
chromium for the switching.

    .venv/bin/python benchmarks/report_build.py RELEASE
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from iapt.report.site import build_report

TABLES = ("mart_activity", "mart_waiting_times", "mart_outcomes", "extract_monthly")
SWITCHES = 40
PAGES = (
    ("monthly", "activity", "provider", ""),
    ("annual", "outcomes", "icb", ""),
    ("annual", "outcomes", "provider", "age_band"),
)
# Chooses the next organisation of the list and waits until its heading and figures stand: milliseconds for each.
SWITCH = """
async (times) => {
  const select = document.getElementById("org"), view = document.getElementById("view");
  const taken = [];
  for (let turn = 0; turn < times; turn += 1) {
    const drawn = new Promise((done) => {
      const observer = new MutationObserver(() => { observer.disconnect(); done(); });
      observer.observe(view, { childList: true });
    });
    const started = performance.now();
    select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await drawn;
    document.body.getBoundingClientRect();  // the new figures have their places
    taken.push(performance.now() - started);
  }
  return taken;
}
"""


def scan(release: Path) -> float:
    """Seconds of a bare scan of the report's tables into memory."""
    started = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as connection:
        for table in TABLES:
            connection.execute(f"create table {table} as from read_parquet('{release / table}.parquet')")
    return time.perf_counter() - started


def switches(folder: Path, report: str, topic: str, family: str, by: str) -> list[float]:
    """Milliseconds that each of a row of switches takes, each organisation's data read for the first time."""
    script = (folder / "data" / "site.js").read_text("utf-8")
    areas = json.loads(script[script.index(",") + 1 : script.rindex(")")])["areas"]
    first = next(area[0] for area in areas if area[1] == family and report in area[5])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or "/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.goto(f"{(folder / report / topic).as_uri()}.html?org={first}&by={by}")
        opened.wait_for_function("document.getElementById('org').options.length > 1")
        return list(opened.evaluate(SWITCH, SWITCHES))


def main() -> None:
    """Measure, and print the ratios."""
    if len(sys.argv) != 2:
        sys.exit("expected one argument: a release folder, such as data/latest")
    release = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as workshop:
        before = scan(release)
        started = time.perf_counter()
        built = build_report(release, Path(workshop) / "report")
        seconds = time.perf_counter() - started
        after = scan(release)
        table = Table("what", "figure", "x scan", title=f"{built.pages} pages, {built.total_bytes / 1e6:.0f} MB")
        table.add_row("bare scan, before / after", f"{before:.2f} / {after:.2f} s", "1.0")
        table.add_row("all pages built", f"{seconds:.1f} s", f"{seconds / min(before, after):.1f}")
        heaviest = f"{built.heaviest_page}: {built.heaviest_page_compressed_bytes / 1e3:.0f} kB"
        table.add_row("heaviest page with all it loads, compressed", heaviest, "")
        for page in PAGES:
            taken = switches(built.folder, *page)
            table.add_row(
                f"switch of organisation, {' '.join(page)}",
                f"median {statistics.median(taken):.0f} ms, most {max(taken):.0f} ms of {len(taken)}",
                "",
            )
        Console().print(table)


if __name__ == "__main__":
    main()
