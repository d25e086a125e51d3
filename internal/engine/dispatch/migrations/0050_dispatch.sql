-- +goose Up
create table dispatch_survey (
    connection text   not null,
    mailbox    text   not null,
    made_at    bigint not null,
    primary key (connection, mailbox)
);
create table dispatch_found (
    event      text primary key,
    connection text not null,
    mailbox    text not null,
    reference  text not null,
    etag       text not null
);
create index dispatch_found_reference on dispatch_found (connection, reference);
create index dispatch_slot_mailbox on dispatch_slot (event_mailbox);
alter table dispatch_slot add column said_at bigint not null default 0;
create table dispatch_intake (
    id             text primary key,
    name           text   not null unique,
    connection     text   not null,
    source         text   not null,
    previous_until bigint not null,
    made_at        bigint not null,
    made_by        text   not null,
    called_at      bigint not null,
    refused_at     bigint not null,
    refused        text   not null
);
create table dispatch_call (
    intake  text   not null,
    message text   not null,
    at      bigint not null,
    primary key (intake, message)
);
create index dispatch_call_at on dispatch_call (at);
