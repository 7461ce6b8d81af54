"""Robots: what the robots.txt of a host lets a crawler read, and how long it asks it to wait (RFC 9309)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protego import Protego

#: RFC 9309 asks a crawler to read at least this much.
MAX_ROBOTS_BYTES: Final = 500 * 1024


@dataclass(frozen=True)
class RobotsRules:
    """What a host lets this client crawl; `unavailable` says why nothing may be for now."""

    agent: str
    parsed: Protego | None = None
    unavailable: str = ""

    @classmethod
    def parse(cls, content: bytes, agent: str) -> RobotsRules:
        """Return the rules of a robots.txt; what in it is no rule is ignored."""
        return cls(agent, Protego.parse(content[:MAX_ROBOTS_BYTES].decode("utf-8-sig", "replace")))

    @classmethod
    def allow_all(cls, agent: str) -> RobotsRules:
        """Return the rules of a host that has no robots.txt."""
        return cls(agent)

    @classmethod
    def disallow_for_now(cls, agent: str, reason: str) -> RobotsRules:
        """Return the rules of a host whose robots.txt cannot be read: it may hold anything."""
        return cls(agent, unavailable=reason)

    def allows(self, address: str) -> bool:
        """Return whether a page may be read."""
        if self.unavailable:
            return False
        return self.parsed is None or self.parsed.can_fetch(address, self.agent)

    @property
    def crawl_delay_seconds(self) -> float:
        """How long the host asks to wait between two requests; 0 where it does not say."""
        delay = self.parsed.crawl_delay(self.agent) if self.parsed is not None else None
        return delay or 0.0
