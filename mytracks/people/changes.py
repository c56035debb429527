"""One change of an account as a value: what becomes of it, who did it, who has to go."""

from collections.abc import Callable

from attrs import evolve, fields, frozen

from mytracks.people import names
from mytracks.people.audit import Audit
from mytracks.people.ports import Account
from mytracks.people.profile import Faults, Profile, check
from mytracks.people.revocations import Reason
from mytracks.sharing.identity import Actor
from mytracks.transaction import Transaction, Unit


@frozen
class Change:
    """`alter` makes the new account of the old one, and may refuse. `by` None: it is no news for
    the audit log; else it is told there as `action` with `detail` of the two. `reason`: why whom
    has to go; `spares`: the hash of the web session that stays. `also`: what else is stored in the
    same commit."""

    alter: Callable[[Account], Account]
    by: Actor | None = None
    action: str = ""
    detail: Callable[[Account, Account], str] | None = None
    reason: Reason | None = None
    spares: bytes | None = None
    also: Unit[None] | None = None

    @property
    def ends_sessions(self) -> bool:
        """Whether whoever is signed in by a browser has to sign in again."""
        return self.reason in (Reason.DISABLED, Reason.PASSWORD)


def new_account(
    name: str,
    admin: bool,
    email: str,
    display: str,
    profile: Profile,
    now: int,
    faults: Faults,
) -> Account:
    """One without number and password yet; what is wrong with it is in `faults`."""
    return Account(
        number=0,
        name=faults.checked(names.check_name, name),
        display=faults.checked(names.check_display, display),
        admin=admin,
        disabled=False,
        password="",
        email=faults.checked(names.check_email, email),
        created=now,
        profile=faults.checked(check, profile),
    )


def retold(
    account: Account,
    email: str | None,
    display: str | None,
    profile: Callable[[Profile], Profile] | None,
    now: int,
) -> Account:
    """The account with what is given. Raises Invalid with every field that is wrong."""
    faults = Faults()
    wanted = account.profile if profile is None else profile(account.profile)
    new = evolve(
        account,
        email=account.email if email is None else faults.checked(names.check_email, email),
        display=account.display
        if display is None
        else faults.checked(names.check_display, display),
        profile=faults.checked(check, wanted),
    )
    faults.refuse()
    return account if new == account else evolve(new, updated=now)


@frozen(kw_only=True)
class Edit:
    """What an administrator changes of an account at once; None: as before."""

    email: str | None = None
    display: str | None = None
    profile: Callable[[Profile], Profile] | None = None
    admin: bool | None = None
    disabled: bool | None = None

    @property
    def reason(self) -> Reason | None:
        """Why whoever is there has to go: the graver one."""
        if self.disabled:
            return Reason.DISABLED
        return Reason.DEMOTED if self.admin is False else None


def edited(edit: Edit, by: Actor, audit: Audit, now: int) -> Change:
    """All of it as one change, noted as the several that it is. Refuses as `retold` does."""
    noted: list[tuple[str, str, str]] = []

    def altered(account: Account) -> Account:
        told = retold(account, edit.email, edit.display, edit.profile, now)
        new = evolve(
            told,
            admin=account.admin if edit.admin is None else edit.admin,
            disabled=account.disabled if edit.disabled is None else edit.disabled,
        )
        what = f"user:{account.name}"
        noted.clear()
        if told != account:
            noted.append(("user.profile", what, told_difference(account, told)))
        if new.admin != account.admin:
            noted.append(("user.promote" if new.admin else "user.demote", what, ""))
        if new.disabled != account.disabled:
            noted.append(("user.disable" if new.disabled else "user.enable", what, ""))
        return new

    async def note(tx: Transaction) -> None:
        for action, what, detail in noted:
            await audit.add(tx, by, action, what, detail)

    return Change(altered, reason=edit.reason, also=note)


def told_difference(old: Account, new: Account) -> str:
    """Which members of the profile were changed; never what they are."""
    changed = [name for name in ("email", "display") if getattr(old, name) != getattr(new, name)]
    changed += [
        each.name
        for each in fields(Profile)
        if getattr(old.profile, each.name) != getattr(new.profile, each.name)
    ]
    return ", ".join(changed)
