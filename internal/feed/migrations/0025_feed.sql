-- +goose Up
alter table feed_subscription add column certificate text not null default '';
create table feed_certificate (
    id          text primary key,
    der         text   not null,
    made_at     bigint not null,
    replaced_at bigint not null,
    retired_at  bigint not null
);
create table feed_read (
    content bigint primary key,
    at      bigint not null
);
create index feed_read_at on feed_read (at);
create table feed_refused (
    feed   text   not null references feed_entry (id) on delete cascade,
    reason text   not null,
    count  bigint not null,
    at     bigint not null,
    primary key (feed, reason)
);
