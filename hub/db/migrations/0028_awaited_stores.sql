-- After the hub was restored: staff's word that the store is not waited for; milliseconds since 1970 in UTC.
ALTER TABLE store ADD COLUMN taken_as_told_at BIGINT;
