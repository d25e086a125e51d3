-- +goose Up
-- How far a reading of everything is, and since when it is wanted: its end can be foreseen.
alter table feed_entry add column entries_read bigint not null default 0;
alter table feed_entry add column wanted_at bigint not null default 0;
alter table feed_entry add column read_at bigint not null default 0;
create index feed_entry_fresh on feed_entry (kind, state, connection, proven_at, id);
