-- +goose Up
create table action_plan (
    id             text primary key,
    action         text   not null,
    connection     text   not null,
    caller_kind    text   not null,
    caller_id      text   not null,
    caller         text   not null,
    agent          text   not null,
    input_digest   text   not null,
    input_sealed   bytea,
    state          text   not null,
    decided_by     text   not null,
    run            text   not null,
    problem        text   not null,
    created_at     bigint not null,
    expires_at     bigint not null,
    ended_at       bigint not null
);
create index action_plan_created on action_plan (created_at);
create index action_plan_agent on action_plan (agent, state);
create table action_rule (
    id         text primary key,
    agent      text   not null,
    action     text   not null,
    connection text   not null,
    maker_kind text   not null,
    maker_id   text   not null,
    created_by text   not null,
    created_at bigint not null
);
create unique index action_rule_once on action_rule (agent, action, connection);
