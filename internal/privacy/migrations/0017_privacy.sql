-- +goose Up
create table privacy_suppressed (
    hash  text primary key,
    since bigint not null
);
