-- A database of schema version 1 with one trial.
PRAGMA application_id = 1786146919;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE problem (
  id             INTEGER PRIMARY KEY,
  canonical_key  TEXT    NOT NULL UNIQUE CHECK (length(canonical_key) <= 512), -- all that follows, in one text
  specification  TEXT    NOT NULL CHECK (length(specification) = 64), -- digest of its text, with an empty name in it
  program        TEXT    NOT NULL CHECK (length(program) BETWEEN 1 AND 128), -- forward, tangent_forward, backward, ...
  batch          INTEGER NOT NULL CHECK (batch >= 1),
  heads          INTEGER NOT NULL CHECK (heads >= 1), -- of queries
  kv_heads       INTEGER NOT NULL CHECK (kv_heads >= 1 AND heads % kv_heads = 0),
  q_length       INTEGER NOT NULL CHECK (q_length >= 0), -- rows of the longest sequence
  kv_length      INTEGER NOT NULL CHECK (kv_length >= 0),
  q_total        INTEGER NOT NULL CHECK (q_total >= 0), -- rows of a packed tensor; q_length otherwise
  kv_total       INTEGER NOT NULL CHECK (kv_total >= 0),
  bucket_version INTEGER NOT NULL CHECK (bucket_version >= 1), -- of the rule that made the bucket
  bucket         TEXT    NOT NULL CHECK (length(bucket) <= 128) -- shapes that may lend one another their schedules
) STRICT;
INSERT INTO problem VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa forward 1 8 8 2048 2048 2048 2048','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','forward',1,8,8,2048,2048,2048,2048,1,'rows 2^14 q 2^11 kv 2^11');
CREATE TABLE device (
  id                     INTEGER PRIMARY KEY,
  name                   TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 128), -- "NVIDIA H200"
  arch                   TEXT    NOT NULL CHECK (arch GLOB 'sm_[0-9]*' AND length(arch) <= 8), -- "sm_90a"
  multiprocessors        INTEGER NOT NULL CHECK (multiprocessors >= 0),
  memory_bytes           INTEGER NOT NULL CHECK (memory_bytes >= 0),
  shared_bytes_per_block INTEGER NOT NULL CHECK (shared_bytes_per_block >= 0), -- the most that a block can ask for
  sm_clock_mhz           INTEGER NOT NULL CHECK (sm_clock_mhz >= 0), -- the highest
  memory_clock_mhz       INTEGER NOT NULL CHECK (memory_clock_mhz >= 0), -- the highest
  power_cap_w            INTEGER NOT NULL CHECK (power_cap_w >= 0), -- in force during the trial
  UNIQUE (name, arch, multiprocessors, memory_bytes, shared_bytes_per_block, sm_clock_mhz, memory_clock_mhz, power_cap_w)
) STRICT;
INSERT INTO device VALUES(1,'NVIDIA H200','sm_90a',132,150754820096,232448,1980,3201,700);
CREATE TABLE trial (
  id                  INTEGER PRIMARY KEY,
  content_id          TEXT    NOT NULL UNIQUE CHECK (length(content_id) = 64), -- digest of all its fields
  problem_id          INTEGER NOT NULL REFERENCES problem (id),
  device_id           INTEGER NOT NULL REFERENCES device (id),
  variant             TEXT    NOT NULL CHECK (length(variant) BETWEEN 1 AND 128), -- of the plan: "row", "row+col", ...
  skeleton            TEXT    NOT NULL CHECK (length(skeleton) BETWEEN 1 AND 128), -- "portable", "hopper"
  default_digest      TEXT    NOT NULL CHECK (length(default_digest) = 64), -- of the default's variant and schedules
  driver              TEXT    NOT NULL CHECK (length(driver) BETWEEN 1 AND 128), -- version
  nvrtc               TEXT    NOT NULL CHECK (length(nvrtc) BETWEEN 1 AND 128), -- version
  template_digest     TEXT    NOT NULL CHECK (length(template_digest) = 64), -- of the device code around the schedule
  jvpgen_version      TEXT    NOT NULL CHECK (length(jvpgen_version) BETWEEN 1 AND 128),
  run                 TEXT    NOT NULL CHECK (length(run) = 32), -- one for each call of the tuner
  measured_at_unix_ms INTEGER NOT NULL CHECK (measured_at_unix_ms >= 0), -- when the trial ended
  outcome             TEXT    NOT NULL CHECK (outcome IN ('measured', 'refused', 'not_compiled', 'rejected',
                                'out_of_memory', 'wrong', 'faulted', 'timed_out', 'throttled')),
  reason              TEXT    NOT NULL CHECK (length(reason) <= 500 AND (reason <> '' OR outcome = 'measured')),
  verdict             TEXT    NOT NULL CHECK (verdict IN ('none', 'better', 'ambiguous', 'worse')), -- beside the default
  samples             INTEGER NOT NULL CHECK (samples >= 0), -- timed calls
  median_us           REAL    CHECK (median_us > 0), -- of a call: all launches of the variant together
  spread_us           REAL    CHECK (spread_us >= 0), -- interquartile range
  default_median_us   REAL    CHECK (default_median_us > 0), -- of the default in the same run, in turns with it
  default_spread_us   REAL    CHECK (default_spread_us >= 0),
  cold_median_us      REAL    CHECK (cold_median_us > 0), -- with the L2 cache emptied before each call
  relative_error      REAL    CHECK (relative_error >= 0), -- largest of all outputs, against the verifying reference
  workspace_bytes     INTEGER CHECK (workspace_bytes >= 0),
  deterministic       INTEGER CHECK (deterministic IN (0, 1)), -- whether repeated calls gave the same bits
  CHECK (outcome <> 'measured' OR (median_us IS NOT NULL AND samples > 0)),
  CHECK (verdict = 'none' OR (outcome = 'measured' AND default_median_us IS NOT NULL))
) STRICT;
INSERT INTO trial VALUES(1,'0baf661d0c169aa8bd8383433574cc13da210e201ceac6c80316447aeccdad8f',1,1,'row','hopper','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','580.65.06','13.0.88','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','0.1.0','11111111111111111111111111111111',1700000000000,'measured','','better',20,80.0,0.5,100.0,0.75,95.249999999999999996,0.001250000000000000026,4096,1);
CREATE TABLE kernel_schedule (
  trial_id INTEGER NOT NULL REFERENCES trial (id) ON DELETE CASCADE,
  position INTEGER NOT NULL CHECK (position BETWEEN 0 AND 63), -- of the launch in its variant
  kernel   TEXT    NOT NULL CHECK (length(kernel) BETWEEN 1 AND 128), -- without the name of the specification
  tile_m   INTEGER NOT NULL CHECK (tile_m BETWEEN 1 AND 4096), -- query rows of a tile
  tile_n   INTEGER NOT NULL CHECK (tile_n BETWEEN 1 AND 4096), -- key rows of a tile
  warps    INTEGER NOT NULL CHECK (warps BETWEEN 1 AND 32), -- of a block
  stages   INTEGER NOT NULL CHECK (stages BETWEEN 1 AND 64), -- slots of the ring of streamed tiles
  PRIMARY KEY (trial_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO kernel_schedule VALUES(1,0,'forward_row_row',128,96,12,5);
CREATE INDEX trial_of_problem ON trial (problem_id, device_id);
COMMIT;
