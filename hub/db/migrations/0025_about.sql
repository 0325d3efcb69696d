-- Whom a row names besides its own keys, so that it is found by them when they are to be forgotten.

-- Of a card, as customerId; '?': from before, and it may name any.
ALTER TABLE event_outbox ADD COLUMN card TEXT DEFAULT '?';
CREATE INDEX event_outbox_by_card ON event_outbox (card) WHERE card IS NOT NULL;
-- '?' too where nobody can read the event yet.
ALTER TABLE dead_letter ADD COLUMN card TEXT DEFAULT '?';
CREATE INDEX dead_letter_by_card ON dead_letter (card) WHERE card IS NOT NULL;

-- The member whom somebody else's call was about, as its answer tells what staff wrote of them.
ALTER TABLE idempotency ADD COLUMN about TEXT;
CREATE INDEX idempotency_by_about ON idempotency (about) WHERE about IS NOT NULL;
