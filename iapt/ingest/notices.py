"""Notices of a drop: what of it was left unread or mended, in sentences that group over many drops.

A notice has the form `what became of it: subject`, such as `a hidden sheet is not read: sheet 'Working'`. Notices that
say the same of other subjects, or of other drops, are told as one: see `group_notices`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from iapt.run_warnings import list_first, make_printable

SEPARATOR = ": "


def format_notice(what: str, subject: str = "") -> str:
    """Return a notice. `what` is the same for every drop it can happen to; `subject` names the sheet, member or row.

    Raises ValueError where `what` holds the separator: such notices would not group.
    """
    if SEPARATOR in what:
        raise ValueError(f"expected what became of it, without a colon; found {what!r}")
    return f"{what}{SEPARATOR}{subject}" if subject else what


def group_notices(notices: Iterable[tuple[str, str]]) -> list[str]:
    """Return one line for each thing that was noticed, from pairs of a drop's file and a notice of it.

    A line names the first few files, each with its first few subjects, and says how many more there are.
    """
    groups: dict[str, dict[str, list[str]]] = {}
    for file, text in notices:
        what, _, subject = text.partition(SEPARATOR)
        subjects = groups.setdefault(what, {}).setdefault(file, [])
        if subject and subject not in subjects:
            subjects.append(subject)
    return [f"{make_printable(what)}: {_named(files)}" for what, files in groups.items()]


def _named(files: Mapping[str, list[str]]) -> str:
    named = [
        make_printable(file)
        + (f" ({list_first(map(make_printable, subjects[:3]), len(subjects))})" if subjects else "")
        for file, subjects in files.items()
    ]
    return list_first(named, len(named))
