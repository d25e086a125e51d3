-- +goose Up
create table event_entry (
    id         text primary key,
    at         bigint not null,
    type       text   not null,
    connection text   not null,
    data       text   not null
);
create index event_entry_connection on event_entry (connection, id);
