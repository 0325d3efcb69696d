-- What of the programme is over, for the job purge-programme to forget in time; and what each spin took, for verify to hold
-- against stock and points. Times are milliseconds since 1970 in UTC.

-- Since when the job has known that it is over; null: it is not, or the job has not come by yet.
ALTER TABLE catalogue_item ADD COLUMN gone_since BIGINT;
ALTER TABLE catalogue_past ADD COLUMN past_since BIGINT;
ALTER TABLE prize_lease ADD COLUMN settled_since BIGINT;
CREATE INDEX prize_lease_open ON prize_lease (store_id, id) WHERE awarded + returned < units;

-- Through which version of the catalogue what has gone may be forgotten: whoever holds an earlier one is sent all of it.
INSERT INTO down_counter (name, value) VALUES ('catalogue_forgotten', 0);

-- 1: a unit of the prize's stock.
ALTER TABLE spin ADD COLUMN took_unit BIGINT NOT NULL DEFAULT 0 CHECK (took_unit IN (0, 1));
-- Of those awarded: units that no spin says it took, as staff has discarded the draw, or as it was before spins said so.
ALTER TABLE prize ADD COLUMN awarded_apart BIGINT NOT NULL DEFAULT 0 CHECK (awarded_apart >= 0);
UPDATE prize SET awarded_apart = awarded;
-- Of those awarded: units that members won on the web, and a restore carried over without their spins.
ALTER TABLE prize ADD COLUMN carried_over BIGINT NOT NULL DEFAULT 0 CHECK (carried_over >= 0);

-- 1: its points had lapsed when its card was proven to be somebody's, and were given to nobody.
ALTER TABLE spin ADD COLUMN lapsed BIGINT NOT NULL DEFAULT 0 CHECK (lapsed IN (0, 1));
UPDATE spin SET lapsed = 1 WHERE store_id IS NOT NULL AND user_id IS NOT NULL AND points > 0
  AND NOT EXISTS (SELECT 1 FROM transfer WHERE transfer.external_id = 'prize:' || spin.id);
