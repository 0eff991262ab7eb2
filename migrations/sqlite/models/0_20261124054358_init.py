from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "account_day" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "client_id" INT NOT NULL,
    "type" SMALLINT NOT NULL,
    "date" DATE NOT NULL,
    "version" BIGINT NOT NULL,
    "summed" BIGINT NOT NULL,
    "figures" BLOB NOT NULL,
    CONSTRAINT "uid_account_day_type_eb5b8a" UNIQUE ("type", "date", "client_id")
) /* The sum of the figures of all analyses of an account on a day. */;
CREATE TABLE IF NOT EXISTS "client" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" CHAR(36) NOT NULL UNIQUE,
    "name" VARCHAR(255) NOT NULL UNIQUE,
    "token_hash" VARCHAR(64) NOT NULL UNIQUE,
    "role" SMALLINT NOT NULL,
    "is_active" INT NOT NULL,
    "is_sharing_enabled" INT NOT NULL,
    "local" INT NOT NULL,
    "latitude" REAL,
    "longitude" REAL,
    "last_seen" TIMESTAMP,
    "last_post" TIMESTAMP,
    "created_at" TIMESTAMP NOT NULL,
    "updated_at" TIMESTAMP NOT NULL
) /* An account. Of its token only the SHA-256 is kept, in hexadecimal. */;
CREATE TABLE IF NOT EXISTS "analysis" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "anr" CHAR(36) NOT NULL,
    "client_id" INT NOT NULL REFERENCES "client" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_analysis_client__e8999b" UNIQUE ("client_id", "anr")
) /* An analysis (`anr`) of an account. Two accounts may have one of the same UUID. */;
CREATE TABLE IF NOT EXISTS "figure_key" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(64) NOT NULL UNIQUE,
    "key" TEXT NOT NULL
) /* What a figure is about, once for all payloads: `key` is the JSON list of its parts, `digest` its SHA-256. */;
CREATE TABLE IF NOT EXISTS "fleet_day" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "type" SMALLINT NOT NULL,
    "date" DATE NOT NULL,
    "version" BIGINT NOT NULL,
    "summed" BIGINT NOT NULL,
    "local_figures" BLOB NOT NULL,
    "other_figures" BLOB NOT NULL,
    CONSTRAINT "uid_fleet_day_type_e469ea" UNIQUE ("type", "date")
) /* The sums of a day over all accounts: those of this house (`local`) and those that were shared by others. */;
CREATE TABLE IF NOT EXISTS "payload" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "client_id" INT NOT NULL,
    "analysis_id" INT NOT NULL,
    "type" SMALLINT NOT NULL,
    "digest" BLOB NOT NULL,
    "size" INT NOT NULL,
    "data" BLOB NOT NULL,
    "figures" BLOB NOT NULL,
    CONSTRAINT "uid_payload_analysi_a874a7" UNIQUE ("analysis_id", "type", "digest", "client_id")
) /* One content of an analysis and type, as it was sent. */;
CREATE TABLE IF NOT EXISTS "stat" (
    "uuid" CHAR(36) NOT NULL PRIMARY KEY,
    "client_id" INT NOT NULL,
    "analysis_id" INT NOT NULL,
    "type" SMALLINT NOT NULL,
    "date" DATE NOT NULL,
    "payload_id" BIGINT NOT NULL,
    CONSTRAINT "uid_stat_analysi_28b517" UNIQUE ("analysis_id", "type", "date", "client_id")
) /* A row: on this date this analysis had this payload. */;
CREATE TABLE IF NOT EXISTS "aerich" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "version" VARCHAR(255) NOT NULL,
    "app" VARCHAR(100) NOT NULL,
    "content" JSON NOT NULL
);"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        """


