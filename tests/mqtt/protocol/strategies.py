"""Any packet that can be written, for the property-based tests."""

from hypothesis import strategies as st

from mytracks.mqtt.protocol.codec import Packet
from mytracks.mqtt.protocol.packets.acknowledgements import Puback, Pubcomp, Pubrec, Pubrel
from mytracks.mqtt.protocol.packets.connect import Connack, ConnackCode, Connect, Will
from mytracks.mqtt.protocol.packets.ping import Disconnect, Pingreq, Pingresp
from mytracks.mqtt.protocol.packets.publish import Publish
from mytracks.mqtt.protocol.packets.subscribe import Suback, Subscribe, Unsuback, Unsubscribe

_character = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_plain = st.characters(exclude_categories=["Cs"], exclude_characters="\0+#/")

strings = st.text(_character, max_size=12)
topics = st.lists(st.text(_plain, max_size=3), min_size=1, max_size=5).map("/".join).filter(bool)
filters = st.builds(
    lambda levels, rest: "/".join([*levels, *rest]),
    st.lists(st.just("+") | st.text(_plain, max_size=3), max_size=4),
    st.lists(st.just("#"), max_size=1),
).filter(bool)
packet_ids = st.integers(1, 65535)
qos = st.integers(0, 2)

wills = st.builds(Will, topics, st.binary(max_size=20), qos, st.booleans())


@st.composite
def connects(draw: st.DrawFn) -> Connect:
    """CONNECT of both levels; a password only with a user name."""
    username = draw(st.none() | strings)
    return Connect(
        level=draw(st.sampled_from([3, 4])),
        client_id=draw(strings),
        clean_session=draw(st.booleans()),
        keepalive=draw(st.integers(0, 65535)),
        will=draw(st.none() | wills),
        username=username,
        password=None if username is None else draw(st.none() | st.binary(max_size=9)),
    )


def publishes(of_qos: st.SearchStrategy[int] = qos) -> st.SearchStrategy[Publish]:
    """PUBLISH with a QoS of these."""
    return st.builds(
        lambda topic, payload, qos, retain, dup, packet_id: Publish(
            topic, payload, qos, retain, dup and qos > 0, packet_id if qos else None
        ),
        topics,
        st.binary(max_size=300),
        of_qos,
        st.booleans(),
        st.booleans(),
        packet_ids,
    )


subscribes = st.builds(
    Subscribe, packet_ids, st.lists(st.tuples(filters, qos), min_size=1, max_size=4).map(tuple)
)
unsubscribes = st.builds(
    Unsubscribe, packet_ids, st.lists(filters, min_size=1, max_size=4).map(tuple)
)

_both_ways: st.SearchStrategy[Packet] = st.one_of(
    publishes(),
    st.builds(Puback, packet_ids),
    st.builds(Pubrec, packet_ids),
    st.builds(Pubrel, packet_ids),
    st.builds(Pubcomp, packet_ids),
)
from_clients: st.SearchStrategy[Packet] = st.one_of(
    _both_ways, subscribes, unsubscribes, st.just(Pingreq()), st.just(Disconnect())
)
"""What a connected client may send."""

from_servers: st.SearchStrategy[Packet] = st.one_of(
    _both_ways,
    st.builds(Connack, st.just(False), st.sampled_from(ConnackCode)),
    st.just(Connack(True, ConnackCode.ACCEPTED)),
    st.builds(
        Suback,
        packet_ids,
        st.lists(st.sampled_from([0, 1, 2, 0x80]), min_size=1, max_size=4).map(tuple),
    ),
    st.builds(Unsuback, packet_ids),
    st.just(Pingresp()),
)
