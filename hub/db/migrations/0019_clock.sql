-- The time that a hub or a person has last vouched for, in milliseconds since 1970; 0: nobody ever has. What nothing brings
-- back is not done by a clock that is far off it.
CREATE TABLE hub_clock (
  id         {{key}} CHECK (id = 1),
  vouched_at BIGINT NOT NULL
);
INSERT INTO hub_clock (id, vouched_at) SELECT 1, COALESCE(MAX(began_at), 0) FROM job_run;
