"""MQTT sessions and what waits for them, certificates, passkeys, the audit log; new columns."""

from collections.abc import Sequence
from typing import Any, Final

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)

revision: Final = "0002"
down_revision: Final = "0001"

_Big: Final = BigInteger().with_variant(Integer(), "sqlite")
_PLAIN: Final[dict[str, Any]] = {"sqlite_strict": True}
_NUMBERED: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_autoincrement": True}
_CLUSTERED: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Only new tables and new columns: nothing that is there is copied."""
    op.add_column("user_account", Column("last_login", _Big))
    op.add_column("user_account", Column("totp_step", _Big))
    op.add_column("device", Column("color", Text))
    op.add_column("device", Column("encryption_key", LargeBinary))
    op.add_column(
        "web_session", Column("factors", Integer, nullable=False, server_default=text("0"))
    )
    _authority()
    _audit()
    _crl()
    _mqtt_will()
    _passkey()
    _server_certificate()
    _leaf()
    _mqtt_payload()
    _mqtt_retained()
    _mqtt_session()
    _mqtt_queued()
    _mqtt_received()
    _mqtt_subscription()
    if op.get_bind().dialect.name == "postgresql":
        _writer_mark()


def _belongs_to(table: str, column: str, parent: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )


def _mentions(table: str, column: str, parent: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete="SET NULL"
    )


def _only_one(name: str, table: str, columns: Sequence[str]) -> None:
    where = text("state = 1")
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)


def _authority() -> None:
    op.create_table(
        "authority",
        Column("id", _Big, nullable=False),
        Column("serial", LargeBinary, nullable=False),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("subject", Text, nullable=False),
        Column("sealed_key", LargeBinary),
        Column("key_type", Text, nullable=False),
        Column("key_size", Integer, nullable=False),
        Column("created", _Big, nullable=False),
        Column("not_before", _Big, nullable=False),
        Column("not_after", _Big, nullable=False),
        Column("certificate", LargeBinary, nullable=False),
        Column("state", Integer, nullable=False),
        Column("crl_number", _Big, nullable=False, server_default=text("0")),
        PrimaryKeyConstraint("id", name="pk_authority"),
        UniqueConstraint("fingerprint", name="uq_authority_fingerprint"),
        **_NUMBERED,
    )
    _only_one("uq_authority_active", "authority", ["state"])


def _writer_mark() -> None:
    op.create_table(
        "writer_mark",
        Column("node", Integer, nullable=False, autoincrement=False),
        Column("batch", _Big, nullable=False),
        PrimaryKeyConstraint("node", name="pk_writer_mark"),
        **_PLAIN,
    )


def _audit() -> None:
    op.create_table(
        "audit",
        Column("id", _Big, nullable=False),
        Column("at", _Big, nullable=False),
        Column("actor_id", _Big),
        Column("actor", Text, nullable=False),
        Column("address", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("object", Text, nullable=False),
        Column("detail", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_audit"),
        _mentions("audit", "actor_id", "user_account"),
        **_NUMBERED,
    )
    op.create_index("ix_audit_actor_id_at", "audit", ["actor_id", "at"])
    op.create_index("ix_audit_object", "audit", ["object"])


def _crl() -> None:
    op.create_table(
        "crl",
        Column("authority_id", _Big, nullable=False, autoincrement=False),
        Column("number", _Big, nullable=False, autoincrement=False),
        Column("this_update", _Big, nullable=False),
        Column("next_update", _Big, nullable=False),
        Column("der", LargeBinary, nullable=False),
        PrimaryKeyConstraint("authority_id", "number", name="pk_crl"),
        _belongs_to("crl", "authority_id", "authority"),
        **_PLAIN,
    )


def _mqtt_will() -> None:
    op.create_table(
        "mqtt_will",
        Column("id", _Big, nullable=False),
        Column("user_id", _Big, nullable=False),
        Column("client_key", LargeBinary, nullable=False),
        Column("client_id", Text, nullable=False),
        Column("mark", Text, nullable=False),
        Column("node", Integer, nullable=False, server_default=text("0")),
        Column("topic", Text, nullable=False),
        Column("qos", Integer, nullable=False),
        Column("retain", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("stored", _Big, nullable=False),
        UniqueConstraint("user_id", "client_key", name="uq_mqtt_will_user_id_client_key"),
        PrimaryKeyConstraint("id", name="pk_mqtt_will"),
        _belongs_to("mqtt_will", "user_id", "user_account"),
        **_PLAIN,
    )


def _passkey() -> None:
    op.create_table(
        "passkey",
        Column("id", _Big, nullable=False),
        Column("user_id", _Big, nullable=False),
        Column("credential_id", LargeBinary, nullable=False),
        Column("public_key", LargeBinary, nullable=False),
        Column("handle", LargeBinary, nullable=False),
        Column("sign_count", _Big, nullable=False),
        Column("aaguid", LargeBinary),
        Column("transports", Text, nullable=False),
        Column("flags", Integer, nullable=False, server_default=text("0")),
        Column("label", Text, nullable=False),
        Column("created", _Big, nullable=False),
        Column("last_used", _Big),
        PrimaryKeyConstraint("id", name="pk_passkey"),
        _belongs_to("passkey", "user_id", "user_account"),
        UniqueConstraint("credential_id", name="uq_passkey_credential_id"),
        **_NUMBERED,
    )
    op.create_index("ix_passkey_user_id", "passkey", ["user_id"])


def _server_certificate() -> None:
    op.create_table(
        "server_certificate",
        Column("id", _Big, nullable=False),
        Column("authority_id", _Big),
        Column("name", Text, nullable=False),
        Column("names", Text, nullable=False),
        Column("use", Integer, nullable=False),
        Column("source", Integer, nullable=False),
        Column("state", Integer, nullable=False),
        Column("serial", LargeBinary, nullable=False),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("subject", Text, nullable=False),
        Column("sealed_key", LargeBinary),
        Column("key_type", Text, nullable=False),
        Column("key_size", Integer, nullable=False),
        Column("created", _Big, nullable=False),
        Column("not_before", _Big, nullable=False),
        Column("not_after", _Big, nullable=False),
        Column("chain", LargeBinary),
        Column("revoked", _Big),
        Column("reason", Integer),
        Column("expunged", _Big),
        UniqueConstraint(
            "authority_id", "serial", name="uq_server_certificate_authority_id_serial"
        ),
        PrimaryKeyConstraint("id", name="pk_server_certificate"),
        _belongs_to("server_certificate", "authority_id", "authority"),
        UniqueConstraint("fingerprint", name="uq_server_certificate_fingerprint"),
        **_NUMBERED,
    )
    _only_one("uq_server_certificate_active", "server_certificate", ["use"])


def _leaf() -> None:
    op.create_table(
        "leaf",
        Column("id", _Big, nullable=False),
        Column("authority_id", _Big, nullable=False),
        Column("user_id", _Big),
        Column("device_id", _Big),
        Column("serial", LargeBinary, nullable=False),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("subject", Text, nullable=False),
        Column("sealed_key", LargeBinary),
        Column("key_type", Text, nullable=False),
        Column("key_size", Integer, nullable=False),
        Column("created", _Big, nullable=False),
        Column("not_before", _Big, nullable=False),
        Column("not_after", _Big, nullable=False),
        Column("certificate", LargeBinary),
        Column("revoked", _Big),
        Column("reason", Integer),
        Column("expunged", _Big),
        UniqueConstraint("authority_id", "serial", name="uq_leaf_authority_id_serial"),
        PrimaryKeyConstraint("id", name="pk_leaf"),
        _belongs_to("leaf", "authority_id", "authority"),
        _mentions("leaf", "user_id", "user_account"),
        _mentions("leaf", "device_id", "device"),
        UniqueConstraint("fingerprint", name="uq_leaf_fingerprint"),
        **_NUMBERED,
    )
    op.create_index("ix_leaf_device_id", "leaf", ["device_id"])
    op.create_index("ix_leaf_revoked", "leaf", ["revoked"])
    op.create_index("ix_leaf_user_id", "leaf", ["user_id"])


def _mqtt_payload() -> None:
    op.create_table(
        "mqtt_payload",
        Column("id", _Big, nullable=False),
        Column("user_id", _Big),
        Column("device_id", _Big),
        Column("topic", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("created", _Big, nullable=False),
        PrimaryKeyConstraint("id", name="pk_mqtt_payload"),
        _belongs_to("mqtt_payload", "user_id", "user_account"),
        _belongs_to("mqtt_payload", "device_id", "device"),
        **_NUMBERED,
    )
    op.create_index("ix_mqtt_payload_device_id", "mqtt_payload", ["device_id"])
    op.create_index("ix_mqtt_payload_user_id", "mqtt_payload", ["user_id"])


def _mqtt_retained() -> None:
    op.create_table(
        "mqtt_retained",
        Column("id", _Big, nullable=False),
        Column("topic_key", LargeBinary, nullable=False),
        Column("topic", Text, nullable=False),
        Column("user_id", _Big),
        Column("device_id", _Big),
        Column("qos", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("stored", _Big, nullable=False),
        PrimaryKeyConstraint("id", name="pk_mqtt_retained"),
        UniqueConstraint("topic_key", name="uq_mqtt_retained_topic_key"),
        _belongs_to("mqtt_retained", "user_id", "user_account"),
        _belongs_to("mqtt_retained", "device_id", "device"),
        **_PLAIN,
    )
    op.create_index("ix_mqtt_retained_device_id", "mqtt_retained", ["device_id"])
    op.create_index("ix_mqtt_retained_user_id", "mqtt_retained", ["user_id"])


def _mqtt_session() -> None:
    op.create_table(
        "mqtt_session",
        Column("id", _Big, nullable=False),
        Column("user_id", _Big, nullable=False),
        Column("client_key", LargeBinary, nullable=False),
        Column("client_id", Text, nullable=False),
        Column("device_id", _Big),
        Column("level", Integer, nullable=False),
        Column("mark", Text, nullable=False),
        Column("created", _Big, nullable=False),
        Column("seen", _Big, nullable=False),
        Column("expires", _Big),
        Column("next_ordinal", _Big, nullable=False, server_default=text("0")),
        Column("node", Integer, nullable=False, server_default=text("0")),
        Column("epoch", _Big, nullable=False, server_default=text("0")),
        Column("dropped", _Big, nullable=False, server_default=text("0")),
        Column("displaced", _Big, nullable=False, server_default=text("0")),
        UniqueConstraint("user_id", "client_key", name="uq_mqtt_session_user_id_client_key"),
        PrimaryKeyConstraint("id", name="pk_mqtt_session"),
        _belongs_to("mqtt_session", "user_id", "user_account"),
        _mentions("mqtt_session", "device_id", "device"),
        **_NUMBERED,
    )
    op.create_index("ix_mqtt_session_device_id", "mqtt_session", ["device_id"])
    op.create_index("ix_mqtt_session_expires", "mqtt_session", ["expires"])


def _mqtt_queued() -> None:
    op.create_table(
        "mqtt_queued",
        Column("session_id", _Big, nullable=False, autoincrement=False),
        Column("ordinal", _Big, nullable=False, autoincrement=False),
        Column("payload_id", _Big, nullable=False),
        Column("qos", Integer, nullable=False),
        Column("flags", Integer, nullable=False, server_default=text("0")),
        Column("expires", _Big),
        PrimaryKeyConstraint("session_id", "ordinal", name="pk_mqtt_queued"),
        _belongs_to("mqtt_queued", "session_id", "mqtt_session"),
        **_CLUSTERED,
    )


def _mqtt_received() -> None:
    op.create_table(
        "mqtt_received",
        Column("session_id", _Big, nullable=False, autoincrement=False),
        Column("packet_id", Integer, nullable=False, autoincrement=False),
        PrimaryKeyConstraint("session_id", "packet_id", name="pk_mqtt_received"),
        _belongs_to("mqtt_received", "session_id", "mqtt_session"),
        **_CLUSTERED,
    )


def _mqtt_subscription() -> None:
    op.create_table(
        "mqtt_subscription",
        Column("session_id", _Big, nullable=False, autoincrement=False),
        Column("filter_key", LargeBinary, nullable=False),
        Column("filter", Text, nullable=False),
        Column("qos", Integer, nullable=False),
        PrimaryKeyConstraint("session_id", "filter_key", name="pk_mqtt_subscription"),
        _belongs_to("mqtt_subscription", "session_id", "mqtt_session"),
        **_CLUSTERED,
    )
