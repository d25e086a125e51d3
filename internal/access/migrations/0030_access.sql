-- +goose Up
create table access_client (
    id         text primary key,
    name       text   not null,
    redirects  text   not null,
    created_at bigint not null
);
create table access_grant (
    id         text primary key,
    client     text   not null references access_client (id) on delete cascade,
    person     text   not null references access_person (id) on delete cascade,
    writes     bigint not null,
    resource   text   not null,
    created_at bigint not null,
    used_at    bigint not null
);
create index access_grant_person on access_grant (person);
create table access_token (
    token_hash text primary key,
    grant_id   text   not null references access_grant (id) on delete cascade,
    kind       text   not null,
    challenge  text   not null,
    redirect   text   not null,
    spent      bigint not null,
    expires_at bigint not null
);
create index access_token_grant on access_token (grant_id);
create table access_agent (
    id         text primary key,
    stopped_at bigint not null,
    stopped_by text   not null,
    hourly     bigint not null,
    hour       bigint not null,
    calls      bigint not null,
    called_at  bigint not null
);
