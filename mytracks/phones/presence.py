"""Which devices are there: heard since we started, and not reported lost since.

In memory only, and a hint at most: a phone in the background may well disconnect for hours and be
fine (OwnTracks 3.6). What a device last said, and when, is what counts.
"""


class Presence:
    """Online or not, by a device's number."""

    def __init__(self) -> None:
        self._online: dict[int, bool] = {}

    def online(self, number: int) -> bool | None:
        """Whether the device is there; None: nothing was heard of it since we started."""
        return self._online.get(number)

    def heard(self, number: int) -> bool:
        """The device said something; whether that is a change."""
        return self._change(number, online=True)

    def lost(self, number: int) -> bool:
        """The device's connection broke; whether that is a change."""
        return self._change(number, online=False)

    def _change(self, number: int, *, online: bool) -> bool:
        before = self._online.get(number)
        self._online[number] = online
        return before is not online
