"""An archive of drops in a store: a drop is there with its provenance, whole, and reading works as from a folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from iapt.ingest.archive import ArchivedDrop, DropArchive
from iapt.ingest.ingestion import ingest_folder
from iapt.ingest.remote_archive import ArchiveLocationError, RemoteDropArchive, open_archive
from iapt.sources import object_stores
from iapt.sources.object_stores import Store
from iapt.sources.remote_files import NotThereError, SourceError, UnavailableError, UnsafeAddressError
from iapt.sources.store_addresses import parse_store_address
from iapt.workspace import Workspace
from tests.factories import drops
from tests.factories.azure_imitation import AzureImitation
from tests.factories.drop_home import APRIL, APRIL_REVISED, ARCHIVED_AT, MAY, DropHome, read_reasons, write_sidecar
from tests.factories.pull_home import PullingHome, make_publication
from tests.factories.stores import S3Server, SftpServer

Server = S3Server | AzureImitation | SftpServer
SHA256_OF_APRIL = hashlib.sha256(APRIL).hexdigest()
DAY = 24 * 3600


@pytest.fixture(params=["s3", "azure", "sftp"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def open_remote(server: Server, cache: Path, seconds_later: float = 60) -> RemoteDropArchive:
    """Open the archive as another process does, so many seconds from now."""
    place = parse_store_address(f"{server.address}/archive")
    return RemoteDropArchive(place, cache, lambda: time.time() + seconds_later)


@pytest.fixture
def home(server: Server, tmp_path: Path) -> DropHome:
    (tmp_path / "home").mkdir()
    home = DropHome(tmp_path / "home")
    home.drops = open_remote(server, tmp_path / "home" / "cache")
    return home


def list_store(server: Server) -> dict[str, bytes]:
    return server.read_all("archive")


def put_archived(server: Server, name: str, content: bytes) -> None:
    server.put(f"archive/{name}", content)


# -- the life of a drop -----------------------------------------------------------------------------------------------


def test_a_drop_is_archived_as_published_beside_its_provenance(server: Server, home: DropHome) -> None:
    result = home.offer(**{"april 2026__csv": APRIL}).ingest_folder()
    assert result.new == [SHA256_OF_APRIL]
    (drop,) = home.drops
    stored = list_store(server)
    assert stored.keys() == {f"{SHA256_OF_APRIL}/april 2026.csv", f"{SHA256_OF_APRIL}/provenance.json"}
    assert stored[f"{SHA256_OF_APRIL}/april 2026.csv"] == APRIL
    assert json.loads(stored[f"{SHA256_OF_APRIL}/provenance.json"]) == drop.to_record()
    assert home.drops.path_to(drop).read_bytes() == APRIL
    assert home.drops.path_to(drop).stat().st_mode & 0o222 == 0
    assert home.drops.get(drop.sha256) == drop
    assert home.drops.get("0" * 64) is None


def test_the_files_are_those_of_an_archive_in_a_folder(server: Server, home: DropHome, tmp_path: Path) -> None:
    local = DropArchive(tmp_path / "drops")
    home.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    ingest_folder(home.folder, local, drops.catalogue(), ARCHIVED_AT)
    files = [path for path in local.folder.rglob("*") if path.is_file()]
    assert list_store(server) == {path.relative_to(local.folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_bytes_again_are_nothing_new_and_other_bytes_are_a_drop_beside_them(
    server: Server, home: DropHome
) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    before = list_store(server)
    home.offer(again__csv=APRIL)
    assert home.ingest_folder().new == []
    assert list_store(server) == before
    (home.folder / "again.csv").unlink()
    home.offer(april__csv=APRIL_REVISED).ingest_folder()
    assert before.items() <= list_store(server).items()
    assert [(drop.file, drop.sequence) for drop in home.drops] == [("april.csv", 1), ("april.csv", 2)]
    assert home.drops.next_sequence() == 3


def test_a_renamed_drop_has_its_new_name_everywhere(server: Server, home: DropHome, tmp_path: Path) -> None:
    main = drops.make_csv(drops.ANNUAL_HEADERS["2022-23"], [drops.make_annual_row("25")])
    home.offer(main__csv=main)
    for _ in range(2):
        ingest_folder(home.folder, home.drops, drops.catalogue(), ARCHIVED_AT, home.observations)
        home.read()
        if (home.folder / "main.csv").exists():
            (home.folder / "main.csv").rename(home.folder / "annual-2022-23-v2.csv")
    (renamed,) = home.drops
    assert (renamed.file, renamed.revision) == ("annual-2022-23-v2.csv", 2)
    assert sorted(name.rpartition("/")[2] for name in list_store(server)) == [
        "annual-2022-23-v2.csv",
        "provenance.json",
    ]
    for archive in (home.drops, open_remote(server, tmp_path / "other")):
        assert list(archive) == [renamed]
        assert archive.path_to(renamed).read_bytes() == main
        assert [path.name for path in (archive.folder / renamed.sha256).iterdir()] == ["annual-2022-23-v2.csv"]
    ((drop, _),) = home.read().usable
    assert drop == renamed


def test_drops_are_read_from_the_store_as_from_a_folder(home: DropHome, server: Server, tmp_path: Path) -> None:
    home.offer(april__csv=APRIL, may__zip=drops.make_zip({"may.csv": MAY})).ingest_folder()
    shutil.rmtree(home.drops.folder)
    home.drops = open_remote(server, tmp_path / "other")
    assert [drop.file for drop, _ in home.read().usable] == ["april.csv", "may.zip"]


def test_publications_are_pulled_into_a_store(server: Server, tmp_path: Path) -> None:
    (row,) = rows = [make_publication()]
    home = PullingHome(tmp_path, rows)
    home.archive = open_remote(server, tmp_path / "cache")
    outcomes = []
    for content in (APRIL, APRIL, APRIL_REVISED):
        home.source.put(row, content)
        outcomes.append(home.pull_one().outcome)
        home.archive = open_remote(server, tmp_path / "cache")
    assert outcomes == ["created", "unchanged", "changed"]
    assert [(drop.publication, drop.address) for drop in home.archive] == [(row.id, row.file)] * 2
    assert [name.rpartition("/")[2] for name in sorted(list_store(server))] == [row.file_name, "provenance.json"] * 2


def test_bytes_archived_under_one_origin_are_rejected_under_another(home: DropHome) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    write_sidecar(home, "provenance.json", {}, data_origin="synthetic")
    assert (
        "expected published bytes, as which they were archived before"
        in read_reasons(home.ingest_folder())["april.csv"]
    )


# -- crashes, and other writers ---------------------------------------------------------------------------------------


def crash(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_crash_while_archiving_leaves_no_archived_drop_and_the_next_run_completes_it(
    server: Server, home: DropHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.offer(april__csv=APRIL)
    other = open_remote(server, tmp_path / "other")
    for step in ("upload", "compute_sha256", "write_bytes"):
        with monkeypatch.context() as patch:
            patch.setattr(Store, step, crash)
            with pytest.raises(KeyboardInterrupt):
                home.ingest_folder()
        assert list(other) == []
        assert other.get(SHA256_OF_APRIL) is None
    assert list_store(server).keys() == {f"{SHA256_OF_APRIL}/april.csv"}
    home.drops = open_remote(server, home.drops.folder)
    assert home.ingest_folder().new == [SHA256_OF_APRIL]
    assert [drop.sequence for drop in home.drops] == [1]


def test_what_was_left_half_written_is_removed_by_a_writer_of_another_day(
    server: Server, home: DropHome, tmp_path: Path
) -> None:
    put_archived(server, f"{'0' * 64}/half.csv", b"half")
    put_archived(server, "README.txt", b"the owner's own")
    home.offer(april__csv=APRIL).ingest_folder()
    put_archived(server, f"{SHA256_OF_APRIL}/.0123.part", b"half")
    assert f"{'0' * 64}/half.csv" in list_store(server)  # somebody may still be writing it
    home.drops = open_remote(server, tmp_path / "home" / "cache", seconds_later=2 * DAY)
    home.offer(may__csv=MAY).ingest_folder()
    assert [drop.file for drop in home.drops] == ["april.csv", "may.csv"]
    left = list_store(server).keys()
    assert not left & {f"{'0' * 64}/half.csv", f"{SHA256_OF_APRIL}/.0123.part"}
    assert "README.txt" in left


def test_two_writers_of_the_same_bytes_archive_them_once(server: Server, home: DropHome, tmp_path: Path) -> None:
    home.offer(april__csv=APRIL)
    other = open_remote(server, tmp_path / "other")
    assert list(home.drops) == list(other) == []
    assert ingest_folder(home.folder, other, drops.catalogue(), ARCHIVED_AT).new == [SHA256_OF_APRIL]
    before = list_store(server)
    assert home.drops.get(SHA256_OF_APRIL) is not None  # though it was not there when it was listed
    result = home.ingest_folder()
    assert (result.new, result.offered) == ([], [SHA256_OF_APRIL])
    assert list_store(server) == before


def test_a_writer_who_comes_second_in_the_middle_takes_the_drop_of_the_first(
    server: Server, home: DropHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, first = Store.upload, open_remote(server, tmp_path / "other")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "other name.csv").write_bytes(APRIL)

    def upload_after_the_other(store: Store, path: Path, name: str) -> None:
        monkeypatch.setattr(Store, "upload", whole)
        ingest_folder(tmp_path / "elsewhere", first, drops.catalogue(), ARCHIVED_AT)
        whole(store, path, name)

    home.offer(april__csv=APRIL)
    monkeypatch.setattr(Store, "upload", upload_after_the_other)
    assert home.ingest_folder().new == []
    (drop,) = home.drops
    assert drop.file == "other name.csv"
    assert list_store(server).keys() == {f"{drop.sha256}/other name.csv", f"{drop.sha256}/provenance.json"}
    assert home.drops.path_to(drop).read_bytes() == APRIL


def test_bytes_that_the_store_gives_back_otherwise_are_not_archived(
    server: Server, home: DropHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Store.upload

    def damage(store: Store, path: Path, name: str) -> None:
        other = path.with_name("damaged")
        other.write_bytes(path.read_bytes()[:-1])
        whole(store, other, name)

    home.offer(april__csv=APRIL)
    monkeypatch.setattr(Store, "upload", damage)
    with pytest.raises(SourceError, match=r"expected the bytes that were written, sha256 .* when they were read back"):
        home.ingest_folder()
    assert list_store(server) == {}
    assert list(home.drops) == []


# -- listing, and the cache -------------------------------------------------------------------------------------------


def test_listing_again_asks_for_no_provenance_that_has_not_changed(s3: S3Server, tmp_path: Path) -> None:
    home = DropHome(tmp_path)
    home.drops = open_remote(s3, tmp_path / "cache")
    home.offer(**{f"april_{number}__csv": APRIL + b" " * number for number in range(4)}).ingest_folder()
    archived = list(home.drops)
    again = open_remote(s3, tmp_path / "cache")
    requests = s3.note_requests()
    assert list(again) == archived
    assert [again.get(drop.sha256) for drop in archived] == archived
    assert [again.path_to(drop).stat().st_size for drop in archived] == [drop.bytes for drop in archived]
    assert [request.partition("?")[0] for request in requests] == ["GET /iapt-drops"]


def test_a_provenance_that_changed_within_the_second_is_read_again(sftp: SftpServer, tmp_path: Path) -> None:
    home = DropHome(tmp_path)
    home.drops = open_remote(sftp, tmp_path / "cache", seconds_later=0)
    home.offer(april__csv=APRIL).ingest_folder()
    (drop,) = home.drops
    path = sftp.root / "archive" / drop.sha256 / "provenance.json"
    state = path.stat()
    path.write_text(path.read_text("utf-8").replace('"sequence": 1', '"sequence": 7'), "utf-8")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert [drop.sequence for drop in home.drops] == [7]


def test_a_damaged_cache_is_filled_again(home: DropHome) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    (drop,) = home.drops
    path = home.drops.path_to(drop)
    path.unlink()
    path.write_bytes(APRIL[:-1])
    (home.drops.folder / "listing.json").write_text("{half", "utf-8")
    assert home.drops.path_to(drop).read_bytes() == APRIL
    assert list(home.drops) == [drop]


def test_bytes_that_are_not_those_of_the_provenance_are_not_read(
    server: Server, home: DropHome, tmp_path: Path
) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    other = open_remote(server, tmp_path / "other")
    (drop,) = other
    put_archived(server, f"{drop.sha256}/april.csv", APRIL.replace(b"30", b"35"))
    with pytest.raises(SourceError, match="expected the bytes of its provenance, sha256"):
        other.path_to(drop)
    assert not (other.folder / drop.sha256 / "april.csv").exists()
    server.remove(f"archive/{drop.sha256}/april.csv")
    with pytest.raises(NotThereError, match="expected the bytes of an archived drop; found its provenance alone"):
        other.path_to(drop)


def test_a_drop_that_was_taken_back_leaves_the_cache_too(server: Server, home: DropHome) -> None:
    home.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    april, may = home.drops
    for name in ("april.csv", "provenance.json"):
        server.remove(f"archive/{april.sha256}/{name}")
    assert list(home.drops) == [may]
    assert not (home.drops.folder / april.sha256).exists()
    assert home.drops.path_to(may).is_file()


def test_an_archive_that_is_gone_is_not_taken_for_an_empty_one(server: Server, home: DropHome) -> None:
    home.offer(april__csv=APRIL).ingest_folder()
    (drop,) = home.drops
    for name in list_store(server):
        server.remove(f"archive/{name}")
    with pytest.raises(NotThereError, match="expected the 1 drops that were archived there; found none of them"):
        list(home.drops)
    assert home.drops.path_to(drop).read_bytes() == APRIL


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"file": "../../escaped.csv"}, "a file name that leads elsewhere"),
        ({"file": "folder/escaped.csv"}, "a file name that leads elsewhere"),
        ({"file": "folder\\escaped.csv"}, "a file name that leads elsewhere"),
        ({"file": ".."}, "a file name that leads elsewhere"),
        ({"file": "provenance.json"}, "a file name that leads elsewhere"),
        ({"file": ""}, "a file name that leads elsewhere"),
        ({"sha256": "1" * 64}, "that of other bytes"),
        ({"bytes": "12"}, "other keys or values"),
        ({"sequence": None}, "other keys or values"),
        ({"unknown": 1}, "unexpected keyword argument"),
        (None, "no JSON object"),
        ("", "Expecting value"),
    ],
)
def test_a_provenance_that_somebody_tampered_with_is_told(
    sftp: SftpServer, tmp_path: Path, changes: dict[str, object] | str | None, found: str
) -> None:
    home = DropHome(tmp_path)
    home.drops = open_remote(sftp, tmp_path / "cache")
    home.offer(april__csv=APRIL).ingest_folder()
    (drop,) = home.drops
    content = json.dumps(drop.to_record() | changes) if isinstance(changes, dict) else changes
    put_archived(sftp, f"{drop.sha256}/provenance.json", b"[]" if content is None else content.encode())
    other = open_remote(sftp, tmp_path / "other")
    with pytest.raises(SourceError, match=rf"expected the provenance of an archived drop; found .*{found}"):
        list(other)
    with pytest.raises(SourceError, match="Mend it, or take the folder of the drop out of the archive"):
        other.get(drop.sha256)


# -- which archive a home has -----------------------------------------------------------------------------------------


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("IAPT_ARCHIVE", raising=False)
    return Workspace(tmp_path / "home")


def archive_one(archive: DropArchive, folder: Path) -> ArchivedDrop:
    folder.mkdir(exist_ok=True)
    (folder / "april.csv").write_bytes(APRIL)
    ingest_folder(folder, archive, drops.catalogue(), ARCHIVED_AT)
    (drop,) = archive
    return drop


def test_without_another_location_drops_are_archived_in_the_home(workspace: Workspace) -> None:
    archive = open_archive(workspace)
    assert (type(archive), archive.folder) == (DropArchive, workspace.drops)


@pytest.mark.parametrize("written", ["{}", "file://{}"])
def test_drops_may_be_archived_in_another_folder(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("IAPT_ARCHIVE", written.format(tmp_path / "elsewhere"))
    archive = open_archive(workspace)
    assert (type(archive), archive.folder) == (DropArchive, tmp_path / "elsewhere")
    monkeypatch.setenv("IAPT_ARCHIVE", str(workspace.drops))
    archive_one(open_archive(workspace), tmp_path / "offered")
    assert open_archive(workspace).folder == workspace.drops


def test_what_another_home_may_still_be_writing_is_left(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, shared = workspace.drops, tmp_path / "elsewhere"
    for folder in (own, shared):
        for name, age in {".archiving-now": 0, ".archiving-long-ago": 2 * DAY}.items():
            (folder / name).mkdir(parents=True)
            os.utime(folder / name, (time.time() - age, time.time() - age))
    monkeypatch.setenv("IAPT_ARCHIVE", str(own))
    open_archive(workspace).remove_unfinished()
    assert list(own.iterdir()) == []  # the lock of the home keeps others out
    monkeypatch.setenv("IAPT_ARCHIVE", str(shared))
    open_archive(workspace).remove_unfinished()
    assert [path.name for path in shared.iterdir()] == [".archiving-now"]


def test_a_home_goes_on_with_the_archive_it_has(
    workspace: Workspace, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAPT_ARCHIVE", f"{server.address}/archive")
    archive = open_archive(workspace)
    assert isinstance(archive, RemoteDropArchive)
    assert open_archive(workspace) is archive
    assert list(archive) == []
    archive_one(archive, tmp_path / "offered")
    for other in (None, f"{server.address}/other", str(tmp_path / "elsewhere")):
        monkeypatch.delenv("IAPT_ARCHIVE") if other is None else monkeypatch.setenv("IAPT_ARCHIVE", other)
        with pytest.raises(ArchiveLocationError, match=rf"expected IAPT_ARCHIVE to be {server.address}/archive"):
            open_archive(workspace)
    shutil.rmtree(workspace.archive_cache)
    assert open_archive(workspace).folder == tmp_path / "elsewhere"


def test_a_home_with_drops_of_its_own_takes_no_other_archive(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive_one(open_archive(workspace), tmp_path / "offered")
    for location in ("s3://iapt-drops/archive", str(tmp_path / "elsewhere")):
        monkeypatch.setenv("IAPT_ARCHIVE", location)
        with pytest.raises(ArchiveLocationError, match=r"Copy the folders in it to .* as they are"):
            open_archive(workspace)


def test_a_restricted_home_keeps_its_drops_in_its_own_folder(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.make_restricted()
    assert open_archive(workspace).folder == workspace.drops
    for location in ("s3://iapt-drops/archive", str(tmp_path / "elsewhere")):
        monkeypatch.setenv("IAPT_ARCHIVE", location)
        with pytest.raises(ArchiveLocationError, match="expected a restricted home that keeps its drops in its own"):
            open_archive(workspace)


def test_an_archive_at_a_malformed_address_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAPT_ARCHIVE", "http://host/archive")
    with pytest.raises(UnsafeAddressError):
        open_archive(workspace)


def test_an_archive_that_cannot_be_reached_is_not_taken_for_an_empty_one(
    workspace: Workspace, sftp: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAPT_ARCHIVE", "sftp://127.0.0.1:9/archive")
    monkeypatch.setattr(object_stores, "CONNECT_ATTEMPTS", 1)
    with pytest.raises(UnavailableError):
        list(open_archive(workspace))
    with pytest.raises(UnavailableError):
        open_archive(workspace).next_sequence()
