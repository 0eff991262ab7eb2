"""The command line, `stats-service`. Each command's module is imported when it is asked for."""

import gc
import os
import sys
from typing import NoReturn

from cyclopts import App, CycloptsError

import service
from service.errors import SettingsError, StatsServiceError
from service.settings import load

OLD_NAMES = (
    "client_create",
    "client_list",
    "client_delete",
    "client_coordinates_set",
    "client_coordinates_unset",
    "client_sharing_activate",
    "client_sharing_deactivate",
    "stats_push",
    "stats_pull",
    "stats_delete",
    "stats_purge",
    "stats_remove_duplicate",
    "db_create",
    "db_init",
    "db_empty",
)
"""The old service's commands: they work, but help does not list them."""

GARBAGE_THRESHOLDS = (50_000, 20, 50)
"""Figures are hundreds of thousands of small lists, none of them in a cycle. Python would look for cycles among them
all after each 700 that are new, which costs twice as much as reading them does."""

app = App(
    name="stats-service",
    help="Collects the statistics of MONARC's Front Offices and serves them for charts.\n\n"
    "The old service's commands (client_create, stats_purge, ...) work too.",
    version=service.__version__,
    print_error=False,  # `main` does
    exit_on_error=False,
)
app.command("service.cli.serve:app", name="serve", help="Serve until SIGTERM or Ctrl-C.")
app.command("service.cli.clients:app", name="client", help="Look after accounts.")
app.command("service.cli.stats:app", name="stats", help="Look after statistics.")
app.command("service.cli.share:app", name="share", help="Share figures with another instance.")
app.command("service.cli.db:app", name="db", help="Look after the database.")
app.command("service.cli.demo:demo", name="demo", help="Fill an empty database with an invented fleet.")
app.command("service.cli.legacy:app", name="import-legacy", help="Move over from the old service.")
for _name in OLD_NAMES:
    app.command(f"service.cli.old_names:{_name}", name=_name, show=False)
app.register_install_completion_command(help="Install completion for your shell.")


def main() -> NoReturn:
    """Run the command of `sys.argv`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 130 Ctrl-C.

    What goes wrong is said in one line (wrong settings: a line each). With DEBUG=1, what nobody foresaw is
    shown with its traceback.
    """
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        app()
    except CycloptsError as error:
        _say(" ".join(str(error).split()))
        sys.exit(2)
    except StatsServiceError as error:
        _say(error.message)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if _is_debugging():
            raise
        _say(f"{type(error).__name__}: {error} (DEBUG=1 shows where)".replace("\n", " "))
    sys.exit(1)


def _say(message: str) -> None:
    from service.cli.terminal import note  # noqa: PLC0415 - only what fails needs it

    for line in message.splitlines():
        note(f"stats-service: {line}")


def _is_debugging() -> bool:
    try:
        return load().debug
    except SettingsError:
        return False


if __name__ == "__main__":
    main()
