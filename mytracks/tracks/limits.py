"""How much of the tracks one question may read and one buffer may hold. Decides nothing."""

from attrs import field, frozen
from attrs.validators import ge, le


@frozen(kw_only=True)
class Limits:
    """All are counts but the last.

    `max_devices`: of one account. `default_page`, `max_page`: locations of one answer.
    `max_thinned`: locations that an answer with a `resolution` may have; beyond it the resolution
    is made coarser. `read_ahead`: locations that one read of a long walk fetches. `max_replay`:
    events that a viewer who comes back can be told. `max_replayed_extra`: bytes of odd members
    that a replayed location keeps; beyond it they are left out.
    """

    max_devices: int = field(default=1_000, validator=ge(1))
    default_page: int = field(default=100, validator=[ge(1), le(10_000)])
    max_page: int = field(default=10_000, validator=[ge(1), le(10_000)])
    max_thinned: int = field(default=10_000, validator=ge(2))
    read_ahead: int = field(default=2_000, validator=ge(1))
    max_replay: int = field(default=2_000, validator=ge(0))
    max_replayed_extra: int = field(default=1_024, validator=ge(0))
