-- +goose Up
-- Until when Microsoft has promised to tell of changes, beside the feed itself: how all feeds stand is read with every customer's page.
alter table feed_entry add column told_until bigint not null default 0;
update feed_entry set told_until = coalesce((select max(expires_at) from feed_subscription where feed = feed_entry.id), 0);
drop index feed_entry_fresh;
-- Microsoft writes ids in either case.
create index feed_subscription_lower on feed_subscription (lower(id));
create index feed_entry_fresh on feed_entry (kind, state, told_until, proven_at, connection);
