"""What the client makes of what an authority says: in words, and as values.

That it speaks ACME is proved with a real authority, in tests/whole/test_acme.py.
"""

from datetime import UTC, datetime
from typing import Any, cast

import requests
from acme import errors, messages
from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mytracks.clock import Clock
from mytracks.errors import Unavailable
from mytracks.pki.acme.client import LONGEST, NONCE_ROUNDS, Directory, Network, is_over, words
from mytracks.pki.acme.ports import OrderFailed, Suggestion, Wanted
from tests.pki.acme.room import ASKED, DIRECTORY, NAME

WANTED = Wanted(directory=DIRECTORY, names=(NAME,), kind="http-01")
NOW = 1_800_000_000.0


def problem(code: str, detail: str) -> messages.Error:
    """A problem document."""
    told = {"type": f"urn:ietf:params:acme:error:{code}", "detail": detail}
    return cast(messages.Error, messages.Error.from_json(told))


class FakeClient:
    """Knows of renewal, or fails."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def renewal_time(self, chain: bytes) -> Any:
        """What it was told to say."""
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class Told(Directory):
    """A directory whose client is another, or whose making fails."""

    def __init__(self, answer: Any) -> None:
        clock = Clock(task.Clock(), wall=lambda: NOW)
        super().__init__(ASKED, clock, cast(Any, reactor))
        self._answer = answer

    def _client(self, key: Any = None) -> Any:
        if isinstance(self._answer, FakeClient):
            return self._answer
        raise self._answer


class WordsTests(SynchronousTestCase):
    """For people, in one line."""

    def test_each_trouble_has_its_own(self) -> None:
        """With the authority's reason, where it gives one."""
        authorization = messages.AuthorizationResource(
            body=messages.Authorization(
                identifier=messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=NAME),
                challenges=[
                    messages.ChallengeBody(
                        chall=None, uri="x", error=problem("connection", "Connection refused")
                    )
                ],
            )
        )
        for error, expected in (
            (errors.ValidationError([authorization]), f"{NAME}: Connection refused"),
            (errors.IssuanceError(problem("caa", "CAA forbids it")), "refuses: CAA forbids it"),
            (problem("rateLimited", "too many"), "refuses: too many"),
            (errors.TimeoutError(), "did not finish in time"),
            (requests.exceptions.SSLError("self-signed"), "is not trusted: self-signed"),
            (requests.exceptions.ConnectTimeout("slow"), "cannot be reached: slow"),
            (ValueError("Requesting ca/dir: Connection refused"), "cannot be reached"),
            (ValueError("no JSON"), "was not understood: ValueError no JSON"),
            (KeyError("newOrder"), "was not understood: KeyError"),
        ):
            self.assertIn(expected, words(error))

    def test_what_an_authority_says_stays_in_its_line(self) -> None:
        """It goes into a log and onto a page."""
        self.assertIn("a b c", words(problem("x", "a\nb\r\n\x1b c")))

    def test_an_order_that_was_refused_is_over_one_that_was_not_heard_is_not(self) -> None:
        """The next try goes on with it."""
        self.assertTrue(is_over(errors.ValidationError([])))
        self.assertTrue(is_over(problem("malformed", "")))
        self.assertFalse(is_over(errors.TimeoutError()))
        self.assertFalse(is_over(requests.exceptions.ConnectionError()))


class Refusing(Network):
    """Its first requests are refused for this reason."""

    def __init__(self, code: str, refusals: int) -> None:
        super().__init__()
        self.asked = 0
        self._refusals = [problem(code, "")] * refusals

    def _post_once(self, *_: Any, **__: Any) -> requests.Response:
        self.asked += 1
        if self._refusals:
            raise self._refusals.pop()
        return requests.Response()


class NonceTests(SynchronousTestCase):
    """A nonce is no part of what is asked."""

    def test_a_request_is_sent_again_for_a_nonce_that_was_refused_but_not_for_ever(self) -> None:
        """Authorities refuse some on purpose."""
        most = 2 * NONCE_ROUNDS
        network = Refusing("badNonce", most - 1)
        network.post("https://acme.example.test/order", cast(Any, None))
        self.assertEqual(most, network.asked)
        network = Refusing("badNonce", most)
        with self.assertRaises(messages.Error):
            network.post("https://acme.example.test/order", cast(Any, None))

    def test_any_other_refusal_is_one(self) -> None:
        """Asking again would not change it."""
        network = Refusing("malformed", 2)
        with self.assertRaises(messages.Error):
            network.post("https://acme.example.test/order", cast(Any, None))
        self.assertEqual(1, network.asked)


class DirectoryTests(TestCase):
    """Its thread, and what comes out of it."""

    def directory(self, answer: Any) -> Directory:
        """One that says so."""
        made = Told(answer)
        self.addCleanup(made.close)
        return made

    async def refusal(self, work: Deferred[Any]) -> Exception:
        """What it came to."""
        return cast(Exception, (await work.addBoth(lambda failure: failure.value)))

    async def test_whatever_goes_wrong_comes_out_as_one_kind(self) -> None:
        """Bounded, and the order is kept where it may be of use."""
        directory = self.directory(requests.exceptions.ConnectionError("x" * 5000))
        error = await self.refusal(directory.begin(None, WANTED, None))
        assert isinstance(error, OrderFailed)
        self.assertEqual(LONGEST, len(str(error)))
        self.assertFalse(error.over)

    async def test_a_suggestion_is_told_in_utc_seconds(self) -> None:
        """The library tells local times and times with a zone."""
        at = datetime.fromtimestamp(NOW + 5, UTC)
        again = datetime.fromtimestamp(NOW + 9)  # noqa: DTZ006 - as the library does
        directory = self.directory(FakeClient((at, again)))
        self.assertEqual(Suggestion(NOW + 5, NOW + 9), await directory.suggestion(b""))
        none = self.directory(FakeClient((None, again)))
        self.assertEqual(Suggestion(None, NOW + 9), await none.suggestion(b""))
        failing = self.directory(FakeClient(errors.ARIError("down", again)))
        self.assertEqual(Suggestion(None, NOW + 9), await failing.suggestion(b""))

    async def test_after_the_end_nobody_is_asked(self) -> None:
        """And whoever waits is refused."""
        directory = self.directory(KeyError("x"))
        directory.close()
        with self.assertRaises(Unavailable):
            directory.suggestion(b"")
