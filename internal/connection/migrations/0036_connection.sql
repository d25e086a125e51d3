-- +goose Up
create table connection_traffic (
    connection text   not null references connection_entry (id) on delete cascade,
    service    text   not null,
    hour       bigint not null,
    requests   bigint not null,
    throttled  bigint not null,
    failed     bigint not null,
    primary key (connection, service, hour)
);
create index connection_traffic_hour on connection_traffic (hour);
