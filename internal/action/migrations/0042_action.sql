-- +goose Up
create index action_run_input on action_run (ended_at) where input_sealed is not null;
