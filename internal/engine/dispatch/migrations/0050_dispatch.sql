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
