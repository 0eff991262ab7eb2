"""The command line of `stats-tui`: what to start, with which settings."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import indent
from typing import Any

from tui import settings as settings_of
from tui.errors import DashboardError, SettingsError
from tui.screens import MODULES
from tui.settings import Flags, Settings

DISTRIBUTION = "monarc-stats-service"

VIEWS = ", ".join(MODULES)

NO_TERMINAL = """\
stats-tui: this is no terminal. For scripts, mails and pictures there is
  stats-tui snapshot VIEW [--json|--csv|--svg [FILE]]    (VIEW: {views})
"""

EPILOG = f"""\
environment:
  STATS_SERVER       the service's address, or the name of a server of the configuration file
  STATS_TOKEN        an account's token, or
  STATS_TOKEN_FILE   a file that holds it (a token is never taken from an argument)
  STATS_GLOBAL       a global service to compare with
  STATS_READ_ONLY    1: as --read-only
  NO_COLOR           no colours

configuration file (no part of it is needed; flags and environment win over it):
  ~/.config/stats-tui/config.toml, or stats-tui/config.toml in $XDG_CONFIG_HOME

{indent(settings_of.EXAMPLE, "  ")}"""

SNAPSHOT = (
    "Writes to FILE, else to standard output; without --json, --csv or --svg the screen as text. Exit status 1 where "
    "something is missing because a service did not answer: what, stands on standard error and in the JSON's `about`."
)

FORMATS = {
    "json": "the figures as JSON",
    "csv": "the figures as CSV, tables apart by an empty line",
    "svg": "the screen as a picture",
}

STDOUT = Path("-")
LONGEST_DAYS = 36_525
"""What the service's public figures reach back at most."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 0, 1 where something failed, 2 where it was called wrongly, 130 where
    it was ended by Ctrl-C."""
    parsed = parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except SettingsError as error:
        return _fail(error, 2)
    except DashboardError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 130


def parser() -> argparse.ArgumentParser:
    """The flags and commands."""
    top = argparse.ArgumentParser(
        prog="stats-tui",
        parents=[_common()],
        allow_abbrev=False,
        description="The MONARC statistics in a terminal. Without a command: the dashboard.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = top.add_argument
    add("--read-only", action="store_true", help="hide and refuse all that changes something")
    add("--refresh", type=_whole(0, 86_400), metavar="SECONDS", help="how often to fetch anew (60; 0: never)")
    add("--version", action="version", version=_version())
    top.set_defaults(run=_dashboard)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    # What is said before the command must not be undone by the command's own default.
    common = _common(argument_default=argparse.SUPPRESS)
    _add_snapshot(commands, common)
    _add_serve(commands, common)
    info = commands.add_parser("info", parents=[common], help="show the settings in force, keys and files")
    info.set_defaults(run=_info)
    return top


def _common(**how: Any) -> argparse.ArgumentParser:
    """The flags that stand before a command or after it."""
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False, **how)
    add = common.add_argument
    add("--server", metavar="URL", help="the service's address, or the name of a server of the configuration file")
    add("--token-file", metavar="FILE", help="a file that holds an account's token")
    add("--ask-token", action="store_true", help="ask for the token (it is not shown)")
    add("--global", dest="world", metavar="URL", help="a global service, whose public figures to compare with")
    return common


def _add_snapshot(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    from tui.scope import Aggregation, Language, Reach  # noqa: PLC0415  # help must be quick

    add_command = commands.add_parser
    snapshot = add_command(
        "snapshot",
        parents=[common],
        usage="stats-tui snapshot VIEW [--json|--csv|--svg [FILE]] [more]",
        description=SNAPSHOT,
        help="print or draw a view without a terminal",
    )
    snapshot.add_argument("view", metavar="VIEW", nargs="?", help=VIEWS)
    how = snapshot.add_mutually_exclusive_group()
    for kind, what in FORMATS.items():
        how.add_argument(f"--{kind}", nargs="?", const=STDOUT, type=Path, metavar="FILE", help=what)
    add = snapshot.add_argument
    add("--table", type=_whole(1, 1000), metavar="N", help="with --json or --csv: only the Nth table")
    add("--width", type=_whole(1, 1000), default=120, metavar="CELLS", help="of the screen (120)")
    add("--height", type=_whole(1, 1000), default=35, metavar="LINES", help="of the screen (35)")
    add("--theme", default="", help="e.g. stats-light")
    add("--reach", type=Reach, choices=list(Reach), default=Reach.LOCAL)
    add("--days", type=_whole(0, LONGEST_DAYS), default=90, metavar="N", help="the period up to today (90)")
    add("--by", type=Aggregation, choices=list(Aggregation), default=Aggregation.DAY)
    add("--language", type=Language, choices=list(Language), default=Language.EN)
    snapshot.set_defaults(run=_snapshot)


def _add_serve(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    serve = commands.add_parser("serve", parents=[common], help="the dashboard in a browser of this machine")
    add = serve.add_argument
    add("--port", type=_whole(1, 65_535), default=8000, metavar="N", help="of the loopback interface (8000)")
    add("--allow-admin", action="store_true", help="serve an administrator's dashboard, to every user of this machine")
    add("--allow-changes", action="store_true", help="not read-only")
    serve.set_defaults(run=_serve)


def _dashboard(parsed: argparse.Namespace) -> int:
    if not (in_browser() or (sys.stdin.isatty() and sys.stdout.isatty())):
        sys.stderr.write(NO_TERMINAL.format(views=VIEWS))
        return 2
    settings = _settings(parsed, may_ask=not in_browser())
    from tui.app import Dashboard  # noqa: PLC0415  # not needed by what is said before
    from tui.desk import Desk  # noqa: PLC0415
    from tui.memory import Memory  # noqa: PLC0415
    from tui.session import Session  # noqa: PLC0415

    memory = Memory(None if in_browser() else settings_of.state_path(os.environ))
    app = Dashboard(Session(Desk.of(settings), settings, memory))
    app.run()
    return app.return_code or 0


def in_browser() -> bool:
    """Whether textual-serve has started this process for a page: there is no terminal then, and nobody's memory."""
    return "TEXTUAL_DRIVER" in os.environ


