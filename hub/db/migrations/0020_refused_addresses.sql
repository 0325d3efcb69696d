-- The e-mail address that a mail server has refused for good: nothing is written to it again until it is another one. In the
-- user's own row, so that it goes with it.
ALTER TABLE users ADD COLUMN refused_email TEXT;
-- How many mails somebody was made within the hour.
CREATE INDEX notification_mail_by_user_and_time ON notification_mail (user_id, created_at);
DROP INDEX notification_mail_by_user;
