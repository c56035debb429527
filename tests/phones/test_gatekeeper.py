"""Who may connect, publish and receive (contract 3), as a matrix."""

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Busy, Forbidden, Refused, Unauthenticated, Unavailable
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.routing import ports
from mytracks.mqtt.routing.ports import Message, Peer, Verdict
from mytracks.phones.gatekeeper import Gatekeeper
from mytracks.phones.limits import MQTTLimits
from mytracks.sharing.identity import Door, Principal

ANA = Principal(1, "ana", False, Door.MQTT)
ANAS_PHONE = Principal(1, "ana", False, Door.MQTT, device="phone")
ROOT = Principal(2, "root", True, Door.MQTT)
GUEST = Principal(3, "guest", False, Door.MQTT, anonymous=True)

CONNECT = Connect(level=4, client_id="c", clean_session=True, keepalive=60)
PEER = Peer("192.0.2.7", 5000, "mqtt")


class OnePassword:
    """A sign-in that knows one pair, and can be out of order."""

    def __init__(self) -> None:
        self.asked: list[tuple[Door, str]] = []
        self.gone: set[tuple[int, str | None]] = set()
        self.disabled: set[int] = set()
        self.trouble: Refused | None = None

    async def password(
        self, name: str | None, password: str | bytes | None, *, door: Door, address: str
    ) -> Principal:
        """Only ana's."""
        self.asked.append((door, address))
        if self.trouble is not None:
            raise self.trouble
        if (name, password) != ("Ana", b"open"):
            raise Unauthenticated("wrong")
        return ANA

    def certificate(
        self, user: int, fingerprint: bytes, username: str | None, *, door: Door, address: str
    ) -> Principal:
        """Ana's, whatever number it is of."""
        if username not in (None, "ana"):
            raise Forbidden("another user's")
        unnamed = username is None
        return Principal(
            user, "ana", False, door, None, address, certificate=fingerprint, unnamed=unnamed
        )

    def again(self, user: int, device: str | None, door: Door) -> Principal | None:
        """Everybody but who is gone."""
        if (user, device) in self.gone:
            return None
        return Principal(user, "ana", False, door, device)

    def welcome(self, user: int) -> bool:
        """Everybody but whose account is disabled."""
        return user not in self.disabled

    def anonymous(self, name: str, *, door: Door, address: str | None = None) -> Principal | None:
        """There is an account `guest`, unless it is gone."""
        there = name == "guest" and (3, None) not in self.gone
        return evolve(GUEST, door=door, address=address) if there else None


class GatekeeperCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.signin = OnePassword()
        self.storing = True
        self.gatekeeper = Gatekeeper(self.signin, lambda: self.storing, MQTTLimits())

    def opens(self, *filters: str, anonymous: str = "") -> None:
        """The settings are these from now on."""
        self.gatekeeper.adopt(MQTTLimits(free_topics=filters, anonymous_user=anonymous))


