"""Why a PostgreSQL server or database is not used, in one line for people, without the password."""

from typing import Final

import psycopg2
from psycopg2 import errors

from mytracks.store.files import StoreRefused
from mytracks.store.postgresql import address
from mytracks.store.postgresql.catalogue import Server

OLDEST: Final = 13
"""The oldest that a Linux distribution in long-term support still ships."""


def refusal(url: str, error: psycopg2.Error) -> StoreRefused:
    """What keeps us from using the database at `url`."""
    where = f"the database {address.place(url)}"
    said = _line(error, url)
    if isinstance(error, errors.InsufficientPrivilege):
        return StoreRefused(f"{where} does not give us the rights that we need: {said}")
    if isinstance(error, errors.LockNotAvailable):
        return StoreRefused(f"{where} cannot be prepared: another program locks its tables")
    if error.pgcode is not None:
        return StoreRefused(f"{where} cannot be prepared: {said}")
    _, fatal, refused = said.partition("FATAL: ")
    if fatal:
        return StoreRefused(f"{where} refuses us: {refused.strip()}")
    return StoreRefused(f"{where} cannot be reached: {said}")


def refuse_server(server: Server, where: str) -> None:
    """Raise StoreRefused unless the server keeps what it has acknowledged, and fits us."""
    why = _unfit(server)
    if why:
        raise StoreRefused(f"the database {where} cannot be used: {why}")


def _unfit(server: Server) -> str:
    if server.number < OLDEST * 10_000:
        return f"PostgreSQL {server.version} is too old, at least {OLDEST} is needed"
    for name in ("fsync", "full_page_writes"):
        if getattr(server, name) != "on":
            return f"{name} is off on the server, so a power cut would lose what was acknowledged"
    if server.standby:
        return "the server is a standby, which only reads"
    if server.read_only != "off":
        return "its transactions are read-only (default_transaction_read_only)"
    if server.encoding != "UTF8":
        return (
            f"its encoding is {server.encoding}, make one WITH ENCODING 'UTF8' TEMPLATE template0"
        )
    if server.schema is None:
        return f"no schema of its search path ({server.search_path}) is there for our tables"
    return ""


def _line(error: psycopg2.Error, url: str) -> str:
    """The first line that says something, without who and where, which the URL tells."""
    said = error.diag.message_primary or str(error) or type(error).__name__
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("\t")]
    text = " ".join((lines or [""])[0].split())
    if text.startswith("connection to server"):
        text = text.partition(" failed: ")[2] or text
    password = address.parts(url).get("password")
    return text.replace(password, "…") if password else text
