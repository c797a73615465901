"""What may be asked of figures that an analyst supplies: give one, confirm it, read those of a case.

A case that waits for a figure is told when the last word on it is in, and looks at its file again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from domain.analyst_figure import AnalystFigure, FigureContent, factor_of
from domain.application import Case, CaseStatus
from domain.edition import AnalystRule, Factor, PolicyEdition
from domain.errors import NotFound, OutOfOrder, SameHands
from domain.identity import Id, Person
from domain.notification import Channel
from domain.reasons import because
from domain.value import Value
from policies.analyst_figure import factor_asked, factors_asked, refuse_out_of_bounds
from storage.analyst_figure import AnalystFigures
from storage.application import Applications, CaseEvents
from storage.approval import Decisions
from storage.attachment import Attachments
from storage.base import Records
from storage.edition import Editions
from storage.notification import Outbox
from web.service.application import visible_case
from web.service.clock import Clock
from web.service.permissions import Action, permit
from workflows.names import application_id

_WAITING = frozenset({CaseStatus.INCOMPLETE, CaseStatus.RETURNED})


class AskedFigure(Value):
    """A factor that an analyst may supply, what is on record of it, and whether the case waits."""

    factor: str
    figure: str
    rule: AnalystRule
    awaited: bool  # whether the case lacks it now
    versions: tuple[AnalystFigure, ...] = ()  # oldest first; the last that counts is judged by


class CaseFigures(Value):
    """What analysts may supply for a case; nothing where no factor of its edition asks for it."""

    case_id: Id
    changeable: bool
    items: tuple[AskedFigure, ...]


class AnalystFigureService:
    """Supplied figures, over one memory."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def list_of_case(self, person: Person, case_id: str) -> CaseFigures:
        """What may be supplied for a case and what was; `NotFound` where it is not seen."""
        permit(person, Action.APPLICATION_READ)
        with self._records.begin() as session:
            return _figures(session, visible_case(session, person, case_id))

    def supply(self, person: Person, case_id: str, content: FigureContent) -> CaseFigures:
        """Give the figure that a factor of a waiting case lacks, or another in its place.

        Refuses `NotFound` for a factor that is not an analyst's and for a document that is not
        there, `FigureOutOfBounds`, `OutOfOrder`, and `SameHands` for the applicant and for whoever
        has decided on the case.
        """
        permit(person, Action.ANALYST_FIGURE_SUPPLY)
        with self._at_work(person, case_id) as (session, case, edition):
            factor = factor_asked(content.factor, edition)
            refuse_out_of_bounds(content.value, factor)
            Attachments(session).read(content.evidence_hash)
            known = _versions(session, case_id, content.factor)
            figure = AnalystFigure(
                **content.model_dump(),
                case_id=case_id,
                version=len(known) + 1,
                second_needed=factor.analyst is not None and factor.analyst.second_person,
                supplied_by=person.person_id,
                supplied_at=self._clock.now(),
            )
            written = AnalystFigures(session).supply(figure)
            self._tell(session, person, written, "figure_supplied")
            return _figures(session, case)

    def confirm(self, person: Person, case_id: str, factor: str, version: int) -> CaseFigures:
        """The second person's word on the newest value of a factor; their own again changes nothing.

        Refuses `NotFound`, `SameHands` for whoever supplied it, for the applicant and for whoever
        has decided on the case, and `OutOfOrder` for a value that needs no word, has another's, or
        is not the newest.
        """
        permit(person, Action.ANALYST_FIGURE_SUPPLY)
        with self._at_work(person, case_id) as (session, case, _):
            known = {each.version: each for each in _versions(session, case_id, factor)}
            figure = known.get(version)
            if figure is None:
                raise NotFound(kind="supplied figure", id=f"{factor}/{version}")
            if figure.supplied_by == person.person_id:
                raise SameHands(first="supplying a figure", second="confirming it")
            if figure.confirmed_by == person.person_id:
                return _figures(session, case)
            if version != max(known) or not figure.second_needed or figure.confirmed_by:
                raise OutOfOrder(reason="the supplied figure waits for no second person")
            confirmed = AnalystFigures(session).confirm(figure, person.person_id, self._clock.now())
            self._tell(session, person, confirmed, "figure_confirmed")
            return _figures(session, case)

    @contextmanager
    def _at_work(
        self, person: Person, case_id: str
    ) -> Iterator[tuple[Session, Case, PolicyEdition]]:
        """One change to a case that waits, locked, by somebody without another part in it."""
        with self._records.begin() as session:
            visible_case(session, person, case_id)
            case = Applications(session).read_open(case_id)
            if case.status not in _WAITING:
                raise OutOfOrder(
                    **because("case_takes_no", status=case.status, act="supplied figure")
                )
            if person.person_id in (case.applicant, case.last_editor):
                raise SameHands(first="the application", second="supplying a figure")
            decided = {each.person_id for each in Decisions(session).list_of_case(case_id)}
            if person.person_id in decided:
                raise SameHands(first="the decision on a case", second="supplying a figure")
            yield session, case, Editions(session).read(case.edition_hash)

    def _tell(self, session: Session, person: Person, figure: AnalystFigure, kind: str) -> None:
        """The case's timeline says so; once the value counts, the case itself is told."""
        case_id, factor, version = figure.case_id, figure.factor, figure.version
        CaseEvents(session).post(
            case_id,
            kind,
            person_id=person.person_id,
            at=self._clock.now(),
            factor=factor,
            value=f"{figure.value:f}",
            version=str(version),
        )
        if figure.counts:
            Outbox(session).post(
                Channel.TEMPORAL,
                f"{case_id}/figure/{factor}/{version}",
                recipient=case_id,
                kind="signal",
                facts={"workflow_id": application_id(case_id), "name": "file_changed"},
                case_id=case_id,
            )


def _figures(session: Session, case: Case) -> CaseFigures:
    edition = Editions(session).read(case.edition_hash)
    lacking = {factor_of(code) for code in case.missing}
    return CaseFigures(
        case_id=case.case_id,
        changeable=case.status in _WAITING,
        items=tuple(
            AskedFigure(
                factor=factor.code,
                figure=factor.figure,
                rule=_rule(factor),
                awaited=factor.code in lacking,
                versions=_versions(session, case.case_id, factor.code),
            )
            for factor in factors_asked(edition)
        ),
    )


def _rule(factor: Factor) -> AnalystRule:
    assert factor.analyst is not None, f"a checked edition bounds {factor.code}"
    return factor.analyst


def _versions(session: Session, case_id: str, factor: str) -> tuple[AnalystFigure, ...]:
    return tuple(
        each for each in AnalystFigures(session).list_of_case(case_id) if each.factor == factor
    )
