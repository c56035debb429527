"""One change of an account as a value: what becomes of it, who did it, who has to go."""

from collections.abc import Callable

from attrs import fields, frozen

from mytracks.people.ports import Account
from mytracks.people.profile import Profile
from mytracks.people.revocations import Reason
from mytracks.sharing.identity import Actor
from mytracks.transaction import Unit


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


def told_difference(old: Account, new: Account) -> str:
    """Which members of the profile were changed; never what they are."""
    changed = [name for name in ("email", "display") if getattr(old, name) != getattr(new, name)]
    changed += [
        each.name
        for each in fields(Profile)
        if getattr(old.profile, each.name) != getattr(new.profile, each.name)
    ]
    return ", ".join(changed)
