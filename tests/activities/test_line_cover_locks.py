"""Does the register of cover hold accounts in the order in which an order holds them?"""

import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from activities.line_cover import follow_register
from domain.exposure import Limit
from storage.base import Records
from storage.exposure import Accounts
from tests.makers_line import TODAY, a_letter, cny, open_line, record_letter

_HOLD = text("SELECT FROM exposure_account WHERE owner_id = :owner_id FOR NO KEY UPDATE")
_WAITS = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def waits(records: Records) -> bool:
    with records.begin() as session:
        return bool(session.scalar(_WAITS))


def test_an_order_on_both_guarantors_of_two_lines_goes_on_while_their_cover_is_looked_at(
    records: Records,
) -> None:
    """By their ids the lines come one way, and the accounts they stand on the other."""
    for line_id, guarantor in (("line-2", "p-first"), ("line-1", "p-second")):
        open_line(records, line_id, limit=cny(1000))
        letter_no = record_letter(records, a_letter(f"cover-{line_id}")).letter_no
        with records.begin() as session:
            cover = {("guarantor", guarantor): Limit.of(cny(1000))}
            Accounts(session).set_cover(
                line_id, "CNY", cover, decision_id=letter_no, business_on=TODAY
            )

    def follow() -> None:
        with records.begin() as session:
            follow_register(session, ["customer-1"], TODAY)

    with ThreadPoolExecutor(1) as threads:
        with records.begin() as order:
            order.execute(_HOLD, {"owner_id": "p-first"})
            looking = threads.submit(follow)
            while not waits(records):
                assert not looking.done()
                time.sleep(0.01)
            order.execute(text("SET LOCAL lock_timeout = '5s'"))
            order.execute(_HOLD, {"owner_id": "p-second"})
        looking.result()
