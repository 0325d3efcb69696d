-- Who may sign in, what they sign in with, what they did, and the answers kept for repeated calls.
-- Times are milliseconds since 1970 in UTC; flags are 0 or 1.

CREATE TABLE users (
  id               TEXT NOT NULL PRIMARY KEY,    -- UUIDv7
  email            TEXT,                         -- as given
  email_key        TEXT UNIQUE,                  -- in lower case: what is compared
  mobile           TEXT UNIQUE,
  name             TEXT NOT NULL,
  role             TEXT NOT NULL CHECK (role IN ('member', 'staff', 'admin')),
  active           BIGINT NOT NULL CHECK (active IN (0, 1)),
  password_hash    TEXT NOT NULL,                -- argon2id, PHC string
  referral_code    TEXT UNIQUE,
  loyalty_id       TEXT UNIQUE,                  -- the member's customerId at tills
  loyalty_verified BIGINT NOT NULL DEFAULT 0 CHECK (loyalty_verified IN (0, 1)),
  created_at       BIGINT NOT NULL,
  CHECK (email_key IS NOT NULL OR mobile IS NOT NULL),
  CHECK ((email IS NULL) = (email_key IS NULL))
);

-- Keys that sign access tokens; the newest signs, all verify.
CREATE TABLE signing_keys (
  id          TEXT NOT NULL PRIMARY KEY,         -- RFC 7638 thumbprint: the tokens' kid
  private_pem TEXT NOT NULL,                     -- PKCS #8
  created_at  BIGINT NOT NULL
);

CREATE TABLE audit (
  id         TEXT NOT NULL PRIMARY KEY,          -- UUIDv7
  at         BIGINT NOT NULL,
  actor      TEXT NOT NULL,                      -- user:<id>, or cli:<login name> for whoever holds the database
  action     TEXT NOT NULL,                      -- admin.created, store.added, …
  subject    TEXT NOT NULL,                      -- what it was done to: user:<id>, store:<id>
  detail     TEXT NOT NULL                       -- JSON object, never a secret
);

-- Answers to calls under an Idempotency-Key, kept for 30 days.
CREATE TABLE idempotency (
  scope        TEXT NOT NULL,                    -- user and route
  key          TEXT NOT NULL,
  fingerprint  TEXT NOT NULL,                    -- SHA-256 of the call, in hex
  status       BIGINT NOT NULL,
  content_type TEXT NOT NULL,
  body         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (scope, key)
);
