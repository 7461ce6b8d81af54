"""Views as the report's own scripts write them: what a page says of the figures it shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from iapt.report.rendering import STATIC, make_renderer

TEMPLATES = STATIC.parent / "templates"
STANDARD = "50% recovery standard"
RATE = "percentage_recovery"
#: A note on a figure of everyone in the third year.
NOTE = {"population": "total/total", "measure": RATE, "period": 2, "note": 0}


@pytest.fixture
def recovery_page() -> Iterator[Callable[..., str]]:
    """What draws the recovery page of one area, England where not said, of the periods it is given."""
    with make_renderer({}) as renderer:

        def draw(periods: Sequence[dict[str, Any]], cells: str, words: str = "", **more: Any) -> str:
            renderer.receive("site", _make_site(periods))
            levels = [{"first": 0, "level": "england", "code": "E92000001"}]
            figures = {"levels": levels, "series": {"total/total": [cells]}, **more}
            if words:
                figures["standards"] = {"total/total": {RATE: words}}
            return str(renderer.draw_recovery("annual", "england", figures).html)

        yield draw


def _make_site(periods: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "reports": {"annual": {"title": "Annual report", "noun": "year", "periods": list(periods)}},
        "measures": [_make_measure("Recovery rate (%)", "Recovery", "%", "percentage")],
        "topics": [],
        "variables": [],
        "families": [{"slug": "england", "label": "England"}],
        "areas": [_make_england()],
        "short_names": {},
        "standards": [{"measure": RATE, "threshold": 50, "label": STANDARD, "from": "2015-04-01", "to": ""}],
        "recovery": {"measure": RATE, "variables": [], "max_populations": 5, "max_areas": 2},
        "map": {"measure": RATE, "min_areas": 2, "tiles": []},
    }


def _make_measure(label: str, short: str, unit: str, statistic: str) -> dict[str, str]:
    return {"slug": RATE, "label": label, "short": short, "unit": unit, "statistic": statistic}


def _make_england() -> dict[str, Any]:
    names = {"id": "england", "family": "england", "name": "England", "code": "E92000001"}
    return {**names, "note": "", "reports": ["annual"], "ended": "", "before": [], "after": []}


def _make_band(key: str, label: str, comparable_from: str = "", change_reason: str = "") -> dict[str, str]:
    return {"key": key, "label": label, "comparable_from": comparable_from, "change_reason": change_reason}


def _make_year(
    first: int, *, status: str = "published", break_name: str = "", breaks_sums: bool = False
) -> dict[str, Any]:
    label = f"{first}/{(first + 1) % 100:02d}"
    return {
        "period": label.replace("/", "-"),
        "label": label,
        "start": f"{first}-04-01",
        "status": status,
        "reason": "",
        "break_name": break_name,
        "break_reason": "",
        "breaks_sums": breaks_sums,
    }


def _strip_tags(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_a_rate_shown_as_the_standard_says_whether_it_met_it(recovery_page: Callable[..., str]) -> None:
    """In the table, in the words of each point, in the summary and in the download: 50% can have missed 50%."""
    drawn = recovery_page(
        [_make_year(year) for year in range(2020, 2025)], "50,50,50,c,50", "met,missed,ambiguous,,met"
    )
    assert re.findall(r'<th scope="col" class="standard-status">([^<]*)', drawn) == [STANDARD]
    assert re.findall(r'<td class="standard-status">([^<]*)', drawn) == [
        "met",
        "[c]",
        "within rounding of the standard",
        "missed",
        "met",
    ]
    assert f"Everyone, 2021/22: 50%; {STANDARD}: missed</title>" in drawn
    assert f"Everyone: 50% in 2024/25 ({STANDARD}: met)" in drawn
    assert f"{RATE},{RATE}_status,{RATE}_standard_status" in drawn
    assert "2021-22,2021/22,50,published,missed" in drawn.replace("%0A", "\n")
    assert "can have missed it" in _strip_tags(drawn)


def test_whether_a_standard_was_met_is_never_worked_out_here(recovery_page: Callable[..., str]) -> None:
    """Without the release's word there is no column, and nothing is called met or missed."""
    drawn = recovery_page([_make_year(2023), _make_year(2024)], "40,60")
    assert "standard-status" not in drawn
    assert not re.search(r"\b(met|missed)\b", _strip_tags(drawn))


