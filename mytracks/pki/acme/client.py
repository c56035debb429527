"""Speaks ACME [RFC 8555] with one authority, in a thread of its own named `acme`.

The library blocks and sleeps; here it does so where nobody waits for it. Everything goes in and out
as a value: nothing in the thread touches the reactor, a challenge or the store. Imported only where
a directory is set, for it brings a whole HTTP client with it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar, cast

import requests
from acme import client, crypto_util, errors, messages
from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from josepy.b64 import b64encode
from josepy.interfaces import JSONDeSerializable
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from mytracks import __version__
from mytracks.clock import Clock
from mytracks.pki.acme.challenges import Challenge, prove
from mytracks.pki.acme.limits import TLS_ALPN_01, Limits
from mytracks.pki.acme.ports import Account, Begun, Order, OrderFailed, Suggestion, Wanted
from mytracks.pki.signing import Lane

T = TypeVar("T")

MOST_WAITING: Final = 4
NONCE_ROUNDS: Final = 4
"""How often a request is sent for nothing but a refused nonce, two times each."""
LONGEST: Final = 400
"""Characters of what an authority tells us that are passed on to people."""
_AGENT: Final = f"mytracks/{__version__}"


class Nothing(JSONDeSerializable):
    """An empty object: what a challenge is answered with."""

    def to_partial_json(self) -> dict[str, Any]:
        """Nothing at all."""
        return {}

    @classmethod
    def from_json(cls, jobj: Any) -> "Nothing":  # noqa: ARG003 - the library's own signature
        """Whatever it was."""
        return cls()


class Network(client.ClientNetwork):
    """The library's, but that it asks twice and then gives up an order for a nonce that was used or
    has grown old, which says nothing about what was asked [RFC 8555 6.5]."""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Ask, again with another nonce where that is all that was wrong."""
        for _ in range(NONCE_ROUNDS - 1):
            try:
                return super().post(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)


class Client(client.ClientV2):
    """The library's, with what it lacks."""

    def ready(self, challenge: str) -> None:
        """The proof at this challenge's URI is there to be seen."""
        self._post(challenge, Nothing())

    def order_again(self, uri: str, csr: bytes) -> messages.OrderResource:
        """An order that was begun earlier."""
        response = self._post_as_get(uri)
        body = messages.Order.from_json(response.json())
        found = [
            self._authzr_from_response(self._post_as_get(each), uri=each)
            for each in cast(Sequence[str], body.authorizations)
        ]
        return messages.OrderResource(body=body, uri=uri, authorizations=found, csr_pem=csr)


@frozen
class _Work:
    """What is left to do of an order: `uris` of the challenges that wait for our word."""

    client: Client
    order: messages.OrderResource
    uris: tuple[str, ...]


class Directory:
    """The authority that the settings name. Implements `ports.Authority`."""

    def __init__(self, limits: Limits, clock: Clock, reactor: IReactorFromThreads) -> None:
        self._limits = limits
        self._clock = clock
        self._lane = Lane(reactor, MOST_WAITING)
        self._lane.open("acme")

    def begin(
        self, account: Account | None, wanted: Wanted, pending: Order | None
    ) -> Deferred[Begun]:
        """Order, or go on with what was ordered before. Raises OrderFailed, Unavailable."""
        return self._run(lambda: self._begin(account, wanted, pending))

    def finish(self, begun: Begun) -> Deferred[bytes]:
        """The certificate with its chain, PEM. Raises OrderFailed, Unavailable."""
        return self._run(lambda: self._finish(cast(_Work, begun.work)))

    def suggestion(self, chain: bytes) -> Deferred[Suggestion]:
        """When to renew this certificate. Raises OrderFailed, Unavailable."""
        return self._run(lambda: self._suggestion(chain))

    def close(self) -> None:
        """End the thread, waiting a little; whoever waits is refused."""
        self._lane.close()

    def _run(self, work: Callable[[], T]) -> Deferred[T]:
        return self._lane.run(lambda: _told(work))

    # --- from here on in the thread ---

    def _begin(self, account: Account | None, wanted: Wanted, pending: Order | None) -> Begun:
        key = _key() if account is None else account.key
        jwk = JWKEC.load(key.encode())
        there = self._client(jwk)
        uri = self._register(there) if account is None else account.uri
        _sign_in(there, uri)
        found = self._found(there, pending)
        if found is None:
            try:
                found = _ordered(there, wanted)
            except messages.Error as error:
                if account is None or error.code != "accountDoesNotExist":
                    raise
                uri = self._register(there)
                _sign_in(there, uri)
                found = _ordered(there, wanted)
        resource, order = found
        waiting = _waiting(resource, wanted.kind)
        thumbprint = b64encode(jwk.thumbprint()).decode()
        return Begun(
            account=Account(directory=wanted.directory, key=key, uri=uri),
            order=order,
            challenges=[self._challenge(name, body, thumbprint) for name, body in waiting],
            work=_Work(there, resource, tuple(body.uri for _, body in waiting)),
        )

    def _client(self, key: JWK | None = None) -> Client:
        limits = self._limits
        # The library says that it takes yes or no only; a path goes on to who takes that, too.
        trusted = cast(bool, limits.ca_file or True)
        network = Network(
            key,
            alg=ES256,
            verify_ssl=trusted,
            user_agent=_AGENT,
            timeout=cast(int, limits.timeout),
        )
        return Client(Client.get_directory(limits.url, network), network)

    def _register(self, there: Client) -> str:
        """Make the account, or find it by its key; its URI."""
        there.net.account = None
        asked = messages.NewRegistration.from_data(
            email=self._limits.email or None, terms_of_service_agreed=self._limits.terms_agreed
        )
        try:
            return str(there.new_account(asked).uri)
        except errors.ConflictError as known:
            return str(known.location)

    def _found(
        self, there: Client, pending: Order | None
    ) -> tuple[messages.OrderResource, Order] | None:
        """What was ordered before, unless that came to nothing."""
        if pending is None:
            return None
        csr = crypto_util.make_csr(pending.key.encode(), list(pending.names))
        try:
            found = there.order_again(pending.uri, csr)
        except (messages.Error, errors.ClientError):
            return None
        return None if found.body.status == messages.STATUS_INVALID else (found, pending)

    def _challenge(self, name: str, body: messages.ChallengeBody, thumbprint: str) -> Challenge:
        told = body.chall.to_partial_json()
        # The library does not know the challenge by TLS any more, and reads no token in it.
        token = str(told["token"])
        authorization = f"{token}.{thumbprint}"
        proof = None
        if told["type"] == TLS_ALPN_01:
            proof = prove(name, authorization, self._clock.now())
        return Challenge(told["type"], name, token, authorization, proof)

    def _finish(self, work: _Work) -> bytes:
        until = self._clock.now() + self._limits.patience
        for uri in work.uris:
            work.client.ready(uri)
        # The library compares it with the local time that it asks for itself.
        deadline = datetime.fromtimestamp(until)  # noqa: DTZ006
        done = work.client.poll_and_finalize(work.order, deadline)
        return str(done.fullchain_pem).encode()

    def _suggestion(self, chain: bytes) -> Suggestion:
        try:
            at, again = self._client().renewal_time(chain)
        except errors.ARIError as error:
            return Suggestion(None, error.retry_after.timestamp())
        return Suggestion(None if at is None else at.timestamp(), again.timestamp())


