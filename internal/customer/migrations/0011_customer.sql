-- +goose Up
create table customer_entry (
    id         text primary key,
    name       text   not null unique,
    tenant_id  text   not null,
    version    bigint not null,
    created_at bigint not null
);
create unique index customer_entry_tenant on customer_entry (tenant_id) where tenant_id <> '';
create table customer_claim (
    value    text primary key,
    customer text not null references customer_entry (id) on delete cascade
);
create index customer_claim_customer on customer_claim (customer);
create table customer_technician (
    id         text primary key,
    person     text   not null,
    address    text   not null unique,
    created_at bigint not null
);
