"""Files of the last release: what is linked, whatever stands in the place already."""

from pathlib import Path

from iapt.files import compute_sha256
from iapt.release.released_files import ReleasedFiles


def test_a_file_that_is_linked_already_is_linked_again_and_nothing_is_left_over(tmp_path: Path) -> None:
    last, new = tmp_path / "last", tmp_path / "new"
    last.mkdir()
    new.mkdir()
    (last / "table.parquet").write_bytes(b"rows")
    record = {"sha256": compute_sha256(last / "table.parquet"), "bytes": 4}
    released = ReleasedFiles(last, {"table.parquet": record})
    for _ in range(2):
        assert released.link("table.parquet", new / "table.parquet") == record
    assert [path.name for path in new.iterdir()] == ["table.parquet"]
    assert (new / "table.parquet").samefile(last / "table.parquet")
