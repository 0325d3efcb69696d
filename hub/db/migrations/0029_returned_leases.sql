-- When units of the lease were last given back, by the hub's clock, in milliseconds since 1970; null: never.
ALTER TABLE prize_lease ADD COLUMN returned_at BIGINT;
