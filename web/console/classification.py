"""Classes (五级分类): the book by tier and stage with its allowance, and who stands where."""

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import HTMLResponse

from domain.classification import FiveTier, Stage
from web.api.pages import after_text
from web.console.lists import PAGE_SIZE, next_path, typed_day
from web.console.page import Visiting, Writing
from web.service.permissions import Action, permitted

router = APIRouter(include_in_schema=False)

AsOf = Annotated[str, Query(max_length=10)]


@router.get("/classes")
def list_classes(
    visit: Visiting, as_of: AsOf = "", tier: str = "", stage: str = "", after: str | None = None
) -> HTMLResponse:
    """The figures of a day, and the customers they sum up."""
    on = typed_day(as_of, "as_of") or visit.services.clock.business_on()
    tier_chosen = FiveTier(tier) if tier in set(FiveTier) else None
    stage_chosen = Stage(int(stage)) if stage in {str(each.value) for each in Stage} else None
    found = visit.services.classes.list_classes(
        visit.person,
        on,
        tier=tier_chosen,
        stage=stage_chosen,
        after=after_text(after),
        page_size=PAGE_SIZE + 1,
    )
    standings = found[:PAGE_SIZE]
    manual_classes = visit.services.manual_classes.list_newest(visit.person, PAGE_SIZE)
    chosen = {
        "as_of": on.isoformat(),
        "tier": tier_chosen.value if tier_chosen else "",
        "stage": str(stage_chosen.value) if stage_chosen else "",
    }
    return visit.show(
        "classification/classes.html",
        as_of=on,
        figures=visit.services.classes.read_figures(visit.person, on),
        standings=standings,
        names=visit.customer_names(each.customer_id for each in standings),
        tiers=list(FiveTier),
        stages=list(Stage),
        chosen=chosen,
        filtered=bool(tier_chosen or stage_chosen),
        runs=visit.services.classes.list_runs(visit.person, page_size=5),
        manual_classes=manual_classes,
        manual_names=visit.customer_names(each.customer_id for each in manual_classes),
        may_run=permitted(visit.person, Action.CLASS_RUN),
        next_path=next_path(
            found, f"/classes?{urlencode(chosen)}", lambda each: (each.customer_id,)
        ),
    )


@router.post("/classes/run")
def run(visit: Writing, as_of: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Classify the book as of a day, and every later day that was run already."""
    on: date | None = typed_day(as_of, "as_of")
    visit.services.classes.run(visit.person, on)
    return visit.go(f"/classes?as_of={on or ''}", "classification_started")
