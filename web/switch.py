"""Which routes a request is matched against: those alone whose paths share a segment with its own.

There are hundreds, and trying them one by one took more of a request's time than answering it.
"""

from collections import defaultdict
from collections.abc import Iterable

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_CHOSEN = "creditflow.route"


class Switch(BaseRoute):
    """Routes by one segment of their paths, in their order where they share it.

    `place` is that of the segment: 3 of `/api/v1/lines/{line_id}` is `lines`. Each route comes with
    the segments that its paths, or those of the routes in it, have there; none is a parameter.
    """

    def __init__(self, place: int, routes: Iterable[tuple[BaseRoute, Iterable[str]]]) -> None:
        self._place = place
        self._routes: dict[str, list[BaseRoute]] = defaultdict(list)
        for route, segments in routes:
            for segment in segments:
                assert "{" not in segment, segment
                self._routes[segment].append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As the router itself would: the first that fits wholly, or else but for its method."""
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        best: tuple[Match, Scope] = (Match.NONE, {})
        for route in self._routes.get(segment_of(path, self._place), ()):
            match, child_scope = route.matches(scope)
            if match.value > best[0].value:
                best = match, {**child_scope, _CHOSEN: route}
            if match is Match.FULL:
                break
        return best

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope[_CHOSEN].handle(scope, receive, send)


def segment_of(path: str, place: int) -> str:
    """The segment at a place of a path; empty where it has none there."""
    parts = path.split("/", place + 1)
    return parts[place] if len(parts) > place else ""
