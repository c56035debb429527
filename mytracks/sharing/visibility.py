"""Who may see which device. One immutable answer for every door."""

from attrs import frozen

from mytracks.sharing.identity import Principal


@frozen
class Visibility:
    """What may be seen as of one commit; a change of rights makes a new one.

    Being an administrator does not by itself show anybody's places (contract 3).
    """

    def sees(self, viewer: Principal, owner: int) -> bool:
        """Whether `viewer` may see the devices of the account `owner`."""
        return viewer.user == owner
