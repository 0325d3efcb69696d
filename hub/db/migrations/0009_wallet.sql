-- Answers kept for repeated calls go by their age.
CREATE INDEX idempotency_by_age ON idempotency (created_at);
