-- +goose Up
alter table action_run add column updated_at bigint not null default 0;