@pytest.mark.parametrize(
    ("broken", "cells", "message"),
    [
        ((), "40,60,51,52,50", "between 40% and 60% since 2020/21."),
        ((2022,), "40,60,51,52,50", "between 50% and 52% since the break in 2022/23."),
        ((2021,), "40,,51,52,50", "between 50% and 52% since 2022/23, after the break in 2021/22."),
        ((2021, 2022), "40,60,51,52,50", "between 50% and 52% since the break in 2022/23."),
        ((2023,), "40,60,51,52,50", "in 2024/25."),
        ((2020,), "40,60,51,52,50", "between 40% and 60% since 2020/21."),
    ],
)
def test_the_range_of_a_summary_spans_no_break_that_divides_the_series(
    recovery_page: Callable[..., str], broken: Sequence[int], cells: str, message: str
) -> None:
    periods = [_make_year(year, break_name="A change", breaks_sums=year in broken) for year in range(2020, 2025)]
    assert re.findall(r"Everyone: \d+% in [^<]*?\.", _read_summary(recovery_page(periods, cells)))[0].endswith(message)


def test_a_break_after_the_last_figure_divides_nothing(recovery_page: Callable[..., str]) -> None:
    periods = [
        *(_make_year(year) for year in range(2020, 2023)),
        _make_year(2023, status="not_published", breaks_sums=True),
    ]
    assert "between 40% and 60% since 2020/21." in _read_summary(recovery_page(periods, "40,60,51"))


def test_the_range_of_a_summary_begins_where_the_boundary_moved(recovery_page: Callable[..., str]) -> None:
    drawn = recovery_page(
        [_make_year(year) for year in range(2020, 2025)],
        "40,60,51,52,50",
        boundary_breaks=[{"first": 2, "reason": "The boundary moved."}],
    )
    assert "between 50% and 52% since the break in 2022/23." in _read_summary(drawn)


def test_only_a_change_that_divides_the_series_is_called_not_comparable(recovery_page: Callable[..., str]) -> None:
    """A line that runs on over a [b] is one that can be read across it."""
    periods = [
        _make_year(2020),
        _make_year(2021, break_name="A scale more"),
        _make_year(2022, break_name="Counted anew", breaks_sums=True),
    ]
    drawn = _strip_tags(recovery_page(periods, "40,60,51"))
    assert re.search(r"\[b\] 2021/22: A scale more\.\s+\[b\] 2022/23: Counted anew\.\s+Figures before", drawn)
    meaning = (
        "a change in the series; where the line of a chart breaks too, figures before and after are not comparable."
    )
    assert f"[b] {meaning}" in drawn
    about = (TEMPLATES / "about.html").read_text("utf-8")
    assert f'<span class="mark">[b]</span> {meaning}' in about


def _read_summary(html: str) -> str:
    found = re.search(r'<p class="summary">([^<]*)</p>', html)
    assert found is not None, html
    return found[1]


def test_the_list_of_lines_names_the_standard_too(recovery_page: Callable[..., str]) -> None:
    """On a phone it is named nowhere else in the drawing."""
    legend = (
        recovery_page([_make_year(2023), _make_year(2024)], "40,60")
        .partition('<ul class="legend">')[2]
        .partition("</ul>")[0]
    )
    assert [one.strip() for one in re.findall(r"</svg>([^<]*)</li>", legend)] == ["Everyone", STANDARD]


@pytest.mark.parametrize(
    ("statuses", "cells", "message"),
    [
        (["published"] * 4, ("40,50,60,70", "41,51,61,71"), ""),
        (["published"] * 4, ("40,50", "41,51,61"), "is 2021/22. For 2022/23 to 2023/24, fewer than 2 boards have"),
        (["published"] * 4, ("40,50,60", "41,51,61,71"), "is 2022/23. For 2023/24, fewer than 2 boards have"),
        (["published"] * 4, ("40,50,60,x", "41,51,61,x"), "is 2022/23. For 2023/24, fewer than 2 boards have"),
        (["published", "published", "not_loaded", "not_loaded"], ("40,50", "41,51"), ""),
    ],
)
def test_a_map_that_opens_before_the_newest_period_says_why(
    statuses: Sequence[str], cells: tuple[str, str], message: str
) -> None:
    """Months of which only some locations are printed make no whole boards, and so no map."""
    site = _make_site([_make_year(2020 + number, status=status) for number, status in enumerate(statuses)])
    site["map"]["tiles"] = [
        {"code": "QAA", "row": 0, "column": 0, "label": "One", "name": "One"},
        {"code": "QBB", "row": 0, "column": 1, "label": "Two", "name": "Two"},
    ]
    data = {"series": {"icb-QAA": [cells[0]], "icb-QBB": [cells[1]]}, "other_boundaries": {}, "notes": {}}
    with make_renderer(site) as renderer:
        shown = _strip_tags(str(renderer.draw_map("annual", data).html))
    assert ("The newest year that this map can show" in shown) == bool(message)
    assert message in shown


