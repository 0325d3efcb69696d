-- One index answers for all of a member's notifications and for the unread among them: each takes a page by member of every
-- notification's commit, and no two members share one.
DROP INDEX notification_unread;
DROP INDEX notification_by_user;
CREATE INDEX notification_by_user ON notification (user_id, id, is_read);
