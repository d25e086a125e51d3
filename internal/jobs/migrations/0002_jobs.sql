-- +goose Up
create table jobs_row (
    kind         text   not null,
    id           text   not null,
    due_at       bigint not null,
    attempt      bigint not null,
    owner        text   not null,
    leased_until bigint not null,
    last_error   text   not null,
    primary key (kind, id)
);
create index jobs_row_due on jobs_row (due_at);
create table jobs_lock (
    name  text primary key,
    owner text   not null,
    until bigint not null
);