class AdmitTests(GatekeeperCase):
    def admit(self, **shown: Any) -> Deferred[Principal]:
        return Deferred.fromCoroutine(self.gatekeeper.admit(evolve(CONNECT, **shown), PEER))

    def test_right_credentials_let_in(self) -> None:
        """The door and the true address are told, for the throttle."""
        who = self.successResultOf(self.admit(username="Ana", password=b"open"))
        self.assertEqual(ANA, who)
        self.assertEqual([(Door.MQTT, "192.0.2.7")], self.signin.asked)

    def test_nobody_is_not_authorised(self) -> None:
        """CONNACK 5; Android sends both strings empty where its owner typed nothing (3.1)."""
        for username, password in ((None, None), ("", b""), ("", None)):
            self.failureResultOf(self.admit(username=username, password=password), Forbidden)
        self.assertEqual([], self.signin.asked)

    def test_nobody_acts_as_the_account_that_a_setting_names(self) -> None:
        """However it is spelled there; their address is known as anybody's."""
        self.opens(anonymous="Guest")
        for username, password in ((None, None), ("", b"")):
            who = self.successResultOf(self.admit(username=username, password=password))
            self.assertEqual((GUEST, PEER.address), (who, who.address))
        self.failureResultOf(self.admit(username="", password=b"x"), Unauthenticated)
        who = self.successResultOf(self.admit(username="Ana", password=b"open"))
        self.assertEqual(ANA, who)

    def test_an_account_that_is_disabled_or_not_there_stands_for_nobody(self) -> None:
        """CONNACK 5, and a reason that leads to the setting."""
        self.signin.gone = {(3, None)}
        for name in ("guest", "nobody"):
            self.opens(anonymous=name)
            told = self.failureResultOf(self.admit(), Forbidden)
            self.assertIn("anonymous_user", str(told.value))

    def test_half_and_wrong_credentials_are_wrong(self) -> None:
        """CONNACK 4."""
        for username, password in (("Ana", None), ("Ana", b""), ("", b"open"), ("Ana", b"shut")):
            self.failureResultOf(self.admit(username=username, password=password), Unauthenticated)

    def test_while_nothing_can_be_stored_nobody_gets_in(self) -> None:
        """CONNACK 3: the phone keeps its fixes and comes again, whoever it is."""
        self.storing = False
        for username, password in (("Ana", b"open"), ("Ana", b"shut"), (None, None)):
            self.failureResultOf(self.admit(username=username, password=password), Unavailable)

    def test_too_many_failures_and_our_own_trouble_are_passed_on(self) -> None:
        """CONNACK 3, by the table of the door."""
        for trouble in (Busy("wait", 2), Unavailable("full")):
            self.signin.trouble = trouble
            self.failureResultOf(self.admit(username="Ana", password=b"open"), type(trouble))

    def test_client_ids_of_two_accounts_never_meet(self) -> None:
        """Nobody can take over somebody else's session; an account's devices share its names."""
        self.assertNotEqual(self.gatekeeper.namespace(ANA), self.gatekeeper.namespace(ROOT))
        self.assertEqual(self.gatekeeper.namespace(ANA), self.gatekeeper.namespace(ANAS_PHONE))


class RecallTests(GatekeeperCase):
    """After a restart there are sessions and Wills, and nobody is connected."""

    def recalled(self, who: Principal) -> Principal | None:
        mark = self.gatekeeper.mark(who)
        return self.successResultOf(Deferred.fromCoroutine(self.gatekeeper.recall(mark)))

    def test_who_was_let_in_is_known_again_by_their_mark(self) -> None:
        """Of whatever device; where they came from is nobody's business any more."""
        odd = evolve(ANAS_PHONE, device="ana's ☎")
        for who in (ANA, ANAS_PHONE, odd, evolve(ANA, address="192.0.2.7")):
            self.assertEqual(who, self.recalled(who))

    def test_who_did_not_sign_in_is_known_while_the_setting_names_the_account(self) -> None:
        """Their mark is not the account's own: that stays good whatever a setting says."""
        self.opens(anonymous="guest")
        self.assertEqual(GUEST, self.recalled(GUEST))
        for changed in ("", "ana"):
            self.opens(anonymous=changed)
            self.assertIsNone(self.recalled(GUEST))
        self.opens(anonymous="guest")
        self.signin.gone = {(3, None)}
        self.assertIsNone(self.recalled(GUEST))

    def test_who_could_not_sign_in_any_more_is_nobody(self) -> None:
        """An account that was disabled, or a device whose password was revoked, meanwhile."""
        self.signin.gone = {(1, "phone")}
        self.assertIsNone(self.recalled(ANAS_PHONE))
        self.assertEqual(ANA, self.recalled(ANA))


