-- +goose Up
-- What a mail says is fixed when it is claimed. One claimed before has no words of its own; nobody can repeat it as it was.
alter table alarm_mail add column subject text not null default '';
alter table alarm_mail add column body text not null default '';
update alarm_mail set state = 'unclear', problem = 'an earlier version of the hub was sending it; it is not sent again' where state in ('claimed', 'handed');
