-- Prizes and promotions at tills: whom leases are for, spins that stores are about to make, claims made at tills. Times are
-- milliseconds since 1970 in UTC.

-- The life of the store's data that leases are granted to, as the store told last; null: it takes none.
ALTER TABLE store ADD COLUMN lease_holder TEXT;
-- Which one the lease was granted to; empty: none is known, and nobody draws from it.
ALTER TABLE prize_lease ADD COLUMN holder TEXT NOT NULL DEFAULT '';

-- Spins that stores were about to make, which one-time prizes are kept for; a spin that is over is told so here, so that a
-- question for it that comes late keeps nothing.
CREATE TABLE spin_reservation (
  spin_id  TEXT NOT NULL PRIMARY KEY,
  store_id TEXT NOT NULL REFERENCES store (id),
  at       BIGINT NOT NULL,
  ended_at BIGINT                            -- null: neither drawn nor dropped, as far as is known
);
CREATE INDEX spin_reservation_open ON spin_reservation (store_id) WHERE ended_at IS NULL;
CREATE INDEX spin_reservation_ended ON spin_reservation (ended_at) WHERE ended_at IS NOT NULL;

-- By which claim of a till's it was; null: on the web, or not claimed.
ALTER TABLE promotion_assignment ADD COLUMN claim_id TEXT;

-- What was claimed at a till without the hub, and could not be given.
CREATE TABLE promotion_claim_refused (
  claim_id       TEXT NOT NULL PRIMARY KEY,
  store_id       TEXT NOT NULL REFERENCES store (id),
  transaction_id TEXT NOT NULL,              -- the till's
  promotion_id   TEXT NOT NULL,              -- as the store named it; there may be none
  user_id        TEXT,                       -- whose card it was; null: nobody's
  reason         TEXT NOT NULL CHECK (reason IN ('already_claimed', 'not_assigned', 'not_active')),
  claimed_at     BIGINT NOT NULL,
  received_at    BIGINT NOT NULL
);
CREATE INDEX promotion_claim_refused_by_user ON promotion_claim_refused (user_id) WHERE user_id IS NOT NULL;
