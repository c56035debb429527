"""What the `mytracks` command can have done to API tokens: made, listed, revoked."""

from collections.abc import Mapping, Sequence
from typing import Any

from mytracks.control.taking import Strict, Work, taking
from mytracks.errors import NotFound
from mytracks.people.build import People
from mytracks.people.ports import Token
from mytracks.people.tokens import read_scopes, written_scopes
from mytracks.sharing.identity import COMMAND_LINE


class NewToken(Strict):
    """`expires_in`: seconds from now; None: it does not expire."""

    user: str
    name: str
    scopes: list[str]
    expires_in: int | None = None


class TokensOf(Strict):
    """`user` None: everybody's."""

    user: str | None = None


class TokenNumber(Strict):
    """A token that is in force."""

    number: int


def table(people: People) -> Mapping[str, Work]:
    """The operations, by name."""
    operations = _Operations(people)
    return {
        "token.add": taking(NewToken, operations.add),
        "token.list": taking(TokensOf, operations.list),
        "token.revoke": taking(TokenNumber, operations.revoke),
    }


class _Operations:
    def __init__(self, people: People) -> None:
        self._people = people

    async def add(self, asked: NewToken) -> dict[str, Any]:
        account = self._people.accounts.named(asked.user)
        expires = None
        if asked.expires_in is not None:
            expires = self._people.tokens.date_in(asked.expires_in)
        issued = await self._people.tokens.issue(
            account, asked.name, read_scopes(asked.scopes), expires, by=COMMAND_LINE
        )
        return {**self._described(issued.token), "token": issued.text}

    async def list(self, asked: TokensOf) -> Sequence[Mapping[str, Any]]:
        tokens = self._people.tokens
        if asked.user is None:
            return [self._described(token) for token in tokens.all()]
        account = self._people.accounts.named(asked.user)
        return [self._described(token) for token in tokens.of(account.number)]

    async def revoke(self, asked: TokenNumber) -> dict[str, Any]:
        tokens = self._people.tokens
        found = next((token for token in tokens.all() if token.number == asked.number), None)
        if found is None:
            raise NotFound(f"There is no token {asked.number}.")
        await tokens.revoke(found.user, found.number, by=COMMAND_LINE)
        return self._described(found)

    def _described(self, token: Token) -> dict[str, Any]:
        """What is told of a token: never what opens the door."""
        account = self._people.accounts.numbered(token.user)
        return {
            "id": token.number,
            "user": "" if account is None else account.name,
            "name": token.name,
            "scopes": written_scopes(token.scopes).split(",") if token.scopes else [],
            "created": token.created,
            "last_used": token.last_used,
            "expires": token.expires,
            "expired": self._people.tokens.expired(token),
        }
