-- +goose Up
create index timeline_communication_at on timeline_communication (at, id);
