-- +goose Up
-- list_version rises with each change of the connection's mailboxes, so that a list of thousands is not read for each call.
alter table connection_entry add column list_version bigint not null default 0;
