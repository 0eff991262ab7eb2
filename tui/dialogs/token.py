"""A token that was just made, shown this once."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from tui.dialogs.dialog import Dialog


class ShowToken(Dialog[bool]):
    """Ends when it is closed. The token goes to the clipboard when asked, and to no file."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy_token", "Copy the token")]

    def __init__(self, name: str, token: str) -> None:
        """`name`: whose token it is."""
        super().__init__()
        self._name_of_account = name
        self._token = token

    def compose(self) -> ComposeResult:
        """The token in full, since it has to be copied by hand where the terminal takes no clipboard."""
        with Vertical(classes="dialog wide"):
            yield Static(Content(f"The token of {self._name_of_account}"), classes="question")
            yield Static(Content(self._token), id="token")
            yield Static("It is not shown again: the service keeps only its hash. y copies it.", classes="hint")
            with Horizontal(classes="buttons"):
                yield Button("Copy", variant="primary", id="copy")
                yield Button("Done", id="done")

    def action_copy_token(self) -> None:
        """To the clipboard, through the terminal."""
        self.app.copy_to_clipboard(self._token)
        self.notify("Copied, if your terminal takes a clipboard from programs (OSC 52). Else select it.")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "copy":
            self.action_copy_token()
        else:
            self.dismiss(True)  # noqa: FBT003  # the answer