def _serve(parsed: argparse.Namespace) -> int:
    from tui import serve  # noqa: PLC0415  # as above

    settings = _settings(parsed, may_ask=False)
    serve.run(settings, parsed.port, allow_admin=parsed.allow_admin, allow_changes=parsed.allow_changes)
    return 0


def _snapshot(parsed: argparse.Namespace) -> int:
    from tui import snapshot  # noqa: PLC0415  # as above
    from tui.scope import Scope  # noqa: PLC0415

    _name_view(parsed)
    scope = Scope(parsed.reach, parsed.days, aggregation=parsed.by, language=parsed.language)
    order = snapshot.Order(
        view=parsed.view,
        scope=scope,
        width=parsed.width,
        height=parsed.height,
        theme=parsed.theme,
    )
    settings = _settings(parsed, may_ask=False)
    kind = next((one for one in FORMATS if getattr(parsed, one)), "text")
    if kind in {"json", "csv"}:
        taken = snapshot.figures(settings, order, kind, parsed.table)
    else:
        taken = snapshot.screen(settings, order, kind)
    _write(getattr(parsed, kind, STDOUT), taken.text)
    for problem in taken.problems:
        sys.stderr.write(f"stats-tui: {problem}\n")
    return 1 if taken.problems else 0


def _name_view(parsed: argparse.Namespace) -> None:
    """See to it that a view is named: in `snapshot --json VIEW` it is taken for the FILE. Raises SettingsError."""
    for kind in FORMATS:
        file = str(getattr(parsed, kind))
        if parsed.view is None and file in MODULES:
            parsed.view = file
            setattr(parsed, kind, STDOUT)
    if parsed.view is None:
        raise SettingsError("No VIEW is named.", f"There are: {VIEWS}.")


def _write(path: Path, text: str) -> None:
    """To a file, or to standard output. Raises DashboardError."""
    if path == STDOUT:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DashboardError(f"{path} cannot be written: {error.strerror}.") from error


def _info(parsed: argparse.Namespace) -> int:
    settings = _settings(parsed, may_ask=False)
    from tui.app import key_ids  # noqa: PLC0415  # as above

    lines = {
        "version": _version(),
        "server": settings.url,
        "token": "yes" if settings.token else "none: public figures only",
        "global": settings.world or "none: all accounts of the server",
        "read-only": "yes" if settings.read_only else "no",
        "refresh": f"{settings.refresh} s",
        "configuration": str(settings_of.config_path(os.environ)),
        "state": str(settings_of.state_path(os.environ)),
    }
    keys = key_ids() | dict(settings.keys)
    for name, value in (lines | {f"key {one}": pressed for one, pressed in keys.items()}).items():
        sys.stdout.write(f"{name:<24} {value}\n")
    return 0


def _settings(parsed: argparse.Namespace, *, may_ask: bool) -> Settings:
    """The settings in force. Where no server is named: asks, or says how to name one."""
    flags = Flags(parsed.server, parsed.token_file, parsed.world, parsed.read_only, parsed.refresh)
    path = settings_of.config_path(os.environ)
    config = settings_of.read_config(path)
    _check_keys(config.keys, path)
    found = settings_of.resolve(flags, os.environ, config)
    from tui import asking  # noqa: PLC0415  # as above

    if found is None and may_ask:
        return asking.first_start(flags, os.environ, path)
    if found is None:
        raise SettingsError("No server is named.", "Say --server URL, or set STATS_SERVER.")
    return asking.with_token(found) if parsed.ask_token else found


def _check_keys(keys: Mapping[str, str], path: Path) -> None:
    """Raises SettingsError where the configuration gives keys to an action that there is not."""
    if not keys:
        return
    from tui.app import key_ids  # noqa: PLC0415  # as above

    known = key_ids()
    unknown = ", ".join(one for one in keys if one not in known)
    if unknown:
        raise SettingsError(f"{path}: [keys] has no action {unknown}.", f"There are: {', '.join(known)}.")


def _whole(least: int, most: int) -> Callable[[str], int]:
    """What reads an argument that is a whole number from `least` to `most`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return read


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "not installed"


def _fail(error: DashboardError, status: int) -> int:
    sys.stderr.write(f"stats-tui: {error.message} {error.hint}".rstrip() + "\n")
    return status
