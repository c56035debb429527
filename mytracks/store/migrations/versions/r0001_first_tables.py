"""The first tables: accounts, devices, credentials, web sessions, locations, messages."""

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

revision: Final = "0001"
down_revision: Final = None

_Big: Final = BigInteger().with_variant(Integer(), "sqlite")
_NUMBERED: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_autoincrement": True}
_CLUSTERED: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_with_rowid": False}
_PLAIN: Final[dict[str, Any]] = {"sqlite_strict": True}


def upgrade() -> None:
    """Make them."""
    _settings()
    _accounts()
    _devices()
    _contexts()
    _web_sessions()
    _credentials()
    _locations()
    _messages()
    _quarantine()


def _belongs_to(table: str, column: str, parent: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"
    )


def _settings() -> None:
    op.create_table(
        "setting",
        Column("name", Text, nullable=False),
        Column("value", Text, nullable=False),
        Column("changed", _Big, nullable=False),
        PrimaryKeyConstraint("name", name="pk_setting"),
        **_PLAIN,
    )


def _accounts() -> None:
    op.create_table(
        "user_account",
        Column("id", _Big, nullable=False),
        Column("name", Text, nullable=False),
        Column("display", Text, nullable=False),
        Column("role", Integer, nullable=False),
        Column("password", Text, nullable=False),
        Column("totp", LargeBinary),
        Column("disabled", Integer, nullable=False),
        Column("email", Text, nullable=False),
        Column("created", _Big, nullable=False),
        Column("settings", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_user_account"),
        UniqueConstraint("name", name="uq_user_account_name"),
        **_NUMBERED,
    )


def _devices() -> None:
    op.create_table(
        "device",
        Column("id", _Big, nullable=False),
        Column("user_id", _Big, nullable=False),
        Column("name", Text, nullable=False),
        Column("tid", Text),
        Column("platform", Integer),
        Column("client_id", Text),
        Column("created", _Big, nullable=False),
        Column("seen", _Big, nullable=False),
        Column("last_tst", _Big),
        Column("last_seq", Integer),
        Column("locations", _Big, nullable=False, server_default=text("0")),
        Column("card_id", _Big),
        Column("flags", Integer, nullable=False, server_default=text("0")),
        Column("fold_version", _Big, nullable=False, server_default=text("0")),
        PrimaryKeyConstraint("id", name="pk_device"),
        UniqueConstraint("user_id", "name", name="uq_device_user_id_name"),
        _belongs_to("device", "user_id", "user_account"),
        **_NUMBERED,
    )


def _contexts() -> None:
    op.create_table(
        "context",
        Column("id", _Big, nullable=False),
        Column("device_id", _Big, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        Column("body", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_context"),
        UniqueConstraint("device_id", "hash", name="uq_context_device_id_hash"),
        _belongs_to("context", "device_id", "device"),
        **_PLAIN,
    )


def _web_sessions() -> None:
    op.create_table(
        "web_session",
        Column("token_hash", LargeBinary, nullable=False),
        Column("user_id", _Big, nullable=False),
        Column("created", _Big, nullable=False),
        Column("seen", _Big, nullable=False),
        Column("expires", _Big, nullable=False),
        Column("address", Text, nullable=False),
        Column("agent", Text, nullable=False),
        PrimaryKeyConstraint("token_hash", name="pk_web_session"),
        _belongs_to("web_session", "user_id", "user_account"),
        **_CLUSTERED,
    )
    op.create_index("ix_web_session_user_id", "web_session", ["user_id"])


def _credentials() -> None:
    op.create_table(
        "credential",
        Column("id", _Big, nullable=False),
        Column("user_id", _Big, nullable=False),
        Column("kind", Integer, nullable=False),
        Column("device_id", _Big),
        Column("secret_hash", LargeBinary, nullable=False),
        Column("label", Text, nullable=False),
        Column("scopes", Text, nullable=False),
        Column("created", _Big, nullable=False),
        Column("last_used", _Big),
        Column("expires", _Big),
        Column("revoked", _Big),
        PrimaryKeyConstraint("id", name="pk_credential"),
        _belongs_to("credential", "user_id", "user_account"),
        _belongs_to("credential", "device_id", "device"),
        UniqueConstraint("secret_hash", name="uq_credential_secret_hash"),
        **_NUMBERED,
    )
    op.create_index("ix_credential_device_id", "credential", ["device_id"])
    op.create_index("ix_credential_user_id", "credential", ["user_id"])


def _locations() -> None:
    phone_said = ("acc", "alt", "vac", "vel", "cog", "batt", "bs", "conn", "mode", "trig", "source")
    op.create_table(
        "location",
        Column("device_id", _Big, nullable=False, autoincrement=False),
        Column("tst", _Big, nullable=False, autoincrement=False),
        Column("seq", Integer, nullable=False, autoincrement=False),
        Column("lat", Integer, nullable=False),
        Column("lon", Integer, nullable=False),
        *(Column(name, Integer) for name in phone_said),
        Column("via", Integer, nullable=False),
        Column("flags", Integer, nullable=False),
        Column("delay", Integer),
        Column("message_id", Integer),
        Column("reported", Integer),
        Column("context_id", _Big),
        Column("extra", Text),
        PrimaryKeyConstraint("device_id", "tst", "seq", name="pk_location"),
        _belongs_to("location", "device_id", "device"),
        **_CLUSTERED,
    )


def _messages() -> None:
    op.create_table(
        "message",
        Column("id", _Big, nullable=False),
        Column("device_id", _Big, nullable=False),
        Column("received", _Big, nullable=False),
        Column("type", Integer, nullable=False),
        Column("topic", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        PrimaryKeyConstraint("id", name="pk_message"),
        _belongs_to("message", "device_id", "device"),
        **_PLAIN,
    )
    op.create_index("ix_message_device_id_received", "message", ["device_id", "received"])
    op.create_index("ix_message_received", "message", ["received"])


def _quarantine() -> None:
    op.create_table(
        "quarantine",
        Column("id", _Big, nullable=False),
        Column("received", _Big, nullable=False),
        Column("source", Integer, nullable=False),
        Column("user_id", _Big),
        Column("device_id", _Big),
        Column("topic", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        PrimaryKeyConstraint("id", name="pk_quarantine"),
        _belongs_to("quarantine", "user_id", "user_account"),
        _belongs_to("quarantine", "device_id", "device"),
        **_PLAIN,
    )
    op.create_index("ix_quarantine_device_id", "quarantine", ["device_id"])
    op.create_index("ix_quarantine_user_id", "quarantine", ["user_id"])
