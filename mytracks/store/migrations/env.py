"""Run by Alembic, inside `mytracks.store.migrating`, on the connection that it hands over."""

from alembic import context

_connection = context.config.attributes["connection"]
context.configure(
    connection=_connection,
    render_as_batch=_connection.dialect.name == "sqlite",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
