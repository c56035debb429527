"""Namespaces of publishers as beings: whoever comes later under the same name is another one.

Whatever was taken of somebody refers to its owner, not to a name. So what is still on its way when
an account goes ends with it, and an account made anew under that name never meets it.
"""

from weakref import WeakValueDictionary

from attrs import define


@define(eq=False)
class Owner:
    """A namespace from when it was first seen until it is forgotten.

    `name`: what it is called, and whoever comes later under that name. `gone`: nothing of it is
    handed on any more. `retained`: how many of its messages are, and how many bytes that is.
    """

    name: str
    gone: bool = False
    retained: int = 0
    retained_bytes: int = 0


class Owners:
    """Those of whom anything is here: a connection, a message on its way or a retained one."""

    def __init__(self) -> None:
        self._by_name: WeakValueDictionary[str, Owner] = WeakValueDictionary()

    def named(self, name: str) -> Owner:
        """Who has this name now."""
        owner = self._by_name.get(name)
        if owner is None:
            owner = self._by_name[name] = Owner(name)
        return owner

    def forget(self, name: str) -> Owner | None:
        """Who has this name is no more; None: nothing of anybody is here under it."""
        owner = self._by_name.pop(name, None)
        if owner is not None:
            owner.gone = True
        return owner
