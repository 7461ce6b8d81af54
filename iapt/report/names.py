"""How the name of an organisation is written on a page, and what its page is called."""

from __future__ import annotations

import re

# The publisher prints most names in capitals, which are hard to read and are spelt out by some screen readers.
_STAY_CAPITAL = frozenset(("NHS", "ICB", "STP", "CCG", "CIC", "IAPT", "UK", "GP"))
_STAY_SMALL = frozenset(("and", "of", "the", "in", "on", "for", "with", "by", "at", "to", "upon", "under", "le"))
_CODE = re.compile(r"^(?=.*\d)[A-Z0-9]{2,6}$")
_WORD = re.compile(r"[A-Za-z0-9]+(?:['’][A-Za-z]+)?")  # the publisher uses both apostrophes
_SAFE = re.compile(r"[^A-Za-z0-9]")


def format_name(name: str) -> str:
    """A name that is all capitals, as one would write it; any other name as it stands."""
    if name != name.upper():
        return name

    def format_word(match: re.Match[str]) -> str:
        word = match[0]
        if word in _STAY_CAPITAL or _CODE.match(word) or not _has_vowel(word):
            return word
        if word.lower() in _STAY_SMALL and match.start() > 0:
            return word.lower()
        return word[0] + word[1:].lower()

    return _WORD.sub(format_word, name)


def _has_vowel(word: str) -> bool:
    """Whether it can be a word, not a row of initials. One letter is as good as a word: the S of St Helen's."""
    return len(word) == 1 or any(letter in "AEIOUY" for letter in word) or word in ("ST", "DR", "LTD", "MR", "MRS")


def make_area_id(prefix: str, code: str) -> str:
    """The name of an organisation in an address and a file name; another code never has the same.

    Codes come from drops, so everything but letters and digits is written as its number.
    """
    return f"{prefix}-{_SAFE.sub(lambda match: f'_{ord(match[0]):x}_', code)}"
