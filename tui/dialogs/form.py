"""A few fields to fill in."""

from collections.abc import Callable, Mapping

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Checkbox, Input, Label, Static

from tui.dialogs.dialog import Dialog

Values = Mapping[str, str | bool]


class Field(msgspec.Struct, frozen=True):
    """A field: its key in the answer, what to call it, and what stands in it at first (a bool: to be ticked)."""

    key: str
    name: str
    value: str | bool = ""
    placeholder: str = ""


class Form(Dialog[Values]):
    """Answers the fields' values by key, once `check` finds nothing wrong with them."""

    def __init__(self, question: str, action: str, fields: list[Field], check: Callable[[Values], str | None]) -> None:
        """`check` says in words what is wrong, None where nothing is."""
        super().__init__()
        self._question = question
        self._action = action
        self._fields = fields
        self._check = check

    def compose(self) -> ComposeResult:
        """The question, the fields, what is wrong with them, and the buttons."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._question), classes="question")
            for field in self._fields:
                if isinstance(field.value, bool):
                    yield Checkbox(Content(field.name), field.value, id=field.key, compact=True)
                else:
                    yield Label(Content(field.name))
                    yield Input(field.value, placeholder=field.placeholder, id=field.key, compact=True)
            yield Static("", id="wrong")
            with Horizontal(classes="buttons"):
                yield Button(Content(self._action), variant="primary", id="form-yes")
                yield Button("Cancel", id="form-no")

    @on(Input.Submitted)
    def _next(self) -> None:
        """Enter goes to the next field, from the last one to the end."""
        inputs = list(self.query(Input))
        if self.focused is inputs[-1]:
            self._finish()
        else:
            self.focus_next()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "form-yes":
            self._finish()
        else:
            self.dismiss(None)

    def _finish(self) -> None:
        values: dict[str, str | bool] = {one.id or "": one.value.strip() for one in self.query(Input)}
        values |= {one.id or "": one.value for one in self.query(Checkbox)}
        wrong = self._check(values)
        if wrong is None:
            self.dismiss(values)
        else:
            self.query_one("#wrong", Static).update(Content(wrong))
