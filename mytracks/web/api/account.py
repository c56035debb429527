"""`/api/account`: who the caller is, what they tell of themselves, and their password."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from attrs import evolve
from msgspec import UNSET, Meta, UnsetType

from mytracks.clock import iso
from mytracks.errors import Invalid, NotFound, Unauthenticated
from mytracks.people.build import People
from mytracks.people.ports import Account as Stored
from mytracks.people.profile import Home as StoredHome
from mytracks.people.profile import Profile
from mytracks.sharing.identity import Door
from mytracks.web import json_body
from mytracks.web.answers import Answer, as_json
from mytracks.web.api.naming import named
from mytracks.web.routes import Operation, Route, Visit

Name = Annotated[str, Meta(max_length=150)]
Email = Annotated[str, Meta(max_length=254)]
Display = Annotated[str, Meta(max_length=100)]
Password = Annotated[str, Meta(max_length=4096)]
Units = Literal["metric", "imperial", "nautical"]
Theme = Literal["system", "light", "dark"]

_FIELDS = {"display": "display_name"}
"""How the members of an account are called here."""


class Home(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the caller's map begins. Degrees WGS 84."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    label: Annotated[str, Meta(max_length=100)] = ""


class AccountDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's own account. `updated_at`: its last change that is known. `time_zone`,
    `language`: empty where the browser's are meant, on pages other than the map UTC.
    `second_factor`: whether one is on."""

    username: str
    display_name: str
    email: str
    first_name: str
    last_name: str
    is_staff: bool
    created_at: str
    updated_at: str
    units: Units
    time_zone: str
    language: str
    theme: Theme
    home: Home | None
    second_factor: bool


class AccountChange(json_body.Body, frozen=True, kw_only=True):
    """What is to change; what is not named stays."""

    first_name: Name | UnsetType = UNSET
    last_name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    display_name: Display | UnsetType = UNSET
    units: Units | UnsetType = UNSET
    time_zone: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    language: Annotated[str, Meta(max_length=35)] | UnsetType = UNSET
    theme: Theme | UnsetType = UNSET
    home: Home | UnsetType | None = UNSET


class PasswordChange(json_body.Body, frozen=True, kw_only=True):
    """The old and the new password."""

    current_password: Password
    new_password: Password


class Detail(msgspec.Struct, frozen=True):
    """What was done, in words."""

    detail: str


class Account:
    """Shows and changes the caller's account."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def show(self, visit: Visit) -> Answer:
        """GET /api/account"""
        account = self._people.accounts.numbered(visit.who.user)
        if account is None:
            raise NotFound("The account is gone.")
        return as_json(self._shown(account))

    async def change(self, visit: Visit) -> Answer:
        """PATCH /api/account"""
        sent = json_body.read(visit.request, AccountChange)
        with named(_FIELDS):
            account = await self._people.accounts.set_profile(
                visit.who.user,
                by=visit.actor,
                email=given(sent.email),
                display=given(sent.display_name),
                profile=lambda profile: _changed(profile, sent),
            )
        return as_json(self._shown(account))

    async def change_password(self, visit: Visit) -> Answer:
        """POST /api/account/change-password: ends all of the caller's sessions but this one."""
        sent = json_body.read(visit.request, PasswordChange)
        who = visit.who
        try:
            # The same question as at sign-in: who tries passwords here is slowed down as well.
            await self._people.signin.password(
                who.name,
                sent.current_password,
                door=Door.WEB,
                address=visit.request.hop.address,
            )
        except Unauthenticated:
            text = "This is not the password."
            raise Invalid(text, {"current_password": [text]}) from None
        with named({"password": "new_password"}):
            await self._people.accounts.set_password(
                who.user, sent.new_password, by=visit.actor, keep=who.session
            )
        return as_json(Detail("The password was changed; all other sessions have ended."))

    def routes(self) -> Sequence[Route]:
        """The paths of this noun."""
        show = Operation(
            handler=self.show, summary="The caller's own account.", result=AccountDetails
        )
        change = Operation(
            method="PATCH",
            handler=self.change,
            summary="Changes what is given of the caller's own account.",
            body=AccountChange,
            result=AccountDetails,
        )
        password = Operation(
            method="POST",
            handler=self.change_password,
            summary="Gives the caller a new password; all their other sessions end.",
            body=PasswordChange,
            result=Detail,
        )
        return [
            Route("/api/account", [show, change]),
            Route("/api/account/change-password", [password]),
        ]

    def _shown(self, account: Stored) -> AccountDetails:
        profile = account.profile
        home = profile.home
        return AccountDetails(
            username=account.name,
            display_name=account.display or account.name,
            email=account.email,
            first_name=profile.first_name,
            last_name=profile.last_name,
            is_staff=account.admin,
            created_at=iso(account.created),
            updated_at=iso(account.updated),
            units=profile.units,  # type: ignore[arg-type] # `profile.check` let no other pass
            time_zone=profile.time_zone,
            language=profile.language,
            theme=profile.theme,  # type: ignore[arg-type] # the same
            home=None
            if home is None
            else Home(latitude=home.latitude, longitude=home.longitude, label=home.label),
            second_factor=account.totp is not None,
        )


def given(value: str | UnsetType) -> str | None:
    """What was sent; None: nothing."""
    return None if value is UNSET else value


def _changed(profile: Profile, sent: AccountChange) -> Profile:
    changes = {
        name: value
        for name in ("first_name", "last_name", "units", "time_zone", "language", "theme")
        if (value := getattr(sent, name)) is not UNSET
    }
    if sent.home is None:
        changes["home"] = None
    elif sent.home is not UNSET:
        changes["home"] = StoredHome(sent.home.latitude, sent.home.longitude, sent.home.label)
    return evolve(profile, **changes)
