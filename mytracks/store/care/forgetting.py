"""What only a lost key ring could open is given up, so that the server starts again.

Nothing else goes. Certificates stay what they are: those of clients let in as before. An authority
without its key signs nothing more, not even a revocation list: it stays trusted until its last list
lapses. A server certificate without its key cannot be shown.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import asdict, frozen

from mytracks.errors import Unavailable
from mytracks.pki.certificates import called
from mytracks.pki.keyring import FILE as KEYRING
from mytracks.pki.keyring import key_of, open_keyring
from mytracks.pki.ports import AuthorityState, ServerState
from mytracks.sharing.identity import COMMAND_LINE
from mytracks.store.care import sqlite_side
from mytracks.store.care.backup import Source
from mytracks.store.care.sides import Side, refuse_unfinished, revision
from mytracks.store.care.wording import SQLITE, worded
from mytracks.store.files import FILE, StoreRefused
from mytracks.store.recovery import KIND as RECOVERY_CODE
from mytracks.store.schema import REVISION
from mytracks.store.sealed_keys import sealed_in

_WHAT: Final = "nothing was given up"

_FACTORS: Final = "SELECT id, name, totp FROM user_account WHERE totp IS NOT NULL"
_PAYLOAD_KEYS: Final = (
    "SELECT d.id, u.name || '/' || d.name, d.encryption_key FROM device d"
    " JOIN user_account u ON u.id = d.user_id WHERE d.encryption_key IS NOT NULL"
)
_AUTHORITIES: Final = "SELECT id, subject, sealed_key FROM authority WHERE sealed_key IS NOT NULL"
_SERVERS: Final = "SELECT id, name, sealed_key FROM server_certificate WHERE sealed_key IS NOT NULL"
_CLIENTS: Final = "SELECT id, subject, sealed_key FROM leaf WHERE sealed_key IS NOT NULL"
_ACME: Final = "SELECT name, value FROM setting WHERE name LIKE 'acme.%'"


@frozen
class Thing:
    """Something sealed: its row, and what people call it."""

    row: Any
    name: str


@frozen(kw_only=True)
class Lost:
    """All that the key ring cannot open."""

    second_factors: Sequence[Thing]
    payload_keys: Sequence[Thing]
    authorities: Sequence[Thing]
    server_certificates: Sequence[Thing]
    client_certificates: Sequence[Thing]
    acme: Sequence[Thing]

    def kinds(self) -> Mapping[str, Sequence[Thing]]:
        """All of it, by kind."""
        return asdict(self, recurse=False)

    def counted(self) -> int:
        """How many secrets that are."""
        return sum(map(len, self.kinds().values()))


def lost(source: Source) -> Lost:
    """What the key ring that is there, or none, cannot open. Raises StoreRefused, and
    KeyRingRefused for a key ring that has to be put right, or moved away, first."""
    with _opened(source) as side:
        return _lost(side, _ids(source.directory))


def give_up(source: Source, now: int) -> Lost:
    """Give up all of that in one commit; what it was. `now`: UTC seconds. Raises as `lost` does."""
    with _opened(source) as side, side.transaction():
        found = _lost(side, _ids(source.directory))
        if found.counted():
            _give_up(side, found, now)
    return found


def _ids(directory: Path) -> Collection[bytes]:
    return open_keyring(directory / KEYRING, sealed_exists=False).ids


@contextmanager
def _opened(source: Source) -> Iterator[Side]:
    """The database, which nobody else has, with today's tables."""
    path = source.directory / FILE
    with worded(_WHAT, path, source.database):
        side: Side
        if source.database == SQLITE:
            if not path.exists():
                raise StoreRefused(f"{_WHAT}: there is no database {path}")
            side = sqlite_side.writing(path)
        else:
            from mytracks.store.care import postgresql_side

            side = postgresql_side.writing(source.database)
        with closing(side):
            refuse_unfinished(side)
            if (found := revision(side)) != REVISION:
                raise StoreRefused(
                    f"{_WHAT}: {side.place} has tables {found} and this mytracks knows {REVISION}:"
                    " start it once, so that they are the same"
                )
            yield side


def _lost(side: Side, ids: Collection[bytes]) -> Lost:
    def of(query: str) -> list[Thing]:
        rows = side.ask(f"{query} ORDER BY 1")
        return [Thing(row, str(name)) for row, name, sealed in rows if _is_lost(sealed, ids)]

    acme = [(str(name), sealed_in(str(text))) for name, text in side.ask(_ACME)]
    return Lost(
        second_factors=of(_FACTORS),
        payload_keys=of(_PAYLOAD_KEYS),
        authorities=[Thing(each.row, called(each.name)) for each in of(_AUTHORITIES)],
        server_certificates=of(_SERVERS),
        client_certificates=[Thing(each.row, called(each.name)) for each in of(_CLIENTS)],
        acme=[Thing(name, name) for name, sealed in acme if _is_lost(sealed, ids)],
    )


def _is_lost(sealed: bytes, ids: Collection[bytes]) -> bool:
    try:
        return key_of(bytes(sealed)) not in ids
    except Unavailable:
        # Damaged: no key ring opens it.
        return True


def _give_up(side: Side, found: Lost, now: int) -> None:
    here = f"WHERE id = {side.mark}"
    for each in found.second_factors:
        side.run(f"UPDATE user_account SET totp = NULL, totp_step = NULL {here}", (each.row,))
        side.run(
            f"DELETE FROM credential WHERE kind = {RECOVERY_CODE} AND user_id = {side.mark}",
            (each.row,),
        )
    for each in found.payload_keys:
        side.run(f"UPDATE device SET encryption_key = NULL {here}", (each.row,))
    for each in found.authorities:
        side.run(f"UPDATE authority SET sealed_key = NULL {here}", (each.row,))
        side.run(
            f"UPDATE authority SET state = {AuthorityState.TRUSTED:d}"
            f" {here} AND state = {AuthorityState.ACTIVE:d}",
            (each.row,),
        )
    for each in found.server_certificates:
        side.run(
            f"UPDATE server_certificate SET sealed_key = NULL, state = {ServerState.INACTIVE:d}"
            f" {here}",
            (each.row,),
        )
    for each in found.client_certificates:
        side.run(f"UPDATE leaf SET sealed_key = NULL {here}", (each.row,))
    for each in found.acme:
        side.run(f"DELETE FROM setting WHERE name = {side.mark}", (each.row,))
    _note(side, found, now)


def _note(side: Side, found: Lost, now: int) -> None:
    marks = ", ".join([side.mark] * 6)
    side.run(
        f"INSERT INTO audit (at, actor, address, action, object, detail) VALUES ({marks})",
        (
            now,
            COMMAND_LINE.name,
            COMMAND_LINE.address,
            "key.forget",
            "keyring",
            f"{found.counted()} secrets",
        ),
    )
