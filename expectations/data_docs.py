"""Data Docs: the results of Great Expectations for each table, as a static site without network or script.

The tables of results are drawn by Great Expectations' own renderers. The page around them is ours, because
its own page fetches scripts, styles and a logo from seven hosts, names the moment of the run, and prints the
traceback of an error with the paths of the machine. Ours holds none of these: the same bytes, validated again,
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
from typing import TYPE_CHECKING, Any, Final, get_args

from expectations.engine import TableRun, error_kinds
from iapt.contract import CONTRACTS, parquet_name
from iapt.validation import Result, RuleOutcome, ValidationReport, worst_first

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

#: The icons of the status column need a font from the network; a word does not, and can be read aloud.
STATUS_ICONS: Final = (
    (re.compile(r'<i class="fas fa-check-circle[^>]*></i>'), '<strong class="passed">passed</strong>'),
    (re.compile(r'<i class="fas fa-times[^>]*></i>'), '<strong class="failed">failed</strong>'),
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
.failed, .error, .skipped { color: #9b1c0f; }
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
    """Write the site of a report: a front page, and one page for every table of the contract, also one not validated.

    The names of the pages are always the same, so a later site overwrites every page of an earlier one.
    """
    with tempfile.TemporaryDirectory(prefix="data_docs_") as temp_folder:
        site = Path(temp_folder) / "site"
        site.mkdir()
        (site / "data_docs.css").write_text(STYLE, encoding="utf-8")
        (site / "index.html").write_text(_make_front_page(report), encoding="utf-8")
        for table in CONTRACTS:
            page = _make_table_page(table, report, runs.get(table))
            (site / f"{table}.html").write_text(page, encoding="utf-8")
        shutil.copytree(site, folder, dirs_exist_ok=True)


def _make_front_page(report: ValidationReport) -> str:
    pages = {parquet_name(table): f"{table}.html" for table in CONTRACTS}
    rows = []
    for file in sorted({outcome.file for outcome in report.outcomes}):
        results = [outcome.result for outcome in report.outcomes if outcome.file == file]
        name = f'<a href="{pages[file]}">{escape(file)}</a>' if file in pages else escape(file)
        counts = "".join(f'<td class="number">{results.count(result)}</td>' for result in get_args(Result))
        digest = f"<td><code>{report.files.get(file, 'none')}</code></td>"
        rows.append(f'<tr><th scope="row">{name}</th>{counts}{digest}</tr>')
    headings = "".join(f'<th scope="col">{result}</th>' for result in get_args(Result))
    answer = "These files may be released." if report.passed else "These files may not be released."
    body = (
        f"<p>{answer} The checks were run by Great Expectations on exactly the bytes named here.</p>\n"
        "<table>\n<caption>Rules by file</caption>\n"
        f'<thead><tr><th scope="col">file</th>{headings}<th scope="col">sha256</th></tr></thead>\n'
        "<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"
    )
    return PAGE.format(title="What this release was checked for", body=body)


def write_page(page: Path, title: str, groups: Mapping[str, Sequence[RuleOutcome]]) -> None:
    """Write one self-contained page about every rule in groups: whether it passed, else which files violate it."""
    tables = "\n".join(_make_rules_table(name, outcomes) for name, outcomes in groups.items())
    template = PAGE.replace('<link rel="stylesheet" href="data_docs.css">', "<style>\n{style}</style>")
    page.write_text(template.format(title=escape(title), style=STYLE, body=tables), encoding="utf-8")


def _make_table(caption: str, rows: Iterable[str]) -> str:
    return (
        f"<table>\n<caption>{escape(caption)}</caption>\n"
        '<thead><tr><th scope="col">Status</th><th scope="col">Rule</th></tr></thead>\n'
        "<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"
    )


def _make_rules_table(name: str, outcomes: Iterable[RuleOutcome]) -> str:
    outcomes_by_rule: dict[tuple[str, str], list[RuleOutcome]] = {}
    for outcome in outcomes:
        outcomes_by_rule.setdefault((outcome.rule, outcome.description), []).append(outcome)
    return _make_table(name, (_make_rule_row(rule, text, group) for (rule, text), group in outcomes_by_rule.items()))


def _make_rule_row(rule: str, description: str, outcomes: Sequence[RuleOutcome]) -> str:
    failures = worst_first(outcome for outcome in outcomes if outcome.result != "passed")
    if not failures:
        status = '<strong class="passed">passed</strong>'
    else:
        has_error = any(outcome.result == "error" for outcome in failures)
        status = f'<strong class="failed">{"error" if has_error else failures[0].result}</strong>'
        status += "" if any(outcome.is_blocking for outcome in failures) else " (a warning)"
    files = "".join(f"<li>{_describe_failure(outcome)}</li>" for outcome in failures)
    details = f"<ul>{files}</ul>" if failures else ""
    return f"<tr><td>{status}</td><td>{escape(rule)}: {escape(description)}{details}</td></tr>"


def _describe_failure(outcome: RuleOutcome) -> str:
    rows = "" if outcome.violations is None else f": {outcome.violations:,} rows"
    return f"{escape(outcome.file)}{rows} {escape(outcome.message)}".strip()


def _make_table_page(table: str, report: ValidationReport, run: TableRun | None) -> str:
    file = parquet_name(table)
    drawn = {finding.rule.name for finding in run.findings if finding.result != "error"} if run else set()
    others = [outcome for outcome in report.outcomes if outcome.file == file and outcome.rule not in drawn]
    parts = [
        '<p><a href="index.html">All files</a></p>',
        f"<p>sha256 <code>{report.files.get(file, 'none')}</code></p>",
        _make_table("The file as a whole, and rules that could not be run", map(_make_outcome_row, others)),
    ]
    if run is not None:
        parts.append(f"<h2>Rules of its rows</h2>\n{_render_results(run.result)}")
    return PAGE.format(title=file, body="\n".join(parts))


def _make_outcome_row(outcome: RuleOutcome) -> str:
    return (
        f'<tr><td><strong class="{outcome.result}">{outcome.result}</strong></td>'
        f"<td>{escape(outcome.rule)}: {escape(outcome.description)} {escape(outcome.message)}</td></tr>"
    )


def _render_results(result: "ExpectationSuiteValidationResult") -> str:
    """Return the rules that passed or failed, as Great Expectations draws them; errors are drawn by us."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    without_errors = copy(result)
    without_errors.results = [
        rule_result for rule_result in result.results if not any(error_kinds(rule_result.exception_info))
    ]
    if not without_errors.results:
        return ""
    document = ValidationResultsPageRenderer().render(without_errors)
    _overview, rules = document.sections  # the overview names the run and its moment
    rules.content_blocks = rules.content_blocks[1:]  # the first is a heading that our page has already
    document.sections = [rules]
    html: str = _make_view().render(document, template="sections.j2")
    for icon, word in STATUS_ICONS:
        html = icon.sub(word, html)
    return html


@cache
def _make_view() -> Any:
    """What draws sections: one for all pages, since each compiles the templates of Great Expectations for itself."""
    from great_expectations.render.view.view import DefaultJinjaPageView
    from jinja2 import ChoiceLoader, DictLoader

    view: Any = DefaultJinjaPageView()
    view.env.loader = ChoiceLoader([view.env.loader, DictLoader({"sections.j2": SECTIONS_TEMPLATE})])
    return view
