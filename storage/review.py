"""Reviews of lines: one open a line at a time, numbered, none forgotten."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.errors import NotFound, OutOfOrder
from domain.event import ReviewDue
from domain.money import Money
from domain.review import (
    Review,
    ReviewCause,
    ReviewPack,
    ReviewProposal,
    ReviewStatus,
    review_id_of,
)
from storage.base import Row
from storage.customer import of_customer, owned_by
from storage.event import Events


class ReviewRow(Row):
    __tablename__ = "review"

    review_id: Mapped[str] = mapped_column(primary_key=True)
    line_id: Mapped[str]
    customer_id: Mapped[str]
    n: Mapped[int]
    causes: Mapped[list[str]]
    due_on: Mapped[date]
    status: Mapped[str]
    proposal: Mapped[dict[str, Any] | None]
    pack: Mapped[dict[str, Any] | None]
    letter_no: Mapped[str | None]
    limit_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    next_due_on: Mapped[date | None]
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]


class Reviews:
    """Reviews by line; the row of an open one is what makes it the only one."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(
        self, *, line_id: str, customer_id: str, cause: ReviewCause, due_on: date, on: date
    ) -> tuple[Review, bool]:
        """The line's open review, which the cause joins, or its next one; and whether it is new."""
        last = self._session.scalar(
            select(func.max(ReviewRow.n)).where(ReviewRow.line_id == line_id)
        )
        n = (last or 0) + 1
        written = self._session.scalar(
            insert(ReviewRow)
            .values(
                review_id=review_id_of(line_id, n),
                line_id=line_id,
                customer_id=customer_id,
                n=n,
                causes=[cause],
                due_on=due_on,
                status=ReviewStatus.OPEN,
                opened_on=on,
            )
            .on_conflict_do_nothing()
            .returning(ReviewRow.review_id)
        )
        open_now = self.find_open(line_id)
        if open_now is None:  # it closed between the statements; whoever asks may ask again
            raise OutOfOrder(reason="the review that was open has just ended")
        if written is not None:
            event = ReviewDue(
                line_id=line_id,
                customer_id=customer_id,
                review_id=written,
                cause=cause,
                due_on=due_on,
            )
            Events(self._session).post(event, written)
        if cause not in open_now.causes:
            joined = open_now.model_copy(update={"causes": (*open_now.causes, cause)})
            self._write(joined)
            open_now = joined
        return open_now, written is not None

    def find_open(self, line_id: str) -> Review | None:
        row = self._session.scalar(
            select(ReviewRow)
            .where(ReviewRow.line_id == line_id, ReviewRow.closed_on.is_(None))
            .execution_options(populate_existing=True)
        )
        return _review(row) if row is not None else None

    def read(self, review_id: str, *, for_update: bool = False) -> Review:
        query = select(ReviewRow).where(ReviewRow.review_id == review_id)
        if for_update:
            query = query.with_for_update()
        row = self._session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise NotFound(kind="review", id=review_id)
        return _review(row)

    def write(self, before: Review, after: Review) -> Review:
        """Replace an open review, provided it stands as `before` says; refuses `OutOfOrder`."""
        if self.read(before.review_id, for_update=True).status is not before.status:
            raise OutOfOrder(reason="the review was changed by something else meanwhile")
        self._write(after)
        return after

    def find_last_decided(self, line_id: str) -> Review | None:
        """The line's newest review whose judgement is in force."""
        row = self._session.scalar(
            select(ReviewRow)
            .where(
                ReviewRow.line_id == line_id,
                ReviewRow.status.in_([ReviewStatus.CONCLUDED, ReviewStatus.OVERRULED]),
            )
            .order_by(ReviewRow.n.desc())
            .limit(1)
        )
        return _review(row) if row is not None else None

    def list_of_line(self, line_id: str) -> Sequence[Review]:
        """All of a line's reviews, the newest first."""
        rows = self._session.scalars(
            select(ReviewRow).where(ReviewRow.line_id == line_id).order_by(ReviewRow.n.desc())
        )
        return [_review(row) for row in rows]

    def find_page(
        self,
        *,
        before: tuple[date, str] | None = None,
        page_size: int = 50,
        open_only: bool = False,
        customer_id: str | None = None,
        manager_id: str | None = None,
    ) -> Sequence[Review]:
        """Newest first; `before` is the `(opened_on, review_id)` of the last row seen."""
        query = select(ReviewRow).order_by(ReviewRow.opened_on.desc(), ReviewRow.review_id.desc())
        if before is not None:
            query = query.where(
                text("(opened_on, review_id) < (:on, :id)").bindparams(on=before[0], id=before[1])
            )
        if open_only:
            query = query.where(ReviewRow.closed_on.is_(None))
        if customer_id is not None:
            query = query.where(of_customer(ReviewRow.customer_id, customer_id))
        if manager_id is not None:
            query = query.where(owned_by(ReviewRow.customer_id, manager_id))
        return [_review(row) for row in self._session.scalars(query.limit(page_size))]

    def use_of(self, line_id: str, currency: str, since: date) -> tuple[Money, Money]:
        """What of a line is used, and the most that was at any time since a day."""
        row = self._session.execute(_USE, {"line_id": line_id, "since": since}).one_or_none()
        used, most = row if row is not None else (0, 0)
        return Money(minor=used, currency=currency), Money(minor=most, currency=currency)

    def _write(self, review: Review) -> None:
        limit = review.limit_decided
        self._session.execute(
            update(ReviewRow)
            .where(ReviewRow.review_id == review.review_id)
            .values(
                causes=list(review.causes),
                status=review.status,
                proposal=review.proposal.model_dump(mode="json") if review.proposal else None,
                pack=review.pack.model_dump(mode="json") if review.pack else None,
                letter_no=review.letter_no,
                limit_minor=limit.minor if limit is not None else None,
                currency=limit.currency if limit is not None else None,
                next_due_on=review.next_due_on,
                closed_on=review.closed_on,
            )
        )


_USE = text(
    """
    SELECT a.used_minor, greatest(a.used_minor, coalesce(
               (SELECT max(e.used_after) FROM exposure_entry e
                WHERE e.account_no = a.account_no AND e.business_on >= :since), 0))
    FROM exposure_account a
    WHERE a.kind = 'line' AND a.owner_id = :line_id
    """
)


def _review(row: ReviewRow) -> Review:
    limit = None
    if row.limit_minor is not None and row.currency is not None:
        limit = Money(minor=row.limit_minor, currency=row.currency)
    return Review(
        review_id=row.review_id,
        line_id=row.line_id,
        customer_id=row.customer_id,
        n=row.n,
        causes=tuple(ReviewCause(cause) for cause in row.causes),
        due_on=row.due_on,
        status=ReviewStatus(row.status),
        proposal=ReviewProposal.model_validate(row.proposal) if row.proposal else None,
        pack=ReviewPack.model_validate(row.pack) if row.pack else None,
        letter_no=row.letter_no,
        limit_decided=limit,
        next_due_on=row.next_due_on,
        opened_on=row.opened_on,
        closed_on=row.closed_on,
    )
