-- A build whose packages are the same as those before it counts for others as made from what those were made from.

ALTER TABLE fingerprints ADD COLUMN stands_for TEXT;
ALTER TABLE fingerprints ADD COLUMN stands_for_tree TEXT;
CREATE INDEX fingerprints_by_other_blob ON fingerprints (stands_for) WHERE stands_for IS NOT NULL;
