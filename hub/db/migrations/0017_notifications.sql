-- What members are told, where, and by which words. Times are milliseconds since 1970 in UTC; flags are 0 or 1.

-- Ids are counted by a row that its transaction holds until it has committed: who has read up to an id has missed none
-- below it.
CREATE TABLE notification_sequence (
  id   {{key}} CHECK (id = 1),
  last BIGINT NOT NULL
);
INSERT INTO notification_sequence (id, last) VALUES (1, 0);

CREATE TABLE notification (
  id         {{key}},
  event_id   TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  type       TEXT NOT NULL,                    -- welcome, promotion, …
  event_type TEXT NOT NULL,
  content    TEXT NOT NULL,                    -- JSON object
  is_read    BIGINT NOT NULL DEFAULT 0 CHECK (is_read IN (0, 1)),
  created_at BIGINT NOT NULL,
  UNIQUE (event_id, user_id)                   -- once a channel, whatever happens
);
CREATE INDEX notification_by_user ON notification (user_id, id);
CREATE INDEX notification_unread ON notification (user_id, id) WHERE is_read = 0;

CREATE TABLE notification_mail (
  id           TEXT NOT NULL PRIMARY KEY,      -- UUIDv7; in the Message-ID
  event_id     TEXT NOT NULL,
  user_id      TEXT NOT NULL,
  template     TEXT NOT NULL,
  subject      TEXT NOT NULL,                  -- empty, as the body, once it is sent
  body         TEXT NOT NULL,
  state        TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'dead', 'discarded')),
  attempts     BIGINT NOT NULL DEFAULT 0,
  next_at      BIGINT NOT NULL,                -- not tried before
  lease        TEXT NOT NULL DEFAULT '',       -- who is at it, and until when nobody else is
  leased_until BIGINT NOT NULL DEFAULT 0,
  reason       TEXT NOT NULL DEFAULT '',       -- of the last failure
  created_at   BIGINT NOT NULL,
  died_at      BIGINT,                         -- first given up
  decided_at   BIGINT,                         -- sent or discarded
  UNIQUE (event_id, user_id)
);
CREATE INDEX notification_mail_due ON notification_mail (next_at, id) WHERE state = 'waiting';
CREATE INDEX notification_mail_dead ON notification_mail (died_at, id) WHERE state = 'dead';
CREATE INDEX notification_mail_over ON notification_mail (decided_at, id) WHERE decided_at IS NOT NULL;
CREATE INDEX notification_mail_by_user ON notification_mail (user_id);

-- What a member wants; no row: everything. type '' is every type's.
CREATE TABLE notification_preference (
  user_id TEXT NOT NULL,
  type    TEXT NOT NULL,
  in_app  BIGINT NOT NULL CHECK (in_app IN (0, 1)),
  email   BIGINT NOT NULL CHECK (email IN (0, 1)),
  PRIMARY KEY (user_id, type)
);

-- Staff's words where they have put any in place of the built-in ones.
CREATE TABLE notification_template (
  name       TEXT NOT NULL PRIMARY KEY,
  title      TEXT NOT NULL,
  body       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  mail_body  TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  updated_by TEXT NOT NULL
);
