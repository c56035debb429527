"""What the `mytracks` command can have done to the key ring while the server runs: a new key."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from mytracks.control.taking import Strict, Work, taking
from mytracks.pki.build import PKI
from mytracks.pki.keyring import KeyRing

InUse = Callable[[], Awaitable[Collection[bytes]]]
"""The ids of the keys by which some record is sealed."""
Others = Callable[[Callable[[str, bytes], bytes]], Awaitable[int]]
"""Seals anew what is sealed but private keys; how many there were."""


class Nothing(Strict):
    """An operation without arguments."""


def table(keys: KeyRing, pki: PKI, others: Others, in_use: InUse) -> Mapping[str, Work]:
    """The operations, by name."""

    async def rotate(_: Nothing) -> dict[str, Any]:
        """A new key seals from now on; all is sealed with it anew, each in a commit of its own, and
        keys that no record names any more are forgotten. What others still hold in memory keeps its
        key until the next start."""
        keys.add_key()
        done = await pki.resealing.run()
        held = await in_use()
        done += await others(keys.reseal)
        gone = keys.drop(still_named={*held, *await in_use()})
        return {"resealed": done, "keys": len(keys.ids), "forgotten": len(gone)}

    return {"key.rotate": taking(Nothing, rotate)}
