"""The connection's tables, visited pair by pair."""

from collections.abc import Callable
from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from mytracks.mqtt.protocol import codec
from mytracks.mqtt.protocol.codec import Decoder, Oversize, Packet, PacketSizes, encode
from mytracks.mqtt.protocol.connection import REACTIONS, Connection, ConnectionLimits
from mytracks.mqtt.protocol.events import Violated
from mytracks.mqtt.protocol.flow import Misused
from mytracks.mqtt.protocol.packets.connect import ConnackCode, Connect, ForeignConnect
from mytracks.mqtt.protocol.packets.ping import Disconnect
from mytracks.mqtt.protocol.states import CUES, Cue, State
from tests.mqtt.protocol.catalogue import (
    CONNECTS,
    FROM_CLIENTS,
    FROM_SERVERS,
    Good,
    field,
    whole,
)

HELLO = encode(Connect(4, "me", True, 0))


def standing_in(state: State) -> Connection:
    """A connection that has come to `state`."""
    machine = Connection(ConnectionLimits())
    if state is State.REFUSING:
        machine.receive(whole(0x10, field("MQTT"), b"\x05"))
    elif state is not State.AWAITING_CONNECT:
        machine.receive(HELLO)
    if state in (State.CONNECTED, State.CLOSED):
        machine.accept(session_present=False)
    if state is State.CLOSED:
        machine.receive(encode(Disconnect()))
    assert machine.state is state
    return machine


def _cues(machine: Connection) -> dict[Cue, list[Callable[[], object]]]:
    return {
        Cue.ACCEPT: [lambda: machine.accept(session_present=False)],
        Cue.REFUSE: [lambda: machine.refuse(ConnackCode.NOT_AUTHORISED)],
        Cue.SPEAK: [
            lambda: machine.stored(7),
            lambda: machine.repeated(7),
            lambda: machine.completed(7),
            lambda: machine.release(7),
            lambda: machine.release_again(7),
            lambda: machine.suback(7, [0]),
            lambda: machine.unsuback(7),
            machine.pingresp,
            lambda: machine.deliver("a", b"", 0, False),
            lambda: machine.deliver("a", b"", 1, False),
            lambda: machine.deliver("a", b"", 2, False),
        ],
    }


class TableTests(SynchronousTestCase):
    """No state, packet or cue is without an answer."""

    def test_every_state_says_what_packets_it_takes(self) -> None:
        """A state that the table forgets would be an error of ours instead of the peer's."""
        self.assertEqual(set(State), set(REACTIONS))
        known = {*get_args(Packet), Oversize, ForeignConnect}
        for reactions in REACTIONS.values():
            self.assertLessEqual(set(reactions), known)

    def test_every_packet_in_every_state_has_its_place_or_is_a_violation(self) -> None:
        """[MQTT-3.1.0-1], [MQTT-4.8.0-1] Pair by pair, as the table has it; the states that take
        nothing stay as they are."""
        self.assertEqual(set(get_args(Packet)), {type(good.packet) for good in _all()})
        for state in State:
            for good in _all():
                if 4 not in good.levels:
                    continue
                machine = standing_in(state)
                events = machine.receive(good.data)
                reaction = REACTIONS[state].get(type(good.packet))
                if not REACTIONS[state]:
                    self.assertEqual(([], state), (events, machine.state))
                elif reaction is None:
                    self.assertIsInstance(events[-1], Violated, f"{good.name}, {state}: %s")
                    self.assertIs(State.CLOSED, machine.state)
                else:
                    self.assertEqual([], [e for e in events if isinstance(e, Violated)])
                    self.assertIs(reaction[0], machine.state)

    def test_every_cue_in_every_state_is_followed_or_our_mistake(self) -> None:
        """Nothing is said before CONNECT was accepted [MQTT-3.2.0-1]."""
        for state in State:
            for cue in Cue:
                for number in range(len(_cues(standing_in(state))[cue])):
                    machine = standing_in(state)
                    if state is State.CONNECTED:
                        machine.receive(bytes.fromhex("32050001610007 62020007"))
                    ask = _cues(machine)[cue][number]
                    if (state, cue) in CUES:
                        ask()
                        self.assertIs(CUES[state, cue], machine.state)
                    else:
                        self.assertRaises(Misused, ask)
                        self.assertIs(state, machine.state)

    def test_nothing_leads_out_of_closed(self) -> None:
        """What has ended stays so."""
        self.assertEqual({}, dict(REACTIONS[State.CLOSED]))
        ends = {after for (before, _), after in CUES.items() if before is State.CLOSED}
        self.assertEqual({State.CLOSED}, ends)

    def test_every_first_byte_of_the_tables_reads_its_packet(self) -> None:
        """The codec knows all fourteen packets, each from the side that sends it."""
        read = set()
        from_client = PacketSizes().from_client
        for table in (codec.CONNECT_ONLY, *from_client.values(), codec.FROM_SERVER):
            decoders = {getattr(decode, "func", decode) for decode, _ in table.values()}
            read |= {decode.__name__.removeprefix("decode_") for decode in decoders}
        self.assertEqual({packet.__name__.lower() for packet in get_args(Packet)}, read)


class UnusedDecoderTests(SynchronousTestCase):
    """A connection that only waits."""

    def test_a_waiting_decoder_keeps_nothing_of_what_was_read(self) -> None:
        """Thousands of idle phones must not each hold on to their last packet."""
        decoder = Decoder(PacketSizes())
        decoder.accept(4)
        decoder.feed(bytes.fromhex("c000"))
        while decoder.take() is not None:
            pass
        self.assertEqual(0, decoder.untaken)
        self.assertEqual(b"", decoder._data)


def _all() -> tuple[Good, ...]:
    return (*CONNECTS, *FROM_CLIENTS, *FROM_SERVERS)
