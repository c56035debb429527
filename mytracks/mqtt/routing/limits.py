"""How much of anything one client, one user, one address may have (contract 4). Decides nothing."""

from typing import Final

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

KIB: Final = 1024
MIB: Final = 1024 * KIB


@frozen(kw_only=True)
class Limits:
    """Sizes are bytes, times seconds, all others counts; unusable ones are refused."""

    connect_timeout: float = field(default=10.0, validator=gt(0))
    """From a connection's first moment to its CONNECT."""
    max_connect_size: int = field(default=64 * KIB, validator=ge(1))
    """Of a CONNECT, Will included; a larger one closes the connection."""
    max_packet_size: int = field(default=8 * MIB, validator=ge(1))
    """Of any other packet; a larger one closes the connection, but for a PUBLISH."""
    max_oversize_read: int = field(default=64 * MIB, validator=ge(0))
    """Of a PUBLISH above `max_packet_size`: read to its end up to here, its head set aside, and
    acknowledged, so that a phone does not send it for ever."""
    max_early: int = field(default=128 * KIB, validator=ge(1))
    """What a client sends before its CONNECT is answered; more closes the connection."""
    max_incoming_bytes: int = field(default=128 * MIB, validator=ge(1))
    """Packets that are not complete yet, of all connections together; beyond it the connection with
    the largest part is closed."""
    max_topic_levels: int = field(default=200, validator=ge(1))
    """Of one topic or filter; more close the connection."""
    max_filters: int = field(default=10_000, validator=ge(1))
    """In one SUBSCRIBE or UNSUBSCRIBE; more close the connection."""
    max_connections: int = field(default=10_000, validator=ge(1))
    """In all; one more is told so and closed."""
    max_connections_per_address: int = field(default=500, validator=ge(1))
    """The same for one address, signed in or not."""
    max_connections_per_user: int = field(default=100, validator=ge(1))
    """The same for one user."""
    max_handshakes: int = field(default=2_000, validator=ge(1))
    """TLS connections whose handshake is not finished, in all; one more is closed at once."""
    max_subscriptions: int = field(default=500, validator=ge(0))
    """Of one user, all clients together; a further filter is not granted."""
    max_retained: int = field(default=1_000, validator=ge(0))
    """Retained messages of one user; a further one is delivered, but not retained."""
    max_retained_bytes: int = field(default=8 * MIB, validator=ge(0))
    """The same for their topics, payloads and about 500 bytes each."""
    max_inflight: int = field(default=20, validator=and_(ge(1), le(65_535)))
    """QoS 1 and 2 messages that one client was sent and has not acknowledged; further ones wait."""
    max_unreleased: int = field(default=100, validator=and_(ge(1), le(65_535)))
    """QoS 2 messages that one client sent and has not released; one more closes the connection."""
    max_queued: int = field(default=10_000, validator=ge(1))
    """QoS 1 and 2 messages that wait for one client, connected or not; for a further one the oldest
    is dropped, commands and arrivals last."""
    max_queued_bytes: int = field(default=32 * MIB, validator=ge(1))
    """The same for their topics and payloads."""
    session_expiry: float = field(default=60 * 24 * 60 * 60.0, validator=gt(0))
    """From when a client was last connected until its session, with all that waits for it, ends."""
    max_sessions: int = field(default=100, validator=ge(1))
    """Sessions of one user that outlast their connections; for a further one that which was not
    here for longest ends."""
    max_buffered_out: int = field(default=MIB, validator=ge(1))
    """Waiting in one connection's transport; beyond it QoS 0 is dropped and nothing more is read
    from that client."""
    max_unstored: int = field(default=500, validator=ge(1))
    """Publishes of one connection that are not yet stored and handed on; at that many the broker
    stops reading from it, and goes on at half."""
    max_unstored_bytes: int = field(default=MIB, validator=ge(1))
    """The same for their payloads."""
    sys_interval: float = field(default=10.0, validator=ge(0))
    """Between two tellings of how the broker fares, below `$SYS/broker/`; 0: it tells nothing."""
