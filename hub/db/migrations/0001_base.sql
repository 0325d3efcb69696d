-- Stores and what they have told, the ledger, members, sales.
-- Times are milliseconds since 1970 in UTC; flags are 0 or 1; hashes and foreign bytes are lower-case hex; amounts are
-- minor units.

CREATE TABLE hub_meta (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

-- The cursor moves in the transaction of the events it covers: that is what makes their effect happen once.
CREATE TABLE store (
  id              TEXT NOT NULL PRIMARY KEY,
  epoch           BIGINT NOT NULL CHECK (epoch > 0),
  cursor_sequence BIGINT NOT NULL CHECK (cursor_sequence >= 0),         -- the last event applied
  cursor_hash     TEXT NOT NULL CHECK (LENGTH(cursor_hash) = 64),       -- the chain there
  hello_epoch     BIGINT,                                               -- as the store last told, from here on
  tail            BIGINT,
  last_seen       BIGINT,
  breaker         TEXT,
  queue_depth     BIGINT,
  version         TEXT,
  created_at      BIGINT NOT NULL,
  retired_at      BIGINT
);

-- CURVE public keys. A key is one store's for ever.
CREATE TABLE store_key (
  public_key TEXT NOT NULL PRIMARY KEY CHECK (LENGTH(public_key) = 64),
  store_id   TEXT NOT NULL REFERENCES store (id),
  added_at   BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX store_key_by_store ON store_key (store_id);

-- Balance = credits less debits. System accounts (keeps_balance = 0) are summed from their entries, so that no row of
-- theirs is hot.
CREATE TABLE account (
  id              {{id}},
  owner_kind      TEXT NOT NULL,             -- member, store
  owner_id        TEXT NOT NULL,
  unit            TEXT NOT NULL,             -- points:rewards
  code            TEXT NOT NULL,             -- rewards, issued, redeemed
  keeps_balance   BIGINT NOT NULL CHECK (keeps_balance IN (0, 1)),
  may_be_negative BIGINT NOT NULL CHECK (may_be_negative IN (0, 1)),
  balance         BIGINT NOT NULL DEFAULT 0,
  held            BIGINT NOT NULL DEFAULT 0 CHECK (held >= 0),
  UNIQUE (owner_kind, owner_id, unit, code),
  CHECK (keeps_balance = 1 OR (balance = 0 AND held = 0)),
  CHECK (may_be_negative = 1 OR balance >= held)
);

-- A posted transfer has exactly two entries, any other none.
CREATE TABLE transfer (
  seq            {{id}},
  id             TEXT NOT NULL UNIQUE,       -- UUIDv7
  external_id    TEXT NOT NULL UNIQUE,       -- sale:<session> …: for ever
  debit_account  BIGINT NOT NULL REFERENCES account (id),
  credit_account BIGINT NOT NULL REFERENCES account (id),
  amount         BIGINT NOT NULL CHECK (amount > 0),
  unit           TEXT NOT NULL,
  code           TEXT NOT NULL,              -- why: sale.earned, sale.redeemed …
  state          TEXT NOT NULL CHECK (state IN ('posted', 'pending', 'captured', 'released')),
  pending_of     BIGINT REFERENCES transfer (seq),
  created_at     BIGINT NOT NULL,
  meta           TEXT NOT NULL,              -- JSON object
  CHECK (debit_account <> credit_account)
);

-- The history, in total order: id = 2 × the transfer's seq for its debit, one more for its credit. Nothing here is ever
-- changed. transfer_seq is held against its transfer by verify, not by a foreign key that every insert would pay for.
CREATE TABLE entry (
  id            {{key}},
  transfer_seq  BIGINT NOT NULL,
  account_id    BIGINT NOT NULL REFERENCES account (id),
  delta         BIGINT NOT NULL CHECK (delta <> 0),
  balance_after BIGINT,                      -- null where the account keeps no balance
  CHECK (id = 2 * transfer_seq OR id = 2 * transfer_seq + 1)
);
CREATE INDEX entry_by_account ON entry (account_id, id);

-- Every loyalty card a till has read; users.loyalty_id claims one.
CREATE TABLE member (
  customer_id TEXT NOT NULL PRIMARY KEY,
  tier        TEXT NOT NULL,                 -- PDI's last word, as the next two
  pdi_balance BIGINT CHECK (pdi_balance >= 0),
  pdi_as_of   BIGINT,
  owed        BIGINT NOT NULL DEFAULT 0,
  first_seen  BIGINT NOT NULL
);

CREATE TABLE sale (
  session_id     TEXT NOT NULL PRIMARY KEY,
  store_id       TEXT NOT NULL REFERENCES store (id),
  transaction_id TEXT NOT NULL,              -- the till's; its counter may wrap, so it is no key
  customer_id    TEXT NOT NULL,              -- a member's; a random token once the member is erased
  channel_id     TEXT NOT NULL,
  currency       TEXT NOT NULL CHECK (LENGTH(currency) = 3),
  amount         BIGINT NOT NULL CHECK (amount >= 0),
  earned         BIGINT NOT NULL CHECK (earned >= 0),
  redeemed       BIGINT NOT NULL CHECK (redeemed >= 0),
  new_balance    BIGINT NOT NULL CHECK (new_balance >= 0),
  tier           TEXT NOT NULL,
  receipt_id     TEXT NOT NULL,
  rules_version  TEXT NOT NULL,
  finalized_at   BIGINT NOT NULL,            -- by the store's clock
  received_at    BIGINT NOT NULL             -- by the hub's
);
CREATE INDEX sale_by_transaction ON sale (store_id, transaction_id);
CREATE INDEX sale_by_customer ON sale (customer_id, finalized_at);

-- Events that could not be applied, in the order they came, until a person decides. Their store's cursor is past them.
CREATE TABLE dead_letter (
  id          TEXT NOT NULL PRIMARY KEY,     -- store/epoch/sequence
  store_id    TEXT NOT NULL REFERENCES store (id),
  epoch       BIGINT NOT NULL,
  sequence    BIGINT NOT NULL,
  type        TEXT NOT NULL,
  reason      TEXT NOT NULL,
  event       TEXT NOT NULL,
  received_at BIGINT NOT NULL
);
