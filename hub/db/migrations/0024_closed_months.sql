-- Months whose statements have been written down for good. Times are milliseconds since 1970 in UTC; a month is
-- `2026-03`.

CREATE TABLE closed_month (
  month       TEXT NOT NULL PRIMARY KEY,
  currency    TEXT NOT NULL CHECK (LENGTH(currency) = 3),
  issue_rate  TEXT NOT NULL,               -- as the configuration had it then
  redeem_rate TEXT NOT NULL,
  closed_at   BIGINT NOT NULL
);

-- What a store's books had come to at the month's end; one that is not here had nothing. The next month's statement is
-- what they come to later less this: what is booked late belongs to that one.
CREATE TABLE closed_month_store (
  month    TEXT NOT NULL REFERENCES closed_month (month),
  store_id TEXT NOT NULL,
  issued   BIGINT NOT NULL,
  redeemed BIGINT NOT NULL,
  PRIMARY KEY (month, store_id)
);
