"""Data Docs: what Great Expectations says of each table, as a static site without network or script.

The tables of results are drawn by Great Expectations' own renderers. The page around them is ours, because
its own page fetches scripts, styles and a logo from seven hosts, names the moment of the run, and prints the
traceback of an error with the paths of the machine. Ours holds none of these: the same bytes, judged again,
give the same site.
"""

import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from expectations.engine import TableRun, errors_in
from iapt.contract import CONTRACTS, parquet_name
from iapt.validation import Result, RuleOutcome, ValidationReport, worst_first

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

WORDS: Final[Mapping[Result, str]] = {
    "passed": "kept",
    "failed": "broken",
    "error": "error",
    "skipped": "not judged",
}
#: The icons of the status column need a font from the network; a word does not, and can be read aloud.
STATUS_ICONS: Final = (
    (re.compile(r'<i class="fas fa-check-circle[^>]*></i>'), '<strong class="passed">kept</strong>'),
    (re.compile(r'<i class="fas fa-times[^>]*></i>'), '<strong class="failed">broken</strong>'),
)

STYLE: Final = """\
body { font: 1rem/1.5 system-ui, sans-serif; color: #212b32; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
caption { text-align: left; font-weight: bold; }
th, td { border: 1px solid #768692; padding: 0.4rem 0.6rem; text-align: left; vertical-align: top; }
code { overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.passed { color: #00563f; }
.failed, .error, .not-judged { color: #9b1c0f; }
"""

