-- +goose Up
alter table event_entry add column number bigint not null default 0;
alter table event_entry add column about text not null default '';
alter table event_entry add column mailbox text not null default '';
alter table event_entry add column communication text not null default '';
create index event_entry_number on event_entry (number);
create index event_entry_mailbox on event_entry (mailbox);
create table event_head (
    id     bigint primary key,
    number bigint not null
);
insert into event_head (id, number) values (1, 0);
create table event_webhook (
    id             text primary key,
    name           text   not null unique,
    url            text   not null,
    types          text   not null,
    connection     text   not null,
    allow_private  bigint not null,
    paused         bigint not null,
    reason         text   not null,
    failures       bigint not null,
    rest_until     bigint not null,
    previous_until bigint not null,
    created_at     bigint not null,
    created_by     text   not null
);
create table event_delivery (
    webhook    text   not null references event_webhook (id) on delete cascade,
    event      text   not null,
    number     bigint not null,
    about      text   not null,
    state      text   not null,
    once       bigint not null,
    attempts   bigint not null,
    due_at     bigint not null,
    tried_at   bigint not null,
    ended_at   bigint not null,
    status     bigint not null,
    problem    text   not null,
    primary key (webhook, event)
);
create index event_delivery_due on event_delivery (webhook, state, due_at);
create index event_delivery_about on event_delivery (webhook, about, number);
create index event_delivery_event on event_delivery (event);
