-- Whoever asks for everything held of them is told what they did, too: not by reading everybody's audit.
CREATE INDEX audit_by_actor ON audit (actor);
