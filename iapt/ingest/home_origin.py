"""The origin of a home: published and synthetic figures never share one."""

from iapt.ingest.archive import DropArchive
from iapt.workspace import Workspace
from iapt.workspace_state import read_last_release


class OtherOriginError(Exception):
    """Raised when what is offered is of another origin than the home; nothing was archived."""


def find_home_origin(workspace: Workspace, archive: DropArchive) -> str | None:
    """Return the origin of a home: of its newest release, else of its archived drops; None where there are none.

    A home of an earlier version may hold drops of two origins and no release: it has no origin yet.
    """
    if (release := read_last_release(workspace)) is not None:
        return release.data_origin
    origins = {drop.origin for drop in archive}
    return origins.pop() if len(origins) == 1 else None
