-- +goose Up
alter table audit_head add column retired bigint not null default 0;
alter table audit_head add column checkpoints bigint not null default 0;
alter table audit_head add column seal text not null default '';
create table audit_checkpoint (
    number    bigint primary key,
    entry     bigint not null,
    hash      text   not null,
    entries   bigint not null,
    at        bigint not null,
    before    text   not null,
    signature text   not null
);
