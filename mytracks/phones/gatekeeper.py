"""MQTT's question at every packet: who is this, may they publish it, may they have it? (contract 3)

Asked on every publish and every delivery: it never waits, and looks at values only.
"""

from collections.abc import Callable
from typing import Final, Protocol

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


class SignIn(Protocol):
    """Whose credentials these are. `people.signin.SignIn` implements it."""

    async def password(
        self, name: str | None, password: str | bytes | None, *, door: Door, address: str
    ) -> Principal:
        """Raises Unauthenticated, Busy or Unavailable."""

    def again(self, user: int, device: str | None, door: Door) -> Principal | None:
        """Who signed in so before, if they still could. Never waits."""

    def welcome(self, user: int) -> bool:
        """Whether the account is there and not disabled. Never waits."""

    def anonymous(self, name: str, *, door: Door, address: str | None = None) -> Principal | None:
        """Who acts as the account `name` without signing in, if it is there. Never waits."""


class Gatekeeper:
    """The rights of contract 3 in one's own topics and in free ones. `storing`: whether a commit
    would work."""

    def __init__(self, signin: SignIn, storing: Callable[[], bool], limits: MQTTLimits) -> None:
        self._signin = signin
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
        """`<account>`, `<account>/<device>` or `anonymous <account>`: no credentials, they may
        have changed meanwhile.
        """
        if who.anonymous:
            return f"{_ANONYMOUS}{who.user}"
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
        user, _, device = mark.partition("/")
        return self._signin.again(int(user), device or None, Door.MQTT)

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
        if topics.owner(topic) != who.name and not self._is_open(who, topic):
            return None
        if self._is_stray_command(message):
            return None
        return message

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
