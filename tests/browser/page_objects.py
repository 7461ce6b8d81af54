"""The pages of the built report in a browser: what they show, as tables and charts, and what they request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, Response, WebError

Way = Literal["file", "http"]
DESKTOP: Final = {"width": 1280, "height": 800}
#: Milliseconds; a page that is not drawn by then is broken.
TIMEOUT_MILLISECONDS: Final = 10_000

# What a document shows, as data. It reads a live page and a parsed text alike.
READ_DOCUMENT: Final = r"""
(root) => {
  const squeezed = (node) => node.textContent.replace(/\s+/g, " ").trim();
  const without = (node, what) => {
    const copy = node.cloneNode(true);
    copy.querySelectorAll(what).forEach((one) => one.remove());
    return squeezed(copy);
  };
  const isFlag = (mark) => squeezed(mark) === "[b]";
  const cellOf = (cell) => {
    const copy = cell.cloneNode(true);
    const range = copy.querySelector(".range");
    if (range) range.remove();
    const flags = [...copy.querySelectorAll(".mark")].filter(isFlag);
    flags.forEach((one) => one.remove());
    return { text: squeezed(copy), flag: flags.length > 0, range: range ? squeezed(range) : "" };
  };
  const tableOf = (table) => ({
    id: table.caption ? table.caption.id : "",
    caption: table.caption ? squeezed(table.caption) : "",
    heads: [...table.querySelectorAll("thead tr > *:not(.bar-head, .standard-status)")].map(squeezed),
    standards: [...table.querySelectorAll("thead .standard-status")].map((head) => squeezed(head.firstChild)),
    rows: [...table.tBodies[0].rows].map((row) => ({
      header: without(row.cells[0], ".mark, .remark"),
      flag: [...row.cells[0].querySelectorAll(".mark")].some(isFlag),
      remark: row.cells[0].querySelector(".remark") ? squeezed(row.cells[0].querySelector(".remark")) : "",
      isNotHeld: row.classList.contains("not-held"),
      cells: [...row.cells].slice(1).filter((cell) => !cell.matches(".bar, .standard-status")).map(cellOf),
      standardStatuses: [...row.querySelectorAll(".standard-status")].map(squeezed),
    })),
  });
  const chartOf = (svg) => ({
    width: svg.viewBox.baseVal ? svg.viewBox.baseVal.width : Number(svg.getAttribute("viewBox").split(" ")[2]),
    left: Number(svg.dataset.left), step: Number(svg.dataset.step),
    top: Number(svg.dataset.top), bottom: Number(svg.dataset.bottom),
    titles: [...svg.querySelectorAll("[data-i] > title")].map(squeezed),
    lines: [...svg.querySelectorAll(".series")].map((group) => ({
      path: group.querySelector("path.line").getAttribute("d"),
      points: [...group.querySelectorAll(":scope > [data-i]")].map((mark) => ({
        number: Number(mark.dataset.i), fact: squeezed(mark.querySelector("title")),
        hidden: mark.classList.contains("suppressed-figure"),
        shape: mark.lastElementChild.tagName + (mark.lastElementChild.getAttribute("d") || ""),
        y: Number(mark.lastElementChild.getAttribute("cy")
          || (mark.lastElementChild.getAttribute("d") || "").split(/[ m]/)[1]),
      })),
    })),
    gaps: [...svg.querySelectorAll("rect.gap")]
      .map((band) => [Number(band.getAttribute("x")), Number(band.getAttribute("width"))]),
    notHeld: svg.querySelectorAll("rect.not-held").length,
    breaks: svg.querySelectorAll("line.break").length,
    standards: svg.querySelectorAll("line.standard").length,
    texts: [...svg.querySelectorAll("text")].map(squeezed),
  });
  return {
    heading: root.querySelector("h1") ? squeezed(root.querySelector("h1")) : "",
    tables: [...root.querySelectorAll("table")].map(tableOf),
    panels: [...root.querySelectorAll("section.panel")].filter((one) => one.querySelector("table")).map((panel) => ({
      heading: squeezed(panel.querySelector("h2")),
      summary: panel.querySelector(".summary") ? squeezed(panel.querySelector(".summary")) : "",
      notes: [...panel.querySelectorAll(".notes li, .markers li")].map(squeezed),
      chart: panel.querySelector("svg.chart-drawing") ? chartOf(panel.querySelector("svg.chart-drawing")) : null,
      table: tableOf(panel.querySelector("table")),
    })),
    tiles: [...root.querySelectorAll("a.tile")].map((tile) => ({
      code: tile.dataset.code, value: squeezed(tile.querySelector(".value")), name: tile.getAttribute("aria-label"),
      title: squeezed(tile.querySelector("title")), href: tile.getAttribute("href"), look: tile.getAttribute("class"),
      fill: tile.querySelector("rect").getAttribute("fill") || "",
    })),
    shapes: [...root.querySelectorAll("path.shape")].map((shape) => ({
      code: shape.dataset.code, title: squeezed(shape.querySelector("title")), look: shape.getAttribute("class"),
    })),
    downloads: [...root.querySelectorAll("a[download]")].map((link) => ({
      file: link.getAttribute("download"), href: link.getAttribute("href"),
      table: link.parentNode.parentNode.querySelector("caption") ? squeezed(link).split(": ").slice(1).join(": ") : "",
    })),
  };
}
"""


@dataclass(frozen=True)
class Site:
    """A built report: its folder, the release it was built from, and its address on a server of this machine."""

    folder: Path
    release: Path
    address: str

    def root(self, way: Way) -> str:
        """What every address of the site begins with."""
        return f"{self.folder.as_uri()}/" if way == "file" else f"{self.address}/"

    def owns(self, address: str) -> bool:
        """Whether a request stays within the site."""
        return address.startswith(("data:", "blob:", self.root("file"), self.root("http")))

    @property
    def pages(self) -> list[str]:
        """Every page, by its path."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.html"))


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what it says, whether [b] stands beside it, and the range below a total built here."""

    text: str
    flag: bool = False
    range: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a table by its header; `standard_statuses` say how its figures stand to their standards."""

    header: str
    cells: tuple[Cell, ...]
    flag: bool = False
    is_not_held: bool = False
    remark: str = ""
    standard_statuses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table as a person reads it."""

    id: str
    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    standards: tuple[str, ...] = ()


@dataclass(frozen=True)
class Panel:
    """A part of a page with a table, and what it says beside it; `chart` is as READ_DOCUMENT gives it."""

    heading: str
    summary: str
    notes: tuple[str, ...]
    chart: dict[str, Any] | None
    table: Table


@dataclass(frozen=True)
class PageContents:
    """What a document shows."""

    heading: str
    tables: tuple[Table, ...]
    panels: tuple[Panel, ...]
    tiles: tuple[dict[str, str], ...]
    shapes: tuple[dict[str, str], ...]
    downloads: tuple[dict[str, str], ...]


def _table(read: dict[str, Any]) -> Table:
    rows = tuple(
        Row(
            row["header"],
            tuple(Cell(**cell) for cell in row["cells"]),
            row["flag"],
            row["isNotHeld"],
            row["remark"],
            tuple(row["standardStatuses"]),
        )
        for row in read["rows"]
    )
    return Table(read["id"], read["caption"], tuple(read["heads"]), rows, tuple(read["standards"]))


def _shown(read: dict[str, Any]) -> PageContents:
    return PageContents(
        heading=read["heading"],
        tables=tuple(_table(one) for one in read["tables"]),
        panels=tuple(
            Panel(one["heading"], one["summary"], tuple(one["notes"]), one["chart"], _table(one["table"]))
            for one in read["panels"]
        ),
        tiles=tuple(read["tiles"]),
        shapes=tuple(read["shapes"]),
        downloads=tuple(read["downloads"]),
    )


class ReportPage:
    """One open page of a site, and what a person does on it."""

    def __init__(self, page: Page, site: Site, way: Way) -> None:
        """Begin with an empty page."""
        self.page = page
        self.site = site
        self.way = way

    def go(self, path: str) -> ReportPage:
        """Open a page and wait until its scripts, where it has any, have drawn it."""
        self.page.goto(self.site.root(self.way) + path)
        self.wait_until_drawn()
        return self

    def wait_until_drawn(self) -> None:
        """Wait for the announcement that follows every drawing, of a page whose scripts have begun."""
        self.page.wait_for_function(
            "() => document.readyState === 'complete' && (!document.documentElement.classList.contains('js')"
            " || !document.getElementById('announced')"
            " || document.getElementById('announced').textContent.startsWith('Now shown'))"
        )

    def redraw_after(self, action: Callable[[], object]) -> None:
        """Do what draws the page again, and wait for it."""
        self.page.evaluate("document.getElementById('announced').textContent = ''")
        action()
        self.wait_until_drawn()

    def choose(self, field_id: str, value: str) -> None:
        """Choose from one of the lists, as a person with a mouse does."""
        self.redraw_after(lambda: self.page.select_option(f"#{field_id}", value))

    def choose_area(self, family: str, area: str) -> None:
        """Choose a kind of organisation and then one of it; what is chosen already is left."""
        if self.page.input_value("#family") != family:
            self.choose("family", family)
        if self.page.input_value("#org") != area:
            self.choose("org", area)

    def shown(self) -> PageContents:
        """What the page shows now."""
        return _shown(self.page.evaluate(f"({READ_DOCUMENT})(document)"))

    def parse(self, text: str) -> PageContents:
        """What a page's text shows, without opening it."""
        return _shown(
            self.page.evaluate(f"(text) => ({READ_DOCUMENT})(new DOMParser().parseFromString(text, 'text/html'))", text)
        )

    def list_options(self, field_id: str) -> list[str]:
        """The values that one of the lists offers."""
        options = self.page.eval_on_selector_all(f"#{field_id} option", "all => all.map((option) => option.value)")
        return [value for value in options if value]

    @property
    def focused_id(self) -> str:
        """The id of the element that has the focus."""
        return str(self.page.evaluate("document.activeElement.id"))

    @property
    def focused_value(self) -> str:
        """The value of the element that has the focus."""
        return str(self.page.evaluate("document.activeElement.value"))

    @property
    def query(self) -> str:
        """The part of the address that says what is chosen."""
        return str(self.page.evaluate("location.search"))

    @property
    def message(self) -> str:
        """The message that is visible and announced; empty where there is none."""
        box = self.page.locator("#message")
        return box.inner_text() if box.is_visible() else ""


