"""One POST to a stranger's address: where it may go, how long it may take, how much is read.

The name is resolved here and the connection goes to the very address that was looked at, so that no
second answer of the resolver leads elsewhere. Redirects are not followed, no proxy is asked, and
after `SECONDS_MAX` the connection is cut whatever the receiver is doing.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from domain.webhook import reachable

SECONDS_MAX = 15.0
ANSWER_BYTES_MAX = 2000
Resolve = Callable[[str, int], list[str]]


class Answered(NamedTuple):
    status: int
    duration_ms: int
    answer: str


class NotReached(Exception):
    """Nothing was answered; the message is a code, and names nothing of what was sent."""

    def __init__(self, code: str, duration_ms: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.duration_ms = duration_ms


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name, as the machine's resolver has them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Courier:
    """Posts bodies; `private` lets it reach addresses inside."""

    def __init__(
        self,
        *,
        private: bool,
        seconds_max: float = SECONDS_MAX,
        resolve: Resolve = resolved,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._private = private
        self._seconds_max = seconds_max
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        """What was answered, whatever its status; raises `NotReached`."""
        began = time.monotonic()
        try:
            return self._post(url, body, headers, began)
        except NotReached as failure:
            raise NotReached(failure.code, _since(began)) from None
        except ssl.SSLError:
            code = "timeout" if time.monotonic() - began >= self._seconds_max else "tls"
        except TimeoutError:
            code = "timeout"
        except socket.gaierror:
            code = "name_unknown"
        except ConnectionRefusedError:
            code = "connection_refused"
        except (OSError, http.client.HTTPException, ValueError):
            code = "timeout" if time.monotonic() - began >= self._seconds_max else "broken_off"
        raise NotReached(code, _since(began))

    def _post(self, url: str, body: bytes, headers: Mapping[str, str], began: float) -> Answered:
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        connection = http.client.HTTPConnection(host, port, timeout=self._seconds_max)
        with self._connected(host, port, secure=secure) as connected:
            connection.sock = connected
            left = max(self._seconds_max - (time.monotonic() - began), 0.1)
            # A receiver that sends a byte now and then never runs into the time limit of a read.
            late = threading.Event()
            cut = threading.Timer(left, _cut, [connected, late])
            cut.daemon = True
            cut.start()
            try:
                if isinstance(connected, ssl.SSLSocket):
                    connected.do_handshake()
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("POST", path, body, dict(headers))
                answer = connection.getresponse()
                shown = answer.read(ANSWER_BYTES_MAX)
            finally:
                cut.cancel()
            if late.is_set():  # what was cut off may look like an answer that has ended
                raise NotReached("timeout")
        text = "".join(c if c.isprintable() else " " for c in shown.decode("utf-8", "replace"))
        return Answered(answer.status, _since(began), text)

    def _connected(self, host: str, port: int, *, secure: bool) -> socket.socket:
        addresses = self._resolve(host, port)
        if not addresses or not all(self._may(each) for each in addresses):
            raise NotReached("address_refused")
        if not secure and not all(_address(each).is_loopback for each in addresses):
            raise NotReached("address_refused")
        failure: OSError | None = None
        for address in addresses[:3]:
            try:
                plain = socket.create_connection((address, port), timeout=self._seconds_max / 3)
            except OSError as error:
                failure = error
                continue
            plain.settimeout(self._seconds_max)
            if not secure:
                return plain
            return self._tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        assert failure is not None
        raise failure

    def _may(self, address: str) -> bool:
        return reachable(_address(address), private=self._private)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text.partition("%")[0])


def _cut(connection: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
