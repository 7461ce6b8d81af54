"""Mutations of drops: a catalogue of accidents by kind, each drawn from a seed, so that every run makes the same files.

An edit changes a drop that is taken apart (`small_drops`), before it is written; a damage changes its bytes. Each is a
small function that does one thing and returns what it did in words, or nothing where it cannot be done to this drop.
"""

from __future__ import annotations

import functools
import gzip
import io
import random
import re
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tests.factories.drops import Cell
from tests.factories.small_drops import EditableDrop, EditableTable, TableStyle, make_small_drops, make_zip

# -- what stands in which column ---------------------------------------------------------------------------------------

PERIODS: Final = frozenset(
    {
        *("REPORTING_PERIOD_START", "REPORTING_PERIOD_END", "Quarter", "Month", "Month / Year"),
        *("ReportingPeriodStartDate", "ReportingPeriodEndDate"),
    }
)
LEVELS: Final = frozenset({"GROUP_TYPE", "GroupType", "Group Type", "OrgType"})
CODES: Final = frozenset(
    {
        *("ORG_CODE1", "ORG_CODE2", "ICB", "SubICB", "STP", "CCG", "Provider", "OrgCode", "Org_Code"),
        *("CCG Code", "Provider Code", "CCG_CODE"),
    }
)
NAMES: Final = frozenset(
    {
        *("ORG_NAME1", "ORG_NAME2", "ICBName", "SubICBName", "STPName", "CCGName", "ProviderName", "OrgName"),
        *("CCG Name", "Provider Name", "CCG_NAME"),
    }
)
VARIABLES: Final = frozenset(
    {"VariableType", "VariableA", "VariableB", "DataTable", "UID", "DataItem", "RELIGION", "LTC"}
)
MEASURES: Final = frozenset({"MEASURE_ID", "MEASURE_NAME"})
KEYS: Final = PERIODS | LEVELS | CODES | NAMES | VARIABLES | MEASURES
EVERYONE: Final = frozenset({"all", "All", "England", "UNKNOWN", "InvalidCode", "null", "NULL", "nan", ""})


def find_columns(table: EditableTable, names: frozenset[str]) -> list[int]:
    """The places of the columns of these names."""
    return [place for place, name in enumerate(table.header) if name in names]


def find_value_columns(table: EditableTable) -> list[int]:
    """The places of the columns of measure cells."""
    return [place for place, name in enumerate(table.header) if name not in KEYS]


# -- kinds -------------------------------------------------------------------------------------------------------------

Edit = Callable[[EditableDrop, random.Random], str | None]
Damage = Callable[[bytes, random.Random], bytes | None]


@dataclass(frozen=True)
class Kind:
    """A kind of mutation. `unknowable` says why no reader of the file alone could tell; empty where one could.

    Where `layouts` are given, that is so of drops of these layouts alone.
    """

    name: str
    family: str
    edit: Edit | None = None
    damage: Damage | None = None
    unknowable: str = ""
    layouts: frozenset[str] = frozenset()

    def is_unknowable_of(self, layout: str) -> bool:
        """Whether no reader could tell what this kind did to a drop of a layout."""
        return bool(self.unknowable) and (not self.layouts or layout in self.layouts)


KINDS: Final[dict[str, Kind]] = {}


def edits(family: str, unknowable: str = "", layouts: frozenset[str] = frozenset()) -> Callable[[Edit], Edit]:
    """Add an edit of a drop to the catalogue, under the name of its function."""

    def add(edit: Edit) -> Edit:
        KINDS[edit.__name__] = Kind(edit.__name__, family, edit=edit, unknowable=unknowable, layouts=layouts)
        return edit

    return add


def damages(family: str, unknowable: str = "") -> Callable[[Damage], Damage]:
    """Add a damage of bytes to the catalogue: to a whole drop, or to one member of it, of which the sums stay right."""

    def add(damage: Damage) -> Damage:
        KINDS[damage.__name__] = Kind(damage.__name__, family, damage=damage, unknowable=unknowable)
        return damage

    return add


@dataclass(frozen=True)
class Mutant:
    """A mutated drop: its file name and bytes, of which base it was made, and what was done, in words."""

    number: int
    base: str
    kind: Kind
    file: str
    content: bytes
    change: str


def make_mutant(number: int, seed: int) -> Mutant:
    """Return a mutant of a run: kinds come in turn, bases are drawn until one can be changed so."""
    made = random.Random(f"{seed} {number}")
    kind = list(KINDS.values())[number % len(KINDS)]
    bases = list(make_small_drops())
    made.shuffle(bases)
    for base in bases:
        mutant = _mutate(base, kind, made, number)
        if mutant is not None:
            return mutant
    raise ValueError(f"no base drop can be changed by {kind.name}")


def _mutate(base: str, kind: Kind, made: random.Random, number: int) -> Mutant | None:
    drop = make_small_drops()[base].copy()
    if kind.edit is not None:
        change = kind.edit(drop, made)
        return None if change is None else Mutant(number, base, kind, drop.file, drop.encode(), change)
    assert kind.damage is not None
    content = encode_base(base)
    if kind.family == "bytes" and drop.kind != "csv" and made.random() < 0.7:
        damaged, change = _damage_member(content, kind.damage, made)
    else:
        damaged, change = kind.damage(content, made), "the whole file"
    return None if damaged is None or damaged == content else Mutant(number, base, kind, drop.file, damaged, change)


@functools.cache
def encode_base(base: str) -> bytes:
    """The bytes of a base drop."""
    return make_small_drops()[base].encode()


def _damage_member(content: bytes, damage: Damage, made: random.Random) -> tuple[bytes | None, str]:
    """Damage one member of a ZIP or part of a workbook; what the container says of its sums is right."""
    members = read_members(content)
    hit = made.choice([name for name, part in members if len(part) > 40])
    damaged = [(name, damage(part, made) if name == hit else part) for name, part in members]
    return make_zip([(name, part or b"") for name, part in damaged]), f"inside {hit}"


