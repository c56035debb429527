"""Refusals: few kinds, which every door knows."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Conflict, Invalid, Refused, Unavailable, kind
from mytracks.store.database import StorageBusy, StorageFull


class KindTests(SynchronousTestCase):
    """A room may refine a refusal; a phone on a full disk must still be told 503, not 500."""

    def test_each_kind_is_its_own(self) -> None:
        """The doors' tables are written with them."""
        for refused in (Invalid("No."), Conflict("No."), Unavailable("Later.")):
            self.assertIs(type(refused), kind(refused))

    def test_what_a_room_refines_is_answered_as_what_it_refines(self) -> None:
        """Full and busy storage is our trouble, not the phone's."""
        for refused in (StorageFull("Full."), StorageBusy("Busy.")):
            self.assertIs(Unavailable, kind(refused))

    def test_every_kind_derives_straight_from_refused(self) -> None:
        """Otherwise the doors' tables would not be complete."""
        self.assertIn(Unavailable, Refused.__subclasses__())

    def test_one_that_is_of_no_kind_is_our_own_trouble(self) -> None:
        """Whoever asked keeps what they have; no door falls over it."""
        self.assertIs(Unavailable, kind(Refused("No.")))