class PublishTests(GatekeeperCase):
    OWN = (
        "owntracks/ana/phone",
        "owntracks/ANA/phone",
        "owntracks/ana/phone/event",
        "owntracks/ana/phone/cmd",
        "owntracks/ana/phone/a/b/c",
    )
    OWN_OTHER = ("owntracks/ana/tablet", "owntracks/ana/tablet/cmd", "owntracks/ana/Phone")
    REFUSED = (
        "owntracks/ben/phone",
        "owntracks/ben/phone/cmd",
        "owntracks/user/phone",
        "owntracks/ana",
        "owntracks",
        "/owntracks/ana/phone",
        "Owntracks/ana/phone",
        "home/light",
        "$SYS/x",
        "owntracks/anal/phone",
        "owntracks//phone",
    )

    def test_rights_to_publish(self) -> None:
        """One's own tree; with a device's password only that device's; nothing else for anybody."""
        for topics, who, verdict in (
            (self.OWN, ANA, Verdict.ALLOWED),
            (self.OWN_OTHER, ANA, Verdict.ALLOWED),
            (self.REFUSED, ANA, Verdict.DROPPED),
            (self.OWN, ANAS_PHONE, Verdict.ALLOWED),
            (self.OWN_OTHER, ANAS_PHONE, Verdict.DROPPED),
            (self.REFUSED, ANAS_PHONE, Verdict.DROPPED),
            (self.OWN, ROOT, Verdict.DROPPED),
            (self.OWN_OTHER, ROOT, Verdict.DROPPED),
            (self.REFUSED, ROOT, Verdict.DROPPED),
        ):
            for topic in topics:
                self.assertIs(verdict, self.gatekeeper.may_publish(who, topic, b"{}"), (topic, who))

    def allowed(self, who: Principal, topic: str) -> bool:
        return self.gatekeeper.may_publish(who, topic, b"{}") is Verdict.ALLOWED

    def test_free_topics_are_open_to_all_who_signed_in(self) -> None:
        """With a device's password as well, and to those who act as an account."""
        self.opens("home/#", "+/door", anonymous="guest")
        for who in (ANA, ANAS_PHONE, ROOT, GUEST):
            for topic in ("home", "home/light", "home/light/cmd", "garage/door", "/door"):
                self.assertTrue(self.allowed(who, topic), topic)
            for topic in ("homes", "garage/window", "owntracks/door", "$SYS/door"):
                self.assertFalse(self.allowed(who, topic), topic)
        self.opens()
        self.assertFalse(self.allowed(ANA, "home"))

    def test_whatever_is_free_no_phones_topic_and_nothing_of_the_broker_is(self) -> None:
        """`#` opens everything else."""
        self.opens("#", "owntracks/#", "$SYS/#", "+/+/+", "$other/#")
        for who in (ANA, ANAS_PHONE, ROOT):
            for topic in ("owntracks", "owntracks/ana", "owntracks/ben/phone", "owntracks//x"):
                self.assertFalse(self.allowed(who, topic), topic)
            for topic in ("$SYS", "$SYS/broker/uptime", "$other/x", "$"):
                self.assertFalse(self.allowed(who, topic), topic)
            for topic in ("x", "/owntracks/ben/phone", "a/b/c/d"):
                self.assertTrue(self.allowed(who, topic), topic)
        self.assertFalse(self.allowed(ANAS_PHONE, "owntracks/ana/tablet"))

    def test_once_nobody_acts_as_an_account_what_they_left_is_not_published(self) -> None:
        """Such as a Will of theirs."""
        self.opens("#", anonymous="guest")
        own = "owntracks/guest/phone"
        self.assertTrue(self.allowed(GUEST, own) and self.allowed(GUEST, "x"))
        self.assertFalse(self.gatekeeper.acts_in_vain(GUEST))
        self.opens("#")
        self.assertFalse(self.allowed(GUEST, own) or self.allowed(GUEST, "x"))
        self.assertTrue(self.gatekeeper.acts_in_vain(GUEST))
        self.assertFalse(self.gatekeeper.acts_in_vain(evolve(GUEST, anonymous=False)))

    def test_nothing_of_a_disabled_account_is_published(self) -> None:
        """Its phones are cut, and their Wills are due then."""
        self.opens("#", anonymous="guest")
        self.signin.disabled = {ANA.user, GUEST.user}
        for who in (ANA, ANAS_PHONE, GUEST):
            for topic in (f"owntracks/{who.name}/phone", "home/light"):
                self.assertFalse(self.allowed(who, topic), (topic, who))
        self.signin.disabled.clear()
        self.assertTrue(self.allowed(ANA, "owntracks/ana/phone"))


