-- +goose Up
create table dispatch_slot (
    id             text primary key,
    external_id    text   not null unique,
    connection     text   not null,
    source         text   not null,
    mailbox        text   not null,
    start_at       bigint not null,
    end_at         bigint not null,
    wanted         bytea  not null,
    wanted_digest  text   not null,
    withdrawn      bigint not null,
    state          text   not null,
    problem        text   not null,
    event          text   not null,
    event_mailbox  text   not null,
    etag           text   not null,
    link           text   not null,
    placed         bytea,
    placed_digest  text   not null,
    old_event      text   not null,
    old_mailbox    text   not null,
    old_etag       text   not null,
    operation      bytea,
    operations     bigint not null,
    look           bigint not null,
    recreated      bigint not null,
    drift          bytea,
    released       bigint not null,
    failures       bigint not null,
    created_at     bigint not null,
    changed_at     bigint not null,
    placed_at      bigint not null
);
create index dispatch_slot_event on dispatch_slot (event);
create index dispatch_slot_board on dispatch_slot (end_at, start_at);
create index dispatch_slot_source on dispatch_slot (connection, source);
create index dispatch_slot_state on dispatch_slot (state);
create table dispatch_import (
    id         text primary key,
    connection text   not null,
    source     text   not null,
    content    bytea,
    state      text   not null,
    summary    text   not null,
    caller     text   not null,
    made_at    bigint not null,
    ended_at   bigint not null
);
create table dispatch_rule (
    connection text primary key,
    rule       text not null
);
create table dispatch_link (
    mailbox    text primary key,
    digest     text   not null unique,
    made_at    bigint not null,
    made_by    text   not null
);
