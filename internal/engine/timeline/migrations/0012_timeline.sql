-- +goose Up
create table timeline_communication (
    id          text primary key,
    kind        text   not null,
    message_key text   not null unique,
    subject     text   not null,
    preview     text   not null,
    at          bigint not null,
    ends_at     bigint not null,
    all_day     bigint not null,
    cancelled   bigint not null,
    thread      text   not null,
    place       text   not null,
    attachments bigint not null
);
create table timeline_copy (
    connection    text   not null,
    mailbox       text   not null,
    item          text   not null,
    feed          text   not null,
    round         bigint not null,
    communication text   not null references timeline_communication (id),
    web_link      text   not null,
    primary key (connection, mailbox, item)
);
create index timeline_copy_communication on timeline_copy (communication);
create index timeline_copy_feed on timeline_copy (feed, round);
create table timeline_participant (
    communication text not null,
    address       text not null,
    role          text not null,
    copy          text not null,
    name          text not null,
    primary key (communication, address, role, copy)
);
create index timeline_participant_address on timeline_participant (address, communication);
create index timeline_participant_copy on timeline_participant (copy);
create table timeline_customer (
    customer      text   not null,
    communication text   not null,
    at            bigint not null,
    copy          text   not null,
    primary key (customer, communication, copy)
);
create index timeline_customer_at on timeline_customer (customer, at, communication);
create index timeline_customer_copy on timeline_customer (copy);
create table timeline_dropped (
    feed   text   not null,
    reason text   not null,
    round  bigint not null,
    count  bigint not null,
    primary key (feed, reason)
);
