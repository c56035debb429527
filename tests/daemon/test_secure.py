"""TLS listeners follow what the certificates room says, with real ports on loopback."""

import socket
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import capturedLogs
from twisted.trial.unittest import TestCase

from mytracks.daemon.secure import LOOK_EVERY, Door, SecureDoors
from mytracks.host.listeners import Listeners, PortTaken
from mytracks.mqtt.carriers.secure import SecureFactory
from mytracks.pki.ports import Use
from mytracks.pki.tls import Asks, Snapshot, Switch
from tests.pki.lab import Lab
from tests.pki.room import ADMIN, PKICase, Room


class Streams:
    """Counts how often it was looked for connections to cut."""

    def __init__(self) -> None:
        self.sweeps = 0
        self.closed = False

    def sweep(self) -> int:
        """Look."""
        self.sweeps += 1
        return 0

    def close(self) -> None:
        """It is over."""
        self.closed = True


class SecureDoorsCase(PKICase, TestCase):
    """A room with two doors."""

    async def standing(self, mqtt: int = 0, https: int = 0) -> tuple[Room, SecureDoors]:
        """Doors at these ports, open as far as there is something to show."""
        room = await self.furnished()
        self.streams = Streams()
        self.changes = 0
        listeners = Listeners(cast(Any, reactor), ["127.0.0.1"])
        self.addCleanup(lambda: Deferred.fromCoroutine(listeners.close()))
        self.switches = {use: Switch(lambda _: False) for use in (Use.WEB, Use.MQTT)}
        doors = SecureDoors(
            self.door("HTTPS", https, Use.WEB),
            self.door("MQTT over TLS", mqtt, Use.MQTT),
            cast(SecureFactory, self.streams),
            room.pki.trust,
            room.clock,
            listeners,
            self.changed,
        )
        self.addCleanup(lambda: Deferred.fromCoroutine(doors.close()))
        await doors.open()
        return room, doors

    def door(self, name: str, port: int, use: Use) -> Door:
        """One that lets nobody do anything."""
        factory = Factory.forProtocol(Protocol)
        switch = self.switches[use]
        stand_in = lambda: self.stand_in  # noqa: E731 - one line, for what the test has set by then
        return Door(
            name, port, use, Asks.NOTHING, (), switch, cast(Any, factory), stand_in=stand_in
        )

    stand_in: Snapshot | None = None
    """What is shown only to prove that a name is ours."""

    def changed(self) -> None:
        """A door has opened or closed."""
        self.changes += 1


class SecureDoorsTests(SecureDoorsCase):
    """Open while there is something to show."""

    async def test_doors_open_with_the_first_certificate_and_close_with_the_last(self) -> None:
        """Each change is told once, and the port stays while it is open."""
        room, doors = await self.standing()
        self.assertEqual((None, None, 0), (doors.mqtt.open, doors.https.open, self.changes))
        first = await room.server()
        ports = (doors.mqtt.open, doors.https.open)
        self.assertNotIn(None, ports)
        self.assertEqual(1, self.changes)
        second = await room.server("other")
        self.assertEqual(ports, (doors.mqtt.open, doors.https.open))
        self.assertNotEqual(first.fingerprint, second.fingerprint)
        await room.pki.servers.deactivate(second.number, by=ADMIN)
        await self.turn()
        self.assertEqual((None, None, 2), (doors.mqtt.open, doors.https.open, self.changes))
        await room.server()
        self.assertNotIn(None, (doors.mqtt.open, doors.https.open))

    async def test_a_certificate_for_one_use_opens_that_door_only(self) -> None:
        """A public one for the web need not be shown to phones."""
        room, doors = await self.standing()
        await room.server("web", use=Use.WEB)
        self.assertIsNone(doors.mqtt.open)
        self.assertIsNotNone(doors.https.open)
        self.assertEqual(("web",), self.switches[Use.WEB].names)

    async def test_a_door_that_only_proves_a_name_does_not_serve(self) -> None:
        """Pages must not be sent there, nor anybody find it in `runtime.json`; until there is a
        certificate."""
        ours = Lab()
        self.stand_in = ours.snapshot()
        room, doors = await self.standing(mqtt=-1)
        self.assertEqual((True, None), (doors.https.open is not None, doors.https.port))
        port = doors.https.open
        await room.server()
        self.assertEqual((port, port, 1), (doors.https.open, doors.https.port, self.changes))

    async def test_a_door_that_is_off_stays_so(self) -> None:
        """Whatever certificates there are."""
        room, doors = await self.standing(mqtt=-1, https=-1)
        await room.server()
        self.assertEqual((None, None, 0), (doors.mqtt.open, doors.https.open, self.changes))

    async def test_every_change_is_in_force_before_anything_else_happens(self) -> None:
        """New contexts, and a look for whom to cut off, in the turn of the commit."""
        room, _ = await self.standing()
        await room.server()
        leaf = await room.client()
        before, sweeps = self.switches[Use.MQTT].generation, self.streams.sweeps
        await room.pki.clients.revoke(leaf.number, by=ADMIN)
        self.assertEqual(before + 1, self.switches[Use.MQTT].generation)
        self.assertEqual(sweeps + 1, self.streams.sweeps)

    async def test_it_is_looked_for_what_has_expired_often_enough(self) -> None:
        """Within 60 seconds nobody is in by it."""
        room, _ = await self.standing()
        before = self.streams.sweeps
        for _ in range(3):
            room.timers.advance(LOOK_EVERY)
        self.assertEqual(before + 3, self.streams.sweeps)
        self.assertLessEqual(LOOK_EVERY, 30)

    async def test_a_taken_port_is_told_once_and_tried_again(self) -> None:
        """What runs already is worth more than to end for it."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            room, doors = await self.standing(mqtt=port)
            with capturedLogs() as events:
                await room.server()
                room.timers.advance(LOOK_EVERY)
            told = [each for each in events if "error" in each and each.get("error") is not None]
            self.assertEqual(1, len(told), told)
            self.assertIn(str(port), str(told[0]["error"]))
            self.assertIsNone(doors.mqtt.open)
            self.assertIsNotNone(doors.https.open)
        room.timers.advance(LOOK_EVERY)
        self.assertEqual(port, doors.mqtt.open)

    async def test_at_the_start_a_taken_port_is_a_failure(self) -> None:
        """The daemon must not run half deaf."""
        room = await self.furnished()
        await room.server()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            listeners = Listeners(cast(Any, reactor), ["127.0.0.1"])
            self.switches = {Use.MQTT: Switch(lambda _: False), Use.WEB: Switch(lambda _: False)}
            doors = SecureDoors(
                self.door("HTTPS", -1, Use.WEB),
                self.door("MQTT over TLS", taken.getsockname()[1], Use.MQTT),
                cast(SecureFactory, Streams()),
                room.pki.trust,
                room.clock,
                listeners,
                lambda: None,
            )
            with self.assertRaises(PortTaken):
                await doors.open()

    async def test_once_closed_nothing_is_opened_any_more(self) -> None:
        """A change may be committed while the process ends."""
        room, doors = await self.standing()
        await doors.close()
        await room.server()
        self.assertEqual((None, None), (doors.mqtt.open, doors.https.open))
        self.assertTrue(self.streams.closed)

    async def turn(self) -> None:
        """Let the reactor turn, for ports close in the next one."""
        for _ in range(3):
            done: Deferred[None] = Deferred()
            cast(Any, reactor).callLater(0, done.callback, None)
            await done
