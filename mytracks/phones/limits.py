"""How much of what phones send is looked into. Decides nothing."""

from attrs import field, frozen
from attrs.validators import ge

KIB = 1024


@frozen(kw_only=True)
class Limits:
    """The `[phones]` table of the settings."""

    max_parsed: int = field(default=256 * KIB, validator=ge(1))
    """Bytes of a message that are understood, long texts such as pictures not counted; a larger
    one is set aside: understanding it would hold up everybody else."""
