-- Distributes the tables by account over the nodes of a Citus cluster, or of another engine that has
-- create_distributed_table. Tried on Citus 13.2 with PostgreSQL 15, a coordinator and two workers.
--
-- One PostgreSQL server carries thousands of analyses: look at that first, and add service processes (README.md).
-- This is for what outgrows a server's disk or the writes that it takes.
--
-- In the service's database on the coordinator, where the extension is and the nodes have been added:
--
--     stats-service db upgrade                                      # as always, with the service stopped
--     psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f contrib/citus.sql  # once; what is stored already is moved
--
-- Citus leaves a copy of what was moved on the coordinator; truncate_local_data_after_distributing_table('stat'), and so
-- on for each of the four tables, gives its room back.
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

-- Not distributed, but ordinary tables of the coordinator:
--   account     its names, tokens and uuids are unique across accounts, and it is found by them;
--   fleet_day   the sums over all accounts: a row for each type and day, however many accounts there are;
--   figure_key  what a figure is about, shared by all accounts: some thousands of rows, that processes remember.
-- Reference tables would do for reading. But every batch that is stored updates its row of account and the days' rows of
-- fleet_day, and an update of a reference table locks the table's copies on all nodes until the transaction ends:
-- Front Offices would store one after the other.

COMMIT;
