"""Where the pipeline keeps its state: the folders of one IAPT_HOME. No reading or writing of their contents here."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from iapt.files import write_atomically

PROJECT_ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = PROJECT_ROOT / "catalogue"
DISCLOSURE_POLICY = "disclosure.yml"  # in the catalogue
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
RESTRICTED = "restricted"  # the home of unrounded counts, in another home
SALT_BYTES = 32
RESTRICTED_MARK = ".restricted"  # and the file that says so


class WorkspacePathError(OSError):
    """Raised where a home has a path that the tools the pipeline is made of cannot work in."""


@dataclass(frozen=True)
class Workspace:
    """The folders of one home. Everything in it but `drops/` can be made again from `drops/`."""

    root: Path

    @classmethod
    def from_environment(cls) -> Workspace:
        """The home named by IAPT_HOME, else `data` in the project's folder."""
        return cls(Path(os.environ.get("IAPT_HOME") or PROJECT_ROOT / "data").expanduser().resolve())

    def refuse_unusable_path(self) -> None:
        """Raise WorkspacePathError where files would be written elsewhere than in the home, or not at all.

        Dagster names its databases in addresses: they end at a question mark, and `%20` is a space in them.
        """
        name, problem = str(self.root), ""
        try:
            name.encode()
        except UnicodeEncodeError:
            problem = "bytes that are not UTF-8"
        if not problem and not name.isprintable():
            problem = "a character that cannot be shown"
        if "?" in name:
            problem = "a question mark"
        if encoded := re.search("%[0-9A-Fa-f]{2}", name):
            problem = f"{encoded[0]!r}, which stands for another character in an address"
        if problem:
            raise WorkspacePathError(
                f"{name!a}: expected a home with a plain path; found {problem} in it. Name another --home."
            )

    @property
    def drops(self) -> Path:
        """Bytes as published, content-addressed, never changed."""
        return self.root / "drops"

    @property
    def archive_cache(self) -> Path:
        """Of an archive that lies elsewhere: the bytes of drops that were read, and where it is."""
        return self.root / "archive_cache"

    @property
    def observations(self) -> Path:
        """One Parquet file of observations per drop, written once, and what was quarantined."""
        return self.root / "observations"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file dbt builds the marts in. One writer; nobody outside the pipeline opens it."""
        return self.root / "warehouse.duckdb"

    @property
    def ingest_record(self) -> Path:
        """State of the current run: what the drop folder offered. `iapt.workspace_state` reads and writes it."""
        return self.root / "ingest.json"

    @property
    def read_record(self) -> Path:
        """State of the current run: what came of reading the archived drops."""
        return self.root / "reading.json"

    @property
    def refresh_plan(self) -> Path:
        """State of the current run: what it is going to do, and from which inputs."""
        return self.root / "refresh_plan.json"

    @property
    def landed(self) -> Path:
        """State: the inputs of the landing tables, which the marts are built from next."""
        return self.root / "landed.json"

    @property
    def built(self) -> Path:
        """State: the inputs of every mart of the warehouse, those landed when dbt was done."""
        return self.root / "built.json"

    @property
    def built_periods(self) -> Path:
        """State: what the figures of each period of the warehouse rest on, and which periods are not finished."""
        return self.root / "built_periods.json"

    @property
    def landed_periods(self) -> Path:
        """State: the same of the drops that were landed last, which the next build that is finished makes it."""
        return self.root / "landed_periods.json"

    @property
    def built_tables(self) -> Path:
        """State: what the tables of the warehouse rest on that are not made again while that is the same."""
        return self.root / "built_tables.json"

    @property
    def spill(self) -> Path:
        """What does not fit into memory while a run works; nothing in it outlives the run."""
        return self.root / "spill"

    @property
    def temporary(self) -> Path:
        """Files and folders that a run puts aside and removes; nothing in it outlives the run."""
        return self.root / "temporary"

    @property
    def staged(self) -> Path:
        """State: the inputs of the candidate release."""
        return self.root / "staged.json"

    @property
    def released(self) -> Path:
        """State: the inputs of the newest release, and the run that made it or found it unchanged."""
        return self.root / "released.json"

    @property
    def last_refresh(self) -> Path:
        """State: what came of the last refresh, whoever started it."""
        return self.root / "last_refresh.json"

    @property
    def refresh_basis(self) -> Path:
        """State: what the last refresh that ended well rests on; by it the next one knows that nothing is new."""
        return self.root / "refresh_basis.json"

    @property
    def ingested_folder(self) -> Path:
        """State: the fingerprint of each drop folder as a run last ingested it."""
        return self.root / "ingested_folder.json"

    @property
    def offered_digests(self) -> Path:
        """State: the sha256 of each file of the drop folder, with the state in which it was hashed."""
        return self.root / "offered_digests.json"

    @property
    def pulled(self) -> Path:
        """State: what is known of each address that was fetched: its version, its bytes, when it was last asked."""
        return self.root / "pulled.json"

    @property
    def reviews(self) -> Path:
        """State: the drops that are held for a person to look at, and what was decided of each."""
        return self.root / "reviews.json"

    @property
    def failed_pulls(self) -> Path:
        """State: the listed files that the last refreshes could not get, and since when."""
        return self.root / "failed_pulls.json"

    @property
    def found_publications(self) -> Path:
        """The publications that discovery has found for this home, which the reviewed catalogue does not list."""
        return self.root / "found_publications.yml"

    @property
    def incoming(self) -> Path:
        """Files on their way from the publisher; what is whole is archived and leaves it."""
        return self.root / "incoming"

    @property
    def inbox(self) -> Path:
        """Where a person puts files: the drop folder of a refresh that names none, and files that were got by hand."""
        return self.root / "inbox"

    def locate_drops(self, named: str = "") -> str:
        """Return the drop folder of a refresh, a path or the address of a store: the one named, IAPT_DROPS, `inbox`."""
        return named or os.environ.get("IAPT_DROPS") or str(self.inbox)

    @property
    def staging(self) -> Path:
        """The candidate release: what the gate validates."""
        return self.root / "staging"

    @property
    def parts(self) -> Path:
        """The rows of single periods of released tables, one Parquet file each, named by their content."""
        return self.root / "parts"

    @property
    def staged_parts(self) -> Path:
        """State: which parts the candidate release is put together from."""
        return self.root / "staged_parts.json"

    @property
    def kept_database(self) -> Path:
        """The tables in parts of the newest release as a DuckDB file, to which the next release adds what is new."""
        return self.root / "parts.duckdb"

    @property
    def kept_database_state(self) -> Path:
        """State: what the kept DuckDB file holds, and its sha256."""
        return self.root / "parts_database.json"

    @property
    def checked_parts(self) -> Path:
        """What is remembered of parts that passed the gate and the audit, and of periods of marts that were checked."""
        return self.root / "checked_parts"

    @property
    def validation(self) -> Path:
        """The validation report of the candidate, with the sha256 of every validated file, and its Data Docs."""
        return self.root / "validation"

    @property
    def is_restricted(self) -> bool:
        """Whether this home holds unrounded counts: see `make_restricted`."""
        return (self.root / RESTRICTED_MARK).is_file()

    def make_restricted(self) -> None:
        """Make this a home for unrounded counts, from the root down for its owner only.

        Raises FileExistsError where it already holds published drops: the two must not share a home.
        """
        if self.drops.exists() and not self.is_restricted:
            raise FileExistsError(f"{self.root}: expected an empty or a restricted home; it holds other drops already")
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root.chmod(0o700)
        (self.root / RESTRICTED_MARK).touch(mode=0o600)

    @property
    def salt(self) -> str:
        """A secret of this home, made when first asked for: what names a restricted drop without telling its bytes.

        Raises ValueError where the file holds no such secret: with a shorter one, names could be guessed.
        """
        path = self.root / "salt"
        if not path.is_file():
            write_atomically(path, secrets.token_hex(SALT_BYTES), mode=0o600)
        salt = path.read_text("utf-8")
        if not re.fullmatch(rf"[0-9a-f]{{{2 * SALT_BYTES}}}", salt):
            raise ValueError(
                f"{path}: expected {2 * SALT_BYTES} hexadecimal digits; found {len(salt)} characters. Take the file "
                "away: the next refresh makes another, under which drops have other names."
            )
        return salt

    @property
    def audits(self) -> Path:
        """What the disclosure audit found in each period, for the owner only; no publishing step reads it."""
        return self.root / "audits"

    @property
    def drop_validations(self) -> Path:
        """The validation results of each drop, one file a drop; written when the drop is validated first."""
        return self.root / "drop_validations"

    @property
    def figures_page(self) -> Path:
        """What was found of the figures of the drops and the marts, for people. No release carries it."""
        return self.root / "figures.html"

    @property
    def releases(self) -> Path:
        """Immutable releases, one folder each."""
        return self.root / "releases"

    @property
    def latest(self) -> Path:
        """The link to the newest release; it moves by one atomic rename."""
        return self.root / "latest"

    @property
    def boundaries(self) -> Path:
        """A GeoJSON file of the boundaries of integrated care boards, where one was put: the map draws them too."""
        return self.root / "boundaries.geojson"

    @property
    def logs(self) -> Path:
        """What the tools said in full, one file a refresh."""
        return self.root / "logs"

    @property
    def dagster(self) -> Path:
        """Dagster's own records of runs and materialisations (its DAGSTER_HOME)."""
        return self.root / "dagster"

    @property
    def lock(self) -> Path:
        """Held while a refresh writes in this home."""
        return self.root / "refresh.lock"
