from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


async def upgrade(db: BaseDBAsyncClient) -> str:
    return """
        CREATE TABLE IF NOT EXISTS "public_day" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "type" SMALLINT NOT NULL,
    "date" DATE NOT NULL,
    "seen" BIGINT NOT NULL,
    "version" BIGINT NOT NULL,
    "all_figures" BLOB NOT NULL,
    "local_figures" BLOB NOT NULL,
    "contributions" BLOB NOT NULL,
    CONSTRAINT "uid_public_day_type_6ba85c" UNIQUE ("type", "date")
) /* What a public instance has told anybody of a day (`core.disclosure`): nothing else of it is ever shown. */;
        CREATE TABLE IF NOT EXISTS "published_object" (
    "uuid" CHAR(36) NOT NULL PRIMARY KEY,
    "kind" VARCHAR(16) NOT NULL,
    "content" TEXT NOT NULL
) /* An object of the catalogue that the operator added to the shipped ones (`core.catalogue`). */;
        CREATE TABLE IF NOT EXISTS "share_pull" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "server_id" INT NOT NULL,
    "client_uuid" CHAR(36) NOT NULL,
    "type" SMALLINT NOT NULL,
    "first_date" DATE NOT NULL,
    "last_date" DATE NOT NULL,
    CONSTRAINT "uid_share_pull_client__56c159" UNIQUE ("client_uuid", "type", "server_id")
) /* How far an account's rows of a type were pulled: those of the days from `first_date` to `last_date` are here. */;
        CREATE TABLE IF NOT EXISTS "share_row" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "series_id" INT NOT NULL,
    "server_id" INT NOT NULL,
    "type" SMALLINT NOT NULL,
    "date" DATE NOT NULL,
    "digest" BLOB NOT NULL,
    "state" SMALLINT NOT NULL,
    "reason" TEXT,
    CONSTRAINT "uid_share_row_series__85624c" UNIQUE ("series_id", "type", "date", "server_id")
) /* A row that was sent, or was about to be when the push was killed (`state`: see `storage.sharing`). */;
        CREATE TABLE IF NOT EXISTS "share_run" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "server_id" INT NOT NULL,
    "started_at" TIMESTAMP NOT NULL,
    "ended_at" TIMESTAMP,
    "sent" INT NOT NULL,
    "already_there" INT NOT NULL,
    "refused" INT NOT NULL,
    "left_over" INT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "error" TEXT
) /* A push, for `share status`. `ended_at` is empty while it runs, and stays so where it was killed. */;
        CREATE TABLE IF NOT EXISTS "share_secret" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "secret" BLOB NOT NULL,
    "created_at" TIMESTAMP NOT NULL
) /* What pseudonyms are made with, made at the first use. There is one row, number 1. */;
        CREATE TABLE IF NOT EXISTS "share_series" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "client_uuid" CHAR(36) NOT NULL,
    "anr" CHAR(36) NOT NULL,
    "generation" INT NOT NULL,
    CONSTRAINT "uid_share_serie_client__ce6dc0" UNIQUE ("client_uuid", "anr")
) /* An analysis of which something was shared. `generation`: how often its pseudonym was changed. */;
        CREATE TABLE IF NOT EXISTS "share_server" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "url" VARCHAR(512) NOT NULL UNIQUE
) /* An instance that rows were shared with or pulled from, by its address as REMOTE_STATS_SERVER gives it. */;"""


async def downgrade(db: BaseDBAsyncClient) -> str:
    return """
        DROP TABLE IF EXISTS "share_pull";
        DROP TABLE IF EXISTS "public_day";
        DROP TABLE IF EXISTS "published_object";
        DROP TABLE IF EXISTS "share_run";
        DROP TABLE IF EXISTS "share_server";
        DROP TABLE IF EXISTS "share_secret";
        DROP TABLE IF EXISTS "share_series";
        DROP TABLE IF EXISTS "share_row";"""


