-- Distributes the tables by account over the nodes of a Citus cluster, or of another engine that has
-- create_distributed_table. Tried by hand on Citus 13.2 with PostgreSQL 15, a coordinator and two workers: posting,
-- reading, charts (those of a PUBLIC_INSTANCE too), sharing, deleting and `db verify`, with few accounts and rows.
-- Not tried there: many accounts under load, another Citus, a node that fails. The tests (tests/service/
-- test_distribution.py) run this file without Citus, on PostgreSQL with tables that are partitioned instead.
--
-- One PostgreSQL server carries thousands of analyses: look at that first, and add service processes (README.md).
-- This is for what outgrows a server's disk or the writes that it takes.
--
-- In the service's database on the coordinator, where the extension is and the nodes have been added:
--
--     stats-service db upgrade                                              # as always, with the service stopped
--     psql -h HOST -U USER -d NAME -v ON_ERROR_STOP=1 -f contrib/citus.sql  # once; what is stored already is moved
--
-- (A password belongs in PGPASSWORD or ~/.pgpass: arguments are for everybody on the machine to read.) The coordinator
-- has to be one of the nodes, which citus_set_coordinator_host makes it: it has copies of reference tables then.
--
-- Citus leaves a copy of what was moved on the coordinator; truncate_local_data_after_distributing_table('stat'), and so
-- on for each of the four distributed tables, gives its room back.
--
-- All service processes go on connecting to the coordinator, and later versions' migrations run there too.

BEGIN;

-- A distributed table's keys have to hold the column by which it is distributed, client_id. The other unique
-- constraints do. The numbers come from sequences and stay unique by themselves. A row's uuid is then unique within its
-- account; that it is no other account's either is still looked up before a row is stored, but no longer guaranteed
-- where two accounts post the same one at the same moment. Nothing depends on it: rows are found by account and
-- analysis.
ALTER TABLE analysis DROP CONSTRAINT analysis_pkey, ADD PRIMARY KEY (id, client_id);
ALTER TABLE payload DROP CONSTRAINT payload_pkey, ADD PRIMARY KEY (id, client_id);
ALTER TABLE stat DROP CONSTRAINT stat_pkey, ADD PRIMARY KEY (uuid, client_id);
ALTER TABLE account_day DROP CONSTRAINT account_day_pkey, ADD PRIMARY KEY (id, client_id);

-- account stays where it is (see below), and a distributed table cannot refer to a local one. The service deletes an
-- account's analyses itself before the account, and whoever stores rows locks the account first.
ALTER TABLE analysis DROP CONSTRAINT analysis_client_id_fkey;

-- All that an account has sent lies on one node, so that storing a batch involves that node and the coordinator only.
SELECT create_distributed_table('analysis', 'client_id');
SELECT create_distributed_table('payload', 'client_id', colocate_with => 'analysis');
SELECT create_distributed_table('stat', 'client_id', colocate_with => 'analysis');
SELECT create_distributed_table('account_day', 'client_id', colocate_with => 'analysis');

-- What was shared is looked up beside the rows, analysis by analysis, so each node has a copy of it. One push at a time
-- writes there: nobody waits for the copies. (As an ordinary table all of it would be sent to a node for each analysis.)
SELECT create_reference_table('share_series');
SELECT create_reference_table('share_row');

-- The others stay ordinary tables of the coordinator:
--   account     its names, tokens and uuids are unique across accounts, and it is found by them;
--   fleet_day, public_day
--               the sums over all accounts, and what of them is public: a row for each type and day, however many
--               accounts there are;
--   figure_key  what a figure is about, shared by all accounts: some thousands of rows, that processes remember;
--   share_secret, share_server, share_run, share_pull, published_object
--               a few rows each, that no query looks up beside distributed ones.
-- Reference tables would do for reading. But every batch that is stored updates its row of account and the days' rows of
-- fleet_day, and an update of a reference table locks the table's copies on all nodes until the transaction ends:
-- Front Offices would store one after the other.

COMMIT;
