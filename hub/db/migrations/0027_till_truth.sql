-- What stores tell of prizes and promotions, held against what they were told. Times are milliseconds since 1970 in UTC.

-- The epoch in which the store told who holds its leases: in no other anybody holds them.
ALTER TABLE store ADD COLUMN lease_epoch BIGINT;
UPDATE store SET lease_epoch = epoch WHERE lease_holder IS NOT NULL;
-- The same life of the store's data, of one-time prizes that are kept for its spins; empty: not known.
ALTER TABLE spin_reservation ADD COLUMN holder TEXT NOT NULL DEFAULT '';

-- What every store's prizes and promotions said before they were changed: stores that have not heard of it go on by it.
CREATE TABLE catalogue_past (
  kind    BIGINT NOT NULL,
  item_id TEXT NOT NULL,
  terms   TEXT NOT NULL,                     -- SHA-256 of the body, hex: how stores name it
  body    TEXT NOT NULL,
  PRIMARY KEY (kind, item_id, terms)
);

-- Of those awarded: by draws that staff has discarded, so that no spin has them.
ALTER TABLE prize_lease ADD COLUMN discarded BIGINT NOT NULL DEFAULT 0 CHECK (discarded >= 0);
