"""The schema of a release's CSV files, for programs: `datapackage.json`, a Data Package (datapackage.org).

A CSV file does not say of what type its columns are, and a program that guesses can take a code for a number, or the
religion `None` for a missing value. Here the type of every column of every file is written down once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from iapt.contract import TABLES, Table

DATA_PACKAGE: Final = "datapackage.json"
#: The types of the tables in the words of Table Schema.
_TYPES: Final[Mapping[str, str]] = {
    "VARCHAR": "string",
    "DOUBLE": "number",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DATE": "date",
    "BOOLEAN": "boolean",
}
_OPEN_GOVERNMENT_LICENCE: Final = {
    "name": "OGL-UK-3.0",
    "title": "Open Government Licence v3.0",
    "path": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
}


def to_data_package(release_id: str, files: Mapping[str, Sequence[str]], *, is_licensed: bool) -> str:
    """Return the Data Package of a release as JSON.

    `files` are the paths of each table's CSV files, from the folder of the release; a table without any is left out.
    """
    package: dict[str, Any] = {
        "name": f"iapt-{release_id}",
        "title": f"NHS Talking Therapies (IAPT) statistics, release {release_id}",
        "version": release_id,
        **({"licenses": [_OPEN_GOVERNMENT_LICENCE]} if is_licensed else {}),
        "resources": [_describe_resource(table, files[name]) for name, table in TABLES.items() if files.get(name)],
    }
    return json.dumps(package, indent=1, ensure_ascii=False) + "\n"


def _describe_resource(table: Table, paths: Sequence[str]) -> dict[str, Any]:
    return {
        "name": table.name,
        "description": table.description,
        "profile": "tabular-data-resource",
        "path": list(paths) if len(paths) > 1 else paths[0],
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        **({"compression": "gz"} if paths[0].endswith(".gz") else {}),
        "dialect": {"delimiter": ",", "quoteChar": '"', "doubleQuote": True, "lineTerminator": "\n", "header": True},
        "schema": {
            "fields": [
                {"name": column.name, "type": _TYPES[column.type], "description": column.description}
                for column in table.columns
            ],
            "missingValues": [""],
        },
    }
