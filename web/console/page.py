"""How a page is made: the visit that asks for it, the words and figures it may use, its frame.

A route asks a service and calls `Visit.show`; templates show and loop and decide nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Form, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import ValidationError

from domain.calendar import ZONE
from domain.contract import OF_ROLE
from domain.customer import Customer
from domain.errors import FieldUnreadable, NotSignedIn
from domain.identity import Language, Person, Role, SignInSession
from domain.money import Money
from domain.value import Value
from web.assets import Assets
from web.callers import refuse_forged, session_of
from web.console.formats import Formats, Reader, short_id
from web.console.menu import menu_of
from web.console.signs import badge_of
from web.language import Speech, language_of, speech
from web.problems import Problem
from web.service.permissions import Action, permitted
from web.service.services import Services

_TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "console"
_SAID = "creditflow_said"
_DIGITS_MAX = 18

COOKIE_LANGUAGE = "creditflow_language"
COOKIE_ZONE = "creditflow_zone"
COOKIE_THEME = "creditflow_theme"
COOKIE_AMOUNTS = "creditflow_amounts"

_reader: ContextVar[Reader] = ContextVar("reader")
_Word = TypeVar("_Word", bound=StrEnum)
_Value = TypeVar("_Value", bound=Value)


class Pages:
    """The templates of one installation, and what they may call."""

    def __init__(
        self, assets: Assets, *, grantor: Mapping[Language, str], temporal_ui_url: str = ""
    ) -> None:
        self.assets = assets
        self.grantor = grantor
        self.temporal_ui_url = temporal_ui_url.rstrip("/")
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {
            "asset": assets.url,
            "has_asset": assets.has,
            "t": _of_speech("say"),
            "n": _of_speech("count"),
            "word": _of_speech("word"),
            "name": _of_speech("name"),
            "badge": _badge,
            "ago": _ago,
            "clock_name": _of_formats("clock_name"),
        }
        self._environment.filters |= {
            "money": _of_formats("money_for_reader"),
            "money_full": _of_formats("money"),
            "money_short": _of_formats("money_short"),
            "money_words": _of_formats("words"),
            "number": _of_formats("number"),
            "figure": _of_formats("figure"),
            "percent": _of_formats("percent"),
            "bp": _of_formats("bp"),
            "on": _of_formats("on"),
            "at": _of_formats("at"),
            "at_second": _of_formats("at_second"),
            "hours": _of_formats("hours"),
            "owner": _owner,
            "plain": _of_speech("plain"),
            "short_id": short_id,
            "as_json": _as_json,
        }

    def render(self, template: str, reader: Reader, context: dict[str, Any]) -> str:
        """The text of a page, or of a fragment, as this reader sees it."""
        with _read_by(reader):
            return self._environment.get_template(template).render(
                **context,
                reader=reader,
                languages=list(Language),
                grantor=self.grantor[reader.language],
            )


@dataclass(frozen=True)
class Visit:
    """One request for a page: who asks, how they read, and what may be asked of the services."""

    request: Request
    pages: Pages
    services: Services
    reader: Reader
    session: SignInSession | None = None

    @property
    def person(self) -> Person:
        """Who asks, to be answered in the language of the page."""
        if self.session is None:
            raise NotSignedIn()
        return self.session.person.model_copy(update={"language": self.reader.language})

    @property
    def speech(self) -> Speech:
        return speech(self.reader.language)

    @property
    def formats(self) -> Formats:
        return Formats(self.reader)

    @property
    def partial(self) -> bool:
        """Whether a part of the page was asked for, to be put into the one on the screen."""
        return self.request.headers.get("hx-request") == "true"

    def show(
        self,
        template: str,
        *,
        status: int = 200,
        refusal: Problem | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """The page, with its frame's words beside its own."""
        said = self.request.cookies.get(_SAID, "")
        frame = {
            "person": self.session.person if self.session else None,
            "csrf_token": self.session.csrf_token if self.session else "",
            "menu": menu_of(self.session.person, self.request.url.path) if self.session else {},
            "path": _path_of(self.request),
            "request_id": str(getattr(self.request.state, "request_id", "")),
            "business_on": self.services.clock.business_on(),
            "now": self.services.clock.now(),
            "moved": self.services.clock.offset_days != 0,
            "said": said if self.speech.explains(f"said.{said}") else "",
            "refusal": refusal,
        }
        page = self.pages.render(template, self.reader, {**frame, **context})
        status = refusal.status if refusal else status
        answer = HTMLResponse(page, status_code=status, headers={"Vary": "HX-Request, Cookie"})
        if said and not self.partial:
            answer.delete_cookie(_SAID, path="/")
        return answer

    def when_refused(self, page: Callable[[Problem], Response]) -> None:
        """Should what follows be refused: the page to come back to, with what was typed."""
        self.request.state.page_when_refused = page

    def valid(self, kind: type[_Value], content: dict[str, Any]) -> _Value:
        """A value from what was typed; refuses with every field that does not fit."""
        try:
            return kind.model_validate(content)
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from None

    def parsed(self, kind: type[_Word], text: str, field: str) -> _Word:
        """A chosen word of a form; refuses `FieldUnreadable`."""
        try:
            return kind(text)
        except ValueError:
            raise FieldUnreadable(
                column=self.speech.say(f"field.{field}"), expected="/".join(kind)
            ) from None

    def day(self, typed: str, field: str) -> date:
        """A day of a form; refuses `FieldUnreadable`."""
        try:
            return date.fromisoformat(typed)
        except ValueError:
            raise self.unreadable(field, "a_day") from None

    def whole(self, typed: str, field: str) -> int:
        """A whole number of a form; refuses `FieldUnreadable`."""
        plain = typed.strip()
        if not plain.isdecimal() or len(plain) > _DIGITS_MAX:
            raise self.unreadable(field, "whole_number")
        return int(plain)

    def unreadable(self, field: str, expected: str) -> FieldUnreadable:
        """The refusal of a field of a form that is not what it should be."""
        word = self.speech.say(f"field.{expected}")
        return FieldUnreadable(
            column=self.speech.say(f"field.{field}"), expected=word, expected_zh=word
        )

    def tabs(self, path: str, key: str, views: Iterable[str], chosen: str) -> list[dict[str, Any]]:
        """The views of a list, each an address of its own."""
        return [
            {
                "path": f"{path}?view={view}",
                "word": self.speech.say(f"{key}.{view}"),
                "here": view == chosen,
            }
            for view in views
        ]

    def customer_names(self, customer_ids: Iterable[str]) -> dict[str, str]:
        """What the customers of a list are called in the reader's language."""
        ids = set(customer_ids)
        if not ids or not permitted(self.person, Action.CUSTOMER_READ):
            return {}
        found = self.services.customers.find_many(self.person, ids)
        return {customer_id: self.customer_name(each) for customer_id, each in found.items()}

    def customer_name(self, customer: Customer) -> str:
        chinese = self.reader.language is Language.ZH
        return customer.name_zh if chinese and customer.name_zh else customer.name

    def go(self, path: str, said: str = "") -> RedirectResponse:
        """To another page of ours after something was done; `said` is what that page confirms."""
        answer = RedirectResponse(path, status_code=303)
        if said:
            answer.set_cookie(_SAID, said, max_age=60, path="/", httponly=True, samesite="lax")
        return answer


