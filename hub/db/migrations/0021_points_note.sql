-- What staff wrote to points that they gave or took. Apart from the ledger, whose rows stay when somebody's data goes.
CREATE TABLE points_note (
  external_id TEXT NOT NULL PRIMARY KEY,   -- of the transfer
  user_id     TEXT NOT NULL,               -- with whose data it goes
  note        TEXT NOT NULL
);
CREATE INDEX points_note_by_user ON points_note (user_id);
