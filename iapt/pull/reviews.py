"""Reviews: the drops that are held, and what a person decides of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import ArchivedDrop
from iapt.workspace import Workspace
from iapt.workspace_state import HoldReason, Review, Reviews

PENDING = HoldReason(rule="pending", text="it has not been compared with what was there: run `iapt pull` again")
#: The digits of a sha256 that a person has to give.
LEAST_DIGITS = 8


class ReviewError(ValueError):
    """Raised where no held drop, or more than one, is meant, or it cannot be decided yet."""


def read_reviews(workspace: Workspace) -> Reviews:
    """Return the reviews of a home; none where there are none."""
    return Reviews.load_if_present(workspace.reviews) or Reviews()


def list_unused_drops(workspace: Workspace, catalogue: Catalogue) -> frozenset[str]:
    """Return the sha256 of the drops that no release may be built from: held, rejected and withdrawn ones."""
    return read_reviews(workspace).unused | {entry.sha256 for entry in catalogue.withdrawn}


def hold_drop(
    workspace: Workspace, sha256: str, publication: str, file: str, reasons: Sequence[HoldReason], now: datetime
) -> Review:
    """Hold a drop: no release is built from it until a person accepts it."""
    review = Review(
        publication=publication,
        file=file,
        state="held",
        reasons=tuple(reasons),
        held_at=now.isoformat(timespec="seconds"),
    )
    _write(workspace, {**read_reviews(workspace).reviews, sha256: review})
    return review


def hold_drops(
    workspace: Workspace, drops: Sequence[ArchivedDrop], reasons: Sequence[HoldReason], now: datetime
) -> None:
    """Hold several drops that were got as publications, all at once."""
    held = {
        drop.sha256: Review(
            publication=drop.publication,
            file=drop.file,
            state="held",
            reasons=tuple(reasons),
            held_at=now.isoformat(timespec="seconds"),
        )
        for drop in drops
    }
    _write(workspace, {**read_reviews(workspace).reviews, **held})


def release_hold(workspace: Workspace, sha256: str) -> None:
    """Forget that a drop was held, since nothing was found against it."""
    reviews = dict(read_reviews(workspace).reviews)
    if reviews.pop(sha256, None) is not None:
        _write(workspace, reviews)


def close_earlier_holds(workspace: Workspace, publication: str, sha256: str, now: datetime) -> None:
    """Reject what is still held of a publication of which a later file has arrived and is used."""
    reviews = dict(read_reviews(workspace).reviews)
    for other, review in reviews.items():
        if review.publication == publication and review.state == "held" and other != sha256:
            reviews[other] = _decide(review, "rejected", "a later file of this publication arrived", now)
    _write(workspace, reviews)


def assign_review(workspace: Workspace, sha256: str, publication: str) -> None:
    """Note that the drop of a review is known as another publication from now on, such as a later revision."""
    reviews = read_reviews(workspace).reviews
    _write(workspace, {**reviews, sha256: reviews[sha256].model_copy(update={"publication": publication})})


def decide_review(
    workspace: Workspace, digits: str, decision: Literal["accepted", "rejected"], note: str, now: datetime
) -> tuple[str, Review]:
    """Accept or reject the held drop whose sha256 begins with some digits; return it as it is now.

    What was decided before can be decided otherwise. Raises ReviewError where no review, or more than one, is meant,
    and where its comparison was not finished.
    """
    reviews = read_reviews(workspace).reviews
    if len(digits) < LEAST_DIGITS:
        raise ReviewError(f"expected at least {LEAST_DIGITS} digits of a sha256; found {digits!r}")
    meant = [sha256 for sha256 in reviews if sha256.startswith(digits.lower())]
    if len(meant) != 1:
        held = ", ".join(
            f"{sha256[:12]} ({review.file})" for sha256, review in reviews.items() if review.state == "held"
        )
        raise ReviewError(
            f"expected the sha256 of one drop that is or was held; found {len(meant)} that begin with {digits}. "
            f"Held are: {held or 'none'}."
        )
    review = reviews[meant[0]]
    if is_pending(review):
        raise ReviewError(f"{review.file}: {PENDING.text}")
    decided = _decide(review, decision, note, now)
    _write(workspace, {**reviews, meant[0]: decided})
    return meant[0], decided


def is_pending(review: Review | None) -> bool:
    """Whether a drop is held because it has not been compared with what was there."""
    return review is not None and review.state == "held" and review.reasons == (PENDING,)


def _decide(review: Review, decision: Literal["accepted", "rejected"], note: str, now: datetime) -> Review:
    return review.model_copy(update={"state": decision, "note": note, "decided_at": now.isoformat(timespec="seconds")})


def _write(workspace: Workspace, reviews: dict[str, Review]) -> None:
    workspace.root.mkdir(parents=True, exist_ok=True)
    Reviews(reviews=reviews).write(workspace.reviews)
