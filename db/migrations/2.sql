-- Schedules tell into how many parts a block's streamed rows are divided; before, the shape decided.
ALTER TABLE kernel_schedule ADD COLUMN splits INTEGER NOT NULL DEFAULT 0 CHECK (splits BETWEEN 0 AND 64);
