"""MQTT's question at every packet: who is this, may they publish it, may they have it? (contract 3)

Asked on every publish and every delivery: it never waits, and looks at values only.
"""

from collections.abc import Callable
from enum import Flag
from typing import Final, Protocol

from attrs import evolve

from mytracks.errors import Forbidden, Unauthenticated, Unavailable
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.protocol.topics import matches
from mytracks.mqtt.routing.ports import Message, Peer, Verdict
from mytracks.owntracks import topics
from mytracks.owntracks.commands import carries_command
from mytracks.phones.limits import MQTTLimits
from mytracks.sharing.identity import Door, Principal

STATISTICS: Final = "$SYS/"
"""Where a broker tells how it fares: that is for administrators."""
_ANONYMOUS: Final = "anonymous "
"""How the mark of an account begins for those who act as it without signing in."""
_CERTIFIED: Final = "certificate "
"""The same for those who came by a certificate; their account's number and its SHA-256 follow."""
_UNNAMED: Final = " unnamed"
"""How that ends for those who gave no user name."""
_MOST_HABITS: Final = 10_000


class Habit(Flag):
    """How the topics look that a client without a user name writes itself."""

    NONE = 0
    OWN_LEVEL = 1
    """It wrote the level `user` where its name belongs."""
    BY_NAME = 2
    """It subscribed to topics with its name in them."""


class Holding(Protocol):
    """Whose a certificate is. `pki.state.Holder` implements it."""

    @property
    def user(self) -> int: ...


class Holders(Protocol):
    """The client certificates that we issued. `pki.clients.Clients` implements it."""

    def holder(self, fingerprint: bytes) -> Holding | None:
        """Whose the certificate with this SHA-256 is, if it is in force. Never waits."""


class SignIn(Protocol):
    """Whose credentials these are. `people.signin.SignIn` implements it."""

    async def password(
        self, name: str | None, password: str | bytes | None, *, door: Door, address: str
    ) -> Principal:
        """Raises Unauthenticated, Busy or Unavailable."""

    def certificate(
        self, user: int, fingerprint: bytes, username: str | None, *, door: Door, address: str
    ) -> Principal:
        """Who shows the account's certificate, and the name `username`, if any. Never waits.
        Raises Forbidden."""

    def again(self, user: int, device: str | None, door: Door) -> Principal | None:
        """Who signed in so before, if they still could. Never waits."""

    def welcome(self, user: int) -> bool:
        """Whether the account is there and not disabled. Never waits."""

    def anonymous(self, name: str, *, door: Door, address: str | None = None) -> Principal | None:
        """Who acts as the account `name` without signing in, if it is there. Never waits."""


