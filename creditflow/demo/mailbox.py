"""What customers find in their mail: the one-time links to what waits for them."""

import asyncio
import re
import time
from email import message_from_bytes, policy
from pathlib import Path

_LINK = re.compile(r"https?://\S+/(?:sign|offer)/(?P<token>[A-Za-z0-9_-]+)")


class Mailbox:
    """The folder of the embedded mail sink, one file a message; each is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()
        self._links: list[tuple[str, str]] = []  # subject, token

    async def await_link(self, number: str, seconds_max: float) -> str | None:
        """The token of the link to an agreement or the offer of a letter; None where no mail brings it."""
        until = time.monotonic() + seconds_max
        while True:
            self._look()
            for subject, token in self._links:
                if number in subject.split():
                    return token
            if time.monotonic() > until:
                return None
            await asyncio.sleep(0.1)

    def _look(self) -> None:
        for file in sorted(self._folder.glob("*.eml")):
            # A message on its way in has a name that begins with a point.
            if not file.name.startswith(".") and file.name not in self._read:
                self._read.add(file.name)
                self._keep(file.read_bytes())

    def _keep(self, content: bytes) -> None:
        mail = message_from_bytes(content, policy=policy.default)
        body = mail.get_body(("plain",))
        found = _LINK.search(body.get_content()) if body is not None else None
        if found is not None:
            self._links.append((str(mail["subject"]), found["token"]))
