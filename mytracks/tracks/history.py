"""Reading back where people were: pages, ranges, thinned tracks, last known places.

Every question names who asks. A device that does not exist and one that the asker may not see are
told alike (NotFound). Knows nothing of pages or JSON.
"""

from collections.abc import Callable, Sequence

from attrs import evolve, field, frozen

from mytracks.errors import Invalid, NotFound
from mytracks.sharing.identity import Principal
from mytracks.sharing.visibility import Visibility
from mytracks.tracks import identifiers
from mytracks.tracks.devices import Devices
from mytracks.tracks.limits import Limits
from mytracks.tracks.locations import Recorded
from mytracks.tracks.ports import DeviceState, Locations, Position, Selection
from mytracks.tracks.thinning import Thinning
from mytracks.transaction import Transaction, Transactions


@frozen(kw_only=True)
class Question:
    """Which locations are wanted.

    `devices`: `user/device` each; none: all that the asker may see. `since`, `until`: UTC seconds,
    both inclusive. `repeats`: also the fixes that a phone sent again. `after`: an identifier; only
    what follows it in time order is wanted, oldest first; empty: from the start. `resolution`:
    seconds between two locations of a device at least (first and last are always there); None:
    all. `limit`: None means a page's usual size, and everything where there is a `resolution`.
    """

    devices: Sequence[str] = ()
    since: int | None = None
    until: int | None = None
    repeats: bool = False
    newest_first: bool = True
    after: str | None = None
    resolution: int | None = None
    limit: int | None = None
    offset: int = 0


@frozen(kw_only=True)
class Answer:
    """`results`: in the order that was asked for. `count`: how many there are in all, pages aside.

    `limit`, `offset`: as applied. `resolution`: as applied, coarser than asked for where the track
    is very long; None: not thinned.
    """

    results: Sequence[Recorded] = field(factory=list)
    count: int = 0
    limit: int = 0
    offset: int = 0
    resolution: int | None = None


