"""The working tables of the audit are written and read by exactly the steps that their declarations name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from iapt.disclosure.working_tables import SQL_FOLDER, load_working_tables

WRITTEN = re.compile(r"(?:insert into|update|delete from|create or replace temp view) (\w+)")
READ = re.compile(r"(?<!delete )(?:from|join|using) (\w+)(?:, (\w+))?")
#: Tables that a step is given by name.
GIVEN: Mapping[str, list[dict[str, str]]] = {
    "load_percentages": [
        {"source": "published_value", "target": "published_percentage"},
        {"source": "released_value", "target": "released_percentage"},
    ],
    "build_terms": [
        {"percentages": "published_percentage", "target": "percentage_term"},
        {"percentages": "new_percentage", "target": "new_term"},
    ],
    "find_feasible_pairs": [{"terms": "percentage_term"}, {"terms": "merged_term"}],
}


def test_each_table_is_written_and_read_by_the_steps_that_are_declared() -> None:
    tables = load_working_tables()
    written, read = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for path in SQL_FOLDER.glob("*.sql"):
        for given in GIVEN.get(path.stem, [{}]):
            sql = re.sub(r"--.*", "", path.read_text("utf-8"))
            for name, table in given.items():
                sql = sql.replace(f"{{{{ {name} }}}}", table)
            for table in set(WRITTEN.findall(sql)) - {"released_with_parents"}:  # what a gate reads, as a source
                written[table].add(path.stem)
            for table in {name for names in READ.findall(sql) for name in names} & tables.keys():
                read[table].add(path.stem)
    assert written == {name: set(table.written_by) for name, table in tables.items()}
    assert read == {name: set(table.read_by) for name, table in tables.items() if table.read_by}
