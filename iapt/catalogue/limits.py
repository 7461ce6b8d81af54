"""Limits: what a drop may cost to open, from `catalogue/limits.yml`."""

from iapt.catalogue.strict_model import StrictModel


class Limits(StrictModel):
    """What a drop may cost to open."""

    max_file_bytes: int
    max_members: int
    max_uncompressed_bytes: int
    max_compression_ratio: int
    max_sheet_cells: int
    max_old_workbook_bytes: int
    max_unpacking_seconds: int
    max_unpacking_memory_bytes: int
