"""What every connection and session of one broker is served by. Decides nothing."""

from typing import Generic

from attrs import define

from mytracks.clock import Clock
from mytracks.mqtt.routing.counters import Counters
from mytracks.mqtt.routing.incidents import Incidents
from mytracks.mqtt.routing.incoming import Incoming
from mytracks.mqtt.routing.limits import Limits
from mytracks.mqtt.routing.ports import Gatekeeper, Who


@define(kw_only=True, eq=False)
class Terms(Generic[Who]):
    """Who decides on rights, how much anybody and all together may have, by which clock, where it
    is counted, and where it is remembered who was not let in. The limits may change while the
    broker runs: ask for them anew each time.
    """

    gatekeeper: Gatekeeper[Who]
    limits: Limits
    clock: Clock
    counters: Counters
    incoming: Incoming
    incidents: Incidents
