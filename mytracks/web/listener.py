"""What one viewer is told over the live door, and in which order; no socket in here.

A viewer who reads too slowly is not buffered for: it is left out from where it stopped, and when
it has read on it is told what it missed, from the memory that all share.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import msgspec

from mytracks.clock import iso
from mytracks.sharing.identity import Principal
from mytracks.tracks.live import DeviceStatus, Event, Live, Subscription
from mytracks.web.api.locations import shown


class State(Enum):
    """How a viewer stands to the present."""

    NEW = "new"
    CATCHING_UP = "catching up"
    PRESENT = "present"
    BEHIND = "behind"
    GONE = "gone"


class Listener:
    """One viewer. `send` takes a message's bytes; `still_welcome` is asked before each."""

    def __init__(
        self,
        live: Live,
        viewer: Principal,
        send: Callable[[bytes], object],
        still_welcome: Callable[[], bool],
        sent_away: Callable[[], object],
        encode: Callable[[Event], bytes],
    ) -> None:
        self.viewer = viewer
        self.state = State.NEW
        self._live = live
        self._send = send
        self._still_welcome = still_welcome
        self._sent_away = sent_away
        self._encode = encode
        self._subscription: Subscription | None = None
        self._told = 0
        """Everything up to this number was told, or is not this viewer's to see."""

    def begin(self, since: int | None) -> None:
        """Welcome; then what was missed since number `since`, or that it is not known any more."""
        missed = self._subscribe(since)
        self._told = since if since is not None and missed is not None else self._live.number
        startup = {"server_startup": self._live.startup}
        self._send(message("welcome", self._told, startup))
        self._catch_up(missed)

    def answer(self) -> None:
        """The client asks whether we are there: a page cannot see the pings of WebSocket itself."""
        if self.state is State.PRESENT:
            self._told = self._live.number
            self._send(message("tick", self._told, {}))

    def pause(self) -> None:
        """What was sent is not being read."""
        if self.state is State.PRESENT:
            self._told = self._live.number
        if self.state is not State.GONE:
            self._leave(State.BEHIND)

    def resume(self) -> None:
        """It is being read again."""
        if self.state is State.BEHIND:
            self._catch_up(self._subscribe(self._told))

    def end(self) -> None:
        """Nothing is told any more."""
        self._leave(State.GONE)

    def _subscribe(self, since: int | None) -> list[Event] | None:
        """What was missed; None: not all of it is remembered. From now on events arrive."""
        missed: list[Event] = []
        self.state = State.CATCHING_UP

        def receive(event: Event) -> None:
            if self.state is State.CATCHING_UP:
                missed.append(event)
            else:
                self._tell(event)

        self._subscription = self._live.subscribe(self.viewer, receive, since)
        return missed if self._subscription.complete else None

    def _catch_up(self, missed: list[Event] | None) -> None:
        if missed is None:
            self._told = self._live.number
            self._send(message("gap", self._told, {}))
        for event in missed or ():
            if self.state is not State.CATCHING_UP:
                return
            self._tell(event)
            self._told = event.number
        if self.state is State.CATCHING_UP:
            self.state = State.PRESENT

    def _tell(self, event: Event) -> None:
        if self._still_welcome():
            self._send(self._encode(event))
        else:
            self._sent_away()

    def _leave(self, state: State) -> None:
        self.state = state
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None


def encoded(event: Event) -> bytes:
    """`event` as a message."""
    what = event.what
    if isinstance(what, DeviceStatus):
        return message("device_status", event.number, _status(what))
    return message("location", event.number, shown(what))


def message(kind: str, seq: int, data: Any) -> bytes:
    """One message of the live door (contract 6)."""
    return msgspec.json.encode({"type": kind, "seq": seq, "data": data})


def _status(status: DeviceStatus) -> Mapping[str, Any]:
    path, when = status.device.path, iso(status.at)
    event = "device_online" if status.online else "device_offline"
    return {
        "device_id": path,
        "device_display": path,
        "is_online": status.online,
        "event": event,
        "at": when,
        "disconnected_at": None if status.online else when,
    }
