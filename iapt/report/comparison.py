"""Whether a report shows what its release's tables hold: it is built again from them, and the two are compared."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from iapt.report.site import BOUNDARIES, NOT_BUILDABLE, build_report, compute_report_fingerprint

#: Three are named; a report that was made otherwise differs everywhere.
_NAMED: Final = 3
_PATHS: Final = re.compile(r"[mlz0-9 -]*")


def compare_report(report: Path, manifest: Mapping[str, Any] | None) -> Iterator[str]:
    """What a report in a release folder shows that the folder's tables do not make, or lacks.

    Every file is compared where this code made the report; of one that other code made, the data files alone. Figures
    are never repeated, only the names of files.
    """
    if manifest is None:
        yield "without a manifest, which says what its pages are titled with, it cannot be compared"
        return
    drawn = _boundaries_of(report)
    if isinstance(drawn, str):
        yield drawn
        return
    only = "" if str(manifest.get("report")).partition("+")[0] == compute_report_fingerprint() else "data/"
    with tempfile.TemporaryDirectory(prefix="compared_report_") as private:
        try:
            again = build_report(report.parent, Path(private) / "report", manifest, boundaries=drawn).folder
        except (*NOT_BUILDABLE, KeyError) as error:
            yield f"its tables make no report ({type(error).__name__})"
            return
        ours, found = _files(again, only), _files(report, only)
        groups = (
            ("is missing", sorted(ours - found)),
            ("does not belong in it", sorted(found - ours)),
            ("is not what the tables make", sorted(_changed(again, report, ours & found))),
        )
        for what, names in groups:
            if names:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                yield f"{', '.join(names[:_NAMED])}{more} {what}"


def _files(folder: Path, only: str) -> set[str]:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if name.startswith(only)}


def _changed(one: Path, other: Path, names: set[str]) -> Iterator[str]:
    yield from (name for name in names if (one / name).read_bytes() != (other / name).read_bytes())


def _boundaries_of(report: Path) -> Mapping[str, Any] | str | None:
    """The boundaries a report was drawn with: shapes and nothing else; or what is wrong with them."""
    path = report / "data" / f"{BOUNDARIES}.js"
    if not path.is_file():
        return None
    fault = f"data/{BOUNDARIES}.js holds something else than boundaries"
    found = re.fullmatch(rf'iapt\.receive\("{BOUNDARIES}",(.*)\);\n', path.read_text("utf-8", "replace"), re.DOTALL)
    try:
        drawn = json.loads(found[1]) if found else None
    except json.JSONDecodeError:
        return fault
    if not isinstance(drawn, dict) or drawn.keys() != {"width", "height", "paths", "notice"}:
        return fault
    shapes = drawn["paths"]
    if not isinstance(shapes, dict) or not all(isinstance(d, str) and _PATHS.fullmatch(d) for d in shapes.values()):
        return fault
    return drawn
