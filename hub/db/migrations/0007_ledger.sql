-- Holds with a time limit and what is captured of them, reversals, points that lapse, checkpoints of system accounts.

-- When a pending transfer is released by itself; null: never.
ALTER TABLE transfer ADD COLUMN expires_at BIGINT;
-- pending_of: the captured hold this was posted for. Then the posted transfer this takes back, and the one whose points lapse.
ALTER TABLE transfer ADD COLUMN reverses BIGINT;
ALTER TABLE transfer ADD COLUMN lapses BIGINT;
CREATE INDEX transfer_overdue ON transfer (expires_at) WHERE state = 'pending' AND expires_at IS NOT NULL;
CREATE UNIQUE INDEX transfer_capture ON transfer (pending_of) WHERE pending_of IS NOT NULL;
CREATE UNIQUE INDEX transfer_reversal ON transfer (reverses) WHERE reverses IS NOT NULL;

ALTER TABLE account ADD COLUMN keeps_lots BIGINT NOT NULL DEFAULT 0 CHECK (keeps_lots IN (0, 1));

-- What is left of each credit of an account that keeps lots, oldest first by transfer_seq; spent ones go. An account's
-- lots come to its balance.
CREATE TABLE lot (
  account_id   BIGINT NOT NULL REFERENCES account (id),
  transfer_seq BIGINT NOT NULL,              -- the credit
  remaining    BIGINT NOT NULL CHECK (remaining > 0),
  expires_at   BIGINT NOT NULL,
  announced_at BIGINT,                       -- when its owner was told that it will lapse; null: not yet
  PRIMARY KEY (account_id, transfer_seq)
);
CREATE INDEX lot_by_expiry ON lot (expires_at);

-- What a system account's entries came to, so that its balance is this and the sum of those that follow.
CREATE TABLE ledger_checkpoint (
  through_entry {{key}},                     -- the last entry in it, which is the account's
  account_id    BIGINT NOT NULL REFERENCES account (id),
  balance       BIGINT NOT NULL,
  newest_at     BIGINT NOT NULL,             -- the newest created_at in it
  made_at       BIGINT NOT NULL
);
CREATE INDEX ledger_checkpoint_by_account ON ledger_checkpoint (account_id, through_entry);
