"""The `mytracks` command and its nouns."""

import click

from mytracks import __version__
from mytracks.cli.care import back_up_if_due, backup, check, migrate_database, restore
from mytracks.cli.devices import device
from mytracks.cli.keys import key
from mytracks.cli.options import shared_options
from mytracks.cli.pki import pki
from mytracks.cli.tokens import token
from mytracks.cli.users import user


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mytracks", message="%(prog)s %(version)s")
@shared_options
def mytracks() -> None:
    """Manage a mytracks server: the one that runs, or its data when none does."""


mytracks.add_command(user)
mytracks.add_command(device)
mytracks.add_command(pki)
mytracks.add_command(key)
mytracks.add_command(token)
mytracks.add_command(backup)
mytracks.add_command(back_up_if_due)
mytracks.add_command(restore)
mytracks.add_command(check)
mytracks.add_command(migrate_database)
