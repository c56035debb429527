"""`/api/account`: who the caller is."""

from collections.abc import Sequence

import msgspec

from mytracks.clock import iso
from mytracks.errors import NotFound
from mytracks.people.accounts import Accounts
from mytracks.web.answers import Answer, as_json
from mytracks.web.routes import Operation, Route, Visit


class AccountDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's own account. `updated_at`: its last change that is known."""

    username: str
    display_name: str
    email: str
    first_name: str
    last_name: str
    is_staff: bool
    created_at: str
    updated_at: str


class Account:
    """Reads the caller's account."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def show(self, visit: Visit) -> Answer:
        """GET /api/account"""
        account = self._accounts.numbered(visit.who.user)
        if account is None:
            raise NotFound("The account is gone.")
        details = AccountDetails(
            username=account.name,
            display_name=account.display or account.name,
            email=account.email,
            first_name=str(account.settings.get("first_name", "")),
            last_name=str(account.settings.get("last_name", "")),
            is_staff=account.admin,
            created_at=iso(account.created),
            updated_at=iso(account.settings.get("updated", account.created)),
        )
        return as_json(details)

    def routes(self) -> Sequence[Route]:
        """The path of this noun."""
        show = Operation(
            handler=self.show, summary="The caller's own account.", result=AccountDetails
        )
        return [Route("/api/account", [show])]
