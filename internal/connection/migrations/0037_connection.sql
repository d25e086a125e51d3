-- +goose Up
-- Connections that reached every site go on doing so: their list says it.
alter table connection_entry add column sites_selected bigint not null default 0;
create table connection_site (
    connection text   not null references connection_entry (id) on delete cascade,
    url        text   not null,
    site_id    text   not null,
    status     text   not null,
    note       text   not null,
    checked_at bigint not null,
    primary key (connection, url)
);
insert into connection_site (connection, url, site_id, status, note, checked_at)
    select id, '*', '', 'unchecked', '', 0 from connection_entry where capabilities like '%"sharepoint"%';
