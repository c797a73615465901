"""The application (授信申请): its types, its states, and what a complete one contains."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from domain.approval import ApprovalRequest
from domain.contract import ContractOrder
from domain.errors import (
    AmountNotPositive,
    ApplicationTypeUnknown,
    FormFieldMissing,
    FormFieldRefused,
)
from domain.form import ChangeForm
from domain.identity import Id
from domain.money import Money
from domain.override import OverrideProposal
from domain.value import Value, content_hash


class ApplicationType(StrEnum):
    NEW_LINE = "new_line"  # 新增
    INCREASE = "increase"  # 增额
    DECREASE = "decrease"  # 减额
    TEMPORARY_INCREASE = "temporary_increase"  # 临时增额
    RENEWAL = "renewal"  # 续授信
    PRE_APPROVAL = "pre_approval"  # 预授信: a letter in principle; no agreement follows from it
    EXTENSION = "extension"  # 展期: to a day, until the renewal is decided
    CHANGE_OF_CONDITIONS = "change_of_conditions"  # 变更授信条件
    CHANGE_OF_COVER = "change_of_cover"  # 变更担保
    CHANGE_OF_PRODUCTS = "change_of_products"  # 变更产品
    RESTRUCTURE = "restructure"  # 重组
    TERMINATION = "termination"  # 终止授信

    @property
    def asks_new_line(self) -> bool:
        """Whether it is about a line that is not there yet, on top of those that are."""
        return self in (ApplicationType.NEW_LINE, ApplicationType.PRE_APPROVAL)

    @property
    def has_form(self) -> bool:
        """Whether it says in a form what it changes of a line, and keeps all else as it is."""
        return self in _WITH_FORM

    @property
    def keeps_terms(self) -> bool:
        """Whether the line's terms stay but for what the form says, and no agreement is signed."""
        return self.has_form and self is not ApplicationType.RESTRUCTURE

    @property
    def is_signed(self) -> bool:
        """Whether an agreement follows its letter."""
        return not self.keeps_terms and self is not ApplicationType.PRE_APPROVAL

    @property
    def suits_closing(self) -> bool:
        """Whether a line that ends once nothing is taken may still have it: it lends nothing more."""
        return self in _SUIT_CLOSING


_WITH_FORM = frozenset(
    {
        ApplicationType.EXTENSION,
        ApplicationType.CHANGE_OF_CONDITIONS,
        ApplicationType.CHANGE_OF_COVER,
        ApplicationType.CHANGE_OF_PRODUCTS,
        ApplicationType.RESTRUCTURE,
        ApplicationType.TERMINATION,
    }
)

_SUIT_CLOSING = frozenset(
    {
        ApplicationType.DECREASE,
        ApplicationType.CHANGE_OF_CONDITIONS,
        ApplicationType.CHANGE_OF_COVER,
        ApplicationType.RESTRUCTURE,
    }
)


class CaseStatus(StrEnum):
    """Where a case stands. The five last are ends of a case that never became a line."""

    RECEIVED = "received"
    SUSPENDED = "suspended"  # a screening hit waits for its disposition
    INCOMPLETE = "incomplete"
    ASSESSED = "assessed"
    IN_APPROVAL = "in_approval"
    RETURNED = "returned"  # sent back for supplement
    APPROVED = "approved"
    CONTRACTING = "contracting"
    CONDITIONS = "conditions"  # signed; conditions precedent open
    ACTIVE = "active"
    REFUSED = "refused"  # admission screen
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"

    @property
    def ended(self) -> bool:
        return self in _ENDED


_ENDED = frozenset(
    {
        CaseStatus.ACTIVE,
        CaseStatus.REFUSED,
        CaseStatus.DECLINED,
        CaseStatus.WITHDRAWN,
        CaseStatus.LAPSED,
    }
)


class Application(Value):
    """What is asked for: by whom, for whom, how much, for how long and what for."""

    customer_id: Id
    application_type: ApplicationType = ApplicationType.NEW_LINE
    limit_requested: Money
    term_months: int = Field(default=12, ge=1, le=60)
    purpose: str = Field(default="", max_length=2000)
    product: str = Field(default="open_account", max_length=40)
    line_id: Id | None = None  # the line a change is about
    temporary_until: date | None = None
    attachments: dict[str, str] = Field(default_factory=dict)  # document code -> sha256
    # Why more than policy supports is asked for: the case is put before the body for that.
    above_eligible_reason: str = Field(default="", max_length=2000)
    form: ChangeForm | None = None  # what a change of a line says beside

    @field_validator("application_type", mode="before")
    @classmethod
    def _known(cls, said: Any) -> Any:
        if isinstance(said, str) and said not in set(ApplicationType):
            types = ", ".join(ApplicationType)
            raise ApplicationTypeUnknown(application_type=said[:60], types=types)
        return said

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.limit_requested.minor <= 0:
            raise AmountNotPositive(amount=self.limit_requested)
        self._in_form()
        return self

    def _in_form(self) -> None:
        """Nothing, or the field that the type needs and is not there, or that it does not take."""
        kind = self.application_type
        if self.form is not None and self.form.kind != kind:
            raise FormFieldRefused(application_type=kind, field=f"form.{self.form.kind}")
        if not kind.has_form:
            return
        needed = {"form": self.form, "line_id": self.line_id}
        for field, there in needed.items():
            if there is None:
                raise FormFieldMissing(application_type=kind, field=field)
        refused = {
            "temporary_until": self.temporary_until,
            "above_eligible_reason": self.above_eligible_reason,
        }
        for field, said in refused.items():
            if said:
                raise FormFieldRefused(application_type=kind, field=field)