MODELS_STATE = (
    "eJztXOtz2jgQ/1c0fEpmuExLnpe5uRmSkJZrAp1Ar+8xwhbgiZGpLTelvfzvtytbGD95lB"
    "Kg/pLY0q4s/1bWvrT8KA1tg1nuQVXXbY+LKzounZMfJU6HDC5SesukREejsA8bBO1akpz6"
    "dJoREHZd4VBdQFePWi6DJoO5umOOhGlzZGgPGHG9IbF7RMBlz+x7DnPxlloWoZxaYze45y"
    "QYndhwSeARB/gMw9bhISbvr2Y4j5tfPKYJu89gBAcG/fixJMYjJp9FhfyvWyaDtzSN0ufP"
    "cGtyg31jLtLi7ehe65nMMiJAAi10yXZNDgdtF2a/zsW1pMXRu5puW96Qh/SjsRjYfMJgco"
    "GtfcaZA1PBJwjHQ1i5Z1mBEBTS/puEJP4sp3gM1qOehcJBbn8CYVtJ0xrNttaqtTWtlBCc"
    "4pgCP2jSbY5Ch6m6EoA+TuGPPyuVw8PTyrPDk7Pjo9PT47NnZ0Ar55vsOn30JxOi5Q8lMa"
    "u/qDfaOCEbVpa/6rDh8dGXD/W5pDBC9EOBJYSQKYEIz2xBKNjzJKEaQlGEn8X6ZFF5fnR6"
    "dHZ4cjQRwaQlD3mFcoiq+iyigLaG8K1loqp4dgnQw8rpyQRLvMmDsXVbvblJYqm2liiWV9"
    "CajqOij+GIzcIcsgPVv2WI5gB3VW3XYqB9ZY6LD1hoZ51i2qVFuJYdNoQetOyQLajTQp4C"
    "+KWBD2yaNOQ5dcbpyE8xxaDvjoXfvmXg5+F407zAkYeu+8XChn+rdxf1RvXu/d5t9d2+7B"
    "oHXTfNxgtFP7Jd0XfkQKWL9+1aFZBHe653P2VTYEOX6vcP1DG0RI9dsbNok13DyjDeAhZq"
    "X2KJL42vqOxvabma/jvGbXPVl2+ZT1PNNMurnCgGsteh3OnsR43mA9J+sNWNS4Z0TAb0Kw"
    "Nbminj24Vpkjdv6ldJM331w6ea7b4FJ9+YOz9nqv8udvpP2obZFjhKIIEqii8d1oA8hqvn"
    "mcYBMu3WhnX5snq3d3iyH9+E5JtGd//CkVnVYk3s7HGQkwhf2w4z+/wV87VsHeZEuZ5mhg"
    "db8+VkoC0D+FGtIdUa7kYOfZjsmdGlBe8Pb82EROCy2rqsXoHB/jQKM0A+RV2GMslWllOK"
    "Yy5VqZRWs0dMUFfCvmccdJU1lpqq9bL6R+X4hICyu2cjUSYmJwP2jRpMN8FXTlePPz9kik"
    "osNOATakBUXouoQEW/Sh34pACvRgPK/wkYLwfUSYdR0cdghIltHYCw3X3TLMb7YoDL8vg4"
    "B1HweSSoQLUfdSkbQVfF74uF9HCf0QbUHSyCcZRr55A+OZoD6JOjTJyxKwqzY1sLR04Vzy"
    "5ZcKuInJquBgra/JoC6IUNmFGeobem+eJREWD8VaiqdbzmoEizeRMJilzUY6Gmxpvbi9rd"
    "3nO5jIHIFBkRKADOha0AJqIxjkikhQFnIJ8yQCGC+UVg2Tq1FkR9wlMAvQDQVJjCM1L2lm"
    "vLphk79TRTDOwecs2BdgDcpmzXeWmZ5puLmxp5fVe7rLfqzUYkvOp3RkG+q1VvEsuZ95eA"
    "eZqrwHkenKkrNJexlIzZVZA4zFrRU4x5KUe82CnY2/XbWqtdvX0d2VAwF4k9lagUgta9k5"
    "gpOBmEvK23XxK8JR+ajVrc3ZnQtT+UcE7UE7bG7QeNGtOYqGbVlJQxDrqUjBVjIeNNlrHu"
    "MMRdowsLOcq5AilvnGMBL2g0uTUOVuCWiD34WHKl7o2MJaUe5SykvilST/nY5ewXyDpPZ9"
    "j8jGra0YCA9frVHUPjNPX0S0o6ectWQVbW4vFXZhqu5dGKVyz13GzYWc7LN/jHM7R7Nuep"
    "2bcDKggNjrdiEoB2bU+Uic11Rnq2I0+7jugYjGDDPScdGLiDZJg6+KfVbBDLdAUm0jG1MK"
    "KOcMukY5h95oqObAvyC8nUxFqfXGQwNiuD4ctpkcBwyFEEhWcGhYPPP4ptm33LWLUB+WqA"
    "3YydO1Vf1961I6paQZh+mEuRT0F+iee7NuYo17XFWFaZxaQvX1sg1cIlFn7VA9Y5EPsr8z"
    "dqdcAKvqOB7QZHq2C3Htge3O11ZMiws08oNwIKgfv/A4O9HyO4zCBdGA43ZzezGGMtD55d"
    "tlFUamzQcdZsHVPUFBQ1BUVNwVNDVtQU/FbAS3WrLVVZkGAt6gviJmlefcG0FKQ5s5wUEq"
    "yFFBaRwoa4Bq/9uEkpxTNQXbmOwWiKaKZb0OSMANqCcaFqL1RJhrS6AewyoS4xweyGfy7Q"
    "JU38ZQb5xD9xFfI5n5xkDao6ZIxIgM97QDpoI3bOfcsfm8oE1peFi5fsfbfM7j7QuOZ3Bj"
    "QYOfI9c9JlPdth0BV8DdD7ACN84voAw02EM+CXASjwM3QkVYT72Z6EeqvgpPPEsZiEN4qK"
    "8I1UcUVF+HorwmPfyZy4xrgKZIta+0xAV+IXZ8Sx8yyszEh2YVrNbeCisl5gW1Dku7R8V7"
    "YfoGJbcAUHHMX6XXb9FqX3v6FT1hI0tY5Qtpfz3DFXUcyuISSO/XCOP0QlsyAYZ/WvJt7U"
    "gBp+S+DjpRQNLjfGQu7O8j9/tR3Fb6W/eh7XUSpEPgn/HP1dWv93NLMernBsCsdmN5AtHJ"
    "si4fekCb9AG6Z+2XnxuCjfLi3FNYTmNsS4qzLH1Adp5l3Qk2vg0ZBmlomXLYLikONmHXLM"
    "zP9nn3LMzv5v52m8NfzOAH5UCyAckO8gus+fPZsDXaDKRFf2xX4lyk/JJRHG9FqGCxCyxK"
    "0BUxfkP3lwewvRzgEXwYgEKxInS+OHSMtRbwwHePKTpY//A/B8OOg="
)
