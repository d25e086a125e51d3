-- +goose Up
create table feed_entry (
    id          text primary key,
    number      bigint not null unique,
    connection  text   not null,
    kind        text   not null,
    mailbox     text   not null,
    resource    text   not null,
    title       text   not null,
    purpose     text   not null,
    state       text   not null,
    reason      text   not null,
    since       bigint not null,
    link        text   not null,
    round       bigint not null,
    round_open  bigint not null,
    window_from bigint not null,
    items       bigint not null,
    expected    bigint not null,
    failures    bigint not null,
    walked_at   bigint not null,
    proven_at   bigint not null,
    proof       text   not null,
    changed_at  bigint not null,
    poll_ms     bigint not null,
    push_note   text   not null,
    lagging     bigint not null,
    compared_at bigint not null,
    created_at  bigint not null,
    unique (connection, kind, mailbox, resource)
);
create table feed_item (
    feed  bigint not null,
    item  bigint not null,
    round bigint not null,
    primary key (feed, item)
);
create table feed_parked (
    feed     text   not null references feed_entry (id) on delete cascade,
    item     text   not null,
    attempts bigint not null,
    parked   bigint not null,
    reason   text   not null,
    at       bigint not null,
    primary key (feed, item)
);
create table feed_folder (
    connection text   not null,
    mailbox    text   not null,
    folder     text   not null,
    parent     text   not null,
    title      text   not null,
    excluded   bigint not null,
    items      bigint not null,
    round      bigint not null,
    primary key (connection, mailbox, folder)
);
create table feed_subscription (
    id         text primary key,
    feed       text   not null,
    connection text   not null,
    state_hash text   not null,
    expires_at bigint not null,
    made_at    bigint not null,
    renewed_at bigint not null,
    heard_at   bigint not null
);
create index feed_subscription_feed on feed_subscription (feed);
create table feed_look (
    connection text primary key,
    at         bigint not null
);
