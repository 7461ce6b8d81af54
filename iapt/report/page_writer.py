"""Writing of a page: its template, and what every page is given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from iapt.report.contents import Contents
from iapt.report.rendering import View, list_scripts

SITE_NAME: Final = "NHS Talking Therapies figures"
NAVIGATION: Final = (
    ("index.html", "Home"),
    ("monthly/index.html", "Monthly"),
    ("quarterly/index.html", "Quarterly"),
    ("annual/index.html", "Annual"),
    ("recovery-rate/england-annual.html", "Recovery rate"),
    ("map/annual.html", "Map"),
    ("organisations/index.html", "Organisations"),
    ("definitions.html", "Definitions"),
)
_NO_TABS: Final[Mapping[str, Any]] = {"tabs": (), "tabs_label": "", "more_tabs": (), "more_tabs_label": ""}


class PageWriter:
    """Writes the pages of one report into a folder."""

    def __init__(self, contents: Contents, target: Path) -> None:
        """Take what the release says of itself, which every page shows."""
        self._target = target
        manifest = contents.release.manifest
        self._shared = {
            "site_name": SITE_NAME,
            "navigation": NAVIGATION,
            "statement": manifest["statement"],
            "release_id": manifest["release_id"],
            "released_on": manifest["released_on"],
            "attribution": manifest["attribution"],
            "rounding": contents.config.to_plain_words(manifest["rounding_and_suppression"]),
        }

    def write(self, path: str, template: str, heading: str, **values: Any) -> None:
        """Write a page from its template. `values` are what the template asks for beside what every page is given."""
        defaults: dict[str, Any] = {"title": heading, "section": path, "page": {}, **_NO_TABS}
        text = (
            _load_templates()
            .get_template(template)
            .render(
                self._shared,
                heading=heading,
                description=f"{heading}. {SITE_NAME}, England.",
                here=path,
                root="../" * path.count("/"),
                **(defaults | values),
            )
        )
        file = self._target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def write_interactive(self, path: str, template: str, view: View, page: Mapping[str, str], **values: Any) -> None:
        """Write a page whose scripts can show other views. `page` is what they read: its kind and more."""
        scripts = list_scripts(page["kind"])
        self.write(path, template, view.title, view=view, scripts=scripts, page=page, **values)


@cache
def _load_templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("iapt.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
