-- What goes down to stores: the catalogue, members that have changed, people to be forgotten, commands; and the chain's
-- rules. Times are milliseconds since 1970 in UTC.

-- Where each stream is. Drawn under the row's lock, so that numbers come in the order of their commits.
CREATE TABLE down_counter (
  name  TEXT NOT NULL PRIMARY KEY,
  value BIGINT NOT NULL CHECK (value >= 0)
);
INSERT INTO down_counter (name, value) VALUES ('catalogue', 0), ('members', 0);

CREATE TABLE catalogue_item (
  scope   TEXT NOT NULL,                     -- whose it is: a store's id; empty: every store's
  kind    BIGINT NOT NULL CHECK (kind > 0),  -- as sync.proto numbers them
  item_id TEXT NOT NULL,
  body    TEXT,                              -- null: it is gone
  version BIGINT NOT NULL,                   -- of the catalogue, since when it is so
  PRIMARY KEY (scope, kind, item_id)
);
CREATE INDEX catalogue_item_by_version ON catalogue_item (version);

-- A version means one content for ever: sales name it.
CREATE TABLE chain_rules (
  version TEXT NOT NULL PRIMARY KEY,
  body    TEXT NOT NULL                      -- JSON, as PUT /rules takes it
);
-- Which of them came into force when; the last is.
CREATE TABLE chain_rules_set (
  number  {{id}},
  version TEXT NOT NULL REFERENCES chain_rules (version),
  set_at  BIGINT NOT NULL,
  set_by  TEXT NOT NULL
);

-- Since when the member is as it is, in the order in which stores hear of it; null: changed, and not numbered yet.
ALTER TABLE member ADD COLUMN down_position BIGINT;
CREATE UNIQUE INDEX member_by_down_position ON member (down_position);
CREATE INDEX member_unnumbered ON member (customer_id) WHERE down_position IS NULL;

-- Its account was once deactivated: every store hears of it, also when it no longer is.
ALTER TABLE member ADD COLUMN was_blocked BIGINT NOT NULL DEFAULT 0 CHECK (was_blocked IN (0, 1));
UPDATE member SET was_blocked = 1
  WHERE customer_id IN (SELECT loyalty_id FROM users WHERE active = 0 AND loyalty_verified = 1);

-- SHA-256 of the erased card, by which stores know it; gone again when nobody needs it any more.
ALTER TABLE erasure ADD COLUMN card_hash TEXT;

-- What somebody has told a store to do; a store is asked until it has answered.
CREATE TABLE store_command (
  id          TEXT NOT NULL PRIMARY KEY,     -- UUIDv7
  store_id    TEXT NOT NULL REFERENCES store (id),
  kind        TEXT NOT NULL CHECK (kind IN ('log_level', 'rotate_key')),
  argument    TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('waiting', 'key_let_in', 'done', 'refused')),
  detail      TEXT NOT NULL,                 -- the key that was let in; why it was refused
  created_at  BIGINT NOT NULL,
  created_by  TEXT NOT NULL,
  answered_at BIGINT
);
CREATE INDEX store_command_open ON store_command (store_id, id) WHERE state IN ('waiting', 'key_let_in');
