"""What was just stored, numbered, told at once to whoever may see it.

Rights are asked at delivery, not when somebody subscribes: what is no longer shared is not told any
more. A viewer who comes back is told what they missed, as far as a bounded memory reaches.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import orjson
from attrs import evolve, frozen
from twisted.logger import Logger

from mytracks.clock import Clock
from mytracks.sharing.identity import Device, Principal
from mytracks.sharing.visibility import Visibility
from mytracks.tracks.limits import Limits
from mytracks.tracks.locations import Recorded

_PER_MILLISECOND: Final = 2**10
"""Numbers that a run of the server has for each millisecond since 1970: no two runs ever give the
same number, numbers only grow, and 2**53 (what JavaScript counts to) lasts until 2248."""


@frozen(kw_only=True)
class DeviceStatus:
    """A device came or went at `at` (UTC seconds). Offline: its connection broke, nothing else."""

    device: Device
    online: bool
    at: int


@frozen
class Event:
    """Something that happened. `number` grows in the order of the commits; a viewer sees holes."""

    number: int
    what: Recorded | DeviceStatus


Receive = Callable[[Event], object]


class Subscription:
    """One viewer who listens; ends with `close`."""

    def __init__(
        self, live: "Live", viewer: Principal, receive: Receive, *, complete: bool
    ) -> None:
        self._live = live
        self.viewer = viewer
        self.receive = receive
        self.complete = complete
        """False: there was more since the number asked for than is remembered (a gap)."""

    def close(self) -> None:
        """Nothing is received any more; closing again does nothing."""
        self._live.left(self)


class Live:
    """Tells the present. `rights`: the rights as of now, asked for each delivery."""

    log = Logger()

    def __init__(self, rights: Callable[[], Visibility], clock: Clock, limits: Limits) -> None:
        self._rights = rights
        self._limits = limits
        self._subscriptions: dict[Subscription, None] = {}
        self._recent: deque[Event] = deque(maxlen=limits.max_replay)
        self._removed: set[int] = set()
        """Numbers of devices, which are never given again."""
        self.startup = int(clock.now() * 1000)
        """UTC milliseconds: another value than before means that the server was started anew. Not
        seconds: two starts may well fall into one."""
        self.number = self.startup * _PER_MILLISECOND
        """Of the newest event; a viewer who was told all up to here is up to date."""

    @property
    def listeners(self) -> int:
        """How many subscriptions are open."""
        return len(self._subscriptions)

    def subscribe(
        self, viewer: Principal, receive: Receive, since: int | None = None
    ) -> Subscription:
        """Call `receive` for each event that `viewer` may see, from now on or after number `since`.

        What was missed is received before this returns. Where not all of it is remembered (or the
        number is of another run) nothing is, and `complete` is False.
        """
        missed = self._after(since) if since is not None else []
        subscription = Subscription(self, viewer, receive, complete=missed is not None)
        self._subscriptions[subscription] = None
        rights = self._rights()
        for event in missed or ():
            self._deliver(subscription, event, rights)
        return subscription

    def forget(self, device: Device) -> None:
        """It was removed: nobody is told any more where it was, whatever they missed."""
        self._removed.add(device.number)

    def left(self, subscription: Subscription) -> None:
        """This subscription is over."""
        self._subscriptions.pop(subscription, None)

    def tell(self, what: Recorded | DeviceStatus) -> None:
        """It is durable: number it, remember it, and tell everybody who may know."""
        self.number += 1
        event = Event(self.number, what)
        self._recent.append(self._light(event))
        rights = self._rights()
        for subscription in list(self._subscriptions):
            self._deliver(subscription, event, rights)

    def _after(self, since: int) -> list[Event] | None:
        """The events behind number `since`; None: some of them are not remembered."""
        forgotten = self.number - len(self._recent)
        if not forgotten <= since <= self.number:
            return None
        missing = self.number - since
        return list(self._recent)[len(self._recent) - missing :]

    def _deliver(self, subscription: Subscription, event: Event, rights: Visibility) -> None:
        if subscription not in self._subscriptions:
            return
        device = event.what.device
        if device.number in self._removed or not rights.sees(subscription.viewer, device.owner):
            return
        try:
            subscription.receive(event)
        except Exception:  # noqa: BLE001 - one viewer's broken door must not keep it from the others
            self.log.failure("telling a viewer failed", user=subscription.viewer.name)

    def _light(self, event: Event) -> Event:
        """The same without large odd members (pictures, say): memory is for many events."""
        what = event.what
        if not isinstance(what, Recorded) or not what.location.extra:
            return event
        if len(orjson.dumps(what.location.extra)) <= self._limits.max_replayed_extra:
            return event
        return Event(event.number, evolve(what, location=evolve(what.location, extra={})))
