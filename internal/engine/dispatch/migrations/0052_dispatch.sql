-- +goose Up
alter table dispatch_slot add column said_digest text not null default '';
update dispatch_slot set said_digest = wanted_digest;
