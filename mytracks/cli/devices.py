"""`mytracks device …`: devices from the command line."""

import click

from mytracks.cli.console import Console
from mytracks.cli.options import shared_options


@click.group()
@shared_options
def device() -> None:
    """Devices: the phones that report."""


@device.command("credential")
@click.argument("device", metavar="USER/DEVICE")
@shared_options
@click.pass_obj
def credential(console: Console, device: str) -> None:
    """Make the device's own password, in place of an earlier one, and show it once."""
    made = console.ask("device.credential", {"device": device})
    console.tell(
        made,
        f"User name: {made['username']}",
        f"Device: {made['device']}",
        f"Its password, shown only now: {made['password']}",
    )
