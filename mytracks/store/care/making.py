"""Today's tables in an empty PostgreSQL database that a copy goes into."""

from typing import Final

from mytracks.store.care.postgresql_side import PostgreSQLSide
from mytracks.store.files import StoreRefused
from mytracks.store.postgresql.catalogue import SERVER, Server
from mytracks.store.postgresql.opening import LOCK
from mytracks.store.postgresql.refusing import refuse_server
from mytracks.store.schema import ddl
from mytracks.store.statements import NAMED

_TRY: Final = "SELECT pg_try_advisory_xact_lock(%s, %s)"


def make_tables(target: PostgreSQLSide) -> None:
    """Make all tables in the transaction that is under way. Raises StoreRefused."""
    (row,) = target.ask(SERVER)
    refuse_server(Server(*row), target.place)
    if not target.ask(_TRY, LOCK)[0][0]:
        raise StoreRefused(f"another process prepares the database {target.place}")
    for statement in ddl(NAMED["postgresql"]):
        target.run(statement)
