"""Clients that come by a certificate: who they are, and what the level `user` means to them."""

from typing import Any

from attrs import evolve, frozen
from twisted.internet.defer import Deferred

from mytracks.errors import Forbidden
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.routing.ports import Message, Peer, Verdict
from mytracks.phones.gatekeeper import Gatekeeper
from mytracks.phones.limits import MQTTLimits
from mytracks.sharing.identity import Door, Principal
from tests.phones.test_gatekeeper import ANA, CONNECT, GatekeeperCase

SHOWN = b"\x01" * 32
CERTIFIED = Peer("192.0.2.7", 5000, "mqtts", SHOWN)
UNNAMED = evolve(ANA, certificate=SHOWN, unnamed=True)
NAMED = evolve(ANA, certificate=SHOWN)


@frozen
class Holder:
    """Whose it is."""

    user: int


class Holders:
    """Ana holds one certificate, until it is taken from her."""

    def __init__(self) -> None:
        self.held: dict[bytes, Holder] = {SHOWN: Holder(1)}

    def holder(self, fingerprint: bytes) -> Holder | None:
        """Whose it is, if it is in force."""
        return self.held.get(fingerprint)


class CertifiedCase(GatekeeperCase):
    def setUp(self) -> None:
        super().setUp()
        self.holders = Holders()
        self.gatekeeper = Gatekeeper(self.signin, lambda: self.storing, MQTTLimits(), self.holders)

    def admit(self, peer: Peer = CERTIFIED, **shown: Any) -> Deferred[Principal]:
        """Somebody connects over TLS."""
        connect: Connect = evolve(CONNECT, **shown)
        return Deferred.fromCoroutine(self.gatekeeper.admit(connect, peer))

    def admitted(self, **shown: Any) -> Principal:
        """Who that is."""
        return self.successResultOf(self.admit(**shown))


class AdmittedTests(CertifiedCase):
    """Who they are is what we issued, not what they say."""

    def test_the_certificate_says_who_it_is_and_no_password_is_looked_at(self) -> None:
        """Contract 3: an empty user name, or the certificate's own."""
        for username, password in ((None, None), ("", b""), ("", b"wrong")):
            self.assertEqual(UNNAMED, self.admitted(username=username, password=password))
        self.assertEqual(NAMED, self.admitted(username="ana", password=b"wrong"))
        self.assertEqual([], self.signin.asked)

    def test_another_users_name_is_not_authorised_whatever_the_password(self) -> None:
        """CONNACK 5."""
        self.failureResultOf(self.admit(username="Ana2", password=b"open"), Forbidden)
        self.assertEqual([], self.signin.asked)

    def test_a_certificate_that_is_not_in_force_is_not_rescued_by_a_password(self) -> None:
        """It was revoked between the handshake and CONNECT."""
        self.holders.held.clear()
        self.failureResultOf(self.admit(username="Ana", password=b"open"), Forbidden)
        self.assertEqual([], self.signin.asked)

    def test_without_a_certificate_user_and_password_decide(self) -> None:
        """Over TLS as without it."""
        peer = evolve(CERTIFIED, certificate=None)
        who = self.successResultOf(self.admit(peer, username="Ana", password=b"open"))
        self.assertEqual((ANA, None), (who, who.certificate))
        self.failureResultOf(self.admit(peer), Forbidden)

    def test_where_nobody_holds_any_certificate_none_lets_in(self) -> None:
        """There may be a broker without a PKI."""
        self.gatekeeper = Gatekeeper(self.signin, lambda: self.storing, MQTTLimits())
        self.failureResultOf(self.admit(), Forbidden)

    def test_their_session_is_known_again_after_a_restart(self) -> None:
        """Their next certificate may be another one: the session is the person's."""
        for who in (UNNAMED, NAMED):
            mark = self.gatekeeper.mark(who)
            self.holders.held.clear()
            recalled = Deferred.fromCoroutine(self.gatekeeper.recall(mark))
            self.assertEqual(who, self.successResultOf(recalled))
        self.signin.gone.add((1, None))
        gone = Deferred.fromCoroutine(self.gatekeeper.recall(self.gatekeeper.mark(NAMED)))
        self.assertIsNone(self.successResultOf(gone))


