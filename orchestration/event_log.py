"""Dagster's event log of one refresh: the files Dagster itself reads, written through connections that stay open.

Dagster's own storage makes an engine, opens and closes a connection and looks up the columns of a table anew for every
event. SQLite then folds its write-ahead log into the file each time, and all of it takes longer than the events.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData
    from sqlalchemy.engine import Connection


def open_instance(folder: Path) -> DagsterInstance:
    """The Dagster instance of a folder, with this log of events in the place where Dagster's own lies."""
    storage = {
        "module": PersistentConnectionEventLog.__module__,
        "class": PersistentConnectionEventLog.__name__,
        "config": {"base_dir": str(folder / "history" / "runs")},
    }
    return DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides={"event_log_storage": storage}))


class PersistentConnectionEventLog(SqliteEventLogStorage):
    """One connection to each file, as long as the storage lives. For a process that writes one run, not for the UI."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """The log in a folder, as Dagster configures it."""
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        self._knows_the_columns = False
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> PersistentConnectionEventLog:
        """This log and not the one it is derived from, which Dagster's own method would make."""
        return cls(config_value["base_dir"], inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._db_lock:
            if shard not in self._engines:
                engine = create_engine(
                    self.conn_string_for_shard(shard),
                    poolclass=StaticPool,
                    connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
                )
                self._initdb(engine)
                with engine.connect() as connection:
                    # With a write-ahead log, a loss of power costs the last events, never the file.
                    connection.execute(text("pragma synchronous = normal"))
                self._engines[shard] = engine
            with self._engines[shard].begin() as connection:
                yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; one that it has stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        self._knows_the_columns = self._knows_the_columns or super()._has_asset_key_index_cols_on_connection(conn)
        return self._knows_the_columns

    def dispose(self) -> None:
        """Close every connection."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()
