"""The vulnerabilities: how often they occur, how they are rated, and the highest risk they take part in."""

from tui.charts.base import Table
from tui.desk import Desk
from tui.objects import Choices, Words
from tui.scope import Scope
from tui.screens.objects import Data, ObjectsScreen


class VulnerabilitiesScreen(ObjectsScreen):
    """See `objects`."""

    VIEW_NAME = "vulnerabilities"
    HEADING = "Vulnerabilities"
    BRIEF = "Vulns"
    ABOUT = (
        "Means over the period: how often an analysis' risks name it, the qualification on the analysis' own "
        "scale, and the highest risk it takes part in. Trend and change are of the figure that m chooses, the "
        "change against 30 days ago or the nearest date that there is. Compare adds the global occurrence."
    )
    KIND = "vulnerability"
    WORDS = Words("Vulnerability", "Vulnerabilities", "Qualification", "Qualif")

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> Data:
        """The vulnerabilities of each side."""
        return await VulnerabilitiesScreen.fetch(desk, scope)

    @staticmethod
    def tables(data: Data, scope: Scope) -> list[Table]:
        """All vulnerabilities, the commonest first, then the evolution of the first of them."""
        return VulnerabilitiesScreen.all_tables(data, scope, Choices())


VIEW = VulnerabilitiesScreen