def _key() -> str:
    made = ec.generate_private_key(ec.SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _sign_in(there: Client, uri: str) -> None:
    there.net.account = messages.RegistrationResource(uri=uri, body=messages.Registration())


def _ordered(there: Client, wanted: Wanted) -> tuple[messages.OrderResource, Order]:
    key = _key()
    csr = crypto_util.make_csr(key.encode(), list(wanted.names))
    made = there.new_order(csr, wanted.profile or None)
    order = Order(
        directory=wanted.directory,
        names=wanted.names,
        kind=wanted.kind,
        uri=str(made.uri),
        key=key,
    )
    return made, order


def _waiting(
    order: messages.OrderResource, kind: str
) -> Sequence[tuple[str, messages.ChallengeBody]]:
    """The challenges of that kind whose names are not proved yet. Raises OrderFailed: there is a
    name that cannot be proved so."""
    found = []
    for each in order.authorizations:
        if each.body.status != messages.STATUS_PENDING:
            continue
        name = str(each.body.identifier.value)
        fitting = [
            body for body in each.body.challenges if body.chall.to_partial_json()["type"] == kind
        ]
        if not fitting:
            raise OrderFailed(f"the authority does not take {kind} for {name}", over=True)
        found.append((name, fitting[0]))
    return found


def _told(work: Callable[[], T]) -> T:
    """Do it; whatever goes wrong comes out as OrderFailed."""
    try:
        return work()
    except OrderFailed:
        raise
    except Exception as error:
        # An authority can send what trips the library anywhere.
        raise OrderFailed(words(error)[:LONGEST], over=is_over(error)) from error


def is_over(error: Exception) -> bool:
    """Whether an order that ended so is of no use any more."""
    return isinstance(error, errors.ValidationError | errors.IssuanceError | messages.Error)


def words(error: Exception) -> str:
    """What went wrong, for people."""
    if isinstance(error, errors.ValidationError):
        told = [
            f"{each.body.identifier.value}: {_problem(body.error)}"
            for each in error.failed_authzrs
            for body in each.body.challenges
            if body.error is not None
        ]
        return "the authority could not see that the names are ours: " + "; ".join(told)
    if isinstance(error, errors.IssuanceError):
        return f"the authority refuses: {_problem(error.error)}"
    if isinstance(error, messages.Error):
        return f"the authority refuses: {_problem(error)}"
    if isinstance(error, errors.TimeoutError):
        return "the authority did not finish in time"
    if isinstance(error, requests.exceptions.SSLError):
        return f"the authority's own certificate is not trusted: {_one_line(error)}"
    if isinstance(error, requests.exceptions.RequestException):
        return f"the authority cannot be reached: {_one_line(error)}"
    # So the library tells of a connection that was refused.
    if type(error) is ValueError and str(error).startswith("Requesting "):
        return f"the authority cannot be reached: {_one_line(error)}"
    return f"the authority was not understood: {type(error).__name__} {_one_line(error)}"


def _problem(error: Any) -> str:
    return _one_line(error.detail or error.description or error.typ)


def _one_line(what: object) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in str(what)).split())
