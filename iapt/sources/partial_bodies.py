"""Partial bodies: what has arrived of a file so far, and what must be known of it to go on where it was cut."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from iapt.catalogue.strict_model import StrictModel
from iapt.files import write_atomically


class PartialRecord(StrictModel):
    """Which version of a file a partial body is of, as the server described it.

    `condition` is what If-Range takes: a strong ETag, else a date that is strong; empty where the server gave neither,
    and a cut body is of no use. `total_bytes` is None where it is not known, or not believed.
    """

    address: str
    condition: str
    total_bytes: int | None
    content_encoding: str
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""


class PartialBody:
    """The bytes of a file on their way to `target`, as they stood on the wire, and the record of their version."""

    def __init__(self, target: Path) -> None:
        """Stand beside the target: `<target>.part` and `<target>.part.json`."""
        self.path = target.with_name(target.name + ".part")
        self.decoded_path = target.with_name(target.name + ".part.decoded")
        self._record_path = target.with_name(target.name + ".part.json")

    @property
    def size_bytes(self) -> int:
        """How many bytes have arrived."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def read_record(self, address: str) -> PartialRecord | None:
        """Return the record of a body of this address that can be gone on with; None after removing what cannot."""
        record = self._read()
        if record is None or record.address != address or not record.condition or not self.size_bytes:
            self.remove()
            return None
        if record.total_bytes is not None and self.size_bytes > record.total_bytes:
            self.remove()
            return None
        return record

    def _read(self) -> PartialRecord | None:
        try:
            return PartialRecord.model_validate_json(self._record_path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def begin(self, record: PartialRecord) -> None:
        """Throw away what was there, and note what the bytes to come are of: in this order, so that none are mixed."""
        self.remove()
        self.write_record(record)

    def write_record(self, record: PartialRecord) -> None:
        """Note what is now known of the bytes that are here."""
        write_atomically(self._record_path, record.model_dump_json())

    def remove(self) -> None:
        """Take away the bytes, then what was known of them."""
        for path in (self.path, self.decoded_path, self._record_path):
            path.unlink(missing_ok=True)
