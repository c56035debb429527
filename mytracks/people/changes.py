"""Changes of an account as values: what becomes of it, who did it, who has to go."""

from collections.abc import Callable

from attrs import evolve, fields, frozen

from mytracks.errors import Invalid, Unauthenticated
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


@frozen(kw_only=True)
class Edit:
    """What is changed of an account at once; None: as before. `profile` makes the new one of the
    one that is then in force."""

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

    def check_stays(self) -> None:
        """Nobody locks themselves out, which is also why there is always an administrator left.
        Raises Invalid with the fields by which they would."""
        lost = {"admin": self.admin is False, "disabled": self.disabled is True}
        wrong = {
            name: ["You cannot do that to your own account."]
            for name, is_so in lost.items()
            if is_so
        }
        if wrong:
            raise Invalid("You would lock yourself out.", wrong)


def disabled(by: Actor) -> Change:
    """Every door is closed to them."""
    return Change(
        lambda account: evolve(account, disabled=True),
        by=by,
        action="user.disable",
        reason=Reason.DISABLED,
    )


def enabled(by: Actor) -> Change:
    """The doors are open to them again."""
    return Change(lambda account: evolve(account, disabled=False), by=by, action="user.enable")


def promoted(by: Actor) -> Change:
    """They are an administrator."""
    return Change(lambda account: evolve(account, admin=True), by=by, action="user.promote")


def demoted(by: Actor) -> Change:
    """They are an ordinary user."""
    return Change(
        lambda account: evolve(account, admin=False),
        by=by,
        action="user.demote",
        reason=Reason.DEMOTED,
    )


def new_password(encoded: str, by: Actor, spares: bytes | None) -> Change:
    """Another password, as its hash."""
    return Change(
        lambda account: evolve(account, password=encoded),
        by=by,
        action="user.password",
        reason=Reason.PASSWORD,
        spares=spares,
    )


def new_hash(old: str, encoded: str) -> Change:
    """Another hash of the same password, unless that was changed since."""

    def renewed(account: Account) -> Account:
        return evolve(account, password=encoded) if account.password == old else account

    return Change(renewed)


def new_factor(totp: bytes | None, step: int | None, by: Actor, also: Unit[None] | None) -> Change:
    """Another second factor, or none."""
    return Change(
        lambda account: evolve(account, totp=totp, totp_step=step),
        by=by,
        action="totp.off" if totp is None else "totp.on",
        also=also,
    )


def resealed(anew: Callable[[bytes], bytes]) -> Change:
    """The same second factor under another key."""

    def altered(account: Account) -> Account:
        return account if account.totp is None else evolve(account, totp=anew(account.totp))

    return Change(altered)


def stepped(step: int) -> Change:
    """A code of that step was used. Raises Unauthenticated when that one or a later one was
    before."""

    def altered(account: Account) -> Account:
        if account.totp_step is not None and step <= account.totp_step:
            raise Unauthenticated("This code was used already; wait for the next.")
        return evolve(account, totp_step=step)

    return Change(altered)


def signed_in(now: int) -> Change:
    """They signed in by the web, at that time."""
    return Change(lambda account: evolve(account, last_login=now))


def retold(edit: Edit, by: Actor, now: int) -> Change:
    """What the account tells of its owner. Refuses as `_retold` does."""
    return Change(
        lambda account: _retold(account, edit, now),
        by=by,
        action="user.profile",
        detail=_told_difference,
    )


def edited(edit: Edit, by: Actor, audit: Audit, now: int) -> Change:
    """All of it as one change, noted as the several that it is. Refuses as `_retold` does."""
    noted: list[tuple[str, str, str]] = []

    def altered(account: Account) -> Account:
        told = _retold(account, edit, now)
        new = evolve(
            told,
            admin=account.admin if edit.admin is None else edit.admin,
            disabled=account.disabled if edit.disabled is None else edit.disabled,
        )
        what = f"user:{account.name}"
        noted.clear()
        if told != account:
            noted.append(("user.profile", what, _told_difference(account, told)))
        if new.admin != account.admin:
            noted.append(("user.promote" if new.admin else "user.demote", what, ""))
        if new.disabled != account.disabled:
            noted.append(("user.disable" if new.disabled else "user.enable", what, ""))
        return new

    async def note(tx: Transaction) -> None:
        for action, what, detail in noted:
            await audit.add(tx, by, action, what, detail)

    return Change(altered, reason=edit.reason, also=note)


def _retold(account: Account, edit: Edit, now: int) -> Account:
    """The account with what is told of its owner. Raises Invalid with every field that is wrong."""
    faults, email, display = Faults(), edit.email, edit.display
    wanted = account.profile if edit.profile is None else edit.profile(account.profile)
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


def _told_difference(old: Account, new: Account) -> str:
    """Which members of the profile were changed; never what they are."""
    changed = [name for name in ("email", "display") if getattr(old, name) != getattr(new, name)]
    changed += [
        each.name
        for each in fields(Profile)
        if getattr(old.profile, each.name) != getattr(new.profile, each.name)
    ]
    return ", ".join(changed)