PAGE: Final = """\
<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="data_docs.css">
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""

#: The sections of a page of Great Expectations, without its page.
SECTIONS_TEMPLATE: Final = """\
{% for section in sections %}{% set section_loop = loop -%}{% include 'section.j2' %}{% endfor %}
"""


def write(folder: Path, report: ValidationReport, runs: Mapping[str, TableRun]) -> None:
    """Write the site of a report: a front page, and one page for every table of the contract, judged or not.

    The names of the pages are always the same, so a later site never leaves a page of an earlier one
    standing.
    """
    with tempfile.TemporaryDirectory(prefix="data_docs_") as workshop:
        site = Path(workshop) / "site"
        site.mkdir()
        (site / "data_docs.css").write_text(STYLE, encoding="utf-8")
        (site / "index.html").write_text(_front_page(report), encoding="utf-8")
        for table in CONTRACTS:
            page = _page_of(table, report, runs.get(table))
            (site / f"{table}.html").write_text(page, encoding="utf-8")
        shutil.copytree(site, folder, dirs_exist_ok=True)


def _front_page(report: ValidationReport) -> str:
    files = sorted({outcome.file for outcome in report.outcomes})
    pages = {parquet_name(table): f"{table}.html" for table in CONTRACTS}
    rows = []
    for file in files:
        of_file = [outcome for outcome in report.outcomes if outcome.file == file]
        name = f'<a href="{pages[file]}">{escape(file)}</a>' if file in pages else escape(file)
        counts = "".join(
            f'<td class="number">{sum(outcome.result == result for outcome in of_file)}</td>' for result in WORDS
        )
        digest = f"<td><code>{report.files.get(file, 'none')}</code></td>"
        rows.append(f'<tr><th scope="row">{name}</th>{counts}{digest}</tr>')
    headings = "".join(f'<th scope="col">{word}</th>' for word in WORDS.values())
    answer = "These files may leave." if report.passed else "These files may not leave."
    body = (
        f"<p>{answer} The checks were run by Great Expectations on exactly the bytes named here.</p>\n"
        "<table>\n<caption>Rules by file</caption>\n"
        f'<thead><tr><th scope="col">file</th>{headings}<th scope="col">sha256</th></tr></thead>\n'
        "<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"
    )
    return PAGE.format(title="What this release was checked for", body=body)


def write_page(page: Path, title: str, groups: Mapping[str, Sequence[RuleOutcome]]) -> None:
    """Write one page of its own, of every rule in groups: whether it is kept, else by which files it is not."""
    tables = "\n".join(_table_of_rules(name, outcomes) for name, outcomes in groups.items())
    own = PAGE.replace('<link rel="stylesheet" href="data_docs.css">', "<style>\n{style}</style>")
    page.write_text(own.format(title=escape(title), style=STYLE, body=tables), encoding="utf-8")


def _table_of_rules(name: str, outcomes: Iterable[RuleOutcome]) -> str:
    of_rules: dict[tuple[str, str], list[RuleOutcome]] = {}
    for outcome in outcomes:
        of_rules.setdefault((outcome.rule, outcome.description), []).append(outcome)
    rows = "\n".join(_row_of_rule(rule, description, found) for (rule, description), found in of_rules.items())
    return (
        f"<table>\n<caption>{escape(name)}</caption>\n"
        '<thead><tr><th scope="col">Status</th><th scope="col">Rule</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _row_of_rule(rule: str, description: str, outcomes: Sequence[RuleOutcome]) -> str:
    broken = worst_first(outcome for outcome in outcomes if outcome.result != "passed")
    if not broken:
        status = f'<strong class="passed">{WORDS["passed"]}</strong>'
    else:
        in_error = any(outcome.result == "error" for outcome in broken)
        status = f'<strong class="failed">{WORDS["error" if in_error else broken[0].result]}</strong>'
        status += "" if any(outcome.is_blocking for outcome in broken) else " (a warning)"
    files = "".join(f"<li>{_broken_in(outcome)}</li>" for outcome in broken)
    judged = f"<ul>{files}</ul>" if broken else ""
    return f"<tr><td>{status}</td><td>{escape(rule)}: {escape(description)}{judged}</td></tr>"


def _broken_in(outcome: RuleOutcome) -> str:
    rows = "" if outcome.violations is None else f": {outcome.violations:,} rows"
    return f"{escape(outcome.file)}{rows} {escape(outcome.message)}".strip()


def _page_of(table: str, report: ValidationReport, run: TableRun | None) -> str:
    file = parquet_name(table)
    outcomes = [outcome for outcome in report.outcomes if outcome.file == file]
    answered = {finding.rule.name for finding in run.findings if finding.answer != "error"} if run else set()
    others = [outcome for outcome in outcomes if outcome.rule not in answered]
    parts = [
        '<p><a href="index.html">All files</a></p>',
        f"<p>sha256 <code>{report.files.get(file, 'none')}</code></p>",
        _table_of(others),
    ]
    if run is not None:
        parts.append(f"<h2>Rules of its rows</h2>\n{_results(run.result)}")
    return PAGE.format(title=file, body="\n".join(parts))


def _table_of(outcomes: Iterable[RuleOutcome]) -> str:
    rows = "\n".join(
        f'<tr><td><strong class="{outcome.result.replace("_", "-")}">{WORDS[outcome.result]}</strong></td>'
        f"<td>{escape(outcome.rule)}: {escape(outcome.description)} {escape(outcome.message)}</td></tr>"
        for outcome in outcomes
    )
    return (
        "<table>\n<caption>The file as a whole, and rules that could not be judged</caption>\n"
        '<thead><tr><th scope="col">Status</th><th scope="col">Rule</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _results(result: "ExpectationSuiteValidationResult") -> str:
    """Return the rules kept and broken, as Great Expectations draws them; errors we tell ourselves."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    answered = copy(result)
    answered.results = [of_a_rule for of_a_rule in result.results if not any(errors_in(of_a_rule.exception_info))]
    if not answered.results:
        return ""
    document = ValidationResultsPageRenderer().render(answered)
    _overview, rules = document.sections  # the overview names the run and its moment
    rules.content_blocks = rules.content_blocks[1:]  # the first is a heading that our page has already
    document.sections = [rules]
    html: str = _view().render(document, template="sections.j2")
    for icon, word in STATUS_ICONS:
        html = icon.sub(word, html)
    return html


@cache
def _view() -> Any:
    """What draws sections: one for all pages, since each compiles the templates of Great Expectations for itself."""
    from great_expectations.render.view.view import DefaultJinjaPageView
    from jinja2 import ChoiceLoader, DictLoader

    view: Any = DefaultJinjaPageView()
    view.env.loader = ChoiceLoader([view.env.loader, DictLoader({"sections.j2": SECTIONS_TEMPLATE})])
    return view
