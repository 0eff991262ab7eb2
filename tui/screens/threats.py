"""The threats: how often they occur, how they are rated, and the highest risk they take part in."""

from tui.charts.base import Table
from tui.desk import Desk
from tui.objects import Choices, Words
from tui.scope import Scope
from tui.screens.objects import Data, ObjectsScreen


class ThreatsScreen(ObjectsScreen):
    """See `objects`."""

    VIEW_NAME = "threats"
    HEADING = "Threats"
    BRIEF = "Threats"
    ABOUT = (
        "Means over the period: how often an analysis' risks name it, the probability on the analysis' own "
        "scale, and the highest risk it takes part in. Trend and change are of the figure that m chooses, the "
        "change against 30 days ago or the nearest date that there is. Compare adds the global occurrence."
    )
    KIND = "threat"
    WORDS = Words("Threat", "Threats", "Probability", "Prob.")

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> Data:
        """The threats of each side."""
        return await ThreatsScreen.fetch(desk, scope)

    @staticmethod
    def tables(data: Data, scope: Scope) -> list[Table]:
        """All threats, the commonest first, then the evolution of the first of them."""
        return ThreatsScreen.all_tables(data, scope, Choices())


VIEW = ThreatsScreen
