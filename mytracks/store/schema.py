"""The tables, in the layout of both databases. A change here needs a migration beside it and a new
`REVISION`; what is stored under a number means what the module says that reads and writes it.

Whatever belongs to an account or a device goes with it. Secrets stand here only as hashes or
sealed: `totp`, `encryption_key`, `sealed_key`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from mytracks.store.tables import (
    ONLY,
    Big,
    clustered,
    count,
    flags,
    key_of,
    mention,
    metadata,
    numbered,
    only_one,
    owner,
    owner_in_key,
    plain,
    version,
)

REVISION: Final = "0002"
"""The migration that leads to these tables."""

user_account: Final = numbered(
    "user_account",
    Column("name", Text, nullable=False, unique=True),
    Column("display", Text, nullable=False),
    Column("role", Integer, nullable=False),
    Column("password", Text, nullable=False),
    Column("totp", LargeBinary),
    Column("disabled", Integer, nullable=False),
    Column("email", Text, nullable=False),
    Column("created", Big, nullable=False),
    Column("settings", Text, nullable=False),
    Column("last_login", Big),
    Column("totp_step", Big),
)

device: Final = numbered(
    "device",
    owner("user_id", "user_account"),
    Column("name", Text, nullable=False),
    Column("tid", Text),
    Column("platform", Integer),
    Column("client_id", Text),
    Column("created", Big, nullable=False),
    Column("seen", Big, nullable=False),
    Column("last_tst", Big),
    Column("last_seq", Integer),
    count("locations"),
    Column("card_id", Big),
    flags("flags"),
    count("fold_version"),
    Column("color", Text),
    Column("encryption_key", LargeBinary),
    UniqueConstraint("user_id", "name"),
)

credential: Final = numbered(
    "credential",
    owner("user_id", "user_account"),
    Column("kind", Integer, nullable=False),
    owner("device_id", "device", nullable=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created", Big, nullable=False),
    Column("last_used", Big),
    Column("expires", Big),
    Column("revoked", Big),
    Index(None, "user_id"),
    Index(None, "device_id"),
)

web_session: Final = clustered(
    "web_session",
    Column("token_hash", LargeBinary, primary_key=True),
    owner("user_id", "user_account"),
    Column("created", Big, nullable=False),
    Column("seen", Big, nullable=False),
    Column("expires", Big, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    flags("factors"),
    Index(None, "user_id"),
)

location: Final = clustered(
    "location",
    owner_in_key("device_id", "device"),
    Column("tst", Big, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("lat", Integer, nullable=False),
    Column("lon", Integer, nullable=False),
    Column("acc", Integer),
    Column("alt", Integer),
    Column("vac", Integer),
    Column("vel", Integer),
    Column("cog", Integer),
    Column("batt", Integer),
    Column("bs", Integer),
    Column("conn", Integer),
    Column("mode", Integer),
    Column("trig", Integer),
    Column("source", Integer),
    Column("via", Integer, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("delay", Integer),
    Column("message_id", Integer),
    Column("reported", Integer),
    Column("context_id", Big),
    Column("extra", Text),
)

context: Final = plain(
    "context",
    Column("id", Big, primary_key=True),
    owner("device_id", "device"),
    Column("hash", LargeBinary, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("device_id", "hash"),
)

message: Final = plain(
    "message",
    Column("id", Big, primary_key=True),
    owner("device_id", "device"),
    Column("received", Big, nullable=False),
    Column("type", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "device_id", "received"),
    Index(None, "received"),
)

quarantine: Final = plain(
    "quarantine",
    Column("id", Big, primary_key=True),
    Column("received", Big, nullable=False),
    Column("source", Integer, nullable=False),
    owner("user_id", "user_account", nullable=True),
    owner("device_id", "device", nullable=True),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "user_id"),
    Index(None, "device_id"),
)

setting: Final = plain(
    "setting",
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed", Big, nullable=False),
)

# MQTT: sessions of clients that want to be remembered, what waits for them, what is retained.
# Client ids belong to their user: another user's same id is another session.

mqtt_session: Final = numbered(
    "mqtt_session",
    owner("user_id", "user_account"),
    key_of("client"),
    Column("client_id", Text, nullable=False),
    mention("device_id", "device"),
    Column("level", Integer, nullable=False),
    # By which the host knows its owner again after a restart; never a secret.
    Column("mark", Text, nullable=False),
    Column("created", Big, nullable=False),
    Column("seen", Big, nullable=False),
    Column("expires", Big),
    # Up to which ordinal its queue may have been sent.
    count("next_ordinal"),
    # Which process has it, and how often it was taken over: a late write of another is refused.
    flags("node"),
    count("epoch"),
    # Messages that were dropped for want of room, and that newer ones of their topic replaced,
    # since this was last told in the log.
    count("dropped"),
    count("displaced"),
    UniqueConstraint("user_id", "client_key"),
    Index(None, "device_id"),
    Index(None, "expires"),
)

mqtt_subscription: Final = clustered(
    "mqtt_subscription",
    owner_in_key("session_id", "mqtt_session"),
    key_of("filter", primary_key=True),
    Column("filter", Text, nullable=False),
    Column("qos", Integer, nullable=False),
)

mqtt_payload: Final = numbered(
    "mqtt_payload",
    # Who published it, and about which device: rights are asked again when it is delivered.
    owner("user_id", "user_account", nullable=True),
    owner("device_id", "device", nullable=True),
    Column("topic", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created", Big, nullable=False),
    Index(None, "user_id"),
    Index(None, "device_id"),
)

mqtt_queued: Final = clustered(
    "mqtt_queued",
    owner_in_key("session_id", "mqtt_session"),
    Column("ordinal", Big, primary_key=True, autoincrement=False),
    # No foreign key: it would need an index as large as the table. A reference whose payload went
    # is nothing to deliver, its number is never given again, and a daily sweep removes it.
    Column("payload_id", Big, nullable=False),
    Column("qos", Integer, nullable=False),
    flags("flags"),
    Column("expires", Big),
)

mqtt_received: Final = clustered(
    "mqtt_received",
    owner_in_key("session_id", "mqtt_session"),
    Column("packet_id", Integer, primary_key=True, autoincrement=False),
)

mqtt_retained: Final = plain(
    "mqtt_retained",
    Column("id", Big, primary_key=True),
    key_of("topic", unique=True),
    Column("topic", Text, nullable=False),
    # Whose limit it counts against.
    owner("user_id", "user_account", nullable=True),
    owner("device_id", "device", nullable=True),
    Column("qos", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("stored", Big, nullable=False),
    Index(None, "user_id"),
    Index(None, "device_id"),
)

mqtt_will: Final = plain(
    "mqtt_will",
    Column("id", Big, primary_key=True),
    owner("user_id", "user_account"),
    key_of("client"),
    Column("client_id", Text, nullable=False),
    Column("mark", Text, nullable=False),
    flags("node"),
    Column("topic", Text, nullable=False),
    Column("qos", Integer, nullable=False),
    Column("retain", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("stored", Big, nullable=False),
    UniqueConstraint("user_id", "client_key"),
)

# Certificates. One authority is active, and one server certificate for each use of it. Revoked and
# expunged ones stay, without certificate and key, until they expire: the revocation list needs
# them. One whose user went counts as revoked.


def _certified() -> Sequence[Column[Any]]:
    return (
        Column("serial", LargeBinary, nullable=False),
        Column("fingerprint", LargeBinary, nullable=False, unique=True),
        Column("subject", Text, nullable=False),
        Column("sealed_key", LargeBinary),
        Column("key_type", Text, nullable=False),
        Column("key_size", Integer, nullable=False),
        Column("created", Big, nullable=False),
        Column("not_before", Big, nullable=False),
        Column("not_after", Big, nullable=False),
    )


def _revocable() -> Sequence[Column[Any]]:
    return Column("revoked", Big), Column("reason", Integer), Column("expunged", Big)


authority: Final = numbered(
    "authority",
    *_certified(),
    Column("certificate", LargeBinary, nullable=False),
    Column("state", Integer, nullable=False),
    count("crl_number"),
    only_one("authority", 1),
)

leaf: Final = numbered(
    "leaf",
    owner("authority_id", "authority"),
    mention("user_id", "user_account"),
    mention("device_id", "device"),
    *_certified(),
    Column("certificate", LargeBinary),
    *_revocable(),
    UniqueConstraint("authority_id", "serial"),
    Index(None, "user_id"),
    Index(None, "device_id"),
    Index(None, "revoked"),
)

server_certificate: Final = numbered(
    "server_certificate",
    # Null: made elsewhere.
    owner("authority_id", "authority", nullable=True),
    Column("name", Text, nullable=False),
    Column("names", Text, nullable=False),
    Column("use", Integer, nullable=False),
    Column("source", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    *_certified(),
    Column("chain", LargeBinary),
    *_revocable(),
    UniqueConstraint("authority_id", "serial"),
    only_one("server_certificate", 1, "use"),
)

crl: Final = plain(
    "crl",
    owner_in_key("authority_id", "authority"),
    Column("number", Big, primary_key=True, autoincrement=False),
    Column("this_update", Big, nullable=False),
    Column("next_update", Big, nullable=False),
    Column("der", LargeBinary, nullable=False),
)

# People: what signs in beside a password, and what was done.

passkey: Final = numbered(
    "passkey",
    owner("user_id", "user_account"),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("handle", LargeBinary, nullable=False),
    Column("sign_count", Big, nullable=False),
    Column("aaguid", LargeBinary),
    Column("transports", Text, nullable=False),
    flags("flags"),
    Column("label", Text, nullable=False),
    Column("created", Big, nullable=False),
    Column("last_used", Big),
    Index(None, "user_id"),
)

audit: Final = numbered(
    "audit",
    Column("at", Big, nullable=False),
    # The name stays when the account goes.
    mention("actor_id", "user_account"),
    Column("actor", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "object"),
    Index(None, "actor_id", "at"),
)

writer_mark: Final = plain(
    "writer_mark",
    # The last batch that each process has committed: after a lost COMMIT it is asked.
    Column("node", Integer, primary_key=True, autoincrement=False),
    Column("batch", Big, nullable=False),
    info={ONLY: "postgresql"},
)


def tables(dialect: str) -> Sequence[Table]:
    """Ours on that database, parents before what refers to them."""
    return [t for t in metadata.sorted_tables if t.info.get(ONLY, dialect) == dialect]


def ddl(dialect: Dialect) -> Sequence[str]:
    """The statements that make a whole new database, marked with its revision."""
    return [*_made(dialect), f"INSERT INTO alembic_version (version_num) VALUES ('{REVISION}')"]


def _made(dialect: Dialect) -> Iterator[str]:
    for table in (version, *tables(dialect.name)):
        yield str(CreateTable(table).compile(dialect=dialect))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index).compile(dialect=dialect))
