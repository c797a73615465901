"""A receiver of webhooks on this machine that does as it is told, and keeps what it was sent."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers with `status`; keeps what came in its order, whatever it answered."""

    def __init__(self) -> None:
        self.status = 200
        self.statuses: dict[str, int] = {}  # of one path, where it differs
        self.refused: set[bytes] = set()  # a body with one of these in it is refused
        self.headers: dict[str, str] = {}
        self.answer = b"thanks"
        self.received: list[Received] = []
        self.hold = threading.Event()  # a slow receiver answers once this is set
        self.hold.set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bodies(self, path: str = "/") -> list[bytes]:
        return [each.body for each in self.received if each.path == path]


@contextmanager
def receiving(port: int = 0, *, certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    kept = Receiver()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): text for name, text in self.headers.items()}
            kept.received.append(Received(self.path, headers, body))
            kept.hold.wait(20)
            refused = any(part in body for part in kept.refused)
            self.send_response(400 if refused else kept.statuses.get(self.path, kept.status))
            for name, text in kept.headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(kept.answer)

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (ssl.SSLError, ConnectionError):
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Answering)
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
        # The handshake is made where a request is read, so that a failed one ends its thread alone.
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    kept.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()
