-- +goose Up
create table access_person (
    id             text primary key,
    name           text   not null unique,
    role           text   not null,
    disabled       bigint not null,
    created_at     bigint not null,
    sessions_after bigint not null
);
create table access_login (
    token_hash text primary key,
    person     text   not null references access_person (id) on delete cascade,
    expires_at bigint not null
);
create table access_session (
    token_hash text primary key,
    data       bytea  not null,
    expires_at bigint not null
);
create table access_apikey (
    id         text primary key,
    name       text   not null unique,
    token_hash text   not null unique,
    scopes     text   not null,
    expires_at bigint not null,
    created_by text   not null,
    created_at bigint not null,
    last_used  bigint not null
);
