"""A later migration, for tests: a table with content and an index."""

from typing import Final

from alembic import op
from sqlalchemy import Column, Integer, Text, column, table

revision: Final = "0004"
down_revision: Final = "0003"


def upgrade() -> None:
    """Make trips."""
    op.create_table(
        "trip",
        Column("id", Integer, primary_key=True),
        Column("name", Text, nullable=False),
        sqlite_strict=True,
    )
    op.bulk_insert(table("trip", column("id"), column("name")), [{"id": 1, "name": "first"}])
    op.create_index("ix_location_lat", "location", ["lat"])
