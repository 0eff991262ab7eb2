"""The line under the heading that says what is wrong, and what to do about it."""

import enum

from textual.content import Content
from textual.widgets import Static


class Tone(enum.StrEnum):
    """How much it matters."""

    INFO = "-info"
    WARNING = "-warning"
    ERROR = "-error"


class Banner(Static):
    """Out of sight while there is nothing to say."""

    DEFAULT_CSS = """
    Banner { display: none; height: auto; max-height: 3; padding: 0 1; }
    Banner.-info { display: block; color: $text-primary; }
    Banner.-warning { display: block; background: $warning-muted; color: $text-warning; }
    Banner.-error { display: block; background: $error-muted; color: $text-error; }
    """

    def say(self, text: str, tone: Tone) -> None:
        """Show this, until something else is said."""
        self.set_classes(tone.value)
        self.update(Content(text))

    def hush(self) -> None:
        """Show nothing."""
        self.set_classes("")
        self.update("")
