"""The policy (政策) as people read it: every table of an edition, in words."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse

from domain.edition import Bin, PolicyEdition
from web.console.assessment import bin_shown
from web.console.page import Visit, Visiting
from web.language import Speech
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)


@router.get("/policy")
def show_policy(visit: Visiting) -> HTMLResponse:
    """The edition in force today, and all that were published."""
    return _policy_page(visit, None)


@router.get("/policy/{edition_hash}")
def show_edition(visit: Visiting, edition_hash: str) -> HTMLResponse:
    """One edition; receipts link here by its hash."""
    return _policy_page(visit, edition_hash)


@router.get("/policy/{edition_hash}/source")
def show_source(visit: Visiting, edition_hash: str) -> PlainTextResponse:
    """The text as it was published, comments and all."""
    return PlainTextResponse(visit.services.editions.read_source(visit.person, edition_hash))


def _policy_page(visit: Visit, edition_hash: str | None) -> HTMLResponse:
    edition = visit.services.editions.read_edition(visit.person, edition_hash)
    return visit.show(
        "edition/policy.html",
        edition=edition,
        edition_hash=edition.edition_hash,
        trend=lambda factor: factor.trend,
        drafts=visit.services.drafts.list_drafts(visit.person),
        published=tuple(reversed(visit.services.editions.list_editions(visit.person))),
        grades=_by_grade(edition),
        may_read_outlooks=permitted(visit.person, Action.RERATING_READ),
        bins=lambda factor: [(_bin(each, visit.speech), each.points) for each in factor.bins],
        parts=("scale", "scorecard", "knock-outs", "limit", "price", "approval", "monitoring"),
    )


def _by_grade(edition: PolicyEdition) -> list[dict[str, Any]]:
    """All that hangs on a grade, in one row each, best first."""
    return [
        {
            "grade": each.grade,
            "score_min": {
                f"{card.model} {card.version}": card.score_min[each.grade]
                for card in edition.scorecards.values()
            },
            "pd": each.pd,
            "lendable": each.lendable,
            "cap": edition.money(edition.limit.grade_cap[each.grade]),
            "margin": edition.price.margin_min[each.grade],
            "days": edition.contract.payment_days[each.grade],
            "months": edition.review.cycle_months[each.grade],
        }
        for each in edition.master_scale
    ]


def _bin(each: Bin, speech: Speech) -> str:
    """A bin of a factor in words: its name, its categories, or its bounds."""
    if each.label:
        return bin_shown(each.label, speech)
    if each.categories:
        return ", ".join(each.categories)
    if each.at_least is None and each.below is None:
        return speech.name("bin", "any other")
    if each.at_least is None:
        return speech.say("rating.below", high=each.below)
    if each.below is None:
        return speech.say("rating.above", low=each.at_least)
    return speech.say("rating.between", low=each.at_least, high=each.below)