class OwnLevelTests(CertifiedCase):
    """Android writes `user` where it knows no user name (OwnTracks 2)."""

    def setUp(self) -> None:
        super().setUp()
        self.admitted()

    def received(self, who: Principal, topic: str) -> str | None:
        """The topic under which `who` gets what is published there."""
        message = self.gatekeeper.may_receive(who, Message(topic, b"{}", 1, False))
        return None if message is None else message.topic

    def test_it_means_their_own_where_they_publish_and_subscribe(self) -> None:
        """Compared as user levels are, whatever follows."""
        for written, meant in (
            ("owntracks/user/phone", "owntracks/ana/phone"),
            ("owntracks/User/phone/event", "owntracks/ana/phone/event"),
            ("owntracks/user", "owntracks/ana"),
            ("owntracks/users/phone", "owntracks/users/phone"),
            ("owntracks/ben/phone", "owntracks/ben/phone"),
            ("home/user/x", "home/user/x"),
        ):
            self.assertEqual(meant, self.gatekeeper.meant_topic(UNNAMED, written))
            self.assertEqual(meant, self.gatekeeper.meant_filter(UNNAMED, written))
        for each in ("owntracks/+/+", "#", "owntracks/#"):
            self.assertEqual(each, self.gatekeeper.meant_filter(UNNAMED, each))
        self.assertEqual(
            "owntracks/ana/#", self.gatekeeper.meant_filter(UNNAMED, "owntracks/user/#")
        )

    def test_what_it_means_may_be_published(self) -> None:
        """It is their own tree, and nobody else's."""
        topic = self.gatekeeper.meant_topic(UNNAMED, "owntracks/user/phone")
        self.assertIs(Verdict.ALLOWED, self.gatekeeper.may_publish(UNNAMED, topic, b""))
        self.assertIs(
            Verdict.DROPPED, self.gatekeeper.may_publish(UNNAMED, "owntracks/ben/phone", b"")
        )

    def test_whoever_gave_a_name_means_what_is_written(self) -> None:
        """And nobody is called `user`, so that it is nobody's."""
        for who in (NAMED, ANA):
            topic = "owntracks/user/phone"
            self.assertEqual(topic, self.gatekeeper.meant_topic(who, topic))
            self.assertEqual(topic, self.gatekeeper.meant_filter(who, topic))
            self.assertIs(Verdict.DROPPED, self.gatekeeper.may_publish(who, topic, b""))
            self.assertIsNone(self.received(who, topic))

    def test_a_phone_that_writes_it_gets_its_own_topics_with_it(self) -> None:
        """Else it would not carry out its commands, and show itself as somebody else."""
        self.gatekeeper.meant_topic(UNNAMED, "owntracks/user/phone")
        self.gatekeeper.meant_filter(UNNAMED, "owntracks/+/+")
        self.assertEqual(
            "owntracks/user/phone/cmd", self.received(UNNAMED, "owntracks/ana/phone/cmd")
        )
        self.assertEqual("owntracks/user/phone", self.received(UNNAMED, "owntracks/user/phone"))
        self.assertIsNone(self.received(UNNAMED, "owntracks/ben/phone"))

    def test_a_client_that_writes_its_name_gets_its_topics_as_they_are(self) -> None:
        """It need not give its name to know it."""
        self.assertEqual("owntracks/ana/phone", self.received(UNNAMED, "owntracks/ana/phone"))
        self.gatekeeper.meant_filter(UNNAMED, "owntracks/ana/#")
        self.gatekeeper.meant_topic(UNNAMED, "owntracks/user/phone")
        self.assertEqual("owntracks/ana/phone", self.received(UNNAMED, "owntracks/ana/phone"))

    def test_what_a_client_wrote_over_its_last_connection_is_forgotten(self) -> None:
        """Its settings may have changed."""
        self.gatekeeper.meant_topic(UNNAMED, "owntracks/user/phone")
        self.admitted()
        self.assertEqual("owntracks/ana/phone", self.received(UNNAMED, "owntracks/ana/phone"))
        self.assertEqual(Door.MQTT, UNNAMED.door)
