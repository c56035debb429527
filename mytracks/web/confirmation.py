"""Whoever changes how somebody signs in shows once more that it is them: a browser that was left
open must not do."""

from mytracks.errors import Invalid, Unauthenticated
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
