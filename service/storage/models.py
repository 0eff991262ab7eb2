"""The tables. `migrations/` makes them (aerich); a test holds the two equal.

The idea: a payload is stored once for as many days as it lasts, a stat row is a reference to it, and what charts need
of it (its *figures*) is kept beside it. Sums of figures are kept per account and day, and per day over all accounts.
They are only ever caches: writers advance a day's `version` in the transaction that changes its rows; a sum is good
while its `summed` equals `version`, else the next reader makes it again (`storage.totals`). Nothing is subtracted.

Everything that grows with the fleet carries its account in its key, so that it could be distributed by account.
"""

from tortoise import fields
from tortoise.models import Model

from service.records import StatType

TYPE_CODES: dict[StatType, int] = {
    StatType.RISK: 1,
    StatType.THREAT: 2,
    StatType.VULNERABILITY: 3,
    StatType.CARTOGRAPHY: 4,
    StatType.COMPLIANCE: 5,
}
"""How a type is written in the tables."""

TYPES: dict[int, StatType] = {code: stat_type for stat_type, code in TYPE_CODES.items()}


class Client(Model):
    """An account. Of its token only the SHA-256 is kept, in hexadecimal.

    `moved_until`: where it came from the old service, the last day that this one had to share of it; the first of all
    days where there is none (`core.legacy`).
    """

    id = fields.IntField(primary_key=True)
    uuid = fields.UUIDField(unique=True)
    name = fields.CharField(max_length=255, unique=True)
    token_hash = fields.CharField(max_length=64, unique=True)
    role = fields.SmallIntField()
    is_active = fields.BooleanField(default=True)
    is_sharing_enabled = fields.BooleanField(default=True)
    local = fields.BooleanField(default=True)
    latitude = fields.FloatField(null=True)
    longitude = fields.FloatField(null=True)
    last_seen = fields.DatetimeField(null=True)
    last_post = fields.DatetimeField(null=True)
    moved_until = fields.DateField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "account"  # the old service's `client` may stand in the same database


class Analysis(Model):
    """An analysis (`anr`) of an account. Two accounts may have one of the same UUID."""

    id = fields.IntField(primary_key=True)
    client: fields.ForeignKeyRelation[Client] = fields.ForeignKeyField("models.Client", on_delete=fields.CASCADE)
    anr = fields.UUIDField()

    class Meta:
        table = "analysis"
        unique_together = (("client", "anr"),)


class Payload(Model):
    """One content of an analysis and type, as it was sent.

    `digest`: SHA-256 of the JSON text. `data`: that text, deflated (zlib). `size`: its length before. `figures`: what
    charts need of it (`service.figures`).
    """

    id = fields.BigIntField(primary_key=True)
    client_id = fields.IntField()
    analysis_id = fields.IntField()
    type = fields.SmallIntField()
    digest = fields.BinaryField()
    size = fields.IntField()
    data = fields.BinaryField()
    figures = fields.BinaryField()

    class Meta:
        table = "payload"
        unique_together = (("analysis_id", "type", "digest", "client_id"),)


class Stat(Model):
    """A row: on this date this analysis had this payload."""

    uuid = fields.UUIDField(primary_key=True)
    client_id = fields.IntField()
    analysis_id = fields.IntField()
    type = fields.SmallIntField()
    date = fields.DateField()
    payload_id = fields.BigIntField()

    class Meta:
        table = "stat"
        unique_together = (("analysis_id", "type", "date", "client_id"),)


class FigureKey(Model):
    """What a figure is about, once for all payloads: `key` is the JSON list of its parts, `digest` its SHA-256."""

    id = fields.IntField(primary_key=True)
    digest = fields.CharField(max_length=64, unique=True)
    key = fields.TextField()

    class Meta:
        table = "figure_key"


class AccountDay(Model):
    """The sum of the figures of all analyses of an account on a day."""

    id = fields.BigIntField(primary_key=True)
    client_id = fields.IntField()
    type = fields.SmallIntField()
    date = fields.DateField()
    version = fields.BigIntField()
    summed = fields.BigIntField()
    figures = fields.BinaryField()

    class Meta:
        table = "account_day"
        unique_together = (("type", "date", "client_id"),)


