"""What the `mytracks` command can have done to second factors: turned off, for whoever has lost
phone and paper."""

from collections.abc import Mapping
from typing import Any

from mytracks.control.taking import Strict, Work, taking
from mytracks.people.build import People
from mytracks.sharing.identity import COMMAND_LINE


class FactorOf(Strict):
    """Whose it is."""

    name: str


def table(people: People) -> Mapping[str, Work]:
    """The operations, by name."""

    async def turn_off(asked: FactorOf) -> dict[str, Any]:
        account = people.accounts.named(asked.name)
        await people.second_factor.turn_off(account.number, by=COMMAND_LINE)
        return {"name": account.name, "was_on": account.totp is not None}

    return {"user.second-factor-off": taking(FactorOf, turn_off)}
