"""How much of what phones send is looked into, and what MQTT opens beyond one's own topics.

Decides nothing.
"""

from typing import Any

from attrs import field, frozen
from attrs.validators import ge

from mytracks.mqtt.protocol.fields import MalformedPacket
from mytracks.mqtt.protocol.topics import check_filter
from mytracks.mqtt.routing import limits as broker
from mytracks.people.names import canonical

KIB = 1024


@frozen(kw_only=True)
class Limits:
    """The `[phones]` table of the settings."""

    max_parsed: int = field(default=256 * KIB, validator=ge(1))
    """Bytes of a message that are understood, long texts such as pictures not counted; a larger
    one is set aside: understanding it would hold up everybody else."""


def _are_filters(_: object, __: Any, filters: tuple[str, ...]) -> None:
    for topic_filter in filters:
        try:
            check_filter(topic_filter)
        except MalformedPacket as error:
            raise ValueError(f"free_topics: {topic_filter!r}: {error.text}") from None


@frozen(kw_only=True)
class MQTTLimits(broker.Limits):
    """Sizes are bytes, times seconds, all others counts; unusable ones are refused. `free_topics`
    and `anonymous_user` open what is closed without them."""

    free_topics: tuple[str, ...] = field(default=(), validator=_are_filters)
    """Filters, such as `home/#`: what they match all who signed in may publish and receive. `#`
    opens everything; topics below `owntracks/` and `$` never are."""
    anonymous_user: str = field(default="", converter=canonical)
    """The account as which clients without user name and password act, if any; never as an
    administrator."""