class FleetDay(Model):
    """The sums of a day over all accounts: those of this house (`local`) and those that were shared by others."""

    id = fields.BigIntField(primary_key=True)
    type = fields.SmallIntField()
    date = fields.DateField()
    version = fields.BigIntField()
    summed = fields.BigIntField()
    local_figures = fields.BinaryField()
    other_figures = fields.BinaryField()

    class Meta:
        table = "fleet_day"
        unique_together = (("type", "date"),)


class PublicDay(Model):
    """What a public instance has told anybody of a day (`core.disclosure`): nothing else of it is ever shown.

    `all_figures`, `local_figures`: the sums that are told. `contributions`: what `core.disclosure` remembers of the day
    (it packs it); empty where nothing may be told. `seen`: the version of the fleet's day that was last looked at, and
    the protection. `version`: of what is told, milliseconds; 0 where nothing ever was.
    """

    id = fields.BigIntField(primary_key=True)
    type = fields.SmallIntField()
    date = fields.DateField()
    seen = fields.BigIntField()
    version = fields.BigIntField()
    all_figures = fields.BinaryField()
    local_figures = fields.BinaryField()
    contributions = fields.BinaryField()

    class Meta:
        table = "public_day"
        unique_together = (("type", "date"),)


# --- Sharing with another instance. Nothing here refers to an account by its number: what was shared of an account or
# an analysis that is gone can still be told, and deleted where it was sent to.


class ShareSecret(Model):
    """What pseudonyms are made with, made at the first use. There is one row, number 1."""

    id = fields.IntField(primary_key=True)
    secret = fields.BinaryField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "share_secret"


class ShareServer(Model):
    """An instance that rows were shared with or pulled from, by its address as REMOTE_STATS_SERVER gives it."""

    id = fields.IntField(primary_key=True)
    url = fields.CharField(max_length=512, unique=True)

    class Meta:
        table = "share_server"


class ShareSeries(Model):
    """An analysis of which something was shared. `generation`: how often its pseudonym was changed."""

    id = fields.IntField(primary_key=True)
    client_uuid = fields.UUIDField()
    anr = fields.UUIDField()
    generation = fields.IntField(default=0)

    class Meta:
        table = "share_series"
        unique_together = (("client_uuid", "anr"),)


class ShareRow(Model):
    """A row that was sent, or was about to be when the push was killed (`state`: see `storage.sharing`).

    `digest`: that of the payload here that it was made of. `reason`: why the other instance refused it.
    """

    id = fields.BigIntField(primary_key=True)
    series_id = fields.IntField()
    server_id = fields.IntField()
    type = fields.SmallIntField()
    date = fields.DateField()
    digest = fields.BinaryField()
    state = fields.SmallIntField()
    reason = fields.TextField(null=True)

    class Meta:
        table = "share_row"
        unique_together = (("series_id", "type", "date", "server_id"),)


class ShareRun(Model):
    """A push, for `share status`. `ended_at` is empty while it runs, and stays so where it was killed."""

    id = fields.IntField(primary_key=True)
    server_id = fields.IntField()
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    sent = fields.IntField(default=0)
    already_there = fields.IntField(default=0)
    refused = fields.IntField(default=0)
    left_over = fields.IntField(default=0)
    bytes = fields.BigIntField(default=0)
    error = fields.TextField(null=True)

    class Meta:
        table = "share_run"


class SharePull(Model):
    """How far an account's rows of a type were pulled: those of the days from `first_date` to `last_date` are here."""

    id = fields.IntField(primary_key=True)
    server_id = fields.IntField()
    client_uuid = fields.UUIDField()
    type = fields.SmallIntField()
    first_date = fields.DateField()
    last_date = fields.DateField()

    class Meta:
        table = "share_pull"
        unique_together = (("client_uuid", "type", "server_id"),)


class PublishedObject(Model):
    """An object of the catalogue that the operator added to the shipped ones (`core.catalogue`).

    `kind`: threat, vulnerability or referential. `content`: its labels, and a referential's categories and measures,
    as JSON.
    """

    uuid = fields.UUIDField(primary_key=True)
    kind = fields.CharField(max_length=16)
    content = fields.TextField()

    class Meta:
        table = "published_object"
