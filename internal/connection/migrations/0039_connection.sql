-- +goose Up
-- Connections that reached every team go on doing so: their list says it.
create table connection_team (
    connection text   not null references connection_entry (id) on delete cascade,
    named      text   not null,
    team_id    text   not null,
    name       text   not null,
    status     text   not null,
    note       text   not null,
    checked_at bigint not null,
    primary key (connection, named)
);
insert into connection_team (connection, named, team_id, name, status, note, checked_at)
    select id, '*', '', '', 'unchecked', '', 0 from connection_entry where capabilities like '%"teams"%';
