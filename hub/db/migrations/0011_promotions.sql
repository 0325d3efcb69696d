-- Promotions, whom they are for, and who has claimed them. Times are milliseconds since 1970 in UTC, days are days since
-- then; flags are 0 or 1; amounts are minor units.

-- Whoever makes or changes a promotion holds its type's row, so that what may not overlap is judged by one at a time.
CREATE TABLE promotion_types (
  name TEXT NOT NULL PRIMARY KEY
);
INSERT INTO promotion_types (name) VALUES ('WELCOME_BONUS'), ('VIP_PROMOTION'), ('BONUS');

CREATE TABLE promotion (
  id          TEXT NOT NULL PRIMARY KEY,     -- UUIDv7
  title       TEXT NOT NULL,
  description TEXT NOT NULL,
  type        TEXT NOT NULL REFERENCES promotion_types (name),
  amount      BIGINT NOT NULL CHECK (amount > 0),
  currency    TEXT NOT NULL CHECK (LENGTH(currency) = 3),
  first_day   BIGINT NOT NULL,
  last_day    BIGINT NOT NULL,               -- part of it
  is_active   BIGINT NOT NULL CHECK (is_active IN (0, 1)),
  created_at  BIGINT NOT NULL,
  CHECK (first_day <= last_day)
);
CREATE INDEX promotion_active ON promotion (type, last_day) WHERE is_active = 1;

-- A row a member that may claim, or has claimed: once, as the guarded UPDATE of claimed_at and the transfer's external
-- id both see to.
CREATE TABLE promotion_assignment (
  promotion_id TEXT NOT NULL REFERENCES promotion (id),
  user_id      TEXT NOT NULL,
  assigned_at  BIGINT NOT NULL,
  claimed_at   BIGINT,
  channel      TEXT CHECK (channel IN ('web', 'till')),
  transfer_id  TEXT,                         -- the wallet's credit
  PRIMARY KEY (promotion_id, user_id),
  CHECK ((claimed_at IS NULL) = (channel IS NULL) AND (claimed_at IS NULL) = (transfer_id IS NULL))
);
CREATE INDEX promotion_assignment_by_user ON promotion_assignment (user_id, promotion_id);