class ContextPool:
    """Open pages for the next test: a new one takes three times as long as one that is there."""

    def __init__(self, browser: Browser) -> None:
        """Begin with none."""
        self._browser = browser
        self._idle: dict[str, list[BrowserContext]] = {}
        self._options: dict[BrowserContext, dict[str, Any]] = {}

    def lend(self, options: dict[str, Any]) -> BrowserContext:
        """A browser context with those options, and one empty page."""
        idle = self._idle.setdefault(repr(sorted(options.items())), [])
        if idle:
            return idle.pop()
        context = self._browser.new_context(**options)
        context.set_default_timeout(TIMEOUT_MILLISECONDS)
        context.new_page()
        self._options[context] = options
        return context

    def take_back(self, context: BrowserContext) -> None:
        """Empty the page and undo what a test has set on it."""
        options = self._options[context]
        page = context.pages[0]
        page.unroute_all()
        page.goto("about:blank")
        page.set_viewport_size(options["viewport"])
        page.emulate_media(
            media="screen",
            color_scheme=options["color_scheme"],
            reduced_motion=options.get("reduced_motion", "no-preference"),
            forced_colors=options.get("forced_colors", "none"),
        )
        self._idle[repr(sorted(options.items()))].append(context)


@dataclass
class BrowserSession:
    """All pages that one test opens, with every error and every request of theirs."""

    context_pool: ContextPool
    site: Site
    sites: list[Site] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    #: What a test provokes, as a part of the message.
    expected_errors: list[str] = field(default_factory=list)

    @property
    def _listeners(self) -> dict[str, Callable[[Any], None]]:
        return {
            "console": self._record_console,
            "weberror": self._record_page_error,
            "dialog": self._record_dialog,
            "request": self._record_request,
            "response": self._record_response,
        }

    def begin(self, *, site: Site | None = None, way: Way = "file", **options: Any) -> ReportPage:
        """A page with nothing open yet. `options` are those of a browser context."""
        chosen = site or self.site
        self.sites.append(chosen)
        context = self.context_pool.lend({"viewport": DESKTOP, "color_scheme": "light"} | options)
        for event, listener in self._listeners.items():
            context.on(event, listener)  # type: ignore[call-overload]
        self.contexts.append(context)
        return ReportPage(context.pages[0], chosen, way)

    def open(self, path: str, *, site: Site | None = None, way: Way = "file", **options: Any) -> ReportPage:
        """Open a page."""
        return self.begin(site=site, way=way, **options).go(path)

    def _record_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"console {message.type}: {message.text}")

    def _record_page_error(self, error: WebError) -> None:
        self.errors.append(f"page error: {error.error}")

    def _record_dialog(self, dialog: Dialog) -> None:
        self.errors.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _record_request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _record_response(self, response: Response) -> None:
        self.responses.append(response)

    def end(self) -> None:
        """Empty every page; then nothing may have gone wrong, and nothing may have been asked for elsewhere."""
        for context in self.contexts:
            for event, listener in self._listeners.items():
                context.remove_listener(event, listener)
            self.context_pool.take_back(context)
        errors = [error for error in self.errors if not any(part in error for part in self.expected_errors)]
        assert not errors, errors
        foreign = [url for url in self.requests if not any(site.owns(url) for site in self.sites)]
        assert not foreign, foreign
