"""What the `mytracks` command can have done to the key ring while the server runs: a new key."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from mytracks.control.taking import Strict, Work, taking
from mytracks.people.build import People
from mytracks.pki.build import PKI
from mytracks.pki.keyring import KeyRing
from mytracks.sharing.identity import COMMAND_LINE

InUse = Callable[[], Awaitable[Collection[bytes]]]
"""The ids of the keys by which some record is sealed."""
PayloadKeys = Callable[[Callable[[str, bytes], bytes]], Awaitable[int]]
"""Seals anew what devices encrypt with; how many there were."""


class Nothing(Strict):
    """An operation without arguments."""


def table(
    keys: KeyRing, pki: PKI, people: People, payload_keys: PayloadKeys, in_use: InUse
) -> Mapping[str, Work]:
    """The operations, by name."""

    async def rotate(_: Nothing) -> dict[str, Any]:
        """A new key seals from now on; all is sealed with it anew, each in a commit of its own, and
        keys that no record names any more are forgotten."""
        keys.add_key()
        done = await pki.resealing.run()
        done += await people.second_factor.reseal()
        done += await payload_keys(keys.reseal)
        # Whatever was sealed before, and waited to be stored, is stored before this.
        await people.audit.note(COMMAND_LINE, "key.rotate", "keyring", f"{done} secrets")
        gone = keys.drop(still_named=await in_use())
        return {"resealed": done, "keys": len(keys.ids), "forgotten": len(gone)}

    return {"key.rotate": taking(Nothing, rotate)}
