"""`/api/`: what there is, for whoever looks around with a browser or a shell."""

from collections.abc import Sequence
from typing import Final

from mytracks.web.answers import Answer, as_json
from mytracks.web.routes import Audience, Operation, Route, Visit

_BELOW: Final = "/api/"


class Root:
    """Tells of those of `routes` that anybody who is signed in may ask without knowing more."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._paths = {
            route.path.removeprefix(_BELOW): route.path
            for route in routes
            if route.path.startswith(_BELOW) and "<" not in route.path and _is_asked(route)
        }

    async def show(self, visit: Visit) -> Answer:
        """GET /api/"""
        paths = sorted(self._paths.items())
        return as_json({name: visit.request.absolute(path) for name, path in paths})

    def routes(self) -> Sequence[Route]:
        """The path of it."""
        show = Operation(
            handler=self.show, summary="What there is: names and addresses.", result=dict[str, str]
        )
        return [Route("/api", [show])]


def _is_asked(route: Route) -> bool:
    return any(one.safe and one.audience is not Audience.BROWSER for one in route.operations)
