-- +goose Up
alter table access_person add column last_seen bigint not null default 0;
alter table access_person drop column sessions_after;
create table access_identity (
    tenant_id text   not null,
    object_id text   not null,
    person    text   not null unique references access_person (id) on delete cascade,
    upn       text   not null,
    used_at   bigint not null,
    primary key (tenant_id, object_id)
);
create table access_address (
    address     text primary key,
    person      text   not null references access_person (id) on delete cascade,
    verified_at bigint not null
);
create table access_contested (
    address text   not null,
    person  text   not null references access_person (id) on delete cascade,
    seen_at bigint not null,
    primary key (address, person)
);
create table access_person_session (
    id            text primary key,
    person        text   not null references access_person (id) on delete cascade,
    method        text   not null,
    agent         text   not null,
    microsoft_sid text   not null,
    began_at      bigint not null,
    seen_at       bigint not null,
    expires_at    bigint not null
);
create index access_person_session_person on access_person_session (person);
create table access_attempt (
    state_hash   text primary key,
    browser_hash text   not null,
    person       text   not null,
    return_to    text   not null,
    expires_at   bigint not null
);