def pages_of(request: Request) -> Pages:
    found: Pages = request.app.state.pages
    return found


def public_visit(request: Request) -> Visit:
    """A visit by anybody: the signing page and the sign-in."""
    reader = reader_of(request, None)
    request.state.language = reader.language.value
    return Visit(request, pages_of(request), request.app.state.services, reader)


def visit_of(request: Request) -> Visit:
    """A visit by somebody signed in; others are sent to the sign-in, and back afterwards."""
    session = session_of(request)
    reader = reader_of(request, session.person)
    request.state.session = session
    request.state.channel = "console"
    request.state.language = reader.language.value
    return Visit(request, pages_of(request), request.app.state.services, reader, session)


def writing_visit(request: Request, csrf_token: Annotated[str, Form()] = "") -> Visit:
    """A visit that changes something; it carries the token of a page of ours."""
    visit = visit_of(request)
    assert visit.session is not None
    refuse_forged(request, visit.session, csrf_token)
    return visit


Public = Annotated[Visit, Depends(public_visit)]
Visiting = Annotated[Visit, Depends(visit_of)]
Writing = Annotated[Visit, Depends(writing_visit)]


def reader_of(request: Request, person: Person | None) -> Reader:
    """How this person reads: what they chose on this browser, else their own default."""
    cookies = request.cookies
    chosen = cookies.get(COOKIE_LANGUAGE, "")
    accepted = request.headers.get("accept-language", "")
    own = person.language if person else language_of(accepted, Language.ZH)
    return Reader(
        language=Language(chosen) if chosen in set(Language) else own,
        zone="UTC" if cookies.get(COOKIE_ZONE) == "UTC" else ZONE,
        theme="dark" if cookies.get(COOKIE_THEME) == "dark" else "light",
        short=cookies.get(COOKIE_AMOUNTS) == "short",
    )


def local_path(path: str) -> str:
    """A path of this installation to go back to, or the start; never another site's address."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if plain and path.isprintable() else "/"


@contextmanager
def _read_by(reader: Reader) -> Iterator[None]:
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)


def _speech() -> Speech:
    return speech(_reader.get().language)


def _formats() -> Formats:
    return Formats(_reader.get())


def _of_speech(method: str) -> Callable[..., Any]:
    """A method of whichever language the page is being made in."""
    return lambda *given, **facts: getattr(_speech(), method)(*given, **facts)


def _of_formats(method: str) -> Callable[..., Any]:
    """A method of the formats of whoever the page is being made for."""
    return lambda *given: getattr(_formats(), method)(*given)


def _badge(value: StrEnum) -> dict[str, str]:
    return badge_of(value, _speech())


def _owner(owner: str) -> str:
    """Whose a condition is: a person by name, or whoever holds a role, by its word."""
    role = owner.removeprefix(OF_ROLE)
    return owner if role == owner else _speech().word(Role(role))


def _ago(instant: datetime, now: datetime) -> str:
    """How long until or since an instant, in one unit: `in 3 hours`, `2 days ago`."""
    unit, number = _formats().span(instant - now)
    key = "span.past" if instant < now - timedelta(minutes=1) else "span.future"
    return _speech().say(key, span=_speech().count(f"span.{unit}", number))


def _as_json(content: Any) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(content, ensure_ascii=False, default=_plain)
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))


def _plain(value: object) -> str | float:
    if isinstance(value, Money):
        return value.text
    if isinstance(value, StrEnum):
        return value.value
    return str(value)


def _path_of(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
