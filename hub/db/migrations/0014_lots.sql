-- Lots whose owners have yet to be told that they will lapse: a few of very many.
CREATE INDEX lot_to_announce ON lot (expires_at) WHERE announced_at IS NULL;
