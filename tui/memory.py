"""What is remembered between starts: theme, view, and what the views were asked for. Never a token, never figures."""

import contextlib
import os
import tempfile
from pathlib import Path

import msgspec

from tui.scope import Scope


class Remembered(msgspec.Struct, frozen=True):
    """The choices of last time."""

    theme: str = ""
    view: str = ""
    scope: Scope = Scope()


class Memory:
    """The file that keeps them. A file that is missing or broken means no memory, and is no error: nothing in it is
    worth a start that fails."""

    def __init__(self, path: Path | None) -> None:
        """`path` None: nothing is remembered (snapshots, the browser)."""
        self.path = path
        self.choices = self._read()

    def change(self, **changes: object) -> None:
        """Remember some choices anew."""
        choices = msgspec.structs.replace(self.choices, **changes)
        if choices != self.choices:
            self.choices = choices
            self._write()

    def _read(self) -> Remembered:
        if self.path is None:
            return Remembered()
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Remembered)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return Remembered()

    def _write(self) -> None:
        """Replace the file in one step: two dashboards at once must not leave half of each."""
        if self.path is None:
            return
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(self.choices))
            Path(name).replace(self.path)
