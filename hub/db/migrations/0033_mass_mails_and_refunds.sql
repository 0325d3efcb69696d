-- Which mails are made in masses, so that they and all others need not wait for one another; and payments that their provider is
-- to give back. Times are milliseconds since 1970 in UTC.

-- 1: thousands get such a mail at once.
ALTER TABLE notification_mail ADD COLUMN in_masses BIGINT NOT NULL DEFAULT 0 CHECK (in_masses IN (0, 1));
UPDATE notification_mail SET in_masses = 1 WHERE template IN ('promotion_assigned', 'points_expiring', 'tier_changed');
-- They stood a month behind whatever else was due.
UPDATE notification_mail SET next_at = created_at WHERE in_masses = 1 AND state = 'waiting' AND attempts = 0;
DROP INDEX notification_mail_due;
CREATE INDEX notification_mail_due ON notification_mail (in_masses, next_at, id) WHERE state = 'waiting';

-- Of a top-up that its provider settled and that could not be booked: 'due' until the provider's word is known, from then on
-- 'done', or 'refused', which is for people to settle; whoever asks has it to itself until due_at. null: there is nothing to give back,
-- or it was given back by hand before this version.
ALTER TABLE payment ADD COLUMN refund TEXT CHECK (refund IN ('due', 'done', 'refused'));
CREATE INDEX payment_refund_due ON payment (due_at) WHERE refund = 'due';

-- null: it was not given back.
ALTER TABLE test_provider_charge ADD COLUMN refunded_at BIGINT;
