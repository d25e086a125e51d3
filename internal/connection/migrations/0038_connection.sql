-- +goose Up
-- Connections from before hold permissions for every mailbox, and say so.
alter table connection_entry add column mailboxes_limited bigint not null default 0;
alter table connection_entry add column mailbox_outside text not null default '';
