-- New epochs of stores, and what keeps a store's history from being taken in.

-- What was applied of the history before the present epoch; null: it is the first. Then who granted it, when and why.
ALTER TABLE store ADD COLUMN applied_epoch BIGINT;
ALTER TABLE store ADD COLUMN applied_through BIGINT;
ALTER TABLE store ADD COLUMN applied_hash TEXT;
ALTER TABLE store ADD COLUMN epoch_at BIGINT;
ALTER TABLE store ADD COLUMN epoch_by TEXT;
ALTER TABLE store ADD COLUMN epoch_reason TEXT;

-- hash_differs, beyond_tail, superseded, epoch_unknown, history_lost, cloned; null: none. Since when, and last seen.
ALTER TABLE store ADD COLUMN fork TEXT;
ALTER TABLE store ADD COLUMN fork_since BIGINT;
ALTER TABLE store ADD COLUMN fork_seen BIGINT;

-- With history_lost: up to where the store keeps nothing any more, in the present epoch, and the chain there.
ALTER TABLE store ADD COLUMN lost_through BIGINT;
ALTER TABLE store ADD COLUMN lost_hash TEXT;
