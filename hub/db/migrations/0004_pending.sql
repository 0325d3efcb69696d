-- Sales that PDI has not booked yet, what becomes of them, and goods that come back.

-- Transfers that are not posted yet count for nobody's balance, but are shown.
CREATE INDEX transfer_pending_credit ON transfer (credit_account) WHERE state = 'pending';
CREATE INDEX transfer_pending_debit ON transfer (debit_account) WHERE state = 'pending';

-- The sale again, with a state. What was booked so far was final at once.
CREATE TABLE sale_with_state (
  session_id           TEXT NOT NULL PRIMARY KEY,
  store_id             TEXT NOT NULL REFERENCES store (id),
  transaction_id       TEXT NOT NULL,             -- the till's; its counter may wrap, so it is no key
  customer_id          TEXT NOT NULL,             -- a member's; a random token once the member is erased
  channel_id           TEXT NOT NULL,
  state                TEXT NOT NULL CHECK (state IN ('pending', 'finalized', 'rejected')),
  currency             TEXT NOT NULL CHECK (LENGTH(currency) = 3),
  amount               BIGINT NOT NULL CHECK (amount >= 0),
  earned               BIGINT NOT NULL CHECK (earned >= 0),    -- PDI's once finalized, till then the store's own
  redeemed             BIGINT NOT NULL CHECK (redeemed >= 0),
  new_balance          BIGINT CHECK (new_balance >= 0),        -- PDI's, as its receipt
  tier                 TEXT NOT NULL,
  receipt_id           TEXT,
  rules_version        TEXT NOT NULL,
  provisional_earned   BIGINT CHECK (provisional_earned >= 0), -- what the till was told; null: it never was pending
  provisional_redeemed BIGINT CHECK (provisional_redeemed >= 0),
  provisional_receipt  TEXT,                      -- the store's own, as printed
  pending_at           BIGINT,                    -- by the store's clock, as the next three
  finalized_at         BIGINT,
  settled_at           BIGINT,                    -- null: it was final at once
  rejected_at          BIGINT,
  rejected_code        TEXT,                      -- PDI's; empty: it never said
  rejected_reason      TEXT,
  received_at          BIGINT NOT NULL,           -- by the hub's clock
  returned             BIGINT NOT NULL DEFAULT 0, -- of the amount; then the points that took back and gave back
  clawed_back          BIGINT NOT NULL DEFAULT 0,
  restored             BIGINT NOT NULL DEFAULT 0,
  CHECK (returned BETWEEN 0 AND amount AND clawed_back BETWEEN 0 AND earned AND restored BETWEEN 0 AND redeemed),
  CHECK (state <> 'finalized'
         OR (new_balance IS NOT NULL AND receipt_id IS NOT NULL AND finalized_at IS NOT NULL)),
  CHECK (state = 'finalized' OR (pending_at IS NOT NULL AND provisional_earned IS NOT NULL
                                 AND provisional_redeemed IS NOT NULL AND provisional_receipt IS NOT NULL)),
  CHECK (state <> 'rejected' OR (rejected_at IS NOT NULL AND rejected_reason IS NOT NULL))
);
INSERT INTO sale_with_state (session_id, store_id, transaction_id, customer_id, channel_id, state, currency, amount,
                             earned, redeemed, new_balance, tier, receipt_id, rules_version, finalized_at, received_at)
  SELECT session_id, store_id, transaction_id, customer_id, channel_id, 'finalized', currency, amount,
         earned, redeemed, new_balance, tier, receipt_id, rules_version, finalized_at, received_at
  FROM sale;
DROP TABLE sale;
ALTER TABLE sale_with_state RENAME TO sale;
CREATE INDEX sale_by_transaction ON sale (store_id, transaction_id);
CREATE INDEX sale_by_customer ON sale (customer_id, finalized_at);

-- Goods that came back. It waits while its sale is pending, or has not been heard of yet.
CREATE TABLE sale_return (
  id                   TEXT NOT NULL PRIMARY KEY,
  store_id             TEXT NOT NULL REFERENCES store (id), -- where they came back
  transaction_id       TEXT NOT NULL,                       -- the return's own
  original_store       TEXT NOT NULL REFERENCES store (id),
  original_transaction TEXT NOT NULL,
  session_id           TEXT,                                -- the sale's; null: the store that took it cannot know
  state                TEXT NOT NULL CHECK (state IN ('waiting', 'booked')),
  currency             TEXT NOT NULL CHECK (LENGTH(currency) = 3),
  amount               BIGINT NOT NULL CHECK (amount >= 0),
  told_clawed_back     BIGINT CHECK (told_clawed_back >= 0), -- as the store worked it out; null: it did not
  told_restored        BIGINT CHECK (told_restored >= 0),
  clawed_back          BIGINT CHECK (clawed_back >= 0),      -- null while it waits
  restored             BIGINT CHECK (restored >= 0),
  clawback_transfer    TEXT NOT NULL,                        -- the ids its transfers have, or would have
  restore_transfer     TEXT NOT NULL,
  event                TEXT,                                 -- as it came, while it waits
  returned_at          BIGINT NOT NULL,                      -- by the store's clock
  received_at          BIGINT NOT NULL,
  CHECK ((told_clawed_back IS NULL) = (told_restored IS NULL)),
  CHECK ((state = 'waiting') = (clawed_back IS NULL) AND (state = 'waiting') = (restored IS NULL)
         AND (state = 'waiting') = (event IS NOT NULL))
);
CREATE INDEX sale_return_by_sale ON sale_return (original_store, original_transaction);
CREATE INDEX sale_return_waiting ON sale_return (received_at) WHERE state = 'waiting';

CREATE TABLE session_void (
  session_id     TEXT NOT NULL PRIMARY KEY,
  store_id       TEXT NOT NULL REFERENCES store (id),
  transaction_id TEXT NOT NULL,
  customer_id    TEXT NOT NULL,
  channel_id     TEXT NOT NULL,
  reason         TEXT NOT NULL,
  voided_at      BIGINT NOT NULL,
  received_at    BIGINT NOT NULL
);

-- What a store's reconciling with PDI found, by event.
CREATE TABLE reconcile_difference (
  id             TEXT NOT NULL PRIMARY KEY,
  store_id       TEXT NOT NULL REFERENCES store (id),
  session_id     TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  customer_id    TEXT NOT NULL,
  ours           TEXT NOT NULL,
  pdi            TEXT NOT NULL,
  found_at       BIGINT NOT NULL,
  received_at    BIGINT NOT NULL
);

-- What was decided about a dead letter. Ids go into paths: store:epoch:sequence from here on.
ALTER TABLE dead_letter ADD COLUMN state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'applied', 'discarded'));
ALTER TABLE dead_letter ADD COLUMN decided_at BIGINT;
UPDATE dead_letter SET id = store_id || ':' || CAST(epoch AS TEXT) || ':' || CAST(sequence AS TEXT);
CREATE INDEX dead_letter_open ON dead_letter (received_at, id) WHERE state = 'open';
