-- +goose Up
create table alarm_entry (
    id              text primary key,
    kind            text   not null,
    connection      text   not null,
    title           text   not null,
    cause           text   not null,
    fix             text   not null,
    who             text   not null,
    raised_at       bigint not null,
    acknowledged_at bigint not null,
    acknowledged_by text   not null,
    resolved_at     bigint not null,
    told            bigint not null,
    closed          bigint not null
);
create unique index alarm_entry_open on alarm_entry (kind, connection) where resolved_at = 0;
create table alarm_mail (
    id        text primary key,
    alarm     text   not null references alarm_entry (id) on delete cascade,
    part      text   not null,
    recipient text   not null,
    state     text   not null,
    via       text   not null,
    sender    text   not null,
    tries     bigint not null,
    claimed_at bigint not null,
    sent_at   bigint not null,
    problem   text   not null,
    unique (alarm, part, recipient)
);
