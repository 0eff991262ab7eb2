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
CREATE TABLE IF NOT EXISTS "account" (
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
    "client_id" INT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
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
    "eJztXOtz2jgQ/1c0fEpmuExLXr3Mzc2QhLRcE+gEen2PEbYAT4xMbTkp7eV/v13ZwvjJo5"
    "QA9ZfElnZl+bey9qFdfpSGtsEs96Cq67bHxSUdl87IjxKnQwYXKb1lUqKjUdiHDYJ2LUlO"
    "fTrNCAi7rnCoLqCrRy2XQZPBXN0xR8K0OTK0B4y43pDYPSLgsmf2PYe5eEsti1BOrbEb3H"
    "MSjE5suCTwiAN8hmHr8BCT91cznMfNrx7ThN1nMIIDg376VBLjEZPPokL+1y2TwVuaRunL"
    "F7g1ucG+MRdp8XZ0p/VMZhkRIIEWumS7JoeDtnOzX+fiStLi6F1Nty1vyEP60VgMbD5hML"
    "nA1j7jzIGp4BOE4yGs3LOsQAgKaf9NQhJ/llM8ButRz0LhILc/gbCtpGmNZltr1dqaVkoI"
    "TnFMgR806TZHocNUXQlAH6fwx5+VyuHhaeXZ4cmL46PT0+MXz14ArZxvsuv00Z9MiJY/lM"
    "Ss/rLeaOOEbFhZ/qrDhsdHXz7U55LCCNEPBZYQQqYEIjyzBaFgz5OEaghFEX4W65NF5fnR"
    "6dGLw5OjiQgmLXnIK5RDVNVnEQW0NYRvLRNVxbNLgB5WTk8mWOJNHoytm+r1dRJLtbVEsb"
    "yE1nQcFX0MR2wW5pAdqP4tQzQHuMtquxYD7Z45Lj5goZ11immXFuFadtgQetCyQ7agTgt5"
    "CuCXBj6wadKQ59QZpyM/xRSDvjsWfvuWgZ+H43XzHEceuu5XCxv+rd6e1xvV2w97N9X3+7"
    "JrHHRdNxsvFf3IdkXfkQOVzj+0a1VAHu253t2UTYENXarfPVDH0BI9dsXOok12DSvDeAtY"
    "qH2JJb40vqKyv6XlavrvGLfNVV++ZT5NNdMsr3KiGMheh3Knsx81mg9I+8FWNy4Z0jEZ0H"
    "sGtjRTxrcL0yRv39Yvk2b66odPNdt9C06+MXd+zlT/Xez0n7QNsy1wlEACVRRfOqwBeQxX"
    "zzONA2TarQ3r4lX1du/wZD++Cck3je7+hSOzqsWa2NnjICcRvrIdZvb5a+Zr2TrMiXI9zQ"
    "wPtuaLyUBbBvCjWkOqNdyNHPow2TOjSwveH96aCYnARbV1Ub0Eg/1pFGaAfIq6DGUyM4w1"
    "v65UWqvZIyboK2HfMQ7KyhpLVdV6Vf2jcnxCQNvdsZEoE5OTAftGDaab4Cyn68efHzJFJx"
    "Yq8AlVIGqvRXSgol+lEnxSgFejAuX/BIwXA+qkw6joYzDCxLYOQNjvvmkW430xwGV5fJyD"
    "KDg9ElSg2o/6lI2gq+L3xWJ6uM9oA+oOFsE4yrVzSJ8czQH0yVEmztgVhdmxrYVDp4pnl0"
    "y4VYROTVcDBW3epwB6bgNmlGforWm+eFgEGH8Vqmodrzkq0mxeR6Ii5/VYrKnx9ua8drv3"
    "XC5jIDJFRggKgHNhK4CJaIwjEmlxwBnIpwxQiGB+EVi2Tq0FUZ/wFEAvADQVpvCMlL3lyr"
    "Jpxk49zRQDu4dcc6AdALcp23XeuUzz7fl1jby5rV3UW/VmIxJf9TujIN/WqteJ5cz7S8A8"
    "zVXgPA/O1BWay1jKkdllcHKYtaKnGPPOHPFip2Bv129qrXb15k1kQ8HDSOypRKUQtO6dxE"
    "zBySDkXb39iuAt+dhs1OLuzoSu/bGEc6KesDVuP2jUmMZENaumpIxx0KVkrBgLGW+yjHWH"
    "Ie4aXVjIUc4VSHnjHAt4QaPJrXGwArdE7MHHkit1b2QsKfUoZyH1TZF6yscuZ7/AsfP0EZ"
    "t/pJqWGxCwXr2+ZWicpqa/pJwnb9kqyDq2ePyVRw1XMrfiNUtNnA07y3kHDn5+hnbH5kyb"
    "fTeggtAgvxUPAWjX9kSZ2FxnpGc7Mt11RMdgBBvuGenAwB0kw6ODf1rNBrFMV+BJOh4tjK"
    "gj3DLpGGafuaIj24LzheTRxFqfXJxgbNYJhi+nRQLDIUcRFJ4ZFA4+/yi2bfYtY9UG5KsB"
    "djN27lR9XXvfjqhqBWF6Npcin4L8AhO8NiaX68piLKvOYtKXry2QauEaC7/sAQsdiH3P/I"
    "1aZVjBdzSw3SC3Cnbrge3B3V5Hhgw7+4RyI6AQuP8/MNj7MYLLDNKF4XBzdjOrMdby4Nl1"
    "G0Wpxgbls2brmKKooCgqKIoKnhqyoqjgtwJeqlttqdKCBGtRYBA3SfMKDKalIM2Z5aSQYC"
    "2ksIgUNsQ1eOPHTUopnoHqynUMRlNEM92CJmcE0BaMC1V8oWoypNUNYJcJdYkJZjf8c4Eu"
    "aeIvM8hn/pmrkM/ZJJM1KOuQMSIBPu8B6aCN2DnzLX9sKhNYXxYuXrL33TK7+0Djmt8Z0G"
    "DkyPfMSZf1bIdBV/A1QO8DjPCZ6wMMNxHOgF8GoMDPcJlzb+rsQNHuZzsT6sWCbOeJbzGJ"
    "cBRV4Rup5Yqq8PVWhce+kzlxjXEVyBb19pmArsQ1zghl5xlZmcHswrqa28ZFfb3AtqDId2"
    "n5rmw/QMW24AoOOIr1u+z6Lcrvf0O/rCVoai2hbC/neWSuophdRkgc++EMf4xKHoRgqNW/"
    "mjhUA2r4LYGbl1I3uNwYC7k7y/8E1nbUv5X+6nlcR6kQ+ST8c/R3af3f0cySuMKxKRyb3U"
    "C2cGyKM78nPfMLtGHql50Xj4vy7dJSXENobkOMuypzTH2QZt4FPbkGHg1pZpl42SIo8hw3"
    "K88xMwUgO9ExOwFgOxPy1vBTA/hRLYBwQL6D6D5/9mwOdIEqE13ZF/ulKP9ULokwnrBluA"
    "AhS9waMHVB/pO521uIdg64CEYkWJFILo3nkZaj3hgO8OTJpY//A3BVOp4="
)