class ApplicationChange(Value):
    """What a supplement or an amendment brings; what is None stays as it was."""

    limit_requested: Money | None = None
    term_months: int | None = Field(default=None, ge=1, le=60)
    purpose: str | None = Field(default=None, max_length=2000)
    attachments: dict[str, str] = Field(default_factory=dict)
    above_eligible_reason: str | None = Field(default=None, max_length=2000)
    note: str = Field(default="", max_length=2000)

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.limit_requested is not None and self.limit_requested.minor <= 0:
            raise AmountNotPositive(amount=self.limit_requested)
        return self

    def applied_to(self, application: Application) -> Application:
        """The application with this change; documents are added or replaced by code."""
        changed = {
            name: value
            for name in ("limit_requested", "term_months", "purpose", "above_eligible_reason")
            if (value := getattr(self, name)) is not None
        }
        attachments = {**application.attachments, **self.attachments}
        return application.model_copy(update={**changed, "attachments": attachments})


class Case(Value):
    """An application under way, as lists and pages show it."""

    case_id: Id
    application: Application
    status: CaseStatus
    applicant: Id  # who submitted it
    last_editor: Id
    missing: tuple[str, ...] = ()  # completeness codes still open
    reason_codes: tuple[str, ...] = ()
    edition_hash: str = ""
    letter_no: str | None = None
    line_id: Id | None = None
    submitted_at: datetime
    business_on: date
    ended_at: datetime | None = None
    version: int = 1


class CaseStart(Value):
    """What a case's workflow is started with: the id of a request on record, and its day."""

    case_id: Id
    offset_days: int = 0


class CaseStep(Value):
    """A step of a case and the instant its workflow took it."""

    case_id: Id
    at: datetime
    offset_days: int = 0


class Received(Value):
    """The application is on record; `status` says whether it may go on."""

    case_id: Id
    status: CaseStatus
    missing: tuple[str, ...] = ()
    reason_codes: tuple[str, ...] = ()
    customer_id: Id
    applicant: Id
    edition_hash: str
    silence_until: datetime | None = None


class Assessed(Value):
    """What the workflow branches on after assessment; the receipt itself stays in the store."""

    case_id: Id
    status: CaseStatus  # assessed (people decide), approved, declined, or incomplete
    grade: str = ""
    amount_reporting: Decimal = Decimal(0)
    missing: tuple[str, ...] = ()
    silence_until: datetime | None = None
    letter_no: str | None = None
    order: ContractOrder | None = None  # where the automatic lane approved
    approval: ApprovalRequest | None = None  # where people decide


class CaseAction(Value):
    """A message of a person to a case, as its handler parsed it."""

    case_id: Id
    action: str  # supplement, amend, withdraw, dispose, override
    person_id: Id
    message_id: Id
    token: str = Field(min_length=1, max_length=200, repr=False)
    change: ApplicationChange | None = None
    clear: bool | None = None  # of a disposition: cleared, or confirmed
    override: OverrideProposal | None = None
    reason: str = Field(default="", max_length=2000)
    at: datetime
    offset_days: int = 0

    @property
    def said(self) -> str:
        """The hash of what was said, apart from when and with which token."""
        spoken = self.model_dump(mode="json", include={"action", "change", "clear", "reason"})
        # Beside the rest only where there is one: what other messages said keeps its hash.
        if self.override is not None:
            spoken["override"] = self.override.model_dump(mode="json")
        return content_hash(spoken)


class CaseChanged(Value):
    """Where the case stands after a message or an end."""

    case_id: Id
    status: CaseStatus
    missing: tuple[str, ...] = ()
    silence_until: datetime | None = None
    replayed: bool = False


class CaseEnd(Value):
    case_id: Id
    status: CaseStatus
    reason_codes: tuple[str, ...] = ()
    at: datetime
    offset_days: int = 0


class CaseResult(Value):
    """How a case ended; the result of its workflow."""

    case_id: Id
    status: CaseStatus
    letter_no: str | None = None
    line_id: Id | None = None
