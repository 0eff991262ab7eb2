"""Whether to do something that cannot be undone, or that others will notice."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from tui.dialogs.dialog import Dialog


class Confirm(Dialog[bool]):
    """Answers True, or None. With `typed`, that word has to be typed first: for what deletes."""

    def __init__(self, question: str, action: str, typed: str | None = None) -> None:
        """`action` is what the button says."""
        super().__init__()
        self._question = question
        self._action = action
        self._typed = typed

    def compose(self) -> ComposeResult:
        """The question, perhaps a line to type the word in, and the buttons."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._question), classes="question")
            if self._typed is not None:
                yield Input(placeholder="type the name")
            with Horizontal(classes="buttons"):
                yield Button(Content(self._action), variant="error", id="yes", disabled=self._typed is not None)
                yield Button("Cancel", id="no")

    def on_mount(self) -> None:
        """The harmless choice has the keys."""
        self.query_one("#no" if self._typed is None else Input).focus()

    @on(Input.Changed)
    def _compare(self, event: Input.Changed) -> None:
        self.query_one("#yes", Button).disabled = event.value != self._typed

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value == self._typed:
            self.dismiss(True)  # noqa: FBT003  # the answer

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(True if event.button.id == "yes" else None)
