"""Whoever changes how somebody signs in shows that it is them: a browser that was left open is not
enough. What turns the second factor off, or replaces recovery codes, takes the password or a code;
what adds a way in, which would outlast a new password, takes a sign-in of a moment ago."""

from mytracks.errors import Forbidden, Invalid, Unauthenticated
from mytracks.people.build import People
from mytracks.sharing.identity import Door
from mytracks.web.routes import Visit


async def confirm(people: People, visit: Visit, *, password: str, code: str) -> None:
    """The password, or a code of the second factor, is the viewer's. Empty: not shown.

    Raises Invalid naming the field, Busy as at sign-in, Unavailable.
    """
    who, address = visit.who, visit.request.hop.address
    if code:
        try:
            await people.second_factor.check(who.user, code, address=address)
        except Unauthenticated as error:
            raise Invalid(str(error), {"code": [str(error)]}) from None
        return
    if not password:
        text = "Type your password."
        raise Invalid(text, {"current_password": [text]})
    try:
        await people.signin.password(who.name, password, door=Door.WEB, address=address)
    except Unauthenticated:
        text = "This is not the password."
        raise Invalid(text, {"current_password": [text]}) from None


def check_fresh(people: People, visit: Visit) -> None:
    """The viewer has signed in a moment ago, or shows the password with this very request. Raises
    Forbidden."""
    session = visit.who.session
    if session is not None and not people.sessions.is_fresh(session):
        raise Forbidden("Sign out and in again first: this takes a sign-in of a moment ago.")
