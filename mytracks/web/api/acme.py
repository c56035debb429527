"""`/.well-known/acme-challenge/<token>`: what a public authority looks at before it gives out a
certificate. Open to all, and never elsewhere: it is asked for by plain HTTP."""

from collections.abc import Callable, Sequence
from typing import Final

from mytracks.errors import NotFound
from mytracks.web.answers import NO_STORE, Answer
from mytracks.web.routes import Entry, Operation, Route, Visit

OCTETS: Final = b"application/octet-stream"


class ACMEChallenges:
    """`answer`: what is told to whoever asks for a token; None: nobody should."""

    def __init__(self, answer: Callable[[str], str | None]) -> None:
        self._answer = answer

    async def show(self, visit: Visit, token: str) -> Answer:
        """GET /.well-known/acme-challenge/<token>"""
        told = self._answer(token)
        if told is None:
            raise NotFound("There is no such challenge.")
        return Answer(200, told.encode("ascii"), OCTETS, (NO_STORE,))

    def routes(self) -> Sequence[Route]:
        """The one path."""
        operation = Operation(handler=self.show, entry=Entry.NOBODY)
        return [Route("/.well-known/acme-challenge/<token>", [operation])]
