"""A later migration, for tests: a column, its content, and a table copied to make it NOT NULL."""

from typing import Final

from alembic import op
from sqlalchemy import Column, Integer, Text

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """Give every device a mark that depends on its number."""
    op.add_column("device", Column("mark", Text))
    op.execute("UPDATE device SET mark = 'mark ' || id")
    options = {"sqlite_strict": True, "sqlite_autoincrement": True}
    with op.batch_alter_table("device", table_kwargs=options) as device:
        device.alter_column("mark", existing_type=Text(), nullable=False)
    op.add_column("location", Column("steps", Integer))
