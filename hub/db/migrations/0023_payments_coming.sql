-- What is on its way into a member's wallet: asked for whenever more of it begins.

CREATE INDEX payment_coming_from_outside ON payment (user_id) WHERE status = 'pending' AND payee_id IS NULL;
CREATE INDEX payment_coming_from_members ON payment (payee_id) WHERE status = 'pending' AND payee_id IS NOT NULL;
