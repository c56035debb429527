"""How much of the tracks one question may read and one buffer may hold. Decides nothing."""

from attrs import frozen


@frozen(kw_only=True)
class Limits:
    """All are counts but the last.

    `max_devices`: of one account. `default_page`, `max_page`: locations of one answer.
    `max_thinned`: locations that an answer with a `resolution` may have; beyond it the resolution
    is made coarser. `read_ahead`: locations that one read of a long walk fetches. `max_replay`:
    events that a viewer who comes back can be told. `max_replayed_extra`: bytes of odd members
    that a replayed location keeps; beyond it they are left out.
    """

    max_devices: int = 1_000
    default_page: int = 100
    max_page: int = 10_000
    max_thinned: int = 10_000
    read_ahead: int = 2_000
    max_replay: int = 2_000
    max_replayed_extra: int = 1_024