class History:
    """What is stored, for whoever may see it. `rights`: the rights as of now, asked each time."""

    def __init__(
        self,
        transactions: Transactions,
        locations: Locations,
        devices: Devices,
        rights: Callable[[], Visibility],
        limits: Limits,
    ) -> None:
        self._transactions = transactions
        self._locations = locations
        self._devices = devices
        self._rights = rights
        self._limits = limits

    def devices(self, viewer: Principal, paths: Sequence[str] = ()) -> Sequence[DeviceState]:
        """The devices named, or all that `viewer` may see. Raises NotFound for any other."""
        rights = self._rights()
        if not paths:
            return self._devices.visible(viewer, rights)
        return [self._named(viewer, rights, path) for path in dict.fromkeys(paths)]

    async def find(
        self, viewer: Principal, question: Question, went_on: Callable[[], object] = lambda: None
    ) -> Answer:
        """Raises Invalid for numbers out of bounds or a bad `after`, NotFound as `devices`.

        `went_on` is called with each part of a long walk: an answer comes, if late.
        """
        self._check(question)
        selection = self._selection(viewer, question)
        if question.resolution is not None:
            return await self._thinned(selection, question, question.resolution, went_on)
        return await self._page(selection, question)

    async def one(self, viewer: Principal, identifier: str) -> Recorded:
        """The location with this identifier. Raises NotFound."""
        try:
            position = identifiers.decode(identifier)
        except identifiers.Unknown as error:
            raise NotFound("There is no such location.") from error
        state = self._devices.state(position.device)
        if state is None or not self._rights().sees(viewer, state.device.owner):
            raise NotFound("There is no such location.")

        async def unit(tx: Transaction) -> Recorded | None:
            return await self._locations.one(tx, position)

        found = await self._transactions.read(unit)
        if found is None:
            raise NotFound("There is no such location.")
        return found

    async def last_known(self, viewer: Principal, paths: Sequence[str] = ()) -> Sequence[Recorded]:
        """The newest fix of each device named, or of all. Raises NotFound as `devices`."""
        numbers = [state.device.number for state in self.devices(viewer, paths)]
        if not numbers:
            return []

        async def unit(tx: Transaction) -> Sequence[Recorded]:
            return await self._locations.last(tx, numbers)

        return await self._transactions.read(unit)

    def _named(self, viewer: Principal, rights: Visibility, path: str) -> DeviceState:
        state = self._devices.named(viewer, rights, path)
        if state is None:
            raise NotFound("There is no such device.")
        return state

    def _selection(self, viewer: Principal, question: Question) -> Selection:
        return Selection(
            devices=[state.device.number for state in self.devices(viewer, question.devices)],
            since=question.since,
            until=question.until,
            repeats=question.repeats,
        )

    def _check(self, question: Question) -> None:
        problems: dict[str, list[str]] = {}
        if question.limit is not None and not 1 <= question.limit <= self._limits.max_page:
            problems["limit"] = [f"A whole number from 1 to {self._limits.max_page}."]
        if question.offset < 0:
            problems["offset"] = ["0 or more."]
        if question.resolution is not None and question.resolution < 0:
            problems["resolution"] = ["Seconds, 0 or more."]
        if problems:
            raise Invalid("The question cannot be answered.", problems)

    async def _page(self, selection: Selection, question: Question) -> Answer:
        after = _cursor(question.after)
        limit = question.limit or self._limits.default_page
        answer = Answer(limit=limit, offset=question.offset)
        if not selection.devices:
            return answer

        async def unit(tx: Transaction) -> Answer:
            results = await self._locations.page(
                tx,
                selection,
                newest_first=question.newest_first and question.after is None,
                limit=limit,
                offset=question.offset,
                after=after,
            )
            count = await self._count(tx, selection, after)
            return evolve(answer, results=results, count=count)

        return await self._transactions.read(unit)

    async def _count(self, tx: Transaction, selection: Selection, after: Position | None) -> int:
        """How many there are; behind a cursor, how many follow (asked often: no long count)."""
        if after is None:
            return await self._locations.count(tx, selection)
        since = after.at if selection.since is None else max(after.at, selection.since)
        from_there = await self._locations.count(tx, evolve(selection, since=since))
        if since > after.at:
            return from_there
        same_second = await self._locations.page(
            tx,
            evolve(selection, since=since, until=since),
            newest_first=False,
            limit=self._limits.max_page,
        )
        key = (after.device, after.seq)
        seen = sum(1 for one in same_second if (one.device.number, one.location.seq) <= key)
        return from_there - seen

    async def _thinned(
        self,
        selection: Selection,
        question: Question,
        resolution: int,
        went_on: Callable[[], object],
    ) -> Answer:
        thinning = Thinning(resolution, self._limits.max_thinned)
        after = _cursor(question.after)
        while selection.devices:
            page = await self._ahead(selection, after)
            thinning.take(page)
            went_on()
            if len(page) < self._limits.read_ahead:
                break
            after = identifiers.position_of(page[-1])
        kept = thinning.result()
        if question.newest_first and question.after is None:
            kept = kept[::-1]
        limit = question.limit or max(1, len(kept))
        return Answer(
            results=kept[question.offset : question.offset + limit],
            count=len(kept),
            limit=limit,
            offset=question.offset,
            resolution=thinning.resolution,
        )

    async def _ahead(self, selection: Selection, after: Position | None) -> Sequence[Recorded]:
        """The next part of a long walk; each read is short, so that others get their turn."""

        async def unit(tx: Transaction) -> Sequence[Recorded]:
            return await self._locations.page(
                tx, selection, newest_first=False, limit=self._limits.read_ahead, after=after
            )

        return await self._transactions.read(unit)


def _cursor(identifier: str | None) -> Position | None:
    if not identifier:
        return None
    try:
        return identifiers.decode(identifier)
    except identifiers.Unknown as error:
        raise Invalid(
            "The question cannot be answered.", {"since_id": ["Not an identifier of a location."]}
        ) from error
