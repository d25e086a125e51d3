-- +goose Up
create table connection_use (
    connection text   not null references connection_entry (id) on delete cascade,
    operation  text   not null,
    day        bigint not null,
    count      bigint not null,
    last_at    bigint not null,
    primary key (connection, operation, day)
);
create index connection_use_day on connection_use (day);
