"""What we ask PostgreSQL about itself. Names resolve as the connection's search path says."""

from typing import Final

from attrs import frozen

OURS: Final = frozenset({"alembic_version", "setting", "user_account", "device", "location"})
"""Tables of every revision: a database that has them all is one of ours."""


@frozen
class Server:
    """What decides whether a server will do; the columns of `SERVER`."""

    number: int
    version: str
    encoding: str
    schema: str | None
    search_path: str
    standby: bool
    read_only: str
    fsync: str
    full_page_writes: str
    synchronous_commit: str


SERVER: Final = """
    SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
        current_setting('server_encoding'), current_schema(), current_setting('search_path'),
        pg_is_in_recovery(), current_setting('transaction_read_only'), current_setting('fsync'),
        current_setting('full_page_writes'), current_setting('synchronous_commit')
"""

_HERE: Final = """
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema()
"""

TABLES: Final = f"""
    SELECT c.relname {_HERE} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (
        SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.deptype = 'e'
    )
"""
"""What is there, but for what belongs to an extension."""

FOUND_ELSEWHERE: Final = """
    SELECT quote_ident(current_schema()), (
        SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass('location') AND to_regclass('alembic_version') IS NOT NULL
        AND to_regclass('user_account') IS NOT NULL
    ), has_schema_privilege(current_schema(), 'CREATE'), quote_ident(current_user)
"""
"""The schema for new tables, the one further down the path that has ours, whether we may make
tables, and who we are."""

OUT_OF_REACH: Final = f"""
    SELECT c.relname {_HERE} AND c.relkind IN ('r', 'p') AND c.relname = ANY(%s) AND NOT (
        has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
    ) ORDER BY 1
"""
"""Which of the named tables we may not use."""

OTHER_NODES: Final = """
    SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s
    AND objsubid = 2 AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY objid
"""
"""The numbers of the processes, but for ourselves, that hold a lock of the class."""
