-- The wheel: prizes and their stock, the seeds that draws are made with, and every draw. Times are milliseconds since
-- 1970 in UTC; days are counted from 1970-01-01 in UTC.

-- stock = free + leased + awarded.
CREATE TABLE prize (
  id       TEXT NOT NULL PRIMARY KEY,                                    -- UUIDv7
  name     TEXT NOT NULL,
  type     TEXT NOT NULL CHECK (type IN ('cash', 'coupon', 'points', 'lottery_ticket', 'none')),
  tickets  BIGINT NOT NULL CHECK (tickets >= 0 AND tickets <= 10000000000),  -- weight × 10,000
  points   BIGINT CHECK (points >= 0),                                   -- null: what the programme gives for its type
  one_time BIGINT NOT NULL CHECK (one_time IN (0, 1)),
  active   BIGINT NOT NULL CHECK (active IN (0, 1)),
  stock    BIGINT,                                                       -- null: any number, and awards are not counted
  leased   BIGINT NOT NULL DEFAULT 0 CHECK (leased >= 0),                -- at stores, not given away yet
  awarded  BIGINT NOT NULL DEFAULT 0 CHECK (awarded >= 0),
  CHECK (type <> 'points' OR (points IS NOT NULL AND points > 0)),
  CHECK (stock IS NULL OR leased + awarded <= stock)
);
INSERT INTO prize (id, name, type, tickets, points, one_time, active, stock) VALUES
  ('0190163d-8694-7000-8000-000000000001', 'Coupon', 'coupon', 10000, NULL, 0, 1, NULL),
  ('0190163d-8694-7000-8000-000000000002', 'Cash', 'cash', 2000, NULL, 1, 1, NULL),
  ('0190163d-8694-7000-8000-000000000003', 'Lottery ticket', 'lottery_ticket', 25000, NULL, 0, 1, NULL);

-- Units of a stocked prize that a store may give away: units = left + awarded + returned.
CREATE TABLE prize_lease (
  id           TEXT NOT NULL PRIMARY KEY,                                -- UUIDv7
  prize_id     TEXT NOT NULL REFERENCES prize (id),
  store_id     TEXT NOT NULL REFERENCES store (id),
  units        BIGINT NOT NULL CHECK (units > 0),
  awarded      BIGINT NOT NULL DEFAULT 0 CHECK (awarded >= 0),
  returned     BIGINT NOT NULL DEFAULT 0 CHECK (returned >= 0),          -- by the store, or written off with it
  made_at      BIGINT NOT NULL,
  return_after BIGINT NOT NULL,                                          -- told to the store; the hub does not act on it
  CHECK (awarded + returned <= units)
);
CREATE INDEX prize_lease_by_store ON prize_lease (store_id);
CREATE INDEX prize_lease_by_prize ON prize_lease (prize_id);

-- One-time prizes that somebody has. A member with a proven card stands here under both names.
CREATE TABLE prize_one_time (
  winner   TEXT NOT NULL,                                                -- user:<id> or card:<customer id>
  prize_id TEXT NOT NULL,
  spin_id  TEXT NOT NULL,                                                -- that won it, or that a store is about to make
  at       BIGINT NOT NULL,
  PRIMARY KEY (winner, prize_id)
);
CREATE INDEX prize_one_time_by_spin ON prize_one_time (spin_id);

-- A seed is committed to before its day, and revealed after it.
CREATE TABLE wheel_seed (
  id          {{id}},
  store_id    TEXT NOT NULL,                                             -- who draws with it; empty: the hub itself
  day         BIGINT NOT NULL,
  commitment  TEXT NOT NULL UNIQUE,                                      -- SHA-256 of the seed, hex
  made_at     BIGINT NOT NULL,
  seed        TEXT,                                                      -- hex; null: not revealed
  revealed_at BIGINT,
  UNIQUE (store_id, day),
  CHECK ((seed IS NULL) = (revealed_at IS NULL))
);
-- Until then it is here. Who draws refers to this row from wheel_nonce, so that nobody draws with what is revealed.
CREATE TABLE wheel_secret (
  seed_id BIGINT NOT NULL PRIMARY KEY REFERENCES wheel_seed (id),
  seed    TEXT NOT NULL,
  closed  BIGINT NOT NULL DEFAULT 0 CHECK (closed IN (0, 1))             -- 1: nobody draws with it any more
);
CREATE TABLE wheel_nonce (
  seed_id BIGINT NOT NULL REFERENCES wheel_secret (seed_id),
  member  TEXT NOT NULL,
  nonce   BIGINT NOT NULL CHECK (nonce > 0),                             -- the last one used
  PRIMARY KEY (seed_id, member)
);

-- Every table that was ever drawn from.
CREATE TABLE wheel_table (
  id      {{id}},
  version TEXT NOT NULL UNIQUE,                                          -- SHA-256 of the content, hex
  content TEXT NOT NULL                                                  -- lines of prize and tickets
);

-- Draws. They refer to prizes, seeds and tables without foreign keys, which would make each of them lock rows of all.
CREATE TABLE spin (
  id          TEXT NOT NULL PRIMARY KEY,                                 -- UUIDv7
  user_id     TEXT,                                                      -- null: the card is nobody's yet
  store_id    TEXT,                                                      -- null: on the web, like the next two
  session_id  TEXT,                                                      -- the sale it came with
  customer_id TEXT,                                                      -- the card
  member      TEXT NOT NULL,                                             -- as it was drawn for
  client_seed TEXT NOT NULL,
  seed_id     BIGINT NOT NULL,
  nonce       BIGINT NOT NULL CHECK (nonce > 0),
  table_id    BIGINT NOT NULL,
  prize_id    TEXT NOT NULL,
  prize_name  TEXT NOT NULL,                                             -- as it was then, like the next three
  prize_type  TEXT NOT NULL,
  cost        BIGINT NOT NULL CHECK (cost >= 0),
  points      BIGINT NOT NULL CHECK (points >= 0),
  lease_id    TEXT,                                                      -- which unit of which lease it was
  ordinal     BIGINT,
  created_at  BIGINT NOT NULL,
  UNIQUE (seed_id, member, nonce),
  CHECK ((store_id IS NULL) = (session_id IS NULL)),
  CHECK ((store_id IS NULL) = (customer_id IS NULL)),
  CHECK ((lease_id IS NULL) = (ordinal IS NULL))
);
CREATE INDEX spin_by_user ON spin (user_id, id);
CREATE INDEX spin_by_card ON spin (customer_id) WHERE customer_id IS NOT NULL;
CREATE UNIQUE INDEX spin_by_session ON spin (session_id) WHERE session_id IS NOT NULL;
CREATE UNIQUE INDEX spin_by_lease ON spin (lease_id, ordinal) WHERE lease_id IS NOT NULL;
