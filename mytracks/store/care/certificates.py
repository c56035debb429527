"""What `mytracks check` looks at of certificates: read without a daemon, with the key ring."""

from pathlib import Path
from typing import Any, Final

from mytracks.pki.checking import Rows, faults
from mytracks.pki.keyring import FILE, KeyRingRefused, open_keyring
from mytracks.pki.keys import Keys
from mytracks.store import certificates
from mytracks.store.care.sides import Row, Side
from mytracks.store.statements import Statement

_MOST: Final = 10
"""Faults that are told at most."""


def counted(side: Side, directory: Path, now: float) -> tuple[dict[str, int], list[str]]:
    """How many there are of each kind, and what is wrong with them, one line each."""
    rows = Rows(
        authorities=[
            certificates.read_authority(row) for row in _ask(side, certificates.AUTHORITIES)
        ],
        servers=[certificates.read_server(row) for row in _ask(side, certificates.SERVERS)],
        leaves=[certificates.read_leaf(row) for row in _ask(side, certificates.LEAVES)],
        lists=[certificates.read_list(row) for row in _ask(side, certificates.LISTS)],
    )
    found: list[str] = []
    keys = None
    try:
        sealed = any(each.sealed_key is not None for each in rows.certified())
        keys = Keys(open_keyring(directory / FILE, sealed_exists=sealed))
    except KeyRingRefused as error:
        found.append(str(error))
    found += faults(rows, keys, now)
    more = [f"and {len(found) - _MOST} more"] if len(found) > _MOST else []
    counts = {
        "authorities": len(rows.authorities),
        "server_certificates": len(rows.servers),
        "client_certificates": len(rows.leaves),
    }
    return counts, found[:_MOST] + more


def _ask(side: Side, statement: Statement) -> list[Row]:
    return [_plain(row) for row in side.ask(statement.texts[side.dialect])]


def _plain(row: Row) -> tuple[Any, ...]:
    """With bytes as bytes: psycopg2 gives a view of them."""
    return tuple(bytes(each) if isinstance(each, memoryview) else each for each in row)
