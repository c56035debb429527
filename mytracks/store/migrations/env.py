"""Run by Alembic, inside `mytracks.store.migrating`, on the connection that it hands over.

Whoever writes a version: SQLite changes a column by copying the table, so give
`batch_alter_table` the `table_kwargs` of the table (`sqlite_strict`, `sqlite_with_rowid`,
`sqlite_autoincrement`) or they are lost, never copy `location`, and describe tables as they were
at that revision, not by what `schema.py` says today.
"""

from alembic import context

_connection = context.config.attributes["connection"]
context.configure(
    connection=_connection,
    render_as_batch=_connection.dialect.name == "sqlite",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
