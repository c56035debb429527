"""Today's tables in an empty PostgreSQL database that a copy goes into."""

from typing import Final

from mytracks.store.care.postgresql_side import PostgreSQLSide, names
from mytracks.store.care.sides import revision
from mytracks.store.files import StoreRefused
from mytracks.store.notes import COPYING
from mytracks.store.postgresql.catalogue import OTHER_NODES, OURS, SERVER, Server
from mytracks.store.postgresql.opening import LOCK
from mytracks.store.postgresql.refusing import refuse_server
from mytracks.store.schema import REVISION, ddl
from mytracks.store.statements import NAMED

_TRY: Final = "SELECT pg_try_advisory_xact_lock(%s, %s)"
_LOCK_COPY: Final = "SELECT pg_try_advisory_lock(%s, %s)"
_COPY: Final = (LOCK[0], 1)
"""Held by the one process that copies into a database."""
_MARK: Final = "INSERT INTO setting (name, value, changed) VALUES (%s, %s, %s)"


def make_tables(target: PostgreSQLSide) -> None:
    """Make all tables in the transaction that is under way. Raises StoreRefused."""
    (row,) = target.ask(SERVER)
    refuse_server(Server(*row), target.place)
    if not target.ask(_TRY, LOCK)[0][0]:
        raise StoreRefused(f"another process prepares the database {target.place}")
    for statement in ddl(NAMED["postgresql"]):
        target.run(statement)


def begin_copy(target: PostgreSQLSide, way: str, now: int) -> None:
    """Make the target of a copy, marked with how far it is, unless it is one already.

    What is there may be a copy that is finished, which has no mark any more. Raises StoreRefused
    when it cannot be one, or somebody else copies into it.
    """
    if not target.ask(_LOCK_COPY, _COPY)[0][0]:
        raise StoreRefused(f"another process copies into the database {target.place}")
    with target.transaction():
        found = names(target)
        if not found:
            make_tables(target)
            target.run(
                "INSERT INTO setting (name, value, changed) VALUES (%s, %s, %s)",
                (COPYING, way, now),
            )
        elif not _is_copy(target, found):
            some = ", ".join(sorted(found)[:3])
            raise StoreRefused(
                f"the database {target.place} is not empty ({some}, …), nor an unfinished copy"
            )


def hold_node(side: PostgreSQLSide, node: int) -> None:
    """Be the only process on this database until `side` closes. Raises StoreRefused."""
    # All of txpostgres hangs on it.
    from mytracks.store.postgresql import listening

    if not side.ask(_LOCK_COPY, (listening.LOCK, node))[0][0]:
        raise _running(side, str(node))
    refuse_nodes(side)


def refuse_nodes(side: PostgreSQLSide) -> None:
    """Raise StoreRefused where a process of any node but ours uses the database."""
    from mytracks.store.postgresql import listening

    others = side.ask(OTHER_NODES, (listening.LOCK,))
    if others:
        raise _running(side, ", ".join(str(each) for (each,) in others))


def _running(side: PostgreSQLSide, nodes: str) -> StoreRefused:
    return StoreRefused(
        f"mytracks is running on the database {side.place} (node {nodes}): stop it first"
    )


def _is_copy(target: PostgreSQLSide, found: set[str]) -> bool:
    """Whether it is an unfinished copy, or may be one that is finished and was not used since."""
    if not found >= OURS:
        return False
    if target.ask("SELECT 1 FROM setting WHERE name = %s", (COPYING,)):
        return True
    if revision(target) != REVISION:
        return False
    # Each process that stores leaves its mark there, before anything else.
    if "writer_mark" not in found or target.ask("SELECT 1 FROM writer_mark"):
        raise StoreRefused(
            f"the database {target.place} is not empty: mytracks has run on it; a copy that was"
            " used since it was finished is not made again"
        )
    return True
