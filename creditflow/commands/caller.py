"""How a command asks an installation: whose key, which address, and what an answer exits with.

Plain `http.client`: a command is over before a larger library would have been read in.
"""

import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Annotated, Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit

import typer

from creditflow.commands.output import Exit, answer, refuse
from creditflow.retrying import Retrying
from creditflow.stack.home import home, read_json

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AsUser = Annotated[
    str | None,
    typer.Option("--as", metavar="USER", help="Sign in as a user of this machine's users.json."),
]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Idempotency key: repeated, it does a thing once."),
]

_EXITS = {
    401: Exit.NOT_SIGNED_IN,
    429: Exit.NOT_SIGNED_IN,
    404: Exit.NOT_FOUND,
    409: Exit.CONFLICT,
}
_TIMEOUT_SECONDS = 60
_UPLOAD_TIMEOUT_SECONDS = 1800  # a million rows are read before the answer begins


@dataclass(frozen=True)
class Reply:
    """An answer below 400; `pending` where the thing asked for is still under way."""

    status: int
    content: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.content) if self.content else {}

    @property
    def pending(self) -> bool:
        return self.status == 202


class Caller:
    """One installation and one person's key; whatever is refused ends the command."""

    def __init__(self, as_user: str | None, *, as_json: bool) -> None:
        self._as_json = as_json
        self._url = urlsplit(_url())
        self._key = _key_of(as_user) or self._refuse_unsigned(as_user)
        self._retrying = Retrying()

    def fetch(self, path: str, **query: object) -> Any:
        """The document at a path; filters that are None are left out."""
        given = {name: _text(value) for name, value in query.items() if value is not None}
        return self._ask("GET", f"{path}?{urlencode(given)}" if given else path).document

    def fetch_all(self, path: str, limit: int | None = None, **query: object) -> list[Any]:
        """The items of every page, or the first `limit`."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            page = self.fetch(path, cursor=cursor, **query)
            items += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None or (limit is not None and len(items) >= limit):
                return items[:limit]

    def fetch_bytes(self, path: str) -> bytes:
        return self._ask("GET", path).content

    def send(
        self,
        path: str,
        body: object,
        key: str | None = None,
        *,
        keyed: bool = True,
        method: str = "POST",
        repeatable: bool = True,
    ) -> Reply:
        """A write, under the caller's idempotency key or one made for it.

        `keyed` is False where a key says something of its own, and there is none; `repeatable` is
        False where each call makes another.
        """
        content = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        if keyed:
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        return self._ask(method, path, content, headers, repeatable=repeatable)

    def upload(
        self, path: str, name: str, content: bytes, form: Mapping[str, str], key: str | None = None
    ) -> Reply:
        """A file and what is said about it, as a form."""
        boundary = uuid.uuid4().hex
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Idempotency-Key": key or str(uuid.uuid4()),
        }
        return self._ask("POST", path, _form_of(boundary, name, content, form), headers)

    def _ask(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool = True,
    ) -> Reply:
        attempt = 0
        while True:
            attempt += 1
            try:
                status, found, retry_after = self._once(method, path, content, headers or {})
            except (OSError, HTTPException) as broken:
                wait = self._retrying.wait_after_break(attempt, repeatable=repeatable)
                if wait is None:
                    self._refuse("unreached", f"{self._url.geturl()}: {broken}", Exit.UNREACHABLE)
                time.sleep(wait)
                continue
            if status < 400:
                return Reply(status, found)
            problem = _problem_of(found, status)
            wait = self._retrying.wait_after_answer(
                attempt,
                status=status,
                code=problem["code"],
                retry_after=retry_after,
                repeatable=repeatable,
            )
            if wait is None:
                ending = Exit.UNREACHABLE if status >= 500 else _EXITS.get(status, Exit.REFUSED)
                errors = problem.get("errors") or ()
                self._refuse(problem["code"], problem["detail"], ending, errors)
            time.sleep(wait)

    def _once(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, str | None]:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        assert self._url.hostname is not None
        uploads = headers.get("Content-Type", "").startswith("multipart/")
        timeout = _UPLOAD_TIMEOUT_SECONDS if uploads else _TIMEOUT_SECONDS
        server = kind(self._url.hostname, self._url.port, timeout=timeout)
        try:
            # Refused before all of it was sent: the answer is there already.
            with suppress(BrokenPipeError, ConnectionResetError):
                server.request(
                    method,
                    f"{self._url.path}/api/v1{path}",
                    content,
                    {
                        "Authorization": f"Bearer {self._key}",
                        "Accept-Language": language(),
                        "User-Agent": "creditflow-cli",
                        **headers,
                    },
                )
            found = server.getresponse()
            return found.status, found.read(), found.getheader("Retry-After")
        finally:
            server.close()

    def _refuse_unsigned(self, as_user: str | None) -> NoReturn:
        detail = (
            f"there is no user {as_user} in {home().users_file}"
            if as_user
            else "set CREDITFLOW_KEY, or name a user of this machine with --as"
        )
        self._refuse("not_signed_in", detail, Exit.NOT_SIGNED_IN)

    def _refuse(
        self, code: str, detail: str, status: Exit, errors: Sequence[Mapping[str, Any]] = ()
    ) -> NoReturn:
        refuse(code, detail, as_json=self._as_json, status=status, errors=errors)


def place(*parts: str) -> str:
    """A path of the API from its parts; what was typed cannot lead elsewhere."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def show(document: Any, text: str, *, as_json: bool, pending: bool = False) -> None:
    """The answer; a thing still under way exits 8."""
    answer(document, as_json=as_json, text=text)
    if pending:
        raise SystemExit(int(Exit.PENDING))


def _url() -> str:
    named = os.environ.get("CREDITFLOW_URL")
    found = named or read_json(home().stack_file).get("web") or "http://127.0.0.1:8080"
    return str(found).rstrip("/")


def _key_of(as_user: str | None) -> str | None:
    # A flag over the environment: whoever names a user means that one.
    if as_user is None:
        return os.environ.get("CREDITFLOW_KEY")
    user = read_json(home().users_file).get(as_user)
    return user.get("key") if isinstance(user, dict) else None


def _problem_of(content: bytes, status: int) -> dict[str, Any]:
    try:
        problem = json.loads(content)
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "code" not in problem:
        return {"code": f"http_{status}", "detail": f"the server answered {status}"}
    return problem


def _form_of(boundary: str, name: str, content: bytes, form: Mapping[str, str]) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{text}\r\n'
        for field, text in form.items()
    ]
    shown = name.replace('"', "_").replace("\r", "_").replace("\n", "_")
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join([*parts, head]).encode() + content + f"\r\n--{boundary}--\r\n".encode()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def language() -> str:
    """Of the terminal: messages come in the language that the person's programs speak."""
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    return "zh-CN" if named.lower().startswith("zh") else "en"
