"""How much of anything the web door takes, and for how long it waits."""

from typing import Final

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le

KIB = 1024
MIB = 1024 * KIB

_wait: Final = and_(gt(0.0), le(86_400.0))


@frozen(kw_only=True)
class Limits:
    """The `[http]` table of the settings. Sizes in bytes, times in seconds (contract 5)."""

    max_body_size: int = field(default=MIB, validator=ge(1))
    """Of a request's body, everywhere but on the publishing paths: above it 413."""
    max_publish_size: int = field(default=8 * MIB, validator=ge(1))
    """Of what a phone publishes; a larger body is set aside, not refused."""
    max_publish_read: int = field(default=64 * MIB, validator=ge(1))
    """Of an oversized publish: read to its end up to here, so that the phone gets its answer."""
    oversize_kept: int = field(default=64 * KIB, validator=ge(0))
    """What is kept of an oversized publish: its beginning."""
    max_bodies: int = field(default=128 * MIB, validator=ge(1))
    """Of all bodies together that are being received at one moment: above it 503."""
    header_timeout: float = field(default=10.0, validator=gt(0))
    """From the first byte of a request (or from the accept) to the end of its header."""
    body_timeout: float = field(default=30.0, validator=gt(0))
    """Without a byte of a body that is still owed."""
    answer_within: float = field(default=10.0, validator=_wait)
    """For an answer, mostly for what is to be stored; then 503. A long history has as long for each
    piece that is read of it; what waits for a new key has a minute."""
    idle_timeout: float = field(default=60.0, validator=gt(0))
    """Between two requests on one connection."""
    linger_timeout: float = field(default=3.0, validator=gt(0))
    """After a refusal: how long what the client still sends is read and thrown away; and how long a
    WebSocket that is told to go may take to read that."""
    max_sockets: int = field(default=2000, validator=ge(0))
    """WebSockets, all viewers together: above it 503."""
    max_sockets_per_user: int = field(default=50, validator=ge(0))
    """WebSockets of one account: above it 429."""
    max_socket_message: int = field(default=4 * KIB, validator=ge(1))
    """What a client may send over a WebSocket in one message (nothing of it is used)."""
    ping_interval: float = field(default=25.0, validator=gt(0))
    """Between two WebSocket pings; as long again without a sign of life ends the socket."""
