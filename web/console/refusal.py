"""How a refusal looks to a person: the page they were on with what they typed, or a page of its own."""

from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from domain.errors import CreditError, NotSignedIn
from web.console.page import Visit, pages_of, reader_of
from web.problems import Problem

_FOR_PROGRAMS = ("/api/", "/assets/", "/healthz", "/readyz", "/metrics")


def is_for_people(request: Request) -> bool:
    """Whether a page was asked for, and not the API or a file."""
    path = request.url.path
    return not path.startswith(_FOR_PROGRAMS) and hasattr(request.app.state, "pages")


def page_of(request: Request, problem: Problem) -> Response:
    """The page of a refusal: the form it came from, else the sign-in, else what happened."""
    form = getattr(request.state, "page_when_refused", None)
    if form is not None:
        request.state.page_when_refused = None
        try:
            answer: Response = form(problem)
        except CreditError:  # the page itself is not for this person any more
            return _own_page(request, problem)
        return answer
    if problem.code == NotSignedIn.code_name():
        here = request.url.path if request.method == "GET" else "/"
        query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
        return RedirectResponse(f"/sign-in?to={quote(here + query)}", status_code=303)
    return _own_page(request, problem)


def _own_page(request: Request, problem: Problem) -> Response:
    person = getattr(request.state, "person", None)
    visit = Visit(
        request,
        pages_of(request),
        request.app.state.services,
        reader_of(request, person),
        getattr(request.state, "session", None),
    )
    return visit.show("refusal.html", status=problem.status, problem=problem)
