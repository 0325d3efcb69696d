-- Points of the programme's own: what sales are due by the purchase rule, and what tiers go by.

-- By the rule of its day; and to whom it was booked: null while it is not, as nobody has claimed the card.
ALTER TABLE sale ADD COLUMN points_due BIGINT NOT NULL DEFAULT 0 CHECK (points_due >= 0);
ALTER TABLE sale ADD COLUMN points_user TEXT;
CREATE INDEX sale_points_due ON sale (customer_id) WHERE points_due > 0 AND points_user IS NULL;

-- PDI's word before the last; null: there was none.
ALTER TABLE member ADD COLUMN tier_before TEXT;

-- What a user has earned within 12 months, which a job works out anew each night, and the tier told last.
CREATE TABLE points_tier (
  user_id TEXT NOT NULL PRIMARY KEY,
  earned  BIGINT NOT NULL,
  tier    TEXT NOT NULL
);

-- When the run that began last, or an earlier one, had begun that succeeded.
ALTER TABLE job_run ADD COLUMN succeeded_at BIGINT;
