-- +goose Up
alter table action_run add column capability text not null default '';