def read_members(content: bytes) -> list[tuple[str, bytes]]:
    """The members of a ZIP by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


# -- bytes -------------------------------------------------------------------------------------------------------------

DAMAGED_TEXT: Final = "another letter, or a digit in place of a digit, is what the file then says"


@damages("bytes", DAMAGED_TEXT)
def flip_one_bit(content: bytes, made: random.Random) -> bytes:
    found = bytearray(content)
    found[made.randrange(len(found))] ^= 1 << made.randrange(8)
    return bytes(found)


@damages("bytes", DAMAGED_TEXT)
def flip_several_bits(content: bytes, made: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(made.randrange(2, 9)):
        found[made.randrange(len(found))] ^= 1 << made.randrange(8)
    return bytes(found)


@damages("bytes", DAMAGED_TEXT)
def replace_one_byte(content: bytes, made: random.Random) -> bytes:
    found = bytearray(content)
    found[made.randrange(len(found))] = made.choice(b"0123456789,\"'ABCxyz*-. \n\r;<>&=/")
    return bytes(found)


@damages("bytes")
def truncate(content: bytes, made: random.Random) -> bytes:
    return content[: made.randrange(1, len(content))]


@damages("bytes", "a file cut between two organisations has the whole of each; `iapt pull` holds one that lost some")
def truncate_at_a_line_end(content: bytes, made: random.Random) -> bytes | None:
    ends = [match.end() for match in re.finditer(rb"\n", content)]
    return content[: made.choice(ends)] if len(ends) > 2 and not content.startswith(b"PK") else None


@damages("bytes", DAMAGED_TEXT)
def remove_a_block(content: bytes, made: random.Random) -> bytes:
    place, length = made.randrange(len(content)), made.choice([1, 3, 17, 64, 300, 4096])
    return content[:place] + content[place + length :] or b" "


@damages("bytes", DAMAGED_TEXT)
def repeat_a_block(content: bytes, made: random.Random) -> bytes:
    place, length = made.randrange(len(content)), made.choice([1, 3, 17, 64, 300, 4096])
    return content[: place + length] + content[place : place + length] + content[place + length :]


@damages("bytes", DAMAGED_TEXT)
def move_a_block(content: bytes, made: random.Random) -> bytes:
    place, length = made.randrange(len(content)), made.choice([1, 3, 17, 64, 300])
    rest = content[:place] + content[place + length :]
    target = made.randrange(len(rest) + 1)
    return rest[:target] + content[place : place + length] + rest[target:]


@damages("bytes")
def overwrite_with_nuls(content: bytes, made: random.Random) -> bytes:
    place, length = made.randrange(len(content)), made.randrange(1, 600)
    return content[:place] + b"\0" * len(content[place : place + length]) + content[place + length :]


@damages("bytes", DAMAGED_TEXT)
def overwrite_with_spaces(content: bytes, made: random.Random) -> bytes:
    place, length = made.randrange(len(content)), made.randrange(1, 40)
    return content[:place] + b" " * len(content[place : place + length]) + content[place + length :]


#: Layouts in which an organisation has one row.
ONE_ROW_EACH: Final = frozenset({"monthly_wide"})
#: Layouts whose levels nobody has listed: of each, no whole file of the publisher's was at hand.
LEVELS_NOT_KNOWN: Final = frozenset({"timeseries_long", "quarterly_stp_ccg_long", "quarterly_wide", "monthly_wide"})

# -- rows --------------------------------------------------------------------------------------------------------------


def _choose_table(drop: EditableDrop, made: random.Random) -> EditableTable:
    return made.choice(drop.tables)


def _describe(table: EditableTable, row: int, column: int | None = None) -> str:
    place = f"{table.name + ', ' if table.name else ''}row {row + 2 + len(table.banner)}"
    return place if column is None else f"{place}, {table.header[column]}"


@edits("rows", "the one row of an organisation is the whole of it", ONE_ROW_EACH)
def cut_a_row(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row = made.randrange(len(table.rows))
    cut = table.rows.pop(row)
    return f"{_describe(table, row)} cut: {cut[:12]}"


@edits("rows", "the one row of an organisation is the whole of it", ONE_ROW_EACH)
def cut_several_rows(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row, times = made.randrange(len(table.rows)), made.randrange(2, 12)
    del table.rows[row : row + times]
    return f"{_describe(table, row)} and the next, {times} in all, cut" if table.rows else None


@edits("rows", "without another list of them, nobody knows that an organisation was there")
def cut_an_organisation(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    who = find_columns(table, CODES | LEVELS)
    row_of_it = made.choice(table.rows)
    chosen = [row_of_it[place] for place in who]
    left = [row for row in table.rows if [row[place] for place in who] != chosen]
    table.rows = left
    return f"every row of {chosen} cut" if left else None


@edits("rows", "no file says which measures a month has; a measure that an earlier issue had is missed by `iapt pull`")
def cut_a_measure(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    places = find_columns(table, frozenset({"MEASURE_ID"}))
    if not places:
        return None
    cut = made.choice(table.rows)[places[0]]
    for other in drop.tables:
        other.rows = [row for row in other.rows if row[places[0]] != cut]
    return f"every row of {cut} cut"


@edits("rows", "no whole file of this layout was seen, so which levels it has is not known", LEVELS_NOT_KNOWN)
def cut_a_level(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    places = find_columns(table, LEVELS)
    if not places:
        return None
    cut = made.choice(table.rows)[places[0]]
    table.rows = [row for row in table.rows if row[places[0]] != cut]
    return f"every row of {cut} cut" if table.rows else None


@edits("rows")
def duplicate_a_row(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row = made.randrange(len(table.rows))
    table.rows.insert(made.choice([row + 1, len(table.rows)]), list(table.rows[row]))
    return f"{_describe(table, row)} stands twice"


@edits("rows")
def duplicate_a_row_with_another_figure(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row = list(made.choice(table.rows))
    place = made.choice(find_value_columns(table))
    row[place] = str(made.randrange(1, 400) * 5)
    table.rows.insert(made.randrange(len(table.rows)), row)
    return f"a row stands twice, the second time with {row[place]} in {table.header[place]}"


@edits("rows")
def swap_rows(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    first, second = made.randrange(len(table.rows)), made.randrange(len(table.rows))
    table.rows[first], table.rows[second] = table.rows[second], table.rows[first]
    return f"{_describe(table, first)} and row {second} swapped"


@edits("rows")
def shift_a_row_right(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row, place = made.randrange(len(table.rows)), made.randrange(len(table.header))
    cells = table.rows[row]
    table.rows[row] = [*cells[:place], "", *cells[place:-1]]
    return f"{_describe(table, row, place)}: a blank put in, and the cells after it moved right"


@edits("rows")
def shift_a_row_left(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row, place = made.randrange(len(table.rows)), made.randrange(len(table.header))
    cells = table.rows[row]
    table.rows[row] = [*cells[:place], *cells[place + 1 :], ""]
    return f"{_describe(table, row, place)} taken out, and the cells after it moved left"


@edits("rows")
def add_a_field(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row, place = made.randrange(len(table.rows)), made.randrange(len(table.header))
    table.rows[row].insert(place, made.choice(["", "5", "x"]))
    return f"{_describe(table, row, place)}: a field put in"


@edits("rows")
def drop_a_field(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row, place = made.randrange(len(table.rows)), made.randrange(len(table.header))
    del table.rows[row][place]
    return f"{_describe(table, row, place)} dropped"


@edits("rows")
def repeat_the_header_in_the_middle(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row = made.randrange(len(table.rows))
    table.rows.insert(row, list(table.header))
    return f"{_describe(table, row)} is the header again"


@edits("rows")
def put_in_blank_rows(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row = made.choice([made.randrange(len(table.rows)), len(table.rows)])
    blank: list[Cell] = [""] * made.choice([1, len(table.header)])
    table.rows[row:row] = [list(blank) for _ in range(made.randrange(1, 4))]
    return f"{_describe(table, row)}: blank rows of {len(blank)} fields put in"


@edits("rows")
def add_a_footnote(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    note: list[Cell] = [made.choice(["Source: NHS England", "* = suppressed", "END OF FILE"])]
    table.rows.append([*note, *[""] * made.choice([0, len(table.header) - 1])])
    return f"a last row says {note[0]}"


# -- cells -------------------------------------------------------------------------------------------------------------

OTHER_FIGURE: Final = "one figure in place of another that may stand there is what the file then says"


def _change_value(drop: EditableDrop, made: random.Random, change: Callable[[str], str | None]) -> str | None:
    """Change the text of one number that the change applies to."""
    table = _choose_table(drop, made)
    places = find_value_columns(table)
    for _ in range(40):
        row, place = made.randrange(len(table.rows)), made.choice(places)
        text = str(table.rows[row][place])
        if re.fullmatch(r"[0-9.]+", text) and (changed := change(text)) is not None and changed != text:
            table.rows[row][place] = changed
            if drop.kind == "xlsx" and re.fullmatch(r"[0-9.]+", changed) and changed.count(".") < 2:
                table.rows[row][place] = float(changed)
            return f"{_describe(table, row, place)}: {text!r} is now {changed!r}"
    return None


@edits("cells")
def empty_a_value(drop: EditableDrop, made: random.Random) -> str | None:
    return _change_value(drop, made, lambda _: "")


@edits("cells", OTHER_FIGURE)
def change_a_digit(drop: EditableDrop, made: random.Random) -> str | None:
    def change(text: str) -> str:
        place = made.randrange(len(text))
        return text[:place] + (text[place] if text[place] == "." else made.choice("0123456789")) + text[place + 1 :]

    return _change_value(drop, made, change)


@edits("cells", OTHER_FIGURE)
def transpose_digits(drop: EditableDrop, made: random.Random) -> str | None:
    def change(text: str) -> str | None:
        if len(text) < 2:
            return None
        place = made.randrange(len(text) - 1)
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]

    return _change_value(drop, made, change)


@edits("cells", OTHER_FIGURE)
def drop_a_digit(drop: EditableDrop, made: random.Random) -> str | None:
    def change(text: str) -> str | None:
        place = made.randrange(len(text))
        return text[:place] + text[place + 1 :] if len(text) > 1 else None

    return _change_value(drop, made, change)


@edits("cells")
def write_a_decimal_comma(drop: EditableDrop, made: random.Random) -> str | None:
    return _change_value(drop, made, lambda text: text.replace(".", ",") if "." in text else f"{text},0")


@edits("cells")
def write_a_thousands_separator(drop: EditableDrop, made: random.Random) -> str | None:
    mark = made.choice([",", " ", ".", "\u00a0", "'"])
    return _change_value(drop, made, lambda text: f"{text[:-3]}{mark}{text[-3:]}" if len(text) > 3 else None)


@edits("cells")
def write_an_exponent(drop: EditableDrop, made: random.Random) -> str | None:
    return _change_value(drop, made, lambda text: f"{float(text):.1E}")


@edits("cells")
def write_another_form_of_the_number(drop: EditableDrop, made: random.Random) -> str | None:
    form = made.choice(["{}%", "-{}", "+{}", "0{}", "{}.0", "{} ", " {}", "£{}", "~{}", "{}*", "({})", "{}\n"])
    return _change_value(drop, made, lambda text: form.format(text))


@edits("cells")
def write_a_formula(drop: EditableDrop, made: random.Random) -> str | None:
    formula = made.choice(["=1+1", "=SUM(A1:A9)", "+5", "@x", "=cmd|' /C calc'!A0", "#REF!", "#N/A", "#DIV/0!"])
    return _change_value(drop, made, lambda _: formula)


@edits("cells", "a figure that is suppressed is no figure that was shown")
def suppress_a_value(drop: EditableDrop, made: random.Random) -> str | None:
    return _change_value(drop, made, lambda _: "*")


@edits("cells")
def write_another_marker(drop: EditableDrop, made: random.Random) -> str | None:
    marker = made.choice(["-", "NULL", "null", "nan", "N/A", "..", "c", ":", "**", "", "low", "<5"])
    return _change_value(drop, made, lambda _: marker)


@edits("cells", OTHER_FIGURE)
def show_a_suppressed_value(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    hidden = [
        (row, place)
        for row in range(len(table.rows))
        for place in find_value_columns(table)
        if table.rows[row][place] == "*"
    ]
    if not hidden:
        return None
    row, place = made.choice(hidden)
    table.rows[row][place] = made.choice(["0", "1", "4", "5", "10", "50"])
    return f"{_describe(table, row, place)}: '*' is now {table.rows[row][place]!r}"


@edits("cells", OTHER_FIGURE)
def swap_values_of_two_rows(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    first, second = made.randrange(len(table.rows)), made.randrange(len(table.rows))
    place = made.choice(find_value_columns(table))
    one, other = table.rows[first][place], table.rows[second][place]
    table.rows[first][place], table.rows[second][place] = other, one
    return f"{_describe(table, first, place)} and row {second}: {one!r} and {other!r} swapped" if one != other else None


@edits("cells")
def swap_cells_of_one_row(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row = made.randrange(len(table.rows))
    first, second = made.sample(range(len(table.header)), 2)
    cells = table.rows[row]
    one, other = cells[first], cells[second]
    cells[first], cells[second] = other, one
    where = f"{_describe(table, row)}, {table.header[first]} and {table.header[second]}"
    return f"{where}: {one!r} and {other!r} swapped" if one != other else None


@edits("cells")
def empty_a_key(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row, place = made.randrange(len(table.rows)), made.choice(find_columns(table, KEYS))
    before = table.rows[row][place]
    table.rows[row][place] = ""
    return f"{_describe(table, row, place)}: {before!r} emptied" if before else None


@edits("cells")
def add_white_space_to_a_key(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row, place = made.randrange(len(table.rows)), made.choice(find_columns(table, KEYS - PERIODS))
    space = made.choice([" ", "\u00a0", "\t", "\u200b", "\n"])
    text = str(table.rows[row][place])
    table.rows[row][place] = made.choice([f"{text}{space}", f"{space}{text}", f"{text[:3]}{space}{text[3:]}"])
    return f"{_describe(table, row, place)}: {text!r} is now {table.rows[row][place]!r}"


@edits("cells")
def misspell_a_key(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    row, place = made.randrange(len(table.rows)), made.choice(find_columns(table, KEYS - PERIODS))
    text = str(table.rows[row][place])
    if len(text) < 2:
        return None
    at = made.randrange(len(text))
    changed = made.choice([text[:at] + text[at + 1 :], text[:at] + "x" + text[at:], text.swapcase()])
    table.rows[row][place] = changed
    return f"{_describe(table, row, place)}: {text!r} is now {changed!r}"


@edits("cells")
def write_an_unbalanced_quote(drop: EditableDrop, made: random.Random) -> str | None:
    if drop.kind == "xlsx":
        return None
    table = _choose_table(drop, made)
    row = made.randrange(len(table.rows))
    lines = table.encode().decode().split("\n")
    at = row + 1 + len(table.banner)
    place = made.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:place] + '"' + lines[at][place:]
    table.written = "\n".join(lines).encode()
    return f"{_describe(table, row)}: a quotation mark put in at {place}"


# -- columns -----------------------------------------------------------------------------------------------------------


@edits("columns")
def swap_columns_with_their_names(drop: EditableDrop, made: random.Random) -> str | None:
    first, second = made.sample(range(len(drop.tables[0].header)), 2)
    for table in drop.tables:
        for row in [table.header, *table.rows]:
            row[first], row[second] = row[second], row[first]  # type: ignore[index]
    return f"columns {first} and {second} swapped, header and all"


def _swap_under_the_header(drop: EditableDrop, places: Sequence[int], made: random.Random) -> str | None:
    if len(places) < 2:
        return None
    first, second = made.sample(list(places), 2)
    for table in drop.tables:
        for row in table.rows:
            row[first], row[second] = row[second], row[first]
    names = drop.tables[0].header
    return f"the cells of {names[first]} and {names[second]} swapped under their header"


@edits("columns")
def swap_key_columns_under_their_header(drop: EditableDrop, made: random.Random) -> str | None:
    return _swap_under_the_header(drop, find_columns(drop.tables[0], KEYS), made)


@edits("columns", "counts that keep every rule of parts and wholes may be those of either column")
def swap_measure_columns_under_their_header(drop: EditableDrop, made: random.Random) -> str | None:
    return _swap_under_the_header(drop, find_value_columns(drop.tables[0]), made)


@edits("columns")
def drop_a_column(drop: EditableDrop, made: random.Random) -> str | None:
    place = made.randrange(len(drop.tables[0].header))
    name = drop.tables[0].header[place]
    for table in drop.tables:
        for row in [table.header, *table.rows]:
            del row[place]
    return f"column {name} dropped"


@edits("columns")
def duplicate_a_column(drop: EditableDrop, made: random.Random) -> str | None:
    place = made.randrange(len(drop.tables[0].header))
    for table in drop.tables:
        table.header.append(table.header[place])
        for row in table.rows:
            row.append(row[place])
    return f"column {drop.tables[0].header[place]} stands twice"


@edits("columns")
def add_a_column(drop: EditableDrop, made: random.Random) -> str | None:
    name = made.choice(["", "Notes", "Unnamed: 0", "MEASURE_VALUE_OLD", "Count_SomethingNew"])
    place = made.choice([0, len(drop.tables[0].header)])
    for table in drop.tables:
        table.header.insert(place, name)
        for number, row in enumerate(table.rows):
            row.insert(place, str(number))
    return f"a column {name!r} added at {place}"


_SYNONYMS: Final = {
    "ORG_CODE1": "ORG_CODE_1",
    "ORG_CODE2": "PROVIDER_CODE",
    "GROUP_TYPE": "ORG_TYPE",
    "GroupType": "Group_Type",
    "MEASURE_ID": "MEASUREID",
    "MEASURE_NAME": "MEASURE",
    "OrgCode": "Org_Code",
    "VariableA": "Variable_A",
    "Quarter": "Period",
    "Month": "MONTH_YEAR",
}


@edits("headers")
def rename_a_column(drop: EditableDrop, made: random.Random) -> str | None:
    place = made.randrange(len(drop.tables[0].header))
    name = drop.tables[0].header[place]
    at = made.randrange(len(name))
    other = made.choice(
        [
            *(name.lower(), name.upper(), name.title(), name.replace("_", " "), f"{name} ", f" {name}", f"{name}\n"),
            *(
                _SYNONYMS.get(name, f"{name}_NEW"),
                name[:at] + name[at + 1 :],
                f"{name[:at]}x{name[at:]}",
                "\ufeff" + name,
            ),
        ]
    )
    if other == name:
        return None
    for table in drop.tables:
        table.header[place] = other
    return f"column {name!r} is now {other!r}"


@edits("headers", "a table under another table's names is that other table")
def swap_names_of_measure_columns(drop: EditableDrop, made: random.Random) -> str | None:
    places = find_value_columns(drop.tables[0])
    if len(places) < 2:
        return None
    first, second = made.sample(places, 2)
    for table in drop.tables:
        header = table.header
        header[first], header[second] = header[second], header[first]
    return f"the names of {drop.tables[0].header[first]} and {drop.tables[0].header[second]} swapped"


@edits("headers")
def lose_the_header(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    table.header = [str(cell) for cell in table.rows.pop(0)]
    return "the header is lost"


@edits("headers")
def write_the_header_twice(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    table.rows.insert(0, list(table.header))
    return "the header stands twice"


@edits("headers")
def put_a_title_above_the_header(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    table.banner = [*table.banner, *([["NHS Talking Therapies"]] * made.randrange(1, 3))]
    return "a title stands above the header"


# -- text --------------------------------------------------------------------------------------------------------------


def _restyle(drop: EditableDrop, **style: object) -> None:
    for table in drop.tables:
        table.style = replace(table.style, **style)  # type: ignore[arg-type]


@edits("encodings")
def encode_otherwise(drop: EditableDrop, made: random.Random) -> str | None:
    if drop.kind == "xlsx":
        return None
    encoding = made.choice(
        ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "cp437", "mac-roman"]
    )
    _restyle(drop, encoding=encoding)
    return f"encoded as {encoding}"


@edits("encodings")
def encode_twice(drop: EditableDrop, made: random.Random) -> str | None:
    other = made.choice(["cp1252", "latin-1"])
    for table in drop.tables:
        for row in table.rows:
            row[:] = [cell.encode().decode(other, "replace") if isinstance(cell, str) else cell for cell in row]
    return f"UTF-8 read as {other} and encoded again"


@edits("line ends")
def end_lines_otherwise(drop: EditableDrop, made: random.Random) -> str | None:
    if drop.kind == "xlsx":
        return None
    ends = made.choice(
        [("\r\n",), ("\n",), ("\r",), ("\n", "\r\n"), ("\n", "\r"), ("\n",) * 20 + ("\n\n",), ("\r\r\n",)]
    )
    if ends == drop.tables[0].style.line_ends:
        return None
    _restyle(drop, line_ends=ends)
    return f"lines end by {ends}"


@edits("delimiters")
def delimit_otherwise(drop: EditableDrop, made: random.Random) -> str | None:
    if drop.kind == "xlsx":
        return None
    delimiter = made.choice([";", "\t", "|", ":"])
    _restyle(drop, delimiter=delimiter)
    return f"delimited by {delimiter!r}"


# -- periods -----------------------------------------------------------------------------------------------------------


def _restyle_date(text: str, style: str) -> str:
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text) or re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", text)
    if match is None:
        return text
    year, month, day = match.groups() if len(match[1]) == 4 else match.groups()[::-1]
    return style.format(year=year, short=year[2:], month=month, day=day, day_number=int(day), month_number=int(month))


_DATE_STYLES: Final = (
    *("{month}/{day}/{year}", "{year}-{month}-{day}", "{day}/{month}/{year}", "{day}/{month}/{short}"),
    *("{year}/{month}/{day}", "{day_number}/{month_number}/{year}", "{day}-{month}-{year}", "{year}{month}{day}"),
    *("{day}.{month}.{year}", "{year}-{month}-{day} 00:00:00", "{year}-{day}-{month}"),
)


@edits("periods")
def write_dates_otherwise(drop: EditableDrop, made: random.Random) -> str | None:
    style, share = made.choice(_DATE_STYLES), made.choice([0.1, 1])
    changed = 0
    for table in drop.tables:
        places = find_columns(table, PERIODS)
        for row in table.rows:
            if made.random() < share:
                before = [str(row[place]) for place in places]
                for place in places:
                    row[place] = _restyle_date(str(row[place]), style)
                changed += before != [row[place] for place in places]
    return f"dates of {changed} rows as {style}" if changed else None


_LAST_DAYS: Final = ("31", "28", "31", "30", "31", "30", "31", "31", "30", "31", "30", "31")


@edits("periods")
def move_rows_to_another_period(drop: EditableDrop, made: random.Random) -> str | None:
    share, months, years = made.choice([0.02, 0.3, 1]), made.choice([0, 1, 3]), made.choice([0, 1, -1])
    changed = 0
    for table in drop.tables:
        places = find_columns(table, PERIODS)
        for row in table.rows:
            if made.random() < share:
                before = [str(row[place]) for place in places]
                for place in places:
                    row[place] = _move_period(str(row[place]), table.header[place], months, years)
                changed += before != [row[place] for place in places]
    return f"{changed} rows moved by {months} months and {years} years" if changed else None


def _move_period(text: str, name: str, months: int, years: int) -> str:
    if label := re.fullmatch(r"Quarter (\d) (\d{4})/(\d\d)", text):
        year = int(label[2]) + years
        return f"Quarter {(int(label[1]) + months // 3 - 1) % 4 + 1} {year}/{(year + 1) % 100:02}"
    match = re.match(r"(\d{4})-(\d\d)-(\d\d)", text) or re.match(r"(\d\d)/(\d\d)/(\d{4})", text)
    if match is None:
        return text
    is_iso = len(match[1]) == 4
    year, month, day = match.groups() if is_iso else match.groups()[::-1]
    number = int(year) * 12 + int(month) - 1 + months + 12 * years
    year, month = str(number // 12), f"{number % 12 + 1:02}"
    day = "01" if day == "01" else _LAST_DAYS[number % 12]
    return f"{year}-{month}-{day}" if is_iso else f"{day}/{month}/{year}"


# -- levels, organisations and measures --------------------------------------------------------------------------------


@edits("levels")
def change_the_level_of_rows(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    places = find_columns(table, LEVELS)
    words = sorted({str(row[places[0]]) for row in table.rows}) if places else []
    words += ["CCG", "SubICB", "ICB", "STP"]
    start, times = made.randrange(len(table.rows)), made.choice([1, 5, 60])
    if not places:
        return None
    word = made.choice(words)
    changed = [row for row in table.rows[start : start + times] if row[places[0]] != word]
    before = sorted({str(row[places[0]]) for row in changed})
    for row in changed:
        row[places[0]] = word
    return f"{_describe(table, start)} and {len(changed)} rows of {before} are now of level {word}" if changed else None


@edits("levels")
def rename_a_level(drop: EditableDrop, made: random.Random) -> str | None:
    places = find_columns(drop.tables[0], LEVELS)
    if not places:
        return None
    before = str(made.choice(drop.tables[0].rows)[places[0]])
    word = made.choice([before.upper(), before.lower(), f"{before}s", before.replace("/", "-"), "Trust", f"{before} "])
    for table in drop.tables:
        for row in table.rows:
            if row[places[0]] == before:
                row[places[0]] = word
    return f"level {before!r} is now {word!r}" if word != before else None


def _choose_codes(table: EditableTable, made: random.Random) -> tuple[int, list[str]] | None:
    places = find_columns(table, CODES)
    made.shuffle(places)
    for place in places:
        codes = sorted({str(row[place]) for row in table.rows} - EVERYONE - {"All_ICB", "All_SubICB", "All_Provider"})
        codes = [code for code in codes if not code.startswith("All_")]
        if len(codes) > 1:
            return place, codes
    return None


@edits("organisations")
def swap_the_codes_of_two_rows(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    if (chosen := _choose_codes(table, made)) is None:
        return None
    place, codes = chosen
    one, other = made.sample(codes, 2)
    first = made.choice([row for row in table.rows if row[place] == one])
    second = made.choice([row for row in table.rows if row[place] == other])
    first[place], second[place] = other, one
    return f"{table.header[place]} {one} and {other} swapped in one row each"


@edits("organisations")
def give_a_row_the_code_of_another(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    if (chosen := _choose_codes(table, made)) is None:
        return None
    place, codes = chosen
    one, other = made.sample(codes, 2)
    made.choice([row for row in table.rows if row[place] == one])[place] = other
    return f"{table.header[place]} {one} is {other} in one row"


@edits(
    "organisations", "no file says whose a code is; a name that is another's is missed where organisations are listed"
)
def swap_the_codes_of_two_organisations(drop: EditableDrop, made: random.Random) -> str | None:
    if (chosen := _choose_codes(drop.tables[0], made)) is None:
        return None
    place, codes = chosen
    one, other = made.sample(codes, 2)
    for table in drop.tables:
        for row in table.rows:
            row[place] = {one: other, other: one}.get(str(row[place]), row[place])
    return f"{drop.tables[0].header[place]} {one} and {other} swapped in every row"


@edits("organisations")
def spoil_a_code(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    if (chosen := _choose_codes(table, made)) is None:
        return None
    place, codes = chosen
    code = made.choice(codes)
    other = made.choice([code.lower(), code[:-1], code[1:], f"{code}0", code[::-1], "1.00E+10", "ZX9", "99Z"])
    rows = [row for row in table.rows if row[place] == code]
    for row in rows[: made.choice([1, len(rows)])]:
        row[place] = other
    return f"{table.header[place]} {code} is now {other}" if code != other else None


@edits("organisations")
def swap_the_names_of_two_rows(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    places = find_columns(table, NAMES)
    if not places:
        return None
    place = made.choice(places)
    first, second = made.choice(table.rows), made.choice(table.rows)
    one, other = first[place], second[place]
    first[place], second[place] = other, one
    return f"{table.header[place]} {one!r} and {other!r} swapped in one row each" if one != other else None


def _shift_column(drop: EditableDrop, name: str, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    places = find_columns(table, frozenset({name}))
    if not places:
        return None
    start = made.choice([0, made.randrange(len(table.rows) - 1)])
    cells = [row[places[0]] for row in table.rows[start:]]
    for row, cell in zip(table.rows[start:], [cells[-1], *cells[:-1]], strict=True):
        row[places[0]] = cell
    return f"{name} moved down by one row from {_describe(table, start)} on"


@edits("measures")
def shift_measure_ids(drop: EditableDrop, made: random.Random) -> str | None:
    return _shift_column(drop, "MEASURE_ID", made)


@edits("measures")
def shift_measure_names(drop: EditableDrop, made: random.Random) -> str | None:
    return _shift_column(drop, "MEASURE_NAME", made)


@edits("measures", OTHER_FIGURE)
def shift_values(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    return _shift_column(drop, table.header[made.choice(find_value_columns(table))], made)


@edits("measures")
def swap_ids_of_two_measures(drop: EditableDrop, made: random.Random) -> str | None:
    places = find_columns(drop.tables[0], frozenset({"MEASURE_ID"}))
    if not places:
        return None
    ids = sorted({str(row[places[0]]) for row in drop.tables[0].rows})
    one, other = made.sample(ids, 2)
    for table in drop.tables:
        for row in table.rows:
            row[places[0]] = {one: other, other: one}.get(str(row[places[0]]), row[places[0]])
    return f"MEASURE_ID {one} and {other} swapped in every row"


@edits("populations", "a category in place of another of the same organisation is what the file then says")
def swap_categories(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    places = find_columns(table, VARIABLES)
    if not places:
        return None
    place = made.choice(places)
    first, second = made.choice(table.rows), made.choice(table.rows)
    one, other = first[place], second[place]
    first[place], second[place] = other, one
    return f"{table.header[place]} {one!r} and {other!r} swapped in one row each" if one != other else None


# -- sheets ------------------------------------------------------------------------------------------------------------


@edits("sheets")
def rename_a_sheet(drop: EditableDrop, made: random.Random) -> str | None:
    if drop.kind != "xlsx":
        return None
    drop.tables[0].name = made.choice(["Sheet1", "Data ", "old", "Feb 2025", "Ünïcode", "data (2)"])
    return f"the sheet is now {drop.tables[0].name!r}"


@edits("sheets")
def put_a_sheet_beside(drop: EditableDrop, made: random.Random) -> str | None:
    if drop.kind != "xlsx":
        return None
    beside = replace(drop.tables[0], name="Copy", rows=[list(row) for row in drop.tables[0].rows])
    which = made.choice(["the same", "changed", "half", "notes", "empty"])
    if which == "changed":
        place = find_value_columns(beside)[0]
        beside.rows[0][place] = 12345
    elif which == "half":
        beside.rows = beside.rows[::2]
    elif which == "notes":
        beside = replace(beside, header=["Notes"], rows=[["A note"]], banner=[])
    elif which == "empty":
        beside = replace(beside, header=[], rows=[], banner=[])
    drop.tables.insert(made.choice([0, 1]), beside)
    return f"a sheet beside it: {which}"


@edits("sheets")
def edit_the_workbook(drop: EditableDrop, made: random.Random) -> str | None:
    if drop.kind != "xlsx":
        return None
    before, after = made.choice(
        [
            (b"<sheet name=", b'<sheet state="hidden" name='),
            (b'<row r="3"', b'<row r="2"'),
            (b'<row r="12"', b'<row r="12" hidden="1"'),
            (b'<c r="C3"', b'<c r="D3"'),
            (b'<c r="J12"', b'<c r="J13"'),
            (b'<c r="H12"', b'<c r="I12"'),
            (b'<c r="J12"><v>', b'<c r="J12"><f>A1+1</f><v>'),
            (b'<c r="H12"><v>', b'<c r="H12" t="e"><v>'),
            (b"<dimension ref=", b"<dimensionx ref="),
            (b"</sheetData>", b'</sheetData><mergeCells count="1"><mergeCell ref="A5:A9"/></mergeCells>'),
            (b"<sst ", b"<sstx "),
            (b"</si><si>", b"</si>"),
            (b"</si><si>", b"</si><si><t>One too many</t></si><si>"),
            (b'standalone="yes"?>', b'standalone="yes"?><!DOCTYPE x [<!ENTITY a "aaaa">]>'),
            (b"<workbookPr", b'<workbookPr date1904="1"'),
        ]
    )
    members = [(name, content.replace(before, after, 1)) for name, content in read_members(drop.encode())]
    drop.written = make_zip(members)
    return f"{before.decode()} is now {after.decode()}"


# -- archives ----------------------------------------------------------------------------------------------------------


def _rewrite(drop: EditableDrop, members: Sequence[tuple[str, bytes]], change: str) -> str:
    drop.written = make_zip(members)
    return change


@damages("archives")
def flip_a_bit_of_the_directory(content: bytes, made: random.Random) -> bytes | None:
    start = content.rfind(b"PK\x01\x02")
    start = content.find(b"PK\x01\x02") if start >= 0 else -1
    if not content.startswith(b"PK") or start < 0:
        return None
    found = bytearray(content)
    found[made.randrange(start, len(found))] ^= 1 << made.randrange(8)
    return bytes(found)


@damages("archives")
def write_a_wrong_sum_or_size(content: bytes, made: random.Random) -> bytes | None:
    start = content.find(b"PK\x01\x02")
    if not content.startswith(b"PK") or start < 0:
        return None
    offset = made.choice([16, 20, 24])
    (number,) = struct.unpack_from("<I", content, start + offset)
    other = made.choice([0, number + 1, number * 2, 0xFFFFFFFF]) & 0xFFFFFFFF
    found = bytearray(content)
    struct.pack_into("<I", found, start + offset, other)
    return bytes(found)


def _is_pack(drop: EditableDrop) -> bool:
    return drop.kind == "zip"


@edits("archives")
def put_in_a_member_of_another_drop(drop: EditableDrop, made: random.Random) -> str | None:
    if not _is_pack(drop):
        return None
    other = made.choice(
        [name for name, base in make_small_drops().items() if base.kind == "zip" and base.file != drop.file]
    )
    _, content = made.choice(read_members(encode_base(other)))
    members = read_members(drop.encode())
    place = made.randrange(len(members))
    if made.random() < 0.5:
        members[place] = (members[place][0], content)
        return _rewrite(drop, members, f"{members[place][0]} holds a table of {other}")
    return _rewrite(drop, [*members, ("another.csv", content)], f"another.csv is a table of {other}")


@edits("archives")
def rename_a_member(drop: EditableDrop, made: random.Random) -> str | None:
    if not _is_pack(drop):
        return None
    table = _choose_table(drop, made)
    before = table.name
    table.name = made.choice(
        [
            *("data.csv", "folder/data.csv", "DATA.CSV", before.replace("20", "19"), before.replace("q1", "q2")),
            *(before.replace("2023-24", "2022-23"), before.replace(".csv", " v2.csv"), before.replace(".csv", ".txt")),
            *("../data.csv", "/data.csv", "a\\b.csv", before.upper(), "provisional.csv", ".hidden.csv"),
        ]
    )
    return f"{before} is now {table.name}" if table.name != before else None


@edits("archives")
def leave_out_a_member(drop: EditableDrop, made: random.Random) -> str | None:
    if not _is_pack(drop) or len(drop.tables) < 2:
        return None
    left = drop.tables.pop(made.randrange(len(drop.tables)))
    return f"{left.name} is not there"


@edits("archives")
def add_a_member(drop: EditableDrop, made: random.Random) -> str | None:
    if not _is_pack(drop):
        return None
    members = read_members(drop.encode())
    first = members[0][1]
    added = made.choice(
        [
            ("readme.txt", b"Notes"),
            ("copy.csv", first),
            ("half.csv", b"".join(first.splitlines(keepends=True)[: 1 + first.count(b"\n") // 2])),
            (members[0][0].replace(".csv", "-v2.csv"), first),
            (members[0][0], first),
            ("metadata.csv", b"Field,Meaning\nA,B\n"),
            ("nested.zip", make_zip(members)),
            ("empty.csv", b""),
            ("__MACOSX/._x.csv", b"\0\5\x16\7"),
        ]
    )
    return _rewrite(drop, [*members, added], f"{added[0]} added")


@edits("archives")
def reorder_members(drop: EditableDrop, made: random.Random) -> str | None:
    if not _is_pack(drop) or len(drop.tables) < 2:
        return None
    made.shuffle(drop.tables)
    return "members in another order"


@edits("archives")
def nest_the_archive(drop: EditableDrop, made: random.Random) -> str | None:
    if drop.kind == "csv":
        return None
    drop.written = make_zip([(drop.file, drop.encode())])
    drop.file = made.choice([drop.file, re.sub(r"[.]\w+$", ".zip", drop.file)])
    return "the drop in a ZIP of its own"


# -- whole files -------------------------------------------------------------------------------------------------------


@edits("files")
def concatenate_with_itself(drop: EditableDrop, made: random.Random) -> str | None:
    table = _choose_table(drop, made)
    header: list[list[Cell]] = [list(table.header)] if made.random() < 0.5 else []
    table.rows = [*table.rows, *header, *[list(row) for row in table.rows]]
    return f"the table twice, {'with' if header else 'without'} its header"


@edits("files")
def concatenate_with_another(drop: EditableDrop, made: random.Random) -> str | None:
    others = [base for base in make_small_drops().values() if base.layout == drop.layout and base.file != drop.file]
    if not others:
        return None
    table, other = drop.tables[0], made.choice(others)
    source = other.tables[0]
    header: list[list[Cell]] = [list(source.header)] if made.random() < 0.5 else []
    table.rows = [*table.rows, *header, *[list(row) for row in source.rows]]
    return f"followed by the rows of {other.file}, {'with' if header else 'without'} its header"


@edits("files")
def offer_another_drop_under_this_name(drop: EditableDrop, made: random.Random) -> str | None:
    others = [name for name, base in make_small_drops().items() if base.kind == drop.kind and base.file != drop.file]
    if not others:
        return None
    other = made.choice(others)
    drop.written = encode_base(other)
    return f"the bytes of {other} under the name {drop.file}"


@edits("files")
def offer_it_under_another_name(drop: EditableDrop, made: random.Random) -> str | None:
    before = drop.file
    stem, _, suffix = before.rpartition(".")
    drop.file = made.choice(
        [
            *(
                f"{stem}.csv",
                f"{stem}.xlsx",
                f"{stem}.zip",
                f"data.{suffix}",
                f"{stem} (2).{suffix}",
                f"{stem}.{suffix.upper()}",
            ),
            *(
                before.replace("2025", "2024"),
                before.replace("sep", "oct"),
                before.replace("q1", "q3"),
                f"{stem}-v2.{suffix}",
            ),
        ]
    )
    return f"offered as {drop.file}" if drop.file != before else None


@edits("files")
def wrap_it(drop: EditableDrop, made: random.Random) -> str | None:
    content = drop.encode()
    how = made.choice(["gzip", "html", "xml", "json", "twice", "zip", "pdf"])
    drop.written = {
        "gzip": gzip.compress(content, mtime=0),
        "html": b"<!DOCTYPE html><html><body><table><tr><td>" + content[:2000] + b"</td></tr></table></body></html>",
        "xml": b'<?xml version="1.0"?><rows/>',
        "json": b'{"message": "Access denied"}',
        "twice": content + content,
        "zip": make_zip([("inside.csv", content)]),
        "pdf": b"%PDF-1.7\n" + content,
    }[how]
    return f"{how} under the name {drop.file}"


def list_families() -> Mapping[str, list[Kind]]:
    """The kinds by family."""
    families: dict[str, list[Kind]] = {}
    for kind in KINDS.values():
        families.setdefault(kind.family, []).append(kind)
    return families


__all__ = ["KINDS", "Kind", "Mutant", "TableStyle", "encode_base", "list_families", "make_mutant"]
