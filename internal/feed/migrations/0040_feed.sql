-- +goose Up
-- What a feed of files, contacts or list items has told of each: enough to tell the next change from one that was told before.
create table feed_mark (
    feed    bigint not null,
    item    text   not null,
    place   text   not null,
    name    bigint not null,
    version bigint not null,
    round   bigint not null,
    primary key (feed, item)
);
create index feed_mark_place on feed_mark (feed, place);
create index feed_mark_round on feed_mark (feed, round);
alter table feed_entry add column site text not null default '';
alter table feed_entry add column drive text not null default '';
alter table feed_entry add column news_from bigint not null default 0;