def _draw_with_notes(cells: str, notes: Sequence[dict[str, Any]], unit: str = "%") -> str:
    site = _make_site([_make_year(year) for year in range(2020, 2025)])
    site["measures"] = [_make_measure("Made measure", "Made", unit, "mean")]
    site["topics"] = [
        {"slug": "made", "title": "Made", "measures": [RATE], "charts": [{"title": "Made", "measures": [RATE]}]}
    ]
    site["notes"] = [{"id": "made", "text": "A made remark.", "source": "A made source"}]
    figures = {"levels": [], "series": {"total/total": [cells]}, "notes": list(notes)}
    with make_renderer(site) as renderer:
        return str(renderer.draw_topic("annual", "made", "england", figures).html)


def _list_noted_figures(drawn: str) -> list[str]:
    return re.findall(r'<g class="noted-figure" data-i="(\d)">', drawn)


def test_a_noted_figure_is_marked_wherever_it_is_shown() -> None:
    """In its cell, at its point, in the download, and once in words below; its line runs on, for it may be right."""
    drawn = _draw_with_notes("40,41,42,43,44", [NOTE])
    assert '42 <span class="mark">[note]</span>' in drawn
    assert "2022/23: 42% [note]" in drawn
    assert _list_noted_figures(drawn) == ["2"]
    assert "[note] 2022/23, Made measure: A made remark. Source: A made source." in _strip_tags(drawn)
    assert f"{RATE}_note" in drawn
    assert "A%20made%20remark.%20Source:%20A%20made%20source." in drawn
    [line] = re.findall(r'class="line" d="([^"]*)"', drawn.partition("chart-drawing")[2])
    assert line.count("L") == 4


def test_a_noted_figure_far_from_all_others_sets_no_scale_and_joins_no_line() -> None:
    drawn = _draw_with_notes("40.0,41.0,1357.6,43.0,44.0", [NOTE], unit="days")
    [line] = re.findall(r'class="line" d="([^"]*)"', drawn.partition("chart-drawing")[2])
    assert [command for command, _ in re.findall(r"([ML])([\d. ]+)", line)] == ["M", "L", "M", "L"]
    assert "↑ 1,357.6 days [note]" in drawn
    assert "1,500" not in drawn
    summary = _read_summary(drawn)
    assert "between 40.0 days and 44.0 days" in summary
    assert "2022/23 (1,357.6 days) is off the scale: see its note." in summary
    assert '1,357.6 <span class="mark">[note]</span>' in drawn


@pytest.mark.parametrize(
    ("value", "unit", "why"),
    [
        ("-1.8", "days", "A figure below zero cannot be true"),
        ("-1.8", "sessions", "A figure below zero cannot be true"),
        ("101", "%", "A percentage above 100% cannot be true"),
        ("9999.0", "days", "A wait longer than the services have existed cannot be true"),
    ],
)
def test_a_figure_that_cannot_be_is_never_charted_bare(value: str, unit: str, why: str) -> None:
    """Also where the release has no note of it: it stands above the plot, marked, and in no range."""
    drawn = _draw_with_notes(f"40,41,{value},43,44", [], unit=unit)
    assert _list_noted_figures(drawn) == ["2"]
    assert why in _strip_tags(drawn)
    assert "is off the scale: see its note." in _read_summary(drawn)
    [line] = re.findall(r'class="line" d="([^"]*)"', drawn.partition("chart-drawing")[2])
    assert line.count("L") == 2


@pytest.mark.parametrize(("value", "unit"), [("0", "%"), ("100", "%"), ("0.0", "days"), ("1357.6", "days")])
def test_a_figure_that_can_be_is_charted_as_it_is(value: str, unit: str) -> None:
    assert _list_noted_figures(_draw_with_notes(f"40,41,{value},43,44", [], unit=unit)) == []


