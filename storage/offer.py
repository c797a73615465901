"""Offers on record: made once, what was said about them, and how each ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.contract import OfferDifference
from domain.errors import LinkUnknown, NotFound
from domain.offer import MakeOffer, Offer, OfferAct, OfferStatus, offer_hash
from storage.base import Row
from storage.identity import hash_of


class OfferRow(Row):
    __tablename__ = "offer"

    letter_no: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str]
    customer_id: Mapped[str]
    offer_hash: Mapped[str]
    differences: Mapped[list[Any]] = mapped_column(JSONB)
    deciders: Mapped[list[str]]
    token_hash: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class OfferActRow(Row):
    __tablename__ = "offer_act"

    act_id: Mapped[str] = mapped_column(primary_key=True)
    letter_no: Mapped[str]
    offer_hash: Mapped[str]
    accepts: Mapped[bool]
    person_id: Mapped[str]
    deciders: Mapped[list[str]]
    note: Mapped[str]
    acted_at: Mapped[datetime]


class OfferEndRow(Row):
    __tablename__ = "offer_end"

    letter_no: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]
    outcome: Mapped[str]
    act_id: Mapped[str | None]
    accepts: Mapped[bool | None]
    ended_at: Mapped[datetime]


class Offers:
    """Offers by the letter they put to the customer; a case has one."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, make: MakeOffer, customer_id: str, token: str) -> Offer:
        """Make an offer of a letter; made again, it is the one on record."""
        self._session.execute(
            insert(OfferRow)
            .values(
                letter_no=make.letter.letter_no,
                case_id=make.case_id,
                customer_id=customer_id,
                offer_hash=offer_hash(make.letter),
                differences=[each.model_dump(mode="json") for each in make.differences],
                deciders=list(make.letter.decided_by),
                token_hash=hash_of(token),
                made_at=make.made_at,
                expires_at=make.expires_at,
            )
            .on_conflict_do_nothing()
        )
        return self.read(make.letter.letter_no)

    def read(self, letter_no: str) -> Offer:
        offer = self.find(letter_no)
        if offer is None:
            raise NotFound(kind="offer", id=letter_no)
        return offer

    def find(self, letter_no: str) -> Offer | None:
        row = self._session.get(OfferRow, letter_no)
        return None if row is None else self._offer_of(row)

    def find_of_case(self, case_id: str) -> Offer | None:
        row = self._session.scalar(select(OfferRow).where(OfferRow.case_id == case_id))
        return None if row is None else self._offer_of(row)

    def read_behind(self, token: str) -> Offer:
        """The offer that a one-time link leads to; `LinkUnknown` where it leads to none."""
        row = self._session.scalar(select(OfferRow).where(OfferRow.token_hash == hash_of(token)))
        if row is None:
            raise LinkUnknown()
        return self._offer_of(row)

    def record_act(self, act: OfferAct, offer: Offer, at: datetime) -> OfferAct:
        """Put on record what somebody says; an equal act is the one on record. The database refuses
        a version that was not offered, and whoever decided the letter."""
        self._session.execute(
            insert(OfferActRow)
            .values(
                act_id=act.act_id,
                letter_no=act.letter_no,
                offer_hash=act.offer_hash,
                accepts=act.accepts,
                person_id=act.person_id,
                deciders=list(offer.deciders),
                note=act.note,
                acted_at=at,
            )
            .on_conflict_do_nothing()
        )
        recorded = self.find_act(act.act_id)
        assert recorded is not None, "it was there, or was written now"
        return recorded

    def find_act(self, act_id: str) -> OfferAct | None:
        row = self._session.get(OfferActRow, act_id)
        if row is None:
            return None
        return OfferAct(
            letter_no=row.letter_no,
            offer_hash=row.offer_hash,
            accepts=row.accepts,
            person_id=row.person_id,
            note=row.note,
        )

    def find_ending_act(self, letter_no: str) -> str | None:
        """The act that ended an offer; None while it is open, and where nobody answered."""
        return self._session.scalar(
            select(OfferEndRow.act_id).where(OfferEndRow.letter_no == letter_no)
        )

    def end(
        self, offer: Offer, outcome: OfferStatus, at: datetime, act: OfferAct | None = None
    ) -> Offer:
        """End an open offer; one that has ended stays as it is."""
        self._session.execute(
            insert(OfferEndRow)
            .values(
                letter_no=offer.letter_no,
                expires_at=offer.expires_at,
                outcome=outcome,
                act_id=act.act_id if act else None,
                accepts=act.accepts if act else None,
                ended_at=at,
            )
            .on_conflict_do_nothing()
        )
        return self.read(offer.letter_no)

    def _offer_of(self, row: OfferRow) -> Offer:
        ended = self._session.execute(
            select(OfferEndRow, OfferActRow)
            .outerjoin(OfferActRow, OfferActRow.act_id == OfferEndRow.act_id)
            .where(OfferEndRow.letter_no == row.letter_no)
        ).first()
        end, act = ended if ended is not None else (None, None)
        return Offer(
            letter_no=row.letter_no,
            case_id=row.case_id,
            customer_id=row.customer_id,
            offer_hash=row.offer_hash,
            differences=tuple(map(OfferDifference.model_validate, row.differences)),
            deciders=tuple(row.deciders),
            made_at=row.made_at,
            expires_at=row.expires_at,
            status=OfferStatus(end.outcome) if end else OfferStatus.OPEN,
            answered_by=act.person_id if act else None,
            note=act.note if act else "",
            ended_at=end.ended_at if end else None,
        )
