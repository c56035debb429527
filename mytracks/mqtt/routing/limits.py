"""How much of anything one client, one user, one address may have (contract 4). Decides nothing."""

from typing import Final

from attrs import frozen

KIB: Final = 1024
MIB: Final = 1024 * KIB


@frozen(kw_only=True)
class Limits:
    """The settings of `[mqtt]`. Sizes are bytes, times seconds, all others counts.

    `max_subscriptions` and `max_retained` are per user (namespace of the gatekeeper).
    `max_queued`, `max_queued_bytes`: QoS 1 messages that wait for one session's client.
    `max_buffered_out`: bytes that wait in one connection's transport; beyond it QoS 0 is dropped.
    `max_unstored`, `max_unstored_bytes`: publishes of one connection that are not yet stored and
    handed on; beyond it the broker stops reading from that connection.
    """

    connect_timeout: float = 10.0
    max_connect_size: int = 64 * KIB
    max_packet_size: int = 8 * MIB
    max_connections: int = 10_000
    max_connections_per_address: int = 500
    max_connections_per_user: int = 100
    max_inflight: int = 20
    max_queued: int = 10_000
    max_queued_bytes: int = 32 * MIB
    max_subscriptions: int = 500
    max_retained: int = 1_000
    max_topic_levels: int = 200
    max_buffered_out: int = MIB
    max_unstored: int = 500
    max_unstored_bytes: int = MIB
