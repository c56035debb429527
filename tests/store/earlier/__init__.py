"""Databases of earlier revisions, with a row or more in every table, as SQL for both databases.

A revision gets its files when it is released, from the tables as that release made them; they are
never changed again.
"""

from pathlib import Path
from typing import Final

REVISIONS: Final = ("0001",)
"""All that were released before today's."""
TABLES: Final = (
    "setting",
    "user_account",
    "device",
    "credential",
    "web_session",
    "location",
    "context",
    "message",
    "quarantine",
)
"""Those of the first revision."""


def script(revision: str, dialect: str) -> str:
    """The statements that make the database."""
    return (Path(__file__).parent / f"{revision}.{dialect}.sql").read_text()
