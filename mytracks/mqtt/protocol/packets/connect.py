"""CONNECT and CONNACK (MQTT 3.1.1, 3.1 and 3.2)."""

from enum import IntEnum

from attrs import frozen


class ConnackCode(IntEnum):
    """What a CONNACK says (table 3.1). There are no others [MQTT-3.2.2-6]."""

    ACCEPTED = 0
    UNACCEPTABLE_LEVEL = 1
    IDENTIFIER_REJECTED = 2
    SERVER_UNAVAILABLE = 3
    BAD_CREDENTIALS = 4
    NOT_AUTHORISED = 5


@frozen
class Will:
    """What the broker publishes for a client whose connection ends without DISCONNECT."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@frozen
class Connect:
    """A client's wish to connect, as it was on the wire: empty strings stay empty here.

    `level`: 3 (MQTT 3.1) or 4 (3.1.1). `keepalive`: seconds, 0 means none.
    """

    level: int
    client_id: str
    clean_session: bool
    keepalive: int
    will: Will | None = None
    username: str | None = None
    password: bytes | None = None

    @property
    def identifier_missing(self) -> bool:
        """The client id is empty where it may not be: refuse it with IDENTIFIER_REJECTED.

        Level 4 allows an empty one for a clean session only [MQTT-3.1.3-8], level 3 never.
        """
        return not self.client_id and not (self.level == 4 and self.clean_session)


@frozen
class Connack:
    """The answer to CONNECT. `session_present` is always False at level 3 and with a refusal."""

    session_present: bool
    code: ConnackCode
