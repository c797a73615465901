"""What a page types of a change of a line: the fields of its type, and no others."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import Form

from domain.application import Application, ApplicationType
from domain.errors import FormFieldRefused
from domain.form import ConditionsForm, CoverForm, ExtensionForm, ProductsForm
from domain.money import Money
from web.console.formats import Formats, short_id
from web.console.lists import plain_amount
from web.console.page import Visit
from web.language import Speech
from web.problems import Problem

# Of each type, the fields of the page that its form is made of.
FIELDS: Mapping[ApplicationType, tuple[str, ...]] = {
    ApplicationType.EXTENSION: ("until",),
    ApplicationType.CHANGE_OF_CONDITIONS: ("added", "dropped"),
    ApplicationType.CHANGE_OF_COVER: ("cover_added", "cover_released"),
    ApplicationType.CHANGE_OF_PRODUCTS: ("sub_lines",),
}
# Beside the types that grant, which of them say a product, a term or an amount themselves.
GRANTING = tuple(each for each in ApplicationType if not each.has_form)
SAYING: Mapping[str, tuple[ApplicationType, ...]] = {
    "product": (*GRANTING, ApplicationType.CHANGE_OF_PRODUCTS),
    "term_months": (*GRANTING, ApplicationType.RESTRUCTURE),
    "amount": (*GRANTING, ApplicationType.RESTRUCTURE),
    "currency": (
        *GRANTING,
        ApplicationType.RESTRUCTURE,
        ApplicationType.CHANGE_OF_COVER,
        ApplicationType.CHANGE_OF_PRODUCTS,
    ),
    "line": tuple(each for each in ApplicationType if not each.asks_new_line),
    "temporary_until": (ApplicationType.TEMPORARY_INCREASE,),
    "kept": tuple(each for each in ApplicationType if each.has_form),
    "above": GRANTING,
}
_PLACE = re.compile(r"form\.([a-z_]+)")


@dataclass(frozen=True)
class TypedForm:
    """The fields of every form, kept when they are refused; a list has an item a line."""

    until: str = ""
    added: str = ""
    dropped: str = ""
    cover_added: str = ""  # COVER AMOUNT
    cover_released: str = ""
    sub_lines: str = ""  # PRODUCT AMOUNT MONTHS


NOTHING_TYPED = TypedForm()


def typed_form(
    until: Annotated[str, Form()] = "",
    added: Annotated[str, Form()] = "",
    dropped: Annotated[str, Form()] = "",
    cover_added: Annotated[str, Form()] = "",
    cover_released: Annotated[str, Form()] = "",
    sub_lines: Annotated[str, Form()] = "",
) -> TypedForm:
    return TypedForm(until, added, dropped, cover_added, cover_released, sub_lines)


def form_of(
    visit: Visit,
    kind: ApplicationType,
    typed: TypedForm,
    *,
    product: str,
    term_months: int | None,
    currency: str,
) -> dict[str, Any] | None:
    """The form of a type as `Application` takes it; None of a type that has none.

    Refuses `FormFieldRefused` for a field of another type, and `FieldUnreadable`.
    """
    for field, text in asdict(typed).items():
        if text.strip() and field not in FIELDS.get(kind, ()):
            raise FormFieldRefused(application_type=kind, field=visit.speech.say(f"field.{field}"))
    content: dict[str, Any] = {}
    match kind:
        case ApplicationType.EXTENSION:
            content = {"until": visit.day(typed.until, "until")}
        case ApplicationType.CHANGE_OF_CONDITIONS:
            content = {"added": _rows(typed.added), "dropped": _rows(typed.dropped)}
        case ApplicationType.CHANGE_OF_COVER:
            added = [
                {"cover_id": cover_id, "amount": Money.of(plain_amount(amount), currency)}
                for cover_id, amount in _parts(visit, typed.cover_added, "cover_added", 2)
            ]
            content = {"added": added, "released": _rows(typed.cover_released)}
        case ApplicationType.CHANGE_OF_PRODUCTS:
            content = {
                "product": product,
                "sub_lines": [
                    {
                        "product": code,
                        "limit": Money.of(plain_amount(amount), currency),
                        "tenor_months": months,
                    }
                    for code, amount, months in _parts(visit, typed.sub_lines, "sub_lines", 3)
                ],
            }
        case ApplicationType.RESTRUCTURE:
            content = {"term_months": term_months}
        case ApplicationType.TERMINATION:
            pass
        case _:
            return None
    return {"kind": kind, **content}


def _rows(text: str) -> list[str]:
    return [row.strip() for row in text.splitlines() if row.strip()]


def _parts(visit: Visit, text: str, field: str, count: int) -> list[list[str]]:
    found = [row.split() for row in _rows(text)]
    if any(len(parts) != count for parts in found):
        raise visit.unreadable(field, f"{field}_row")
    return found


def in_words(refusal: Problem, application_type: str, speech: Speech) -> Problem:
    """A refusal that names the places of a form as the page does."""

    fields = next((FIELDS[each] for each in FIELDS if each == application_type), ())

    def called(place: re.Match[str]) -> str:
        names = (place[1], f"cover_{place[1]}")
        return speech.name("field", next((each for each in fields if each in names), place[1]))

    return refusal.model_copy(update={"detail": _PLACE.sub(called, refusal.detail)})


def form_said(
    application: Application, formats: Formats, speech: Speech
) -> list[tuple[str, list[str]]]:
    """What an application's form says, field by field, as its page shows it."""
    money, name = formats.money_for_reader, speech.name
    said: dict[str, list[str]]
    match application.form:
        case ExtensionForm(until=until):
            said = {"until": [formats.on(until)]}
        case ConditionsForm(added=added, dropped=dropped):
            said = {"added": [each.text for each in added], "dropped": list(dropped)}
        case CoverForm(added=covers, released=released):
            texts = [f"{short_id(each.cover_id)} · {money(each.amount)}" for each in covers]
            said = {"cover_added": texts, "cover_released": [short_id(each) for each in released]}
        case ProductsForm(sub_lines=sub_lines):
            said = {
                "sub_lines": [
                    " · ".join(
                        (
                            name("product_name", each.product),
                            money(each.limit),
                            speech.say("case.months", months=each.tenor_months),
                        )
                    )
                    for each in sub_lines
                ]
            }
        case _:
            said = {}
    return [(field, texts) for field, texts in said.items() if texts]
