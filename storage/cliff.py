"""Which lines have a day ahead on which their limit changes by itself, the soonest first."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

_NEAREST = text(
    """
    SELECT line_id FROM (
        SELECT line.line_id, least(
            CASE WHEN account.ends_on >= :on THEN account.ends_on + 1 END,
            CASE WHEN account.last_draw_on >= :on THEN account.last_draw_on + 1 END,
            (SELECT min(day) FROM jsonb_array_elements(account.parts) part,
                LATERAL (VALUES ((part->>'from')::date), ((part->>'until')::date + 1)) each (day)
                WHERE day > :on)
        ) AS next_on
        FROM credit_line line
        JOIN exposure_account account
            ON account.kind = 'line' AND account.owner_id = line.line_id
        JOIN customer ON customer.customer_id = customer_survivor(line.customer_id)
        WHERE line.status NOT IN ('expired', 'terminated')
            AND (CAST(:manager_id AS text) IS NULL OR customer.manager_id = :manager_id)
            AND (CAST(:customer_id AS text) IS NULL
                OR customer_survivor(line.customer_id) = customer_survivor(:customer_id))
    ) found
    WHERE next_on <= :until ORDER BY next_on, line_id LIMIT :most
    """
)


class CliffDays:
    """Lines by the first day that changes them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def nearest(
        self,
        on: date,
        until: date,
        *,
        manager_id: str | None = None,
        customer_id: str | None = None,
        most: int,
    ) -> Sequence[str]:
        """Lines whose limit, last draw or end changes after `on` and up to `until`."""
        return self._session.scalars(
            _NEAREST,
            {
                "on": on,
                "until": until,
                "manager_id": manager_id,
                "customer_id": customer_id,
                "most": most,
            },
        ).all()
