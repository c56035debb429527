"""How many ask on the control socket at once, and how long they may take. Decides nothing."""

from attrs import field, frozen
from attrs.validators import ge, gt


@frozen(kw_only=True)
class Limits:
    """The `[control]` table of the settings. Times in seconds."""

    request_time: float = field(default=10.0, validator=gt(0))
    """From the connection to the whole request."""
    max_connections: int = field(default=16, validator=ge(1))
    """At once; a further one is closed."""
