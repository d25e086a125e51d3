-- +goose Up
alter table feed_entry add column account text not null default '';
