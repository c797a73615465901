"""What each change of a line in force asks for, beside what every application says (申请要素).

The kind is the application's type. What a type does not name is kept as the line has it: its
product, its term and its limit are said by nobody, or said as they are.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from domain.contract import ConditionAsked
from domain.cover import CoverContent, CoverUse
from domain.errors import AmountNotPositive, FormFieldMissing
from domain.identity import Id
from domain.money import Money
from domain.refusal_words import STATES
from domain.scheme import SubLine
from domain.value import Value

TermCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}(:[1-9][0-9]?)?$")]


class ExtensionForm(Value):
    """The line goes on, as it is, to a day on which the renewal will have been decided (展期)."""

    kind: Literal["extension"] = "extension"
    until: date


class ConditionsForm(Value):
    """Conditions and requirements of the letter are added, or given up by their codes."""

    kind: Literal["change_of_conditions"] = "change_of_conditions"
    added: tuple[ConditionAsked, ...] = Field(default=(), max_length=20)
    dropped: tuple[TermCode, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.added and not self.dropped:
            raise _missing(self.kind, "form.added, form.dropped")
        return self


class CoverAdded(Value):
    """So much of a cover on the register, to secure the line alone."""

    cover_id: Id
    amount: Money


class CoverForm(Value):
    """Covers of the register are set aside for the line, or set free of it."""

    kind: Literal["change_of_cover"] = "change_of_cover"
    added: tuple[CoverAdded, ...] = Field(default=(), max_length=20)
    released: tuple[Id, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.added and not self.released:
            raise _missing(self.kind, "form.added, form.released")
        if len(set(self.cover_ids)) < len(self.cover_ids):
            raise ValueError("a cover is added or released once")
        for each in self.added:
            if each.amount.minor <= 0:
                raise AmountNotPositive(amount=each.amount)
        return self

    @property
    def cover_ids(self) -> tuple[str, ...]:
        return (*(each.cover_id for each in self.added), *self.released)

    def applied_to(
        self, cover_id: str, content: CoverContent, customer_id: str, line_id: str
    ) -> CoverContent:
        """A cover with what the form changes of it for a customer's line."""
        gone = line_id if cover_id in self.released else None
        kept = [use for use in content.uses if gone is None or use.line_id != gone]
        new = [
            CoverUse(customer_id=customer_id, line_id=line_id, amount=each.amount)
            for each in self.added
            if each.cover_id == cover_id
        ]
        return content.model_copy(update={"uses": (*kept, *new)})


class ProductsForm(Value):
    """Another product of the catalogue, or other sub-lines within the limit (用途变更)."""

    kind: Literal["change_of_products"] = "change_of_products"
    product: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    sub_lines: tuple[SubLine, ...] = Field(default=(), max_length=20)


class RestructureForm(Value):
    """What is owed gets another term, at no higher a limit (重组)."""

    kind: Literal["restructure"] = "restructure"
    term_months: int = Field(ge=1, le=60)


class TerminationForm(Value):
    """Nothing more is drawn, and the line ends when nothing is taken any more (终止)."""

    kind: Literal["termination"] = "termination"


ChangeForm = Annotated[
    ExtensionForm | ConditionsForm | CoverForm | ProductsForm | RestructureForm | TerminationForm,
    Field(discriminator="kind"),
]


def _missing(kind: str, field: str) -> FormFieldMissing:
    word = STATES["ApplicationType"][kind]
    return FormFieldMissing(application_type=kind, application_type_zh=word, field=field)
