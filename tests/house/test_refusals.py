"""Every refusal has an answer at every door (style 3.9)."""

import importlib
import pkgutil
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

import mytracks
from mytracks.control.operations import KINDS
from mytracks.errors import Busy, Conflict, Forbidden, Invalid, NotFound, Refused, Unavailable
from mytracks.mqtt.routing.door import CONNACK_CODES
from mytracks.web.problems import HTTP_STATUS, refusal


def all_modules() -> None:
    """Import the whole product, so that every subclass is known."""
    for module in pkgutil.walk_packages(mytracks.__path__, "mytracks."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)


def kinds(of: type[Refused] = Refused) -> Iterator[type[Refused]]:
    """Every kind of refusal, however deep."""
    for each in of.__subclasses__():
        yield each
        yield from kinds(each)


def made(kind: type[Refused]) -> Refused:
    """One of it."""
    return kind("no", 3.0) if issubclass(kind, Busy) else kind("no")


class RefusalTests(SynchronousTestCase):
    """A refusal without an answer becomes `500`, and a phone that gets one may lose its places."""

    def test_the_tables_of_all_doors_are_complete(self) -> None:
        """The kinds of `errors.py`, no more and no fewer."""
        own = {each for each in Refused.__subclasses__() if each.__module__ == "mytracks.errors"}
        self.assertLessEqual({Invalid, Forbidden, NotFound, Conflict, Busy, Unavailable}, own)
        for table in (HTTP_STATUS, CONNACK_CODES, KINDS):
            self.assertEqual(own, set(table))

    def test_a_more_special_refusal_is_answered_as_its_kind_over_http(self) -> None:
        """The store's `StorageFull` is an `Unavailable`: 503, which a phone survives."""
        all_modules()
        for kind in kinds():
            expected = next(HTTP_STATUS[each] for each in kind.__mro__ if each in HTTP_STATUS)
            answer = refusal(made(kind), challenge=False, phone=False)
            self.assertEqual(expected, answer.status, kind)
