\set row random(1, 10000)
update counters set version = version + 1 where id = :row;
