"""Sessions, oneself, the register of people and their keys."""

from typing import Annotated

from fastapi import Request, Response
from pydantic import Field

from domain.errors import NotSignedIn
from domain.identity import ApiKey, Id, Person
from domain.value import Value
from web.api.stage import stage
from web.callers import COOKIE, Asked, Caller
from web.service.identity import KeyIssued
from web.service.permissions import Action, permitted

router = stage("identity")


class SignIn(Value):
    """A name and its password."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class PasswordChange(Value):
    """One's password until now, and from now on."""

    old: Annotated[str, Field(min_length=1, max_length=1024)]
    new: Annotated[str, Field(min_length=12, max_length=1024)]


class SessionBegun(Value):
    """Who is signed in; writes by cookie carry the token as `X-CSRF-Token`."""

    person: Person
    csrf_token: str


class Me(Value):
    """Oneself, and what one may ask for."""

    person: Person
    actions: tuple[Action, ...]


class Persons(Value):
    items: tuple[Person, ...]


class ApiKeysShown(Value):
    items: tuple[ApiKey, ...]


class KeyWanted(Value):
    label: Annotated[str, Field(max_length=100)] = ""


@router.post("/sessions", status_code=201)
def sign_in(asked: Asked, request: Request, response: Response, body: SignIn) -> SessionBegun:
    """Begin a session; the cookie is for browsers, programs use a key."""
    begun = asked.identity.sign_in(body.name, body.password)
    response.set_cookie(
        COOKIE,
        begun.token,
        expires=begun.session.expires_at,
        httponly=True,
        samesite="lax",
        secure=request.app.state.public_url.startswith("https:"),
    )
    return SessionBegun(person=begun.session.person, csrf_token=begun.session.csrf_token)


@router.delete("/sessions/current", status_code=204)
def sign_out(asked: Asked, request: Request, response: Response, caller: Caller) -> None:
    """End this browser's session; a key stays as it is."""
    token = request.cookies.get(COOKIE)
    if token is None:
        raise NotSignedIn()
    asked.identity.sign_out(token)
    response.delete_cookie(COOKIE)


@router.get("/me")
def read_me(caller: Caller) -> Me:
    """Who one is to Creditflow, and what one may ask for."""
    return Me(person=caller, actions=tuple(a for a in Action if permitted(caller, a)))


@router.post("/me/password", status_code=204)
def change_password(asked: Asked, caller: Caller, body: PasswordChange) -> None:
    """Set one's own password; every session of one's own ends."""
    asked.identity.change_password(caller, body.old, body.new)


@router.get("/persons")
def list_persons(asked: Asked, caller: Caller) -> Persons:
    return Persons(items=tuple(asked.identity.list_persons(caller)))


@router.post("/persons", status_code=201)
def record_person(asked: Asked, caller: Caller, body: Person) -> Person:
    """Put somebody on the register; one already there is returned as they are."""
    return asked.identity.record_person(caller, body)


@router.post("/persons/{person_id}/disable", status_code=204)
def disable_person(asked: Asked, caller: Caller, person_id: Id) -> None:
    """From their next request on they cannot act."""
    asked.identity.disable_person(caller, person_id)


@router.post("/persons/{person_id}/enable", status_code=204)
def enable_person(asked: Asked, caller: Caller, person_id: Id) -> None:
    asked.identity.enable_person(caller, person_id)


@router.get("/persons/{person_id}/keys")
def list_keys(asked: Asked, caller: Caller, person_id: Id) -> ApiKeysShown:
    return ApiKeysShown(items=tuple(asked.identity.list_keys(caller, person_id)))


@router.post("/persons/{person_id}/keys", status_code=201)
def issue_key(asked: Asked, caller: Caller, person_id: Id, body: KeyWanted) -> KeyIssued:
    """A new key, shown this once; each call makes another."""
    return asked.identity.issue_key(caller, person_id, body.label)


@router.delete("/persons/{person_id}/keys/{key_id}")
def revoke_key(asked: Asked, caller: Caller, person_id: Id, key_id: Id) -> ApiKey:
    return asked.identity.revoke_key(caller, person_id, key_id)
