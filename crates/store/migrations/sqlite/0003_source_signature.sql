-- What the recipe's signature was found to be; nothing for a recipe not read yet, or read before this step.
ALTER TABLE builds ADD COLUMN source_signature TEXT;
