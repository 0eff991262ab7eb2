"""What widgets tell the screen they are on. Screens decide what it means."""

from textual.message import Message


class WidthChanged(Message):
    """A table has another width, which its columns depend on."""


class FilterChanged(Message):
    """Something else is looked for, after a short pause in typing."""

    def __init__(self, text: str) -> None:
        """`text`: what is looked for; empty for everything."""
        super().__init__()
        self.text = text


class FilterClosed(Message):
    """The filter is done with: the table is to have the keys again."""
