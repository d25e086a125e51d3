-- +goose Up
alter table feed_entry add column account text not null default '';
alter table feed_subscription add column tenant text not null default '';
