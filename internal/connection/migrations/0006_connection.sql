-- +goose Up
create table connection_entry (
    id                 text primary key,
    name               text   not null unique,
    kind               text   not null,
    cloud              text   not null,
    tenant_id          text   not null,
    tenant_name        text   not null,
    client_id          text   not null,
    credential_type    text   not null,
    credential_expires bigint not null,
    credential_note    text   not null,
    account_types      text   not null,
    owner              text   not null,
    account_id         text   not null,
    account_upn        text   not null,
    capabilities       text   not null,
    allowed_actions    text   not null,
    read_only          bigint not null,
    paused             bigint not null,
    managed            bigint not null,
    state              text   not null,
    reason             text   not null,
    since              bigint not null,
    proof_at           bigint not null,
    proof_request      text   not null,
    next_check         bigint not null,
    grants_read_at     bigint not null,
    reminded_days      bigint not null,
    consent            text   not null,
    version            bigint not null,
    created_at         bigint not null
);
create table connection_mailbox (
    connection   text   not null references connection_entry (id) on delete cascade,
    address      text   not null,
    purposes     text   not null,
    status       text   not null,
    object_id    text   not null,
    display_name text   not null,
    upn          text   not null,
    note         text   not null,
    checked_at   bigint not null,
    primary key (connection, address)
);
create table connection_check (
    connection text   not null references connection_entry (id) on delete cascade,
    capability text   not null,
    line       text   not null,
    primary key (connection, capability)
);
create table connection_grant (
    connection text   not null references connection_entry (id) on delete cascade,
    permission text   not null,
    seen_at    bigint not null,
    primary key (connection, permission)
);
create table connection_serving (
    tenant_id  text not null,
    capability text not null,
    connection text not null references connection_entry (id) on delete cascade,
    primary key (tenant_id, capability)
);
create table connection_signin (
    state_hash text primary key,
    connection text   not null references connection_entry (id) on delete cascade,
    purpose    text   not null,
    verifier   bytea  not null,
    redirect   text   not null,
    expires_at bigint not null
);
