"""`/api/account/totp` and `/api/account/recovery-codes`: the caller's second factor; for
administrators the way to turn somebody's off."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from mytracks.errors import Invalid
from mytracks.people.build import People
from mytracks.sharing.identity import Scope
from mytracks.web import json_body, qr
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import number
from mytracks.web.confirmation import check_fresh, confirm
from mytracks.web.routes import Operation, Route, Visit

Code = Annotated[str, Meta(max_length=200)]
Password = Annotated[str, Meta(max_length=4096)]


class SecondFactorState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the web asks for a code after the password, and how many recovery codes are good."""

    enabled: bool
    recovery_codes_left: int


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into the app: `secret` by hand, `uri` by a link, `qr` (an SVG as a data URI) by its
    camera."""

    secret: str
    uri: str
    qr: str


class Begin(json_body.Body, frozen=True, kw_only=True):
    """Nothing is to be told."""


class Confirm(json_body.Body, frozen=True, kw_only=True):
    """What the app shows now."""

    code: Code


class Confirmation(json_body.Body, frozen=True, kw_only=True):
    """The caller's password, or a code of the app, or a recovery code."""

    current_password: Password = ""
    code: Code = ""


class RecoveryCodes(msgspec.Struct, frozen=True, kw_only=True):
    """They are told this once; each is good once."""

    recovery_codes: list[str]


class SecondFactor:
    """Turns the caller's second factor on and off."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._factor = people.second_factor

    async def show(self, visit: Visit) -> Answer:
        """GET /api/account/totp"""
        user = visit.who.user
        state = SecondFactorState(
            enabled=self._factor.is_on(user), recovery_codes_left=self._factor.codes_left(user)
        )
        return as_json(state)

    async def begin(self, visit: Visit) -> Answer:
        """POST /api/account/totp"""
        json_body.read(visit.request, Begin)
        check_fresh(self._people, visit)
        begun = self._factor.begin(visit.who.user)
        return as_json(Enrolment(secret=begun.secret, uri=begun.uri, qr=qr.picture(begun.uri)))

    async def confirm(self, visit: Visit) -> Answer:
        """POST /api/account/totp/confirm"""
        sent = json_body.read(visit.request, Confirm)
        codes = await self._factor.confirm(visit.who.user, sent.code, by=visit.actor)
        return as_json(RecoveryCodes(recovery_codes=list(codes)))

    async def turn_off(self, visit: Visit) -> Answer:
        """DELETE /api/account/totp"""
        await self._confirmed(visit)
        await self._factor.turn_off(visit.who.user, by=visit.actor)
        return Answer(204)

    async def new_codes(self, visit: Visit) -> Answer:
        """POST /api/account/recovery-codes"""
        await self._confirmed(visit)
        codes = await self._factor.new_codes(visit.who.user, by=visit.actor)
        return as_json(RecoveryCodes(recovery_codes=list(codes)))

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        show = Operation(
            handler=self.show,
            summary="Whether the caller's second factor is on.",
            result=SecondFactorState,
            scope=None,
        )
        turn_off = Operation(
            method="DELETE",
            handler=self.turn_off,
            summary="Turns the second factor off; recovery codes are gone.",
            body=Confirmation,
            status=204,
        )
        new_codes = Operation(
            method="POST",
            handler=self.new_codes,
            summary="New recovery codes in place of those there are.",
            body=Confirmation,
            result=RecoveryCodes,
            refusals=(409,),
        )
        begin, confirm = self._turning_on()
        return [
            Route("/api/account/totp", [show, begin, turn_off]),
            Route("/api/account/totp/confirm", [confirm]),
            Route("/api/account/recovery-codes", [new_codes]),
            *self.admin_routes(),
        ]

    def _turning_on(self) -> tuple[Operation, Operation]:
        begin = Operation(
            method="POST",
            handler=self.begin,
            summary="Begins to turn the second factor on: the secret for an app (TOTP).",
            body=Begin,
            result=Enrolment,
            refusals=(409,),
        )
        confirm = Operation(
            method="POST",
            handler=self.confirm,
            summary="Turns the second factor on, with a code that the app shows: recovery codes.",
            body=Confirm,
            result=RecoveryCodes,
            refusals=(409,),
        )
        return begin, confirm

    async def reset(self, visit: Visit, identifier: str) -> Answer:
        """DELETE /api/admin/users/{id}/second-factor: for whoever has lost phone and paper."""
        user = number(identifier)
        if user == visit.who.user:
            raise Invalid("Turn your own second factor off at /api/account/totp.")
        await self._factor.turn_off(user, by=visit.actor)
        return Answer(204)

    def admin_routes(self) -> Sequence[Route]:
        """The path for administrators."""
        reset = Operation(
            method="DELETE",
            handler=self.reset,
            summary="Turns somebody's second factor off.",
            status=204,
            refusals=(400, 404),
            scope=Scope.ADMIN,
        )
        return [Route("/api/admin/users/<identifier>/second-factor", [reset])]

    async def _confirmed(self, visit: Visit) -> None:
        sent = json_body.read(visit.request, Confirmation)
        await confirm(self._people, visit, password=sent.current_password, code=sent.code)
