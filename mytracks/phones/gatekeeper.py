"""MQTT's question at every packet: who is this, may they publish it, may they have it? (contract 3)

Asked on every publish and every delivery: it never waits, and looks at values only.
"""

from collections.abc import Callable
from typing import Protocol

from mytracks.errors import Forbidden, Unauthenticated, Unavailable
from mytracks.mqtt.protocol.packets.connect import Connect
from mytracks.mqtt.routing.ports import Message, Peer, Verdict
from mytracks.owntracks import topics
from mytracks.owntracks.commands import carries_command
from mytracks.sharing.identity import Door, Principal


class SignIn(Protocol):
    """Whose credentials these are. `people.signin.SignIn` implements it."""

    async def password(
        self, name: str | None, password: str | bytes | None, *, door: Door, address: str
    ) -> Principal:
        """Raises Unauthenticated, Busy or Unavailable."""

    def again(self, user: int, device: str | None, door: Door) -> Principal | None:
        """Who signed in so before, if they still could. Never waits."""


class Gatekeeper:
    """The rights of contract 3 in one's own topics. `storing`: whether a commit would work."""

    def __init__(self, signin: SignIn, storing: Callable[[], bool]) -> None:
        self._signin = signin
        self._storing = storing
        self._judged: tuple[bytes, bool] = (b"", False)

    async def admit(self, connect: Connect, peer: Peer) -> Principal:
        """Who connects. Android sends empty strings where it has nothing: those are absent (3.1).

        Raises Forbidden for nobody, Unauthenticated for wrong credentials, Unavailable while
        nothing can be stored (so that phones keep what they have and try again), Busy.
        """
        if not self._storing():
            raise Unavailable("Nothing can be stored at the moment.")
        if not connect.username and not connect.password:
            raise Forbidden("Sign in with a user name and a password.")
        if not connect.username or not connect.password:
            raise Unauthenticated("The user name or the password is missing.")
        return await self._signin.password(
            connect.username, connect.password, door=Door.MQTT, address=peer.address
        )

    def namespace(self, who: Principal) -> str:
        """Client ids and retained messages belong to an account; its name tells people whose."""
        return who.name

    def mark(self, who: Principal) -> str:
        """`<account>` or `<account>/<device>`: no credentials, they may have changed meanwhile."""
        return f"{who.user}" if who.device is None else f"{who.user}/{who.device}"

    async def recall(self, mark: str) -> Principal | None:
        """Whoever was let in so; None once the account, or all the device's passwords, are gone."""
        user, _, device = mark.partition("/")
        return self._signin.again(int(user), device or None, Door.MQTT)

    def may_publish(
        self,
        who: Principal,
        topic: str,
        payload: bytes,
    ) -> Verdict:
        """`owntracks/<own name>/<device>` and below; a device's password: only that device's."""
        place = topics.place(topic)
        if place is None or place.user != who.name:
            return Verdict.DROPPED
        if who.device is not None and place.device != who.device:
            return Verdict.DROPPED
        return Verdict.ALLOWED

    def may_receive(self, who: Principal, message: Message) -> Message | None:
        """All of one's own tree; a command only where commands belong."""
        if topics.owner(message.topic) != who.name:
            return None
        if self._is_stray_command(message):
            return None
        return message

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
