-- +goose Up
create table delivery_entry (
    id                  text primary key,
    connection          text   not null,
    mailbox             text   not null,
    idempotency         text   not null unique,
    digest              text   not null,
    caller              text   not null,
    state               text   not null,
    mode                text   not null,
    round               bigint not null,
    tries               bigint not null,
    size                bigint not null,
    recipients          bigint not null,
    head_sealed         bytea  not null,
    created_at          bigint not null,
    send_at             bigint not null,
    slot_at             bigint not null,
    started_at          bigint not null,
    changed_at          bigint not null,
    sent_at             bigint not null,
    message_id          text   not null,
    internet_message_id text   not null,
    run                 text   not null,
    request_id          text   not null,
    problem             text   not null
);
create index delivery_entry_lane on delivery_entry (connection, mailbox, started_at);
create index delivery_entry_state on delivery_entry (state, slot_at);
create index delivery_entry_message on delivery_entry (mailbox, internet_message_id);
create table delivery_recipient (
    delivery text not null references delivery_entry (id) on delete cascade,
    address  text not null,
    primary key (delivery, address)
);
create index delivery_recipient_address on delivery_recipient (address);
-- What is still to be written, in sealed pieces: part 0 is the letter, the others its files. It comes before its delivery's row, so that files
-- are never whole in one transaction.
create table delivery_content (
    delivery text   not null,
    part     bigint not null,
    number   bigint not null,
    sealed   bytea  not null,
    primary key (delivery, part, number)
);
create table delivery_step (
    delivery text   not null references delivery_entry (id) on delete cascade,
    number   bigint not null,
    at       bigint not null,
    state    text   not null,
    code     text   not null,
    note     text   not null,
    caller   text   not null,
    primary key (delivery, number)
);
-- A mailbox's place in its pace: when the next mail may leave it.
create table delivery_lane (
    connection text   not null,
    mailbox    text   not null,
    next_at    bigint not null,
    primary key (connection, mailbox)
);
