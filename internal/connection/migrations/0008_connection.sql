-- +goose Up
create table connection_instance (
    id          text primary key,
    standing_ms bigint not null,
    until       bigint not null
);
create table connection_slice (
    budget        text   not null,
    instance      text   not null,
    whole         bigint not null,
    requests      bigint not null,
    places        bigint not null,
    cost          bigint not null,
    slots         bigint not null,
    turn          bigint not null,
    wanted_until  bigint not null,
    waiting_until bigint not null,
    until         bigint not null,
    counted_until bigint not null,
    primary key (budget, instance)
);
create index connection_slice_counted on connection_slice (counted_until);
create table connection_gate (
    id     bigint primary key,
    passed bigint not null
);
