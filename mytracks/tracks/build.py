"""Constructs the room. Decides nothing."""

from collections.abc import Callable

from attrs import frozen

from mytracks.clock import Clock
from mytracks.sharing.visibility import Visibility
from mytracks.tracks import ports
from mytracks.tracks.devices import Devices
from mytracks.tracks.history import History
from mytracks.tracks.limits import Limits
from mytracks.tracks.live import Live
from mytracks.transaction import Transactions


@frozen
class Tracks:
    """The services of the room. `devices.load()` comes before the first message."""

    devices: Devices
    history: History
    live: Live


def build(
    transactions: Transactions,
    devices: ports.Devices,
    locations: ports.Locations,
    rights: Callable[[], Visibility],
    clock: Clock,
    limits: Limits,
) -> Tracks:
    """Join the services. `rights` gives the rights as of the last commit, each time it is asked."""
    registry = Devices(transactions, devices, limits)
    return Tracks(
        devices=registry,
        history=History(transactions, locations, registry, rights, limits),
        live=Live(rights, clock, limits),
    )
