-- +goose Up
create table audit_name (
    pseudonym text primary key,
    name      text not null unique
);
create table audit_head (
    id   bigint primary key,
    seq  bigint not null,
    hash text   not null
);
insert into audit_head (id, seq, hash) values (1, 0, '');
create table audit_entry (
    seq        bigint primary key,
    at         bigint not null,
    actor      text   not null,
    action     text   not null,
    target     text   not null,
    outcome    text   not null,
    run        text   not null,
    request_id text   not null,
    detail     text   not null,
    hash       text   not null
);
create index audit_entry_actor on audit_entry (actor);
