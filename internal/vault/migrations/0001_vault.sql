-- +goose Up
create table vault_keyset (
    id          bigint primary key,
    wrapped     bytea  not null,
    fingerprint text   not null,
    updated_at  bigint not null
);
create table vault_secret (
    ref        text primary key,
    sealed     bytea  not null,
    key_id     bigint not null,
    updated_at bigint not null
);
create index vault_secret_key on vault_secret (key_id);