BANDS = [
    _make_band("age/old_young", "Aged under 35"),
    _make_band("age/old_rest", "Aged 35 and over"),
    _make_band("age/young", "Aged under 25", "2022-23", "Other age bands"),
    _make_band("age/middle", "Aged 25 to 64", "2022-23", "Other age bands"),
]


def _draw_by_age(*, unit: str = "%", series: dict[str, list[str]] | None = None, more: int = 0) -> str:
    periods = [
        _make_year(2020),
        _make_year(2021, break_name="Counted anew", breaks_sums=True),
        *(_make_year(year) for year in (2022, 2023)),
    ]
    site = _make_site(periods)
    site["measures"] = [_make_measure("Recovery rate (%)", "Recovery", unit, "percentage")]
    site["topics"] = [
        {"slug": "made", "title": "Made", "measures": [RATE], "charts": [{"title": "Made", "measures": [RATE]}]}
    ]
    added = [_make_band(f"age/more_{number}", f"Band {number}") for number in range(more)]
    site["variables"] = [{"type": "age", "label": "Age", "populations": [*BANDS, *added]}]
    figures = {
        "levels": [],
        "series": series
        or {
            "total/total": ["50,51,52,53"],
            "age/old_young": ["40,41"],
            "age/old_rest": ["60,61"],
            "age/young": [",,42,43"],
            "age/middle": [",,62,63"],
            **{band["key"]: ["1,2,3,4"] for band in added},
        },
    }
    state = {"report": "annual", "topic": "made", "area": "england", "by": "age", "measure": "", "period": ""}
    with make_renderer(site) as renderer:
        return str(renderer.draw("topic", {**state, "width": 760}, figures).html)


def _list_row_heads(drawn: str) -> list[str]:
    return [_strip_tags(head).strip() for head in re.findall(r'<th scope="row">(.*?)</th>', drawn)]


def test_the_categories_of_today_come_first_and_those_that_ended_say_when() -> None:
    assert _list_row_heads(_draw_by_age()) == [
        "Everyone",
        "Aged under 25",
        "Aged 25 to 64",
        "Aged under 35 until 2021/22",
        "Aged 35 and over until 2021/22",
    ]


def test_a_view_by_a_variable_shows_the_breaks_of_the_series_and_of_its_categories() -> None:
    drawn = _draw_by_age()
    heads = [_strip_tags(head).strip() for head in re.findall(r'<th scope="col" class="n"[^>]*>(.*?)</th>', drawn)]
    assert heads == ["2023/24", "2022/23", "2021/22 [b]", "2020/21"]
    assert '42 <span class="mark">[b]</span>' in drawn
    text = _strip_tags(drawn)
    assert "[b] Other age bands. Figures before and after are not comparable." in text
    assert "[b] 2021/22: Counted anew. Figures before and after are not comparable." in text


def test_a_view_by_a_variable_is_drawn_with_everyone_beside_rates_alone() -> None:
    drawn = _draw_by_age()
    legends = [_strip_tags(one) for one in re.findall(r'<ul class="legend">(.*?)</ul>', drawn)]
    assert [" ".join(one.split()) for one in legends] == [
        f"Everyone Aged under 25 Aged 25 to 64 {STANDARD}",
        f"Everyone Aged under 35 Aged 35 and over {STANDARD}",
    ]
    assert "Categories that ended, chart 2 of 2" in drawn
    assert "Everyone, 2020/21" not in _draw_by_age(unit="referrals")


def test_charts_of_a_variable_share_their_categories_and_one_scale() -> None:
    """Six marks tell lines apart: more categories make more charts, none of them nearly empty."""
    drawn = _draw_by_age(more=5)
    legends = re.findall(r'<ul class="legend">(.*?)</ul>', drawn)
    assert [one.count("<li>") - 2 for one in legends] == [4, 3, 2]
    ticks = [re.findall(r'text-anchor="end">(\d+%)<', one) for one in drawn.split("chart-drawing")[1:]]
    assert ticks[0] == ticks[1] == ticks[2]


def test_a_variable_of_one_period_has_bars_and_no_lines() -> None:
    drawn = _draw_by_age(series={"total/total": ["50,51,52,53"], "age/young": [",,,43"]})
    assert "chart-drawing" not in drawn
    assert 'class="bar"' in drawn
