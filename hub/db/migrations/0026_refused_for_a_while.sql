-- When a mail server refused `refused_email`: it is written to again days later, as what a server says of an address may pass.
ALTER TABLE users ADD COLUMN refused_at BIGINT;
