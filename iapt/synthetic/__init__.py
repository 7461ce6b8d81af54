"""Synthetic drops in the publisher's layouts, to try the pipeline on without any published file.

Here is the one entry point; each idea has its own module. Nothing in this package imports Dagster, and the same version
writes the same bytes on every run and machine.
"""

from __future__ import annotations

from pathlib import Path

from iapt.synthetic.folder import NATIONAL_READ_ME, make_default_drops, write_folder
from iapt.synthetic.national import make_national_drops
from iapt.synthetic.truth import Truth, build_truth

__all__ = ["Truth", "build_truth", "write_demonstration_drops"]


def write_demonstration_drops(folder: Path, *, national: bool = False, months: int = 12) -> list[Path]:
    """Write synthetic drops below `folder`, with their provenance and a README; the paths of the drops.

    The default is every series at a small size. `national` writes instead the latest `months` monthly files at the
    publisher's size, for benchmarks. An earlier demonstration in the folder is replaced.

    Raises FileExistsError where the folder holds anything else.
    """
    if national:
        return write_folder(folder, make_national_drops(months), NATIONAL_READ_ME)
    return write_folder(folder, make_default_drops(build_truth()))
