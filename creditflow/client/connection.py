"""Carries calls to an installation and back, in threads or on an event loop, by the same rules."""

import asyncio
import os
import time
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from creditflow.client.calls import Call, code_of, refusal_of
from creditflow.client.errors import NotSignedIn, Unreached
from creditflow.retrying import Retrying

_Answer = TypeVar("_Answer")

URL_DEFAULT = "http://127.0.0.1:8080"


class _Rules:
    """What both kinds of connection share: the address, the proof, and what an answer means."""

    def __init__(self, url: str | None, key: str | None, language: str, retrying: Retrying) -> None:
        self.url = (url or os.environ.get("CREDITFLOW_URL") or URL_DEFAULT).rstrip("/")
        given = key or os.environ.get("CREDITFLOW_KEY")
        if not given:
            raise NotSignedIn("Give a key, or set CREDITFLOW_KEY.", code="not_signed_in")
        self.headers = {
            "Authorization": f"Bearer {given}",
            "Accept-Language": language,
            "User-Agent": "creditflow-python",
        }
        self._retrying = retrying

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def request_of(self, call: Call[Any]) -> dict[str, Any]:
        """The call as httpx takes it."""
        return {
            "method": call.method,
            "url": f"/api/v1{call.path}",
            "params": dict(call.query),
            "content": call.body,
            "files": dict(call.files) if call.files else None,
            "data": dict(call.form) if call.form else None,
            "headers": dict(call.headers),
        }

    def answer_of(self, call: Call[_Answer], answer: httpx.Response) -> _Answer:
        if answer.status_code >= 400:
            raise refusal_of(answer.status_code, answer.content)
        if answer.status_code == 202 and code_of(answer.content) == "pending":
            raise Unreached("The request is still under way.", code="pending", status=202)
        return call.read(answer.content)

    def wait_after_answer(
        self, call: Call[Any], attempt: int, answer: httpx.Response
    ) -> float | None:
        if answer.status_code < 400:
            return None
        return self._retrying.wait_after_answer(
            attempt,
            status=answer.status_code,
            code=code_of(answer.content),
            retry_after=answer.headers.get("retry-after"),
            repeatable=call.repeatable,
        )

    def wait_after_break(self, call: Call[Any], attempt: int, broken: httpx.HTTPError) -> float:
        """Seconds until the next attempt, or `Unreached`."""
        # What never connected did nothing, whatever it was.
        unsent = isinstance(broken, httpx.ConnectError | httpx.ConnectTimeout)
        wait = self._retrying.wait_after_break(attempt, repeatable=call.repeatable or unsent)
        if wait is None:
            raise Unreached(
                f"{self.url} cannot be reached: {type(broken).__name__}.", code="unreached"
            ) from broken
        return wait


class Connection(_Rules):
    """For programs that wait in threads; safe to share between them."""

    def __init__(
        self,
        url: str | None,
        key: str | None,
        *,
        timeout_seconds: float,
        language: str,
        retrying: Retrying,
        transport: httpx.BaseTransport | None,
    ) -> None:
        super().__init__(url, key, language, retrying)
        self._http = httpx.Client(
            base_url=self.url, headers=self.headers, timeout=timeout_seconds, transport=transport
        )

    def run(self, call: Call[_Answer]) -> _Answer:
        """The answer, or a `CreditflowError`."""
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._http.request(**self.request_of(call))
            except httpx.HTTPError as broken:
                time.sleep(self.wait_after_break(call, attempt, broken))
                continue
            wait = self.wait_after_answer(call, attempt, answer)
            if wait is None:
                return self.answer_of(call, answer)
            time.sleep(wait)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncConnection(_Rules):
    """For programs on an event loop."""

    def __init__(
        self,
        url: str | None,
        key: str | None,
        *,
        timeout_seconds: float,
        language: str,
        retrying: Retrying,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        super().__init__(url, key, language, retrying)
        self._http = httpx.AsyncClient(
            base_url=self.url, headers=self.headers, timeout=timeout_seconds, transport=transport
        )

    async def run(self, call: Call[_Answer]) -> _Answer:
        """The answer, or a `CreditflowError`."""
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._http.request(**self.request_of(call))
            except httpx.HTTPError as broken:
                await asyncio.sleep(self.wait_after_break(call, attempt, broken))
                continue
            wait = self.wait_after_answer(call, attempt, answer)
            if wait is None:
                return self.answer_of(call, answer)
            await asyncio.sleep(wait)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
