"""From which networks somebody has signed in before: there they are not taken for a stranger.

Known are an account's name and a network; only right credentials make a network familiar, so that
nobody becomes familiar by trying. Kept in memory, and forgotten with the password: whoever had
learned it is a stranger again.
"""

from collections import OrderedDict

from mytracks.people.limits import Limits
from mytracks.people.networks import network


class Familiar:
    """Accounts and their networks; the one met longest ago is forgotten first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._met: OrderedDict[tuple[str, str], None] = OrderedDict()

    def met(self, name: str, address: str) -> None:
        """The account `name` (canonical) was signed in to from `address`."""
        key = name, network(address)
        self._met[key] = None
        self._met.move_to_end(key)
        while len(self._met) > self._limits.max_familiar_networks:
            self._met.popitem(last=False)

    def knows(self, name: str, address: str) -> bool:
        """Whether the account was signed in to from this network before."""
        return (name, network(address)) in self._met

    def forget(self, name: str) -> None:
        """Every network is strange to this account."""
        for key in [key for key in self._met if key[0] == name]:
            del self._met[key]
