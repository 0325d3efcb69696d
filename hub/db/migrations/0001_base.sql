-- Stores and what they have told, the ledger, members, sales.
-- Times are milliseconds since 1970 in UTC; hashes and foreign bytes are lower-case hex; amounts are minor units.

CREATE TABLE hub_meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE store (
  id              TEXT PRIMARY KEY,
  epoch           BIGINT NOT NULL CHECK (epoch > 0),
  cursor_sequence BIGINT NOT NULL CHECK (cursor_sequence >= 0),  -- the last event applied
  cursor_hash     TEXT NOT NULL,                                 -- the chain there
  hello_epoch     BIGINT,                                        -- as the store last told, from here on
  tail            BIGINT,
  last_seen       BIGINT,
  breaker         TEXT,
  queue_depth     BIGINT,
  version         TEXT,
  created_at      BIGINT NOT NULL,
  retired_at      BIGINT
);

CREATE TABLE store_key (
  public_key TEXT PRIMARY KEY,
  store_id   TEXT NOT NULL REFERENCES store (id),
  added_at   BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX store_key_by_store ON store_key (store_id);

-- Balance = credits less debits. System accounts (keeps_balance = 0) are summed from their entries, so that no row of
-- theirs is hot.
CREATE TABLE account (
  id              TEXT PRIMARY KEY,          -- owner_kind:owner_id:code:unit
  owner_kind      TEXT NOT NULL,             -- member, store
  owner_id        TEXT NOT NULL,
  code            TEXT NOT NULL,             -- rewards, issued, redeemed
  unit            TEXT NOT NULL,             -- points, or a currency
  keeps_balance   BIGINT NOT NULL CHECK (keeps_balance IN (0, 1)),
  may_be_negative BIGINT NOT NULL CHECK (may_be_negative IN (0, 1)),
  balance         BIGINT NOT NULL,
  held            BIGINT NOT NULL CHECK (held >= 0),
  entries         BIGINT NOT NULL CHECK (entries >= 0),
  CHECK (may_be_negative = 1 OR balance - held >= 0)
);

CREATE TABLE transfer (
  id             TEXT PRIMARY KEY,           -- UUIDv7
  external_id    TEXT NOT NULL UNIQUE,       -- sale:<session> …: for ever
  debit_account  TEXT NOT NULL REFERENCES account (id),
  credit_account TEXT NOT NULL REFERENCES account (id),
  amount         BIGINT NOT NULL CHECK (amount > 0),
  unit           TEXT NOT NULL,
  code           TEXT NOT NULL,              -- why: sale.earned, sale.redeemed …
  state          TEXT NOT NULL CHECK (state IN ('posted', 'pending', 'captured', 'released')),
  pending_of     TEXT REFERENCES transfer (id),
  created_at     BIGINT NOT NULL,
  meta           TEXT NOT NULL,              -- JSON object
  CHECK (debit_account <> credit_account)
);

CREATE TABLE entry (
  transfer_id   TEXT NOT NULL REFERENCES transfer (id),
  side          TEXT NOT NULL CHECK (side IN ('debit', 'credit')),
  account_id    TEXT NOT NULL REFERENCES account (id),
  sequence      BIGINT NOT NULL,             -- the account's own count, from 1; 0 where it keeps no balance
  delta         BIGINT NOT NULL CHECK (delta <> 0),
  balance_after BIGINT,
  PRIMARY KEY (transfer_id, side)
);
CREATE INDEX entry_by_account ON entry (account_id, sequence);

CREATE TABLE member (
  customer_id TEXT PRIMARY KEY,              -- the loyalty card, as tills read it
  user_id     TEXT,                          -- NULL: unclaimed
  tier        TEXT NOT NULL,                 -- PDI's last word, as the next two
  pdi_balance BIGINT,
  pdi_as_of   BIGINT,
  owed        BIGINT NOT NULL DEFAULT 0,
  first_seen  BIGINT NOT NULL
);

CREATE TABLE sale (
  session_id     TEXT PRIMARY KEY,
  store_id       TEXT NOT NULL REFERENCES store (id),
  transaction_id TEXT NOT NULL,              -- the till's; its counter may wrap, so it is no key
  customer_id    TEXT NOT NULL REFERENCES member (customer_id),
  channel_id     TEXT NOT NULL,
  currency       TEXT NOT NULL,
  amount         BIGINT NOT NULL CHECK (amount >= 0),
  earned         BIGINT NOT NULL CHECK (earned >= 0),
  redeemed       BIGINT NOT NULL CHECK (redeemed >= 0),
  receipt_id     TEXT NOT NULL,
  rules_version  TEXT NOT NULL,
  finalized_at   BIGINT NOT NULL,
  received_at    BIGINT NOT NULL
);
CREATE INDEX sale_by_transaction ON sale (store_id, transaction_id);
CREATE INDEX sale_by_customer ON sale (customer_id, finalized_at);

-- Events that could not be applied, in the order they came, until a person decides.
CREATE TABLE dead_letter (
  id          TEXT PRIMARY KEY,              -- store/epoch/sequence
  store_id    TEXT NOT NULL REFERENCES store (id),
  epoch       BIGINT NOT NULL,
  sequence    BIGINT NOT NULL,
  type        TEXT NOT NULL,
  reason      TEXT NOT NULL,
  event       TEXT NOT NULL,
  received_at BIGINT NOT NULL
);
