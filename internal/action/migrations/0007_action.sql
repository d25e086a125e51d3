-- +goose Up
create table action_run (
    id             text primary key,
    action         text   not null,
    connection     text   not null,
    caller         text   not null,
    idempotency    text   not null,
    input_digest   text   not null,
    input_sealed   bytea,
    state          text   not null,
    owner          text   not null,
    leased_until   bigint not null,
    checkpoint     bytea,
    output_sealed  bytea,
    problem        text   not null,
    request_ids    text   not null,
    done           bigint not null,
    total          bigint not null,
    note           text   not null,
    started_at     bigint not null,
    ended_at       bigint not null
);
create unique index action_run_key on action_run (connection, idempotency);
create index action_run_started on action_run (started_at);
