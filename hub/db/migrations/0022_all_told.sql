-- When the store last told that it holds nothing that is not applied here: of all it had drawn by then the hub knows.
ALTER TABLE store ADD COLUMN all_told_at BIGINT;
