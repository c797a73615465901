"""A mail server that delivers nothing: every message becomes a file people can look at.

    python -m creditflow.stack.mailsink --host 127.0.0.1 --port 1025 --folder .creditflow/mail

A message is on disk before it is acknowledged. The names sort by time of arrival.
"""

import argparse
import asyncio
import os
import signal
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

_BYTES_MAX = 25 * 1024 * 1024


class Keeper:
    """Takes every message for every recipient, and keeps it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        # A message is small and the disk near: other senders wait for it.
        self._keep(envelope)
        return "250 kept"

    def _keep(self, envelope: Envelope) -> None:
        arrived = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        self._count += 1
        name = f"{arrived}-{os.getpid()}-{self._count}.eml"
        recipients = ", ".join(one.replace("\n", "") for one in envelope.rcpt_tos)
        content = envelope.content or b""
        assert isinstance(content, bytes)
        draft = self._folder / f".{name}"
        with draft.open("wb") as stream:
            os.chmod(draft, 0o600)
            stream.write(f"X-Envelope-To: {recipients}\r\n".encode())
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._folder / name)


async def serve(host: str, port: int, folder: Path) -> None:
    """Take mail until told to stop."""
    folder.mkdir(parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    door = partial(SMTP, Keeper(folder), data_size_limit=_BYTES_MAX, enable_SMTPUTF8=True)
    server = await loop.create_server(door, host, port)
    print(f"mail for {host}:{port} is kept in {folder}", flush=True)
    async with server:
        await stopped.wait()


def main() -> None:
    arguments = argparse.ArgumentParser(prog="creditflow.stack.mailsink")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--folder", type=Path, required=True)
    given = arguments.parse_args()
    asyncio.run(serve(given.host, given.port, given.folder))


if __name__ == "__main__":
    main()
