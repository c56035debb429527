"""API tokens: credentials of one kind. Implements `people.ports.Tokens`."""

from collections.abc import Sequence
from typing import Final

from attrs import evolve
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from mytracks.errors import NotFound
from mytracks.people.ports import Token
from mytracks.sharing.identity import Scope
from mytracks.store.accounts import NAME_OF
from mytracks.store.database import sql
from mytracks.store.device_passwords import USED, Kind
from mytracks.store.schema import credential
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

ALL: Final = Statement(
    select(
        credential.c.id,
        credential.c.user_id,
        credential.c.label,
        credential.c.scopes,
        credential.c.secret_hash,
        credential.c.created,
        credential.c.last_used,
        credential.c.expires,
    )
    .where(credential.c.kind == bindparam("kind"), credential.c.revoked.is_(None))
    .order_by(credential.c.id)
)
_COLUMNS: Final = ("user_id", "kind", "secret_hash", "label", "scopes", "created", "expires")
ADD: Final = Statement(
    insert(credential)
    .values({name: bindparam(name) for name in _COLUMNS})
    .returning(credential.c.id)
)
REVOKE: Final = Statement(
    update(credential)
    .where(credential.c.id == bindparam("number"), credential.c.kind == bindparam("of_kind"))
    .values(revoked=bindparam("now"))
)


class StoredTokens:
    """The API tokens."""

    async def all(self, tx: Transaction) -> Sequence[Token]:
        """Every token that was not revoked; a scope that we do not know opens nothing."""
        known = {scope.value: scope for scope in Scope}
        return [
            Token(
                number=number,
                user=user,
                name=name,
                scopes=frozenset(known[text] for text in scopes.split() if text in known),
                secret_hash=secret_hash,
                created=created,
                last_used=last_used,
                expires=expires,
            )
            for number, user, name, scopes, secret_hash, created, last_used, expires in await sql(
                tx
            ).all(ALL, kind=int(Kind.TOKEN))
        ]

    async def add(self, tx: Transaction, token: Token) -> Token:
        """Store it under a number of its own. Raises NotFound when there is no such account."""
        if await sql(tx).one(NAME_OF, number=token.user) is None:
            raise NotFound("there is no such account")
        row = await sql(tx).one(
            ADD,
            user_id=token.user,
            kind=int(Kind.TOKEN),
            secret_hash=token.secret_hash,
            label=token.name,
            scopes=" ".join(sorted(scope.value for scope in token.scopes)),
            created=token.created,
            expires=token.expires,
        )
        assert row is not None
        return evolve(token, number=row[0])

    async def revoke(self, tx: Transaction, number: int, now: int) -> None:
        """It is not among `all` any more."""
        await sql(tx).run(REVOKE, number=number, of_kind=int(Kind.TOKEN), now=now)

    async def used(self, tx: Transaction, number: int, now: int) -> None:
        """Note that it let somebody in."""
        await sql(tx).run(USED, number=number, now=now)
