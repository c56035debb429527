"""Signed-in browsers in the database. Implements `people.ports.WebSessions`."""

from collections.abc import Sequence
from typing import Final

from attrs import asdict
from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from mytracks.errors import NotFound
from mytracks.people.ports import Factor, WebSession
from mytracks.store.accounts import NAME_OF
from mytracks.store.database import sql
from mytracks.store.schema import web_session
from mytracks.store.statements import Statement
from mytracks.transaction import Transaction

ALL: Final = Statement(
    select(
        web_session.c.token_hash,
        web_session.c.user_id,
        web_session.c.created,
        web_session.c.seen,
        web_session.c.expires,
        web_session.c.address,
        web_session.c.agent,
        web_session.c.factors,
    ).where(web_session.c.expires > bindparam("now"))
)
_new: Final = insert(web_session).values(
    token_hash=bindparam("token_hash"),
    user_id=bindparam("user"),
    created=bindparam("created"),
    seen=bindparam("seen"),
    expires=bindparam("expires"),
    address=bindparam("address"),
    agent=bindparam("agent"),
    factors=bindparam("factors"),
)
PUT: Final = Statement(
    _new.on_conflict_do_update(
        index_elements=["token_hash"],
        set_={name: _new.excluded[name] for name in ("created", "seen", "expires")},
    )
)
END: Final = Statement(
    delete(web_session).where(web_session.c.token_hash == bindparam("token_hash"))
)
SWEEP: Final = Statement(delete(web_session).where(web_session.c.expires <= bindparam("now")))


class StoredWebSessions:
    """The web sessions."""

    async def all(self, tx: Transaction, now: int) -> Sequence[WebSession]:
        """Every session not yet expired at `now`."""
        return [
            WebSession(
                token_hash=token_hash,
                user=user,
                created=created,
                seen=seen,
                expires=expires,
                address=address,
                agent=agent,
                factors=Factor(factors),
            )
            for token_hash, user, created, seen, expires, address, agent, factors in await sql(
                tx
            ).all(ALL, now=now)
        ]

    async def put(self, tx: Transaction, session: WebSession) -> None:
        """Store a session, or the newer dates of one that is there. Raises NotFound
        when there is no such account."""
        if await sql(tx).one(NAME_OF, number=session.user) is None:
            raise NotFound("there is no such account")
        await sql(tx).run(PUT, **asdict(session) | {"factors": int(session.factors)})

    async def end(self, tx: Transaction, token_hashes: Sequence[bytes]) -> None:
        """Remove these sessions; unknown ones are none the less gone."""
        for token_hash in token_hashes:
            await sql(tx).run(END, token_hash=token_hash)

    async def sweep(self, tx: Transaction, now: int) -> None:
        """Remove what expired before `now`."""
        await sql(tx).run(SWEEP, now=now)
