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
    shapes = _read_shapes(report)
    if isinstance(shapes, str):
        yield shapes
        return
    prefix = "" if str(manifest.get("report")).partition("+")[0] == compute_report_fingerprint() else "data/"
    with tempfile.TemporaryDirectory(prefix="compared_report_") as folder:
        try:
            rebuilt = build_report(
                report.parent, Path(folder) / "report", manifest, boundaries=shapes, spill=Path(folder) / "spill"
            ).folder
        except (*NOT_BUILDABLE, KeyError) as error:
            yield f"its tables make no report ({type(error).__name__})"
            return
        expected, found = _list_files(rebuilt, prefix), _list_files(report, prefix)
        differences = {
            "is missing": expected - found,
            "does not belong in it": found - expected,
            "is not what the tables make": {
                name for name in expected & found if (rebuilt / name).read_bytes() != (report / name).read_bytes()
            },
        }
        for fault, names in differences.items():
            if names:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                yield f"{', '.join(sorted(names)[:_NAMED])}{more} {fault}"


def _list_files(folder: Path, prefix: str) -> set[str]:
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in names if name.startswith(prefix)}


def _read_shapes(report: Path) -> Mapping[str, Any] | str | None:
    """The boundaries a report was drawn with: shapes and nothing else; or what is wrong with them."""
    path = report / "data" / f"{BOUNDARIES}.js"
    if not path.is_file():
        return None
    fault = f"data/{BOUNDARIES}.js holds something else than boundaries"
    match = re.fullmatch(rf'iapt\.receive\("{BOUNDARIES}",(.*)\);\n', path.read_text("utf-8", "replace"), re.DOTALL)
    try:
        data = json.loads(match[1]) if match else None
    except json.JSONDecodeError:
        return fault
    if not isinstance(data, dict) or data.keys() != {"width", "height", "paths", "notice"}:
        return fault
    paths = data["paths"]
    if not isinstance(paths, dict) or not all(isinstance(d, str) and _PATHS.fullmatch(d) for d in paths.values()):
        return fault
    return data
