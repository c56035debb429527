"""The store, opened: a database and the nouns that are kept in it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from mytracks.clock import Clock
from mytracks.store.accounts import StoredAccounts
from mytracks.store.audit import StoredAudit
from mytracks.store.certificates import (
    StoredAuthorities,
    StoredLeaves,
    StoredRevocationLists,
    StoredServerCertificates,
)
from mytracks.store.contexts import Contexts
from mytracks.store.database import Database
from mytracks.store.desk import StoredDesk
from mytracks.store.device_passwords import StoredDevicePasswords
from mytracks.store.devices import StoredDevices
from mytracks.store.files import FILE, StoreRefused
from mytracks.store.limits import Limits
from mytracks.store.locations import StoredLocations
from mytracks.store.messages import Messages, StoredMessages
from mytracks.store.mqtt_sessions import StoredJournal
from mytracks.store.passkeys import StoredPasskeys
from mytracks.store.quarantine import Quarantine, SetAsideMessages
from mytracks.store.recording import Recorder
from mytracks.store.recovery import StoredRecoveryCodes
from mytracks.store.sealed import sealed_exists
from mytracks.store.settings import StoredSettings
from mytracks.store.sqlite.driver import SQLiteDatabase
from mytracks.store.sqlite.opening import prepare, refusal
from mytracks.store.tokens import StoredTokens
from mytracks.store.web_sessions import StoredWebSessions

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql://"


@frozen(kw_only=True)
class Store:
    """Everything that is kept. Services take the parts they need."""

    database: Database
    accounts: StoredAccounts
    device_passwords: StoredDevicePasswords
    tokens: StoredTokens
    web_sessions: StoredWebSessions
    audit: StoredAudit
    recovery_codes: StoredRecoveryCodes
    passkeys: StoredPasskeys
    devices: StoredDevices
    locations: StoredLocations
    journal: StoredJournal
    quarantine: SetAsideMessages
    desk: StoredDesk
    messages: StoredMessages
    authorities: StoredAuthorities
    server_certificates: StoredServerCertificates
    leaves: StoredLeaves
    revocation_lists: StoredRevocationLists
    settings: StoredSettings

    def sealed_exists(self) -> Deferred[bool]:
        """Whether some record is sealed, so that it takes the key ring to read it."""
        return self.database.read(sealed_exists)

    def close(self) -> Deferred[None]:
        """Store what waits, refuse what comes, fire when all is closed."""
        return self.database.close()


async def open_store(
    directory: Path,
    database: str,
    clock: Clock,
    reactor: IReactorFromThreads,
    limits: Limits,
    on_fatal: Callable[[str], object],
) -> Store:
    """Open the store; make it where there has never been one.

    `database`: `sqlite`, which is a file in `directory`, or a `postgresql://` URL. `on_fatal` is
    called on the reactor, with one line, when nothing can be stored any more. Raises StoreRefused
    or CorruptDatabase, whose text is one line for people.
    """
    if database == SQLITE:
        return await _on_sqlite(directory, clock, reactor, limits, on_fatal)
    if not database.startswith(POSTGRESQL):
        # The text may hold a password: it is not repeated.
        raise StoreRefused("the database must be sqlite or a postgresql:// URL")
    return await _on_postgresql(directory, database, clock, reactor, limits, on_fatal)


async def _on_sqlite(
    directory: Path,
    clock: Clock,
    reactor: IReactorFromThreads,
    limits: Limits,
    on_fatal: Callable[[str], object],
) -> Store:
    path = directory / FILE
    opened = SQLiteDatabase(
        path,
        lambda: prepare(directory, limits, int(clock.now())),
        clock,
        reactor,
        limits,
        on_fatal,
    )
    try:
        await opened.open()
    except (sqlite3.Error, OSError) as error:
        raise refusal(path, error) from error
    if path.stat().st_size > limits.check_at_start:
        opened.check()
    return _furnished(opened, limits)


async def _on_postgresql(
    directory: Path,
    url: str,
    clock: Clock,
    reactor: IReactorFromThreads,
    limits: Limits,
    on_fatal: Callable[[str], object],
) -> Store:
    # psycopg2 and libpq are large, and needed only here.
    from mytracks.store.postgresql import opening
    from mytracks.store.postgresql.driver import PostgreSQLDatabase
    from mytracks.store.postgresql.known import Known

    known = Known(directory)
    opened = PostgreSQLDatabase(
        url,
        lambda: opening.prepare(url, limits, int(clock.now()), known=known),
        clock,
        reactor,
        limits,
        on_fatal,
    )
    await opened.open()
    return _furnished(opened, limits)


def _furnished(database: Database, limits: Limits) -> Store:
    """The nouns on an open database."""
    devices = StoredDevices()
    recorder = Recorder(devices, Contexts(limits), Messages(limits), Quarantine(limits))
    return Store(
        database=database,
        accounts=StoredAccounts(),
        device_passwords=StoredDevicePasswords(devices),
        tokens=StoredTokens(),
        web_sessions=StoredWebSessions(),
        audit=StoredAudit(),
        recovery_codes=StoredRecoveryCodes(),
        passkeys=StoredPasskeys(),
        devices=devices,
        locations=StoredLocations(devices),
        journal=StoredJournal(database, recorder),
        quarantine=SetAsideMessages(recorder.carefully),
        desk=StoredDesk(),
        messages=StoredMessages(),
        authorities=StoredAuthorities(),
        server_certificates=StoredServerCertificates(),
        leaves=StoredLeaves(),
        revocation_lists=StoredRevocationLists(),
        settings=StoredSettings(),
    )
