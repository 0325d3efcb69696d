-- Sessions of people, keys that take over from one another, who invited whom, an audit that shows what was changed in
-- it, and people who are forgotten. Times are milliseconds since 1970 in UTC.

ALTER TABLE users ADD COLUMN referred_by TEXT;       -- the user whose referral code was given
CREATE INDEX users_referred ON users (referred_by) WHERE referred_by IS NOT NULL;
CREATE INDEX users_who_work ON users (role, id) WHERE role <> 'member';

-- One login and all the refresh tokens that came of it. The tokens are not here: number n's is computed.
CREATE TABLE refresh_family (
  id         TEXT NOT NULL PRIMARY KEY,              -- UUID: the access tokens' sid
  user_id    TEXT NOT NULL REFERENCES users (id),
  n          BIGINT NOT NULL CHECK (n >= 0),         -- the newest token's number
  rotated_at BIGINT NOT NULL,                        -- when it was made
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,                        -- whatever is done with it
  revoked_at BIGINT                                  -- a used token came again
);
CREATE INDEX refresh_family_by_user ON refresh_family (user_id);
CREATE INDEX refresh_family_by_end ON refresh_family (expires_at);

-- A key verifies from its making on, so that everybody knows it before it signs.
ALTER TABLE signing_keys ADD COLUMN signs_from BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET signs_from = created_at;

-- Set by the one that chains, after the commit; hash = SHA-256 over the hash before it and the row.
ALTER TABLE audit ADD COLUMN sequence BIGINT;
ALTER TABLE audit ADD COLUMN hash TEXT;
CREATE UNIQUE INDEX audit_by_sequence ON audit (sequence);
CREATE INDEX audit_unchained ON audit (id) WHERE sequence IS NULL;
CREATE INDEX audit_by_subject ON audit (subject);

-- People who had their data erased, and the stores that have yet to. Nothing here says who it was.
CREATE TABLE erasure (
  user_id      TEXT NOT NULL PRIMARY KEY,
  member_hash  TEXT,                                 -- HMAC of the card, in hex; null: none was proven theirs
  member_token TEXT,                                 -- what stands for the card in what stays
  requested_at BIGINT NOT NULL,
  CHECK ((member_hash IS NULL) = (member_token IS NULL))
);
CREATE INDEX erasure_by_member ON erasure (member_hash) WHERE member_hash IS NOT NULL;
CREATE TABLE erasure_store (
  user_id   TEXT NOT NULL REFERENCES erasure (user_id),
  store_id  TEXT NOT NULL REFERENCES store (id),
  erased_at BIGINT,                                  -- as the store told
  PRIMARY KEY (user_id, store_id)
);
CREATE INDEX erasure_store_open ON erasure_store (store_id) WHERE erased_at IS NULL;

-- When each of the hub's regular jobs last began, on whichever replica.
CREATE TABLE job_run (
  name     TEXT NOT NULL PRIMARY KEY,
  began_at BIGINT NOT NULL
);
