"""What came in through a one-time link, whether or not it had its effect."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.contract import CustomerAct, Signatory
from domain.errors import NotFound
from storage.base import Row, table_of


class CustomerActRow(Row):
    __tablename__ = "customer_act"

    act_id: Mapped[str] = mapped_column(primary_key=True)
    contract_id: Mapped[str]
    kind: Mapped[str]
    signatory: Mapped[str | None]
    capacity: Mapped[str | None]
    authority_hash: Mapped[str | None]
    reason: Mapped[str]
    acted_at: Mapped[datetime]


_RECORD = insert(table_of(CustomerActRow)).on_conflict_do_nothing()


class CustomerActs:
    """The acts of customers, each under the hash of its content."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, act: CustomerAct, at: datetime) -> CustomerAct:
        """Write an act; an equal one is the one on record."""
        signatory = act.signatory
        self._session.execute(
            _RECORD,
            {
                "act_id": act.act_id,
                "contract_id": act.contract_id,
                "kind": act.kind,
                "signatory": signatory.signatory if signatory else None,
                "capacity": signatory.capacity if signatory else None,
                "authority_hash": signatory.authority_hash if signatory else None,
                "reason": act.reason,
                "acted_at": at,
            },
        )
        return self.read(act.act_id)

    def read(self, act_id: str) -> CustomerAct:
        act = self.find(act_id)
        if act is None:
            raise NotFound(kind="act", id=act_id)
        return act

    def find(self, act_id: str) -> CustomerAct | None:
        row = self._session.get(CustomerActRow, act_id)
        if row is None:
            return None
        signatory = (
            Signatory.model_validate(
                {
                    "signatory": row.signatory,
                    "capacity": row.capacity,
                    "authority_hash": row.authority_hash,
                }
            )
            if row.signatory is not None
            else None
        )
        return CustomerAct.model_validate(
            {
                "contract_id": row.contract_id,
                "kind": row.kind,
                "signatory": signatory,
                "reason": row.reason,
            }
        )
