"""How often a movement asks the database: once, counted on the wire."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy import make_url

from domain.errors import OverLimit
from domain.exposure import Limit
from policies.terms import net_days, ranked
from storage.base import Records
from storage.exposure import Accounts, Exposure
from tests.makers_line import LINE_ID, TODAY, cny, open_line
from tests.makers_policy import an_edition


class Wire:
    """A way to the server that counts the queries sent over it (protocol message `Q`)."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.queries = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            for source, sink, counts in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=self._copy, args=(source, sink, counts), daemon=True
                ).start()

    def _copy(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        # Either end may be closed by the thread that copies the other way.
        with suppress(OSError):
            while chunk := source.recv(65536):
                # The driver sends a simple query as one message, in one piece.
                self.queries += counts and chunk[:1] == b"Q"
                sink.sendall(chunk)
        sink.close()


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    address = make_url(database_url)
    opened = Wire(address.host or "", address.port or 0)
    yield opened
    opened.close()


@pytest.fixture
def exposure(database_url: str, wire: Wire) -> Iterator[Exposure]:
    records = Records(
        make_url(database_url).set(port=wire.port).render_as_string(hide_password=False)
    )
    opened = Exposure(records)
    yield opened
    opened.close()
    records.close()


@contextmanager
def counted(wire: Wire) -> Iterator[Callable[[], int]]:
    before = wire.queries
    yield lambda: wire.queries - before


def test_every_movement_is_one_round_trip(records: Records, exposure: Exposure, wire: Wire) -> None:
    open_line(records, limit=cny(1000), group_id="group-1")
    with records.begin() as session:
        Accounts(session).set_customer_cap(
            "customer-1",
            "CNY",
            Limit.of(cny(5000)),
            decision_id=f"PF-{LINE_ID}",
            business_on=TODAY,
        )
    exposure.reserve(LINE_ID, cny(1), "warm", business_on=TODAY)

    with counted(wire) as asked:
        held = exposure.reserve(LINE_ID, cny(100), "k-1", business_on=TODAY)
        assert asked() == 1
        exposure.reserve(LINE_ID, cny(100), "k-1", business_on=TODAY)
        assert asked() == 2
        with pytest.raises(OverLimit):
            exposure.reserve(LINE_ID, cny(10_000), "k-2", business_on=TODAY)
        assert asked() == 3
        terms = ranked(net_days(30), an_edition())
        exposure.check("customer-1", cny(5), "k-3", business_on=TODAY, terms=terms)
        assert asked() == 4
        exposure.commit(LINE_ID, held.reservation_id or "", "k-4", business_on=TODAY)
        assert asked() == 5
        exposure.repay(LINE_ID, cny(100), "k-5", business_on=TODAY)
        assert asked() == 6
