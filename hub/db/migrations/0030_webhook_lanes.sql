-- Whose event a delivery is of, as one of 1,024 numbers that name nobody: those of one number are sent one at a time, in their order.
ALTER TABLE webhook_delivery ADD COLUMN lane BIGINT NOT NULL DEFAULT 0;
CREATE INDEX webhook_delivery_in_lane ON webhook_delivery (webhook_id, lane, position) WHERE state = 'pending';
