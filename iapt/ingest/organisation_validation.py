"""Stage 4 of reading: rows whose organisation has no code, or that name one of another level, are quarantined.

Where the codes are so odd that the columns cannot be what the layout takes
them for, the drop is rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

from iapt.catalogue.layouts import Layout
from iapt.catalogue.organisation_codes import LEVEL_NAMES
from iapt.ingest.cell_conditions import NULL_TEXT, blank_if_null, is_one_of
from iapt.ingest.distinct_keys import list_keys_of_rows
from iapt.ingest.loading import NAMED_IN_NOTICES
from iapt.ingest.notices import format_notice
from iapt.ingest.reading_context import ReadingContext, describe_row
from iapt.sql import quote_identifier, quote_literal

#: The rows that are quarantined, with their `reason`.
QUARANTINED_ROWS: Final = "quarantined_rows"
_WITHOUT_CODE: Final = "rows_without_code"
_OF_OTHER_LEVEL: Final = "rows_of_other_level"
_NO_CODE: Final = "rows without a real code are quarantined"
_OTHER_LEVEL: Final = "rows that name an organisation of another level are quarantined; look, and get the file again"
_CODE_COLUMNS: Final = {"organisation": "org_code", "partner": "partner_code", "parent": "parent_code"}
_CODE_NAMES: Final = {
    "organisation": "an organisation code",
    "partner": "a partner code",
    "parent": "a parent's code",
}


@dataclass(frozen=True)
class ValidatedRows:
    """The rows to use and their distinct keys, in working tables or views; QUARANTINED_ROWS holds the others."""

    table: str
    keys: str
    notices: tuple[str, ...]


@dataclass(frozen=True)
class PublishedCode:
    """A text that stands for a part of rows (`organisation`, `partner`, `parent`), with the level of the rows."""

    part: str
    level: str
    code: str


@dataclass(frozen=True)
class CodeFault(PublishedCode):
    """What is wrong with a code: the spelling to go on with and, where its rows are quarantined, the reason."""

    spelling: str | None
    reason: str | None


def validate_organisations(context: ReadingContext, layout: Layout, table: str, keys: str) -> ValidatedRows:
    """Separate the rows of which the organisation is certain from the others, which fill QUARANTINED_ROWS.

    `keys` are the distinct keys of the rows.

    Raises DropRejectedError where no row, or no row of a level, has an organisation of its own.
    """
    coded = _separate_rows_without_code(context, layout, table, keys)
    own_level = _separate_rows_of_other_level(context, coded.table, coded.keys)
    context.connection.execute(
        f"create or replace temp view {QUARANTINED_ROWS} as from {_WITHOUT_CODE} union all from {_OF_OTHER_LEVEL}"
    )
    return ValidatedRows(own_level.table, own_level.keys, coded.notices + own_level.notices)


# -- codes ----------------------------------------------------------------------------------------------------------


def _separate_rows_without_code(context: ReadingContext, layout: Layout, table: str, keys: str) -> ValidatedRows:
    """Move the rows whose organisation has no code to a table of their own, with a reason and a notice.

    A word for no organisation that keeps its place in totals stays, in its reviewed spelling; any other is a reason
    to quarantine its rows, as is a text that does not look like a code of its level. A parent is an attribute of its
    row: a word for none leaves the row without one.
    """
    codes = _list_published_codes(context, keys)
    faults = [fault for code in codes if (fault := _find_code_fault(context, layout, code))]
    _reject_levels_without_codes(context, layout, table, codes, faults)
    if not faults:
        context.create_table(_WITHOUT_CODE, f"select * exclude (other_level_reason), '' as reason from {table} limit 0")
        return ValidatedRows(table, keys, ())
    _apply_code_faults(context, context.create_table("numbered_rows", f"from {table}"), faults)
    context.create_table(
        _WITHOUT_CODE,
        "select * exclude (other_level_reason) from judged_rows where reason is not null order by rowid",
    )
    coded_rows = context.create_table(
        "coded_rows", "select * exclude (reason) from judged_rows where reason is null order by rowid"
    )
    groups = context.fetch(
        f"""
        select
            reason, arg_min(source_member, source_row), min(source_row), count(*),
            coalesce(arg_min(org_code, source_row), ''), arg_min(partner_code, source_row)
        from {_WITHOUT_CODE} group by 1 order by 3, 1
        """
    )
    if context.count_rows(coded_rows) == 0:
        why, member, row, *_ = groups[0]
        expected = "the code of an organisation in some row"
        raise context.make_row_rejection(member, row, expected, f"in every row, {why}")
    return ValidatedRows(coded_rows, list_keys_of_rows(context, coded_rows), _make_code_notices(groups))


def _list_published_codes(context: ReadingContext, keys: str) -> list[PublishedCode]:
    rows = context.fetch(
        f"""
        select distinct 'organisation', org_level, coalesce(org_code, '') from {keys}
        where org_level <> 'england'
        union all
        select distinct 'partner', org_level, coalesce(partner_code, '') from {keys}
        where org_level like '%_provider'
        union all
        select distinct 'parent', org_level, parent_code from {keys} where parent_code is not null
        order by all
        """
    )
    return [PublishedCode(*row) for row in rows]


def _find_code_fault(context: ReadingContext, layout: Layout, published: PublishedCode) -> CodeFault | None:
    """Return what is wrong with a code; None where nothing is."""
    codes = context.catalogue.organisation_codes
    part, level, code = published.part, published.level, published.code
    own_level = {"partner": "provider", "parent": "parent"}.get(part, level.removesuffix("_provider"))
    placeholder = codes.find_kept_placeholder(code, own_level)
    if placeholder is not None:
        return None if placeholder == code else CodeFault(part, level, code, placeholder, None)
    if _stands_for_everyone(context, layout, code) or codes.names_no_organisation(code):
        if part == "parent":
            return CodeFault(part, level, code, None, None)
        shown = f"is the placeholder {code!r}" if code else "is blank"
        reason = f"the code of the {part} {shown}, where the level {level} needs one"
        return CodeFault(part, level, code, code, reason)
    if codes.has_shape_of(code, own_level):
        return None
    reason = f"the code of the {part}, {code[:40]!r}, does not look like that of {LEVEL_NAMES[own_level]}"
    return CodeFault(part, level, code, code, reason)


def _stands_for_everyone(context: ReadingContext, layout: Layout, text: str) -> bool:
    """Whether a text is a word for all organisations, of this layout or of any."""
    return text in layout.levels.placeholders or context.catalogue.organisation_codes.stands_for_everyone(text)


def _reject_levels_without_codes(
    context: ReadingContext,
    layout: Layout,
    table: str,
    codes: Sequence[PublishedCode],
    faults: Sequence[CodeFault],
) -> None:
    """Raise where a level has no code but words for everyone, or mostly texts that are no codes.

    Both say that the codes stand elsewhere than the layout thinks, or that all of them were spoilt.
    """
    rules = context.catalogue.organisation_codes
    published = Counter((code.part, code.level) for code in codes)
    odd: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        if fault.reason is not None and not rules.names_no_organisation(fault.code):
            odd.setdefault((fault.part, fault.level), []).append(fault.code)
    for (part, level), texts in odd.items():
        everyone = [text for text in texts if _stands_for_everyone(context, layout, text)]
        shapeless = [text for text in texts if text not in everyone]
        is_drift = len(shapeless) >= rules.rejected_from_odd_codes and len(shapeless) * 2 > published[part, level]
        if len(everyone) == published[part, level] or is_drift:
            text = (shapeless if is_drift else everyone)[0]
            found = f"{text!r}, and {len(shapeless) - 1} more like it" if is_drift else f"the placeholder {text!r}"
            member, row = context.fetch(
                f"""
                select source_member, source_row from {table}
                where org_level = {quote_literal(level)} and {_CODE_COLUMNS[part]} = {quote_literal(text)}
                order by source_row limit 1
                """
            )[0]
            raise context.make_row_rejection(member, row, f"{_CODE_NAMES[part]} of the level {level}", found)


def _apply_code_faults(context: ReadingContext, table: str, faults: Sequence[CodeFault]) -> None:
    """Create `judged_rows`: the rows with codes in the spelling to go on with, and the reason to quarantine them."""
    context.connection.execute(
        "create or replace temp table code_faults "
        "(part varchar, level varchar, code varchar, spelling varchar, reason varchar)"
    )
    context.connection.executemany("insert into code_faults values (?, ?, ?, ?, ?)", list(map(astuple, faults)))
    joins = " ".join(
        f"""
        left join code_faults as {part}_faults
            on {part}_faults.part = '{part}' and {part}_faults.level = {table}.org_level
            and {part}_faults.code = coalesce({table}.{column}, '')
        """
        for part, column in _CODE_COLUMNS.items()
    )
    spellings = ", ".join(
        f"case when {part}_faults.code is null then {column} else {part}_faults.spelling end as {column}"
        for part, column in _CODE_COLUMNS.items()
    )
    reasons = ", ".join(f"{part}_faults.reason" for part in _CODE_COLUMNS)
    context.create_table(
        "judged_rows",
        f"select {table}.* replace ({spellings}), coalesce({reasons}) as reason from {table} {joins} "
        f"order by {table}.rowid",
    )


def _make_code_notices(groups: Sequence[tuple[Any, ...]]) -> tuple[str, ...]:
    """Return the notices of rows without a code, from the groups of those that have one reason."""
    subjects = []
    for _, member, row, times, code, partner in groups[:NAMED_IN_NOTICES]:
        shown = repr(code[:40]) + (f" with {partner[:40]!r}" if partner is not None else "")
        subjects.append(f"{shown}, {times:,} rows, the first at {describe_row(member, row)}")
    if rest := groups[NAMED_IN_NOTICES:]:
        subjects.append(f"{len(rest)} more codes, {sum(times for _, _, _, times, *_ in rest):,} rows")
    return tuple(format_notice(_NO_CODE, subject) for subject in subjects)


# -- levels ---------------------------------------------------------------------------------------------------------


def build_other_level_reason_sql(context: ReadingContext, layout: Layout, keys: str) -> str:
    """Return SQL for the reason to quarantine a row that names an organisation of another level; null for any other.

    `keys` are the distinct keys of rows as published.
    """
    level_column = layout.levels.column or ""
    cases = []
    for column, levels in _find_columns_of_other_levels(context, layout).items():
        is_of_others = is_one_of(blank_if_null(level_column), levels)
        pairs = context.fetch(
            f"select distinct {blank_if_null(level_column)}, {blank_if_null(column)} from {keys} "
            f"where {is_of_others} order by all"
        )
        for level, text in pairs:
            codes = context.catalogue.organisation_codes
            if _stands_for_everyone(context, layout, text) or codes.names_no_organisation(text):
                continue
            why = f"{column} holds {text[:40]!r} in a row of {level_column} {level!r}, which has none such"
            is_level = f"{blank_if_null(level_column)} = {quote_literal(level)}"
            is_text = f"{quote_identifier(column)} = {quote_literal(text)}"
            cases.append(f"when {is_level} and {is_text} then {quote_literal(why)}")
    return f"case {' '.join(cases)} end" if cases else NULL_TEXT


def _find_columns_of_other_levels(context: ReadingContext, layout: Layout) -> dict[str, list[str]]:
    """Return each column of codes with the texts of the level column in whose rows it belongs to other levels."""
    levels = layout.levels
    own = {
        text: {columns[0] for columns in (level.organisation, level.partner, level.parent) if columns}
        for text, level in levels.values.items()
    }
    columns = [
        name for name in context.group.header if name != levels.column and any(name in used for used in own.values())
    ]
    others = {name: [text for text, used in own.items() if name not in used] for name in columns}
    return {name: texts for name, texts in others.items() if texts}


def _separate_rows_of_other_level(context: ReadingContext, table: str, keys: str) -> ValidatedRows:
    """Move the rows that name an organisation of another level than their own to a table of their own.

    Whose figure such a row holds nobody knows: it may be a pair's, under the level of England.
    Raises DropRejectedError where every row of a level does, of three or more: the columns are then no longer
    what the layout takes them for.
    """
    if not context.fetch(f"select 1 from {table} where other_level_reason is not null limit 1"):
        context.create_table(
            _OF_OTHER_LEVEL,
            f"select * exclude (other_level_reason), other_level_reason as reason from {table} limit 0",
        )
        return ValidatedRows(table, keys, ())
    table = context.create_table("levelled_rows", f"from {table}")
    context.create_table(
        _OF_OTHER_LEVEL,
        f"""
        select * exclude (other_level_reason), other_level_reason as reason
        from {table} where other_level_reason is not null order by rowid
        """,
    )
    groups = context.fetch(
        f"""
        select reason, arg_min(source_member, source_row), min(source_row), count(*)
        from {_OF_OTHER_LEVEL} group by reason order by 3, 1
        """
    )
    drifted = context.fetch(
        f"""
        select
            arg_min(source_member, source_row), min(source_row), count(*), arg_min(other_level_reason, source_row)
        from {table} group by org_level
        having count(other_level_reason) = count(*)
            and (count(*) >= ? or count(*) = (select count(*) from {table}))
        order by 2 limit 1
        """,
        [context.catalogue.organisation_codes.rejected_from_odd_codes],
    )
    for member, row, times, why in drifted:
        found = f"{why}; so do all {times:,} rows of this level" if times > 1 else why
        raise context.make_row_rejection(member, row, "no organisation of another level than the row's own", found)
    own_level_rows = context.create_table(
        "own_level_rows", f"select * from {table} where other_level_reason is null order by rowid"
    )
    subjects = [
        f"{describe_row(member, row)}, {why}" + (f" ({times:,} rows alike)" if times > 1 else "")
        for why, member, row, times in groups[:NAMED_IN_NOTICES]
    ]
    if rest := groups[NAMED_IN_NOTICES:]:
        subjects.append(f"{sum(times for *_, times in rest):,} more rows")
    notices = tuple(format_notice(_OTHER_LEVEL, subject) for subject in subjects)
    return ValidatedRows(own_level_rows, list_keys_of_rows(context, own_level_rows), notices)
