"""What is done alike with authorities and with server certificates: one of a kind is active, and
each is shown, fetched, ended and deleted.

How one comes to be here is its kind's own, and so is what the document says of each path.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from attrs import frozen
from twisted.internet.defer import Deferred

from mytracks.errors import NotFound
from mytracks.pki.ports import Certified
from mytracks.sharing.identity import Actor, Scope
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import number
from mytracks.web.api.pki import files
from mytracks.web.api.pki.asked import as_invalid
from mytracks.web.routes import Operation, Route, Visit

R = TypeVar("R", bound=Certified)


class Kept(Protocol[R]):
    """The certificates of one kind: `pki.authority.Authorities`, `pki.servers.Servers`."""

    def active(self) -> R | None:
        """The one that is in use."""

    def numbered(self, number: int) -> R:
        """The one with this number. Raises NotFound."""

    def pem(self, number: int) -> bytes:
        """What is fetched of it, as text. Raises NotFound."""

    def deactivate(self, number: int, *, by: Actor) -> Deferred[R]:
        """End it. Raises NotFound, Conflict."""

    def expunge(self, number: int, *, by: Actor) -> Deferred[None]:
        """Delete one that has ended. Raises NotFound, Conflict."""


@frozen(kw_only=True)
class Told:
    """What is said of one kind: of the paths, and to whom asks where `none` is active."""

    active: str
    none: str
    show: str
    download: str
    deactivate: str
    expunge: str


class Shelf(Generic[R]):
    """Those of one kind, below `path`. `shown`: as the API shows one, which is a `result`;
    `called`: what its file is called."""

    def __init__(
        self,
        path: str,
        kept: Kept[R],
        told: Told,
        *,
        shown: Callable[[R], msgspec.Struct],
        result: type[msgspec.Struct],
        called: Callable[[R], str],
    ) -> None:
        self._path = path
        self._kept = kept
        self._told = told
        self._shown = shown
        self._result = result
        self._called = called

    async def active(self, visit: Visit) -> Answer:
        """GET …/active"""
        found = self._kept.active()
        if found is None:
            raise NotFound(self._told.none)
        return as_json(self._shown(found))

    async def show(self, visit: Visit, identifier: str) -> Answer:
        """GET …/{id}"""
        return as_json(self._shown(self._kept.numbered(number(identifier))))

    async def download(self, visit: Visit, identifier: str) -> Answer:
        """GET …/{id}/download"""
        found = self._kept.numbered(number(identifier))
        name = f"{self._called(found)}.pem"
        return files.attachment(self._kept.pem(found.number), files.PEM, name)

    async def deactivate(self, visit: Visit, identifier: str) -> Answer:
        """DELETE …/{id}"""
        with as_invalid():
            await self._kept.deactivate(number(identifier), by=visit.actor)
        return Answer(204)

    async def expunge(self, visit: Visit, identifier: str) -> Answer:
        """DELETE …/{id}/expunge"""
        with as_invalid():
            await self._kept.expunge(number(identifier), by=visit.actor)
        return Answer(204)

    def routes(self) -> Sequence[Route]:
        """These paths."""
        told, one = self._told, f"{self._path}/<identifier>"
        active = Operation(
            handler=self.active,
            summary=told.active,
            result=self._result,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        show = Operation(
            handler=self.show,
            summary=told.show,
            result=self._result,
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        download = Operation(
            handler=self.download,
            summary=told.download,
            files=(files.PEM,),
            refusals=(404,),
            scope=Scope.ADMIN,
        )
        return [
            Route(f"{self._path}/active", [active]),
            Route(one, [show, _ending(self.deactivate, told.deactivate)]),
            Route(f"{one}/expunge", [_ending(self.expunge, told.expunge)]),
            Route(f"{one}/download", [download]),
        ]


def _ending(
    handler: Callable[[Visit, str], Coroutine[Any, Any, Answer]], summary: str
) -> Operation:
    return Operation(
        method="DELETE",
        handler=handler,
        summary=summary,
        status=204,
        refusals=(400, 404),
        scope=Scope.ADMIN,
    )
