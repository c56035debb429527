"""What comes out of a connection, and with which of its methods each is answered."""

from typing import TypeAlias

from attrs import frozen

from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Subscribe, Unsubscribe


@frozen
class Connecting:
    """Somebody wants in: answer with `accept` or `refuse`."""

    connect: Connect


@frozen
class UnsupportedLevel:
    """CONNECT of a level we do not speak: `refuse` with UNACCEPTABLE_LEVEL, then close."""

    level: int


@frozen
class Published:
    """A message. With QoS 1 a PUBACK is owed, with QoS 2 a PUBREC: call `stored` once it is
    durable, and with QoS 2 its packet id as well.
    """

    publish: Publish


@frozen
class TooLarge:
    """A PUBLISH of `size` bytes, above the limit. Acknowledge it as any other.

    `publish.payload` holds the first 64 KiB, the rest is lost.
    """

    publish: Publish
    size: int


@frozen
class Repeated:
    """A PUBLISH with QoS 2 that came before and was not released: no second delivery
    [MQTT-4.3.3-2]. Answer with `repeated`.
    """

    packet_id: int


@frozen
class Released:
    """PUBREL: once it is durable that this packet id is free again, call `completed`.

    `known`: False: nothing was received under this id, so there is nothing to forget.
    """

    packet_id: int
    known: bool = True


@frozen
class Acknowledged:
    """PUBACK: the delivery with QoS 1 is done; the window has room again."""

    packet_id: int


@frozen
class Received:
    """PUBREC: once it is durable that the peer has this delivery, call `release`."""

    packet_id: int


@frozen
class ReleaseMissed:
    """PUBREC for a delivery that was released before, or for one that we do not know: answer with
    `release_again`. There is nothing to keep.
    """

    packet_id: int


@frozen
class Completed:
    """PUBCOMP: the delivery with QoS 2 is done; the window has room again."""

    packet_id: int


@frozen
class Subscribing:
    """Answer with `suback`."""

    subscribe: Subscribe


@frozen
class Unsubscribing:
    """Answer with `unsuback`."""

    unsubscribe: Unsubscribe


@frozen
class Pinged:
    """Answer with `pingresp`."""


@frozen
class Disconnected:
    """The peer left in good order: forget its Will [MQTT-3.14.4-3] and close."""


@frozen
class Violated:
    """The peer broke `rule`: close [MQTT-4.8.0-1]. Always the last event."""

    rule: str
    text: str


Event: TypeAlias = (
    Connecting
    | UnsupportedLevel
    | Published
    | TooLarge
    | Repeated
    | Released
    | Acknowledged
    | Received
    | ReleaseMissed
    | Completed
    | Subscribing
    | Unsubscribing
    | Pinged
    | Disconnected
    | Violated
)