MODELS_STATE = (
    "eJztXW1T27gW/iuafLkwk2UKBdrbe+fOBEq37FLSgXRfu+MothL74shZy4Zm9/a/33NkKY"
    "7fEpsGSIK+tEQ6R7YfyTrv8t+tceAwX+x1bDuIefSWTltvyN8tTscM/ijpbZMWnUzSPmyI"
    "6MCX5DShsxxFOBBRSO0IuobUFwyaHCbs0JtEXsCRoecyIuIxCYYkgj+H3igOmcCf1PcJ5d"
    "SfCvWbEzU6CeBPApfYw2s4gQ0X8fhoNcPF3PszZlYUjBiMEMKgv//eiqYTJq9FI/m/7XsM"
    "ntJzWn/8AT897rAvTCAt/pzcWEOP+U4GSKCFLtluyeGg7cQbnfPonaTF0QeWHfjxmKf0k2"
    "nkBnzG4PEIW0eMsxBuBa8QhTHCymPfV5OgkU6eJCVJ7nKOx2FDGvs4Ocid3EDa1rKsy27P"
    "uj7rWVarMHGaYw581WQHHCcdblVIAEZ4C9/98+Dg5ctXBy9eHr8+Onz16uj1i9dAK++32P"
    "Xqa3IzKVrJUBKz8+/PL3t4QwGsrGTVYcPXr8n80IRLTkaKfjphhUmonIEMz/KJ0LAvmgnd"
    "kE5F+lo83lwc7B++Onz98vhwNgWzlkXIa5RTVPVrkQX0egzvWiWqmmebAH158Op4hiX+WA"
    "Tj9YfOxUURS721ZLF8C63lOGr6HI7YHHljtqf7NwzRBcC97fTOcqDdslDgBRrtrHNM27QI"
    "H2WHTaEHKTtmDWVaymOAvzfwSqcpQ57TcFqO/BxTDvrBNEraNwz8RThedE9w5LEQf/rY8F"
    "Pn6uT8snP1686Hzi+7smuqui66l99r+kkgolEoB2qd/No76wDyqM8Nb+Z0CmwYUPvmjoaO"
    "VegJDoIq2mLX+GCcbwENdSSxxIfGR9T6t9RcveQZ87q57lusmc9TLVXLO5xoBrLTpzzs72"
    "aV5j3Suwv0D0HGdEpcestAl2Za+RZwm+TTp/O3RTV99cOXqu2JBiefmIffpqo/Fz39G3XD"
    "ag0cZ6CAKk5fOayKPIdrHHvOHjJt14Z1+r5ztfPyeDe/Ccknze7+xpBZ1WIt7Ox5kIsIvw"
    "tC5o34jyyRsudwT5TbZWq42ppPZwNtGMBf9RrSreluFNK72Z6ZXVrw/PDULJIInHauTztv"
    "QWF/GoGpkC8Rl+mcLHVj1ZeVWmp1h8QDeRUFN4yDsPKnUlRdv+98d3B0TEDa3bBJ1CYeJy"
    "77Qh1me2Asl8vHbx+yRCYaEfiEIhClVxMZqOlXKQSfFODViED5fwHGU5eG5TBq+hyMcGMb"
    "ByDsd18sn/FR5OKyPDpagCgYPRJUoNrN2pSXqusg6cv59HCfsVwq3CYYZ7m2DunjwxpAHx"
    "9W4oxdWZjDwG/sOtU826TCrcJ16gkLBLR3WwLoSQCYUV4ht+b58m4RYHwoVPU6fmSvSLd7"
    "kfGKnJznfE2Xnz6cnF3t7MtlDEReVOGCAuAEbAVwIxbjiESZH3AJ8iUDmCmoPwV+YFO/Ie"
    "ozHgN0A6Bp5EWxU7K3vPMDWrFTzzPlwB4iVw20FXDrsl0vist0P51cnJGPV2en59fn3cuM"
    "fzXpzIJ8dda5KCxnProHzPNcBuc6OFMRWYKxkpDZWxU5rFrRc4yLYo74x1bB3jv/cHbd63"
    "z4mNlQMBiJPQfZWVCtO8c5VXA2CPn5vPee4E/yW/fyLG/uzOh6v7XwnmgcBRYP7izqzGOi"
    "m3VTcY5x0HvNsWY0c7zOc2yHDHG3aONJznKuYJbXzrCAB3S63J+qFbgh065eloWzHk+ce8"
    "56ltPM+rrMesnLLu++Qdh5PsSWhFTLcgMU67sfrxgqp6XpLyXx5A1bBVVhi68PGWp4J3Mr"
    "fmSlibNpZ3tRwCHJz7BuWM202Z9dGhGq8lsxCEAHQRy1ScBtRoZBKNNdJ3QKSrAj3pA+DN"
    "xHMgwd/HDdvSS+JyKMpGNoYULDSLRJ3/FGTER92abiC8XQxKNe2UQw1iuCkcxTE8dwymGc"
    "wkudwur1z2LbY18qVq0iXw2w67Fzl8rrs196GVGtISzP5tLkc5CfYoLX2uRyvfMZq6qzmP"
    "UtlhZI1bjGIil7wEIHEtyyZKPWGVbwHrmBULlVsFu7QQy/dvrSZdjfJZQ7iiLC/f+Owd6P"
    "HlzmkAEMh5uzqKzGeJQLL6/bMKUaa5TPWi1jTFGBKSowRQVPDZkpKnhWwEtxa92rtKDAag"
    "oM8irpogKD+VmQ6sz9ZqHAamahySysiWnwMfGbtEosA9210DCYzBEtNQu6nBFAO2I80sUX"
    "uiZDat0AdptQQTxQu+E/AXRFFf8+g3zmn7l2+byZZbKqsg7pI4rA5t0jfdQR+28SzR+b2g"
    "TWl4+Ll+z85XuDXaAR3l8MaNBzlFjmZMCGQcigS70N0HsHI3zmtovuJsIZ8EsHFNgZgoW3"
    "ns32NO1utTGhH0xlO89si5mHw1SFr6WUM1Xhj1sVnntPauKa4zLImnr7SkBXYhpXuLIXKV"
    "mVzmyjXdXWcVFeN9gWNPk2Ld+V7Qco2BquYMVh1u99168pv3+Odlk88D27ImaTdrYX2maS"
    "rH7URgXaEzbiqVpT4lKsBfQdMK+mg8CZprGVnb6Ndo/jCdsPBKy3/i48SBC5MI8E7oYpow"
    "dMM4ZhGOEGd7wywP/Q15VGIFqOoTeI8ZnRTsP8AUZtd3Y0V+4QL1kIKe8Pcw+4tOukXSnv"
    "DKy5CNT/EdtLsRZ9MoElIPMPxrv/gmuCsqT9JH1po/YzHixpbzIvlIGrdjFgJVlkaxqv+g"
    "fcHDwSGKOM8WQAohzCcNefuXwKjNkBISIW6dvGjEviB8ENWKQULV7FBWPA02aerk3Gnu97"
    "ggFmjgl5bZUdavR6E/J60pBXeUXAwqhLeSnARi+/R465mDjjk0E/pwM0U+RzjEaZv68ZZQ"
    "KO6zALGf272SwUWM0sNJmFdTJshcuc7uC/zC49LydP0l5q5CKxFaTUdU7QSch1ENAGTdkP"
    "RrHK+sOmYIKrCPPLHQespShIDoFzvckEw3mcCW2IzphVMC9/ss4DXUoatDewaqUBiFVWbX"
    "Ib+7j4B57vRWAxhyRkQxYyHnnUB2tPBU51+JIOAM62NDDpPCVYjXAhNgpCjyX255hRNLRF"
    "+zMH8xBDpt+aLr8ZZ9O0/j2MuY3Lhsgr4T+H/2k9/law9LiaamMPl0gR6eoMek2/FWne2Q"
    "z6/eMaGfT7+dKrNIMeu4oCrfTotuos+jmWrYD4GWXSX2Mi+EdoK5NbaedCiSWTya2Jplsq"
    "q94Hd9AVzp1VCttzGNypJHcEPMlSxyGZk8lvZ+j9E2QYBmPMTgkFJvFHrI8ipi+rr5Of6N"
    "2E/ZsVxdejX33BuaqWlgHaFYW5NCz85vyX5+J0fLAqrXQe6mOb4dkmz8LKgq25RV9XUcqx"
    "mQNtTU7Lg/m+0029iQc8y/Ws/eAzKdgEvwzTs4NvnVTBK3mAQrkmiH01FMFQkS33WaDalU"
    "ZyMbG5jRY+/pAl8ahWDUAbcxmXytckFq7svfFQNZPRatS33gAvI7PQtToXr9R38eCXzGZm"
    "yysp1VFllkvFMOlQGd1j6qB+uUf6IaNChq7v3OSMYlmTkGYQhGwYC7gLL6rWLEEN8Vghw1"
    "q9OyvSL01c+7Hi2pnZrK+IpjzbJOBXpoga9f4hUDV6qMnBeFLd0ySkP1FCelS6Whe/+TMm"
    "8+rnzjWXSmAT/3vKcS/3+wYdMrmN3vermLcqTa6Y1zK5FFkNkwsNmrbMEu5LXoLvYSz6YH"
    "0wmG8831AeNsbGk2gKdojnM7RT4Aoqrgr0U7CcArSRQqZtmMQ8KjO4Hv6C5ogz4zxfW4mw"
    "OpslouH9Ti7Ncm7hyaWLJMZ6n1QqmzLTrPfEppM8z2cOnl7nGRal2RULdsbSzIoH3BRfbM"
    "iOSH08sXhqodBvUhBb4DPQFm0Q6WhuAOoch4GzcDYUG0YWVrw1ADTDYyDNQzpzz9SPTMxY"
    "tgbNR675YGEYlCzhasfEjMH4JTbPL3HN7JCV5rPPd7eXeydESlmvZHsiWOwEfDoWMpNOxk"
    "fvvMhtJ39SXdQcioiA0NkjvcQzIOTHzcPgrg0PNB6wkOxXFGev+grGBbFuLgi95OpHAlIe"
    "EwnI71i1q6HMR3Uql/xmfl6l6qM66yWpMOFhgaSS3bUk1Yyy1jfL9TmN8qQJz3aJCMYsOb"
    "VDphfJU9b3SF8t1eRYCje4A4aI8eT7HVoSSQ7bpXxU6kd/6KvVyVKnPDR56U8q10wG9YNk"
    "UOPCbgCnIjcw5mBMN54Gr36WaWtM82/aAtZMuN5KeVApXJWPqoZw1ZR1hOss6VWmysoCrf"
    "lPl6C1hpm7SZWWLMlq4/dMUMqB5gKLVOChyVdnH7q9MwsUnN41TO3VT2dXZOTdMqFzaPNS"
    "9pEuawzG9RKscVjyKfDqimJFvnUf5DraP6hRTwxUlQXFsm99drCIlnuwIrrMdaUp6pUxvC"
    "EBT46zQxM1+WumsLvUSVpUCUBFXULzMRodsq7S7e5xxLo52WC1GpM5Tt0cp74dyJqUf5Py"
    "/6Qp/0oalr7Zi2LBWb5tWoqPEBNeE+Wuw0LPdsvUO9WzUMGjKc0yFa96CowZt15mXOWBoN"
    "WmXPVxoJt5eFHWoDs4Oqph0AFVpUEn+3L6FLxUDRBW5FuI7v6LFzXQBarq87ewr+YBXHhI"
    "XYUJUHkAl+PZEfmf/GL8BqK9AFwEIxMeLaTc5LNr2llrDAd48pSbr/8H9v8U9Q=="
)
