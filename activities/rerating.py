"""Re-rating (批量重评): a page of the book judged in columns, then put in force as it was previewed.

A page is one transaction under the lock of the run's row. Grades and the dates of ratings are put in
force in sets; no limit moves. A line that fell, or that carries clearly less than its limit, is owed
a review through the outbox: people decide there.
"""

from collections import defaultdict
from datetime import date, timedelta

from sqlalchemy.orm import Session
from temporalio import activity

from activities.assessment import collect_dossier
from activities.book import refresh_book
from activities.signatures import ReratingSteps
from domain.application import Application, ApplicationType
from domain.assessment import Dossier
from domain.calendar import business_on
from domain.edition import PolicyEdition
from domain.errors import CreditError, NotFound, StaleContent
from domain.identity import SYSTEM
from domain.line import CreditLine
from domain.notification import Channel
from domain.override import RatingOverride
from domain.rerating import (
    Judging,
    Outcome,
    Rerating,
    ReratingPage,
    ReratingProgress,
    RunStatus,
    Standing,
)
from domain.value import content_hash
from policies.line import months_later
from policies.outlook import outlook_changes
from policies.override import lasting
from policies.rerating import asks_review, judgings, rerate, with_override
from storage.base import Records
from storage.edition import Editions
from storage.line import Lines
from storage.notification import Outbox
from storage.override import Overrides
from storage.rerating import Reratings

# A change is looked for every day; days on which nobody looked are caught up with, old ones are not
# dug up.
_DAYS_LOOKED_BACK = 31


class ReratingActivities(ReratingSteps):
    """The steps on PostgreSQL."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn
    def preview_rerating(self, page: ReratingPage) -> ReratingProgress:
        on = business_on(page.at, page.offset_days)
        with self._records.begin() as session:
            edition = Editions(session).find_current(on)
            if edition is None:
                raise NotFound(kind="policy edition in force", id=on.isoformat())
            store = Reratings(session)
            run = store.begin(
                page.run_id, edition.edition_hash, on, page.person_id, page.industries
            )
            if run.status is RunStatus.PREVIEWING:
                edition = Editions(session).read(run.edition_hash)
                line_ids = store.find_lines(run.after, page.page_size, run.industries)
                up_to = line_ids[-1] if len(line_ids) == page.page_size else None
                judged = _judged(session, line_ids, edition, run.business_on)
                run = store.record_preview(run, judged, up_to)
                if run.status is RunStatus.PREVIEWED:
                    refresh_book(session, edition, on)
            return _progress(run, RunStatus.PREVIEWING)

    @activity.defn
    def apply_rerating(self, page: ReratingPage) -> ReratingProgress:
        """Refuses `StaleContent` where the hash is not the preview's, and `SameHands`."""
        with self._records.begin() as session:
            store = Reratings(session)
            run = store.read(page.run_id, for_update=True)
            if run.status is RunStatus.PREVIEWED:
                run.refuse_unseen(page.preview_hash, page.person_id)
                if store.preview_hash(run.run_id) != run.preview_hash:
                    raise StaleContent(id=run.run_id)
                run = store.begin_applying(run, page.person_id)
            if run.status is RunStatus.APPLYING:
                edition = Editions(session).read(run.edition_hash)
                until = months_later(run.business_on, edition.review.rating_valid_months)
                done, lost, run = store.apply_page(run, page.page_size, until)
                for each in done:
                    if each.line_id not in lost and asks_review(each, edition):
                        _owe_review(session, run, each)
            return _progress(run, RunStatus.APPLYING)


def owe_outlook_previews(
    session: Session, edition: PolicyEdition, on: date, offset_days: int
) -> None:
    """Owe a preview of the lines whose industry's outlook has changed, once for an edition and day.

    It changes nothing, and stands in the system's name, so that any risk officer may put it in
    force.
    """
    by_day: dict[date, list[str]] = defaultdict(list)
    for change in outlook_changes(edition, Editions(session).find_before(edition)):
        if on - timedelta(days=_DAYS_LOOKED_BACK) < change.on <= on:
            by_day[change.on].append(change.industry)
    for day, industries in by_day.items():
        named = [edition.edition_hash, day.isoformat(), *industries]
        run_id = f"outlook-{content_hash(named)[:24]}"
        Outbox(session).post(
            Channel.TEMPORAL,
            f"{run_id}/{offset_days}",
            recipient=run_id,
            kind="start_rerating",
            facts={
                "run_id": run_id,
                "person_id": SYSTEM.person_id,
                "industries": ",".join(industries),
                "offset_days": str(offset_days),
            },
        )


def _judged(
    session: Session, line_ids: list[str], edition: PolicyEdition, on: date
) -> tuple[Judging, ...]:
    """Every line of a page, each product's in columns; who cannot be judged says why."""
    found: dict[str, Judging] = {}
    by_product: dict[str, list[tuple[Standing, Dossier]]] = defaultdict(list)
    receipts = Overrides(session).receipts_of_lines(line_ids)
    overrides: dict[str, RatingOverride | None] = {}
    for line_id in line_ids:
        line = Lines(session).read(line_id)
        try:
            dossier = collect_dossier(session, _application_of(line), edition, on, routed=False)
            edition.product(line.terms.product)
        except CreditError as refusal:
            found[line_id] = _failed(line, refusal)
        else:
            standing = Standing(
                line_id=line_id,
                customer_id=line.customer_id,
                grade=line.grade,
                limit=dossier.limit_requested_reporting,
            )
            by_product[line.terms.product].append((standing, dossier))
            if line_id in receipts:
                overrides[line_id] = lasting(receipts[line_id], line.grade, on)
    for product, pairs in by_product.items():
        judged = [
            with_override(now, dossier, overrides.get(standing.line_id), edition)
            for now, (standing, dossier) in zip(
                rerate([dossier for _, dossier in pairs], edition, product, on), pairs, strict=True
            )
        ]
        for judging in judgings([standing for standing, _ in pairs], judged):
            found[judging.line_id] = judging.model_copy(
                update={"asks_review": asks_review(judging, edition)}
            )
    return tuple(found[line_id] for line_id in line_ids)


def _application_of(line: CreditLine) -> Application:
    """The line as it is, asked for again: a temporary limit beside it is not judged."""
    return Application(
        customer_id=line.customer_id,
        application_type=ApplicationType.RENEWAL,
        limit_requested=line.terms.limit,
        term_months=line.terms.term_months,
        product=line.terms.product,
        line_id=line.line_id,
    )


def _failed(line: CreditLine, refusal: CreditError) -> Judging:
    return Judging(
        line_id=line.line_id,
        customer_id=line.customer_id,
        outcome=Outcome.FAILED,
        grade_before=line.grade,
        limit_before=line.terms.limit,
        failure=refusal.code,
    )


def _owe_review(session: Session, run: Rerating, judging: Judging) -> None:
    Outbox(session).post(
        Channel.TEMPORAL,
        f"rerating/{run.run_id}/{judging.line_id}",
        recipient=judging.line_id,
        kind="signal_line_review",
        facts={"line_id": judging.line_id},
    )


def _progress(run: Rerating, phase: RunStatus) -> ReratingProgress:
    return ReratingProgress(status=run.status, counts=run.counts, done=run.status is not phase)
