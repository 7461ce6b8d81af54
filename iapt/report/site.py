"""The site as a folder: static files, data files and pages, made of a release alone, and replaced as a whole."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from iapt.catalogue.area_tiles import AreaTilesError
from iapt.catalogue.report_config import ReportConfigError
from iapt.input_fingerprint import digest_files
from iapt.release.publish import ReportBuilder
from iapt.report.boundaries import BoundariesError, read_boundaries
from iapt.report.contents import Contents
from iapt.report.data_scripts import make_area_data, make_map_data, make_site_data, to_data_script
from iapt.report.pages import write_pages
from iapt.report.release_tables import ReleaseUnreadableError
from iapt.report.rendering import STATIC, make_renderer
from iapt.workspace import PROJECT_ROOT

#: What decides how a report looks, apart from the release it is made from.
FINGERPRINT_PATTERNS = (
    "catalogue/report.yml",
    "catalogue/area_tiles.csv",
    "iapt/report/*.py",
    "iapt/report/static/*",
    "iapt/report/templates/*",
)
BOUNDARIES: Final = "boundaries"  # the data file of them
#: Said beside boundaries, whoever drew them: those of the Office for National Statistics ask for it.
BOUNDARIES_NOTICE: Final = (
    "Contains Ordnance Survey and Office for National Statistics data, Crown copyright and database right, licensed "
    "under the Open Government Licence v3.0."
)


@dataclass(frozen=True)
class BuiltReport:
    """What was built: how many pages and files, their bytes, and the heaviest page with all it loads, compressed."""

    folder: Path
    pages: int
    files: int
    total_bytes: int
    heaviest_page: str
    heaviest_page_compressed_bytes: int


#: What can be wrong with what a report is made from: each says what was expected, found and where.
NOT_BUILDABLE: Final = (ReleaseUnreadableError, ReportConfigError, AreaTilesError, BoundariesError)


def compute_report_fingerprint() -> str:
    """A digest of how a report is made, apart from its release and the boundaries it is given."""
    return digest_files(PROJECT_ROOT, FINGERPRINT_PATTERNS)


def make_report_builder(
    boundaries: Path, progress: Callable[[str], None] = lambda _: None, *, spill: Path | None = None
) -> ReportBuilder:
    """What builds the report of a release as it is published, with the boundaries of that file where there is one.

    What does not fit into memory is spilt into `spill`. Its fingerprint is that of the report, and a digest of the
    file after a plus sign.
    """
    given = boundaries if boundaries.is_file() else None
    fingerprint = compute_report_fingerprint() + (f"+{hashlib.sha256(given.read_bytes()).hexdigest()}" if given else "")

    def build(release: Path, target: Path, manifest: Mapping[str, Any]) -> BuiltReport:
        progress("building the report")
        return build_report(release, target, manifest, boundaries=given, progress=progress, spill=spill)

    return ReportBuilder(fingerprint, build)


def build_report(
    release: Path,
    target: Path,
    manifest: Mapping[str, Any] | None = None,
    *,
    boundaries: Path | Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = lambda _: None,
    spill: Path | None = None,
) -> BuiltReport:
    """Build the report of a release folder into `target`, which is replaced as a whole once all of it is there.

    `manifest` is what the release says of itself; by default its manifest.json. `boundaries` is a GeoJSON file of the
    areas of the map, or what a report's own data file of them holds. What does not fit into memory is spilt into
    `spill`. Raises ReleaseUnreadableError, and what the readers of the catalogue and of boundaries raise.
    """
    if manifest is None:
        path = release / "manifest.json"
        if not path.is_file():
            raise ReleaseUnreadableError(f"{release}: expected a release folder with manifest.json; there is none")
        manifest = json.loads(path.read_text("utf-8"))
    target.parent.mkdir(parents=True, exist_ok=True)
    temp_folder = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    try:
        _write_site(Contents(release, manifest, progress, spill), temp_folder, boundaries, progress)
        temp_folder.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        temp_folder.rename(target)
    except BaseException:
        shutil.rmtree(temp_folder, ignore_errors=True)
        raise
    return measure_site(target)


def _write_site(
    contents: Contents, target: Path, boundaries: Path | Mapping[str, Any] | None, progress: Callable[[str], None]
) -> None:
    assets = target / "assets"
    assets.mkdir()
    for path in sorted(STATIC.iterdir()):
        shutil.copyfile(path, assets / path.name)
    for report, figures in contents.figures.items():
        for area, area_figures in figures.items():
            _write_script(target, f"{report}/{area}", make_area_data(area_figures))
        _write_script(target, f"map/{report}", make_map_data(contents, report))
    site_data = make_site_data(contents)
    _write_script(target, "site", site_data)
    shapes = _draw_boundaries(contents, boundaries) if isinstance(boundaries, Path) else boundaries
    with make_renderer(site_data) as renderer:
        if shapes is not None:
            _write_script(target, BOUNDARIES, shapes)
            renderer.receive(BOUNDARIES, shapes)
        progress("pages")
        write_pages(contents, renderer, target, has_boundaries=shapes is not None)


def _draw_boundaries(contents: Contents, boundaries: Path) -> dict[str, Any]:
    """The boundaries of a file as the map draws them."""
    on_map = {tile.code for tile in contents.tiles}
    codes = {ons_code: code for ons_code, code in contents.release.ons_codes.items() if code in on_map}
    shapes = read_boundaries(boundaries, codes)
    width, height = shapes.view_box
    return {"width": width, "height": height, "paths": dict(shapes.paths), "notice": BOUNDARIES_NOTICE}


def _write_script(target: Path, name: str, data: Any) -> None:
    path = target / "data" / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_data_script(name, data), encoding="utf-8")


def measure_site(folder: Path) -> BuiltReport:
    """Count the site; a page weighs what it loads when it is opened, each file compressed as servers do."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    pages = [path for path in files if path.suffix == ".html"]
    loaded = [
        *(folder / "assets").iterdir(),
        folder / "data" / "site.js",
        max(_select_largest((folder / "data").rglob("*.js"), 3), key=_measure_compressed),
    ]
    heaviest = max(_select_largest(pages, 20), key=_measure_compressed)
    return BuiltReport(
        folder=folder,
        pages=len(pages),
        files=len(files),
        total_bytes=sum(path.stat().st_size for path in files),
        heaviest_page=heaviest.relative_to(folder).as_posix(),
        heaviest_page_compressed_bytes=sum(_measure_compressed(path) for path in (heaviest, *loaded)),
    )


def _select_largest(paths: Iterable[Path], number: int) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_size, reverse=True)[:number]


def _measure_compressed(path: Path) -> int:
    """The bytes of a file, compressed as servers do."""
    return len(gzip.compress(path.read_bytes(), mtime=0))
