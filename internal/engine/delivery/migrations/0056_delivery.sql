-- +goose Up
-- Until when a mail waits for something of its own, without a place in its mailbox's pace; when Microsoft said that it took it; and which
-- recipients a report of its not being delivered named.
alter table delivery_entry add column waits_until bigint not null default 0;
alter table delivery_entry add column accepted_at bigint not null default 0;
alter table delivery_recipient add column failed_at bigint not null default 0;
update delivery_entry set accepted_at = started_at where message_id <> '';
-- What waits has not left: it counts against no limit.
update delivery_entry set started_at = 0 where state = 'queued';