class ReceiveTests(GatekeeperCase):
    def receives(self, who: Principal, topic: str, payload: bytes = b"{}") -> bool:
        message = Message(topic, payload, 1, False)
        got = self.gatekeeper.may_receive(who, message)
        self.assertIn(got, (None, message))
        return got is not None

    def test_rights_to_receive(self) -> None:
        """Everything of one's own, nothing of others; an administrator is no exception."""
        for who in (ANA, ANAS_PHONE):
            for topic in (*PublishTests.OWN, *PublishTests.OWN_OTHER, "owntracks/ana"):
                self.assertTrue(self.receives(who, topic), topic)
            for topic in ("owntracks/ben/phone", "owntracks", "home/light", "$SYS/broker/uptime"):
                self.assertFalse(self.receives(who, topic), topic)
        for topic in PublishTests.OWN:
            self.assertFalse(self.receives(ROOT, topic), topic)

    def test_a_command_is_delivered_only_where_commands_belong(self) -> None:
        """Android with its own `subTopic` would carry it out from anywhere (OwnTracks 8.3)."""
        command = b'{"_type":"\\u0063md","action":"setConfiguration"}'
        self.assertTrue(self.receives(ANA, "owntracks/ana/phone/cmd", command))
        for topic in ("owntracks/ana/phone", "owntracks/ana/phone/event", "owntracks/ana/cmd"):
            for _ in range(2):
                self.assertFalse(self.receives(ANA, topic, command), topic)
        self.assertTrue(self.receives(ANA, "owntracks/ana/phone", b'{"SSID":"cmd"}'))

    def test_free_topics_are_delivered_to_all_who_signed_in(self) -> None:
        """And to nobody any more, once they are not free."""
        self.opens("#")
        for who in (ANA, ANAS_PHONE, ROOT, GUEST):
            self.assertTrue(self.receives(who, "home/light"))
            self.assertFalse(self.receives(who, "owntracks/ben/phone"))
            self.assertFalse(self.receives(who, "$other/x"))
        self.opens("garden/#")
        self.assertFalse(self.receives(ANA, "home/light"))

    def test_no_command_is_delivered_on_a_free_topic(self) -> None:
        """Anybody publishes there; a phone that listens would obey them (OwnTracks 8.3)."""
        self.opens("#")
        command = b'{"_type":"cmd","action":"dump"}'
        for topic in ("home/light", "home/light/cmd", "cmd"):
            self.assertFalse(self.receives(ANA, topic, command), topic)
        self.assertTrue(self.receives(ANA, "home/light/cmd", b"on"))

    def test_how_the_broker_fares_is_for_administrators(self) -> None:
        """Not for whoever has the password of one's phone, nor for an anonymous client."""
        for topic in ("$SYS/broker/uptime", "$SYS/x"):
            self.assertTrue(self.receives(ROOT, topic))
            for who in (ANA, ANAS_PHONE, GUEST):
                self.assertFalse(self.receives(who, topic))
        self.assertFalse(self.receives(ROOT, "$SYS"))

    def test_it_is_what_the_broker_asks_for(self) -> None:
        """The port is written in mqtt, which knows nothing of people."""
        port: ports.Gatekeeper[Principal] = self.gatekeeper
        self.assertIsNotNone(port)
