-- +goose Up
alter table dispatch_slot add column seen_etag text not null default '';
alter table dispatch_slot add column old_problem text not null default '';
