"""A later migration, for tests: a column, its content, and a table copied to make it NOT NULL."""

from typing import Final

from alembic import op
from sqlalchemy import Column, Integer, Text

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Give every device a colour that depends on its number."""
    op.add_column("device", Column("colour", Text))
    op.execute("UPDATE device SET colour = 'colour ' || id")
    options = {"sqlite_strict": True, "sqlite_autoincrement": True}
    with op.batch_alter_table("device", table_kwargs=options) as device:
        device.alter_column("colour", existing_type=Text(), nullable=False)
    op.add_column("location", Column("steps", Integer))
