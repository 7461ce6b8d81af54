"""Discovery: what the publisher's pages list, and the rows that the catalogue of publications lacks."""

from typing import Final

#: How many of the newest publications of a series page are looked at again, to notice files that were issued again.
RECHECKED: Final = 3