class Gatekeeper:
    """The rights of contract 3 in one's own topics and in free ones. `storing`: whether a commit
    would work. `holders`: whose client certificates are; None: nobody has any."""

    def __init__(
        self,
        signin: SignIn,
        storing: Callable[[], bool],
        limits: MQTTLimits,
        holders: Holders | None = None,
    ) -> None:
        self._signin = signin
        self._holders = holders
        self._habits: dict[bytes, Habit] = {}
        self._storing = storing
        self._limits = limits
        self._judged: tuple[bytes, bool] = (b"", False)
        self._looked_up: tuple[str, bool] = ("", False)

    def adopt(self, limits: MQTTLimits) -> None:
        """Keep to these from now on; who acts as an account that they do not name has to be cut
        off (`acts_in_vain`).
        """
        self._limits = limits
        self._looked_up = ("", False)

    def acts_in_vain(self, who: Principal) -> bool:
        """Whether `who` came in without signing in, and nobody would be let in so any more."""
        return who.anonymous and who.name != self._limits.anonymous_user

    async def admit(self, connect: Connect, peer: Peer) -> Principal:
        """Who connects. Android sends empty strings where it has nothing: those are absent (3.1).

        Raises Forbidden for nobody, unless a setting says as whom they act; Unauthenticated for
        wrong credentials; Unavailable while nothing can be stored (so that phones keep what they
        have and try again); Busy.
        """
        if not self._storing():
            raise Unavailable("Nothing can be stored at the moment.")
        if peer.certificate is not None:
            return self._certified(peer.certificate, connect.username, peer.address)
        if not connect.username and not connect.password:
            return self._nobody(peer.address)
        if not connect.username or not connect.password:
            raise Unauthenticated("The user name or the password is missing.")
        return await self._signin.password(
            connect.username, connect.password, door=Door.MQTT, address=peer.address
        )

    def namespace(self, who: Principal) -> str:
        """Client ids and retained messages belong to an account; its name tells people whose."""
        return who.name

    def mark(self, who: Principal) -> str:
        """`<account>`, `<account>/<device>`, `anonymous <account>` or `certificate <account>
        <SHA-256>`: no credentials, they may have changed meanwhile.
        """
        if who.anonymous:
            return f"{_ANONYMOUS}{who.user}"
        if who.certificate is not None:
            named = _UNNAMED if who.unnamed else ""
            return f"{_CERTIFIED}{who.user} {who.certificate.hex()}{named}"
        return f"{who.user}" if who.device is None else f"{who.user}/{who.device}"

    async def recall(self, mark: str) -> Principal | None:
        """Whoever was let in so; None once the account, or all the device's passwords, are gone,
        or nobody acts as that account any more.
        """
        if mark.startswith(_ANONYMOUS):
            name = self._limits.anonymous_user
            who = self._signin.anonymous(name, door=Door.MQTT) if name else None
            number = int(mark.removeprefix(_ANONYMOUS))
            return who if who is not None and who.user == number else None
        if mark.startswith(_CERTIFIED):
            return self._recall_certified(mark)
        user, _, device = mark.partition("/")
        return self._signin.again(int(user), device or None, Door.MQTT)

    def meant_topic(self, who: Principal, topic: str) -> str:
        """To a client that gave no user name, the level `user` is its own (contract 3)."""
        return self._meant(who, topic) if who.unnamed else topic

    def meant_filter(self, who: Principal, topic_filter: str) -> str:
        """The same of what it subscribes to."""
        if not who.unnamed:
            return topic_filter
        if topics.owner(topic_filter) == who.name:
            self._note(who, Habit.BY_NAME)
        return self._meant(who, topic_filter)

    def may_publish(
        self,
        who: Principal,
        topic: str,
        payload: bytes,
    ) -> Verdict:
        """`owntracks/<own name>/<device>` and below; a device's password: only that device's; and
        what is free. Nothing of an account that was disabled meanwhile: its Will, say.
        """
        if not self._signin.welcome(who.user):
            return Verdict.DROPPED
        place = topics.place(topic)
        if place is None:
            free = self._is_free(topic) and not self.acts_in_vain(who)
            return Verdict.ALLOWED if free else Verdict.DROPPED
        if place.user != who.name or self.acts_in_vain(who):
            return Verdict.DROPPED
        if who.device is not None and place.device != who.device:
            return Verdict.DROPPED
        return Verdict.ALLOWED

    def may_receive(self, who: Principal, message: Message) -> Message | None:
        """All of one's own tree and what is free; a command only where commands belong. How the
        broker fares is told to administrators.
        """
        topic = message.topic
        owner = topics.owner(topic)
        if owner == who.name:
            message = self._as_written(who, message) if who.unnamed else message
        elif not (who.unnamed and owner == topics.OWN) and not self._is_open(who, topic):
            return None
        if self._is_stray_command(message):
            return None
        return message

    def _meant(self, who: Principal, written: str) -> str:
        if topics.owner(written) != topics.OWN:
            return written
        self._note(who, Habit.OWN_LEVEL)
        return topics.moved(written, who.name)

    def _as_written(self, who: Principal, message: Message) -> Message:
        """A phone knows its own topics by the level that it writes itself: it would take what has
        another one for somebody else's, and not carry out its commands."""
        if self._habits.get(who.certificate or b"") != Habit.OWN_LEVEL:
            return message
        return evolve(message, topic=topics.moved(message.topic, topics.OWN))

    def _note(self, who: Principal, habit: Habit) -> None:
        key = who.certificate or b""
        before = self._habits.get(key, Habit.NONE)
        if habit not in before:
            self._habits[key] = before | habit
            if len(self._habits) > _MOST_HABITS:
                del self._habits[next(iter(self._habits))]

    def _certified(self, fingerprint: bytes, username: str | None, address: str) -> Principal:
        holder = self._holders.holder(fingerprint) if self._holders is not None else None
        if holder is None:
            raise Forbidden("The certificate is not in force.")
        self._habits.pop(fingerprint, None)
        return self._signin.certificate(
            holder.user, fingerprint, username or None, door=Door.MQTT, address=address
        )

    def _recall_certified(self, mark: str) -> Principal | None:
        """The session outlives its certificate, for the next one of the same person."""
        unnamed = mark.endswith(_UNNAMED)
        user, _, shown = mark.removeprefix(_CERTIFIED).removesuffix(_UNNAMED).partition(" ")
        who = self._signin.again(int(user), None, Door.MQTT)
        if who is None:
            return None
        return evolve(who, certificate=bytes.fromhex(shown), unnamed=unnamed)

    def _nobody(self, address: str) -> Principal:
        name = self._limits.anonymous_user
        if not name:
            raise Forbidden("Sign in with a user name and a password.")
        who = self._signin.anonymous(name, door=Door.MQTT, address=address)
        if who is None:
            raise Forbidden("The account of [mqtt] anonymous_user is disabled or not there.")
        return who

    def _is_open(self, who: Principal, topic: str) -> bool:
        """Whether `who` may receive what is in nobody's tree."""
        if topic.startswith(STATISTICS):
            return who.admin
        return self._is_free(topic)

    def _is_free(self, topic: str) -> bool:
        """Whether `topic` is open to everybody. One message goes to many, so the last is kept."""
        known, free = self._looked_up
        if known != topic:
            first = topic.partition("/")[0]
            closed = first == topics.ROOT or first.startswith("$")
            free = not closed and any(matches(one, topic) for one in self._limits.free_topics)
            self._looked_up = (topic, free)
        return free

    def _is_stray_command(self, message: Message) -> bool:
        """Whether a phone might carry out what it must not (OwnTracks 8.3).

        One message goes to many receivers, so the last judgement is kept.
        """
        place = topics.place(message.topic)
        if place is not None and place.commands:
            return False
        payload, verdict = self._judged
        if payload is not message.payload:
            verdict = carries_command(message.payload)
            self._judged = (message.payload, verdict)
        return verdict
