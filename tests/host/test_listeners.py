"""Ports are all open, or the start ends with a line that names the one that is not."""

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from mytracks.host.listeners import Listeners, PortTaken, Wanted


class ListenersTests(TestCase):
    """With real sockets."""

    def setUp(self) -> None:
        """A factory that accepts and ignores."""
        self.factory = Factory.forProtocol(Protocol)
        self.listeners = Listeners(reactor, ["127.0.0.1"])
        self.addCleanup(lambda: self.listeners.close())

    async def test_port_zero_tells_the_port_that_the_system_chose(self) -> None:
        """Scripts read it from runtime.json."""
        port = await self.listeners.listen(Wanted("HTTP", 0, self.factory))
        assert port is not None
        self.assertGreater(port, 1023)
        await self.listeners.close()

    async def test_minus_one_is_off(self) -> None:
        """Somebody who wants no MQTT gets none."""
        self.assertIsNone(await self.listeners.listen(Wanted("MQTT", -1, self.factory)))

    async def test_a_taken_port_is_named(self) -> None:
        """The daemon must not run deaf; its owner must see which port is the trouble."""
        port = await self.listeners.listen(Wanted("HTTP", 0, self.factory))
        assert port is not None
        with self.assertRaises(PortTaken) as caught:
            await self.listeners.listen(Wanted("MQTT", port, self.factory))
        self.assertIn(f"MQTT cannot listen on port {port}", str(caught.exception))
        await self.listeners.close()

    async def test_one_service_can_be_shut_while_the_others_go_on(self) -> None:
        """Without a certificate there is no TLS; whoever waits for its port can have it."""
        port = await self.listeners.listen(Wanted("HTTPS", 0, self.factory))
        other = await self.listeners.listen(Wanted("HTTP", 0, self.factory))
        assert port is not None
        assert other is not None
        await self.listeners.shut("HTTPS")
        self.assertEqual(port, await self.listeners.listen(Wanted("MQTT", port, self.factory)))
        with self.assertRaises(PortTaken):
            await self.listeners.listen(Wanted("HTTPS", other, self.factory))
        await self.listeners.close()

    async def test_one_that_cannot_listen_everywhere_listens_nowhere(self) -> None:
        """Half of a service would be found by some and not by others."""
        taken = Listeners(reactor, ["127.0.0.2"])
        port = await taken.listen(Wanted("HTTP", 0, self.factory))
        assert port is not None
        both = Listeners(reactor, ["127.0.0.1", "127.0.0.2"])
        with self.assertRaises(PortTaken):
            await both.listen(Wanted("MQTT", port, self.factory))
        self.assertEqual(port, await self.listeners.listen(Wanted("MQTT", port, self.factory)))
        await taken.close()
        await both.close()
        await self.listeners.close()

    async def test_several_addresses_share_the_chosen_port(self) -> None:
        """One number in runtime.json has to be true for all of them."""
        both = Listeners(reactor, ["127.0.0.1", "127.0.0.2"])
        port = await both.listen(Wanted("HTTP", 0, self.factory))
        with self.assertRaises(PortTaken):
            other = Listeners(reactor, ["127.0.0.2"])
            await other.listen(Wanted("HTTP", port or 0, self.factory))
        await both.close()
