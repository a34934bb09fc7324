-- What became of each package in each (repository, arch): its newest task. Derived from `tasks` by triggers, so that a page
-- of a large project is read off an index, and the counts above it are a few rows.

ALTER TABLE tasks ADD COLUMN outcome TEXT GENERATED ALWAYS AS (
    CASE state
        WHEN 'failed' THEN CASE json_extract(failure, '$.code') WHEN 'unresolvable' THEN 'unresolvable' ELSE 'failed' END
        WHEN 'pending' THEN CASE json_extract(verdict, '$.code') WHEN 'blocked' THEN 'blocked' ELSE 'scheduled' END
        WHEN 'waiting' THEN 'scheduled'
        WHEN 'starting' THEN 'building'
        WHEN 'running' THEN 'building'
        WHEN 'skipped' THEN 'excluded'
        ELSE state
    END
) VIRTUAL;

CREATE TABLE package_outcomes (
    package_id INTEGER NOT NULL,
    repository_id INTEGER NOT NULL,
    arch TEXT NOT NULL,
    project_id INTEGER NOT NULL,
    task_id INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (package_id, repository_id, arch)
) WITHOUT ROWID;
CREATE INDEX package_outcomes_by_outcome ON package_outcomes (project_id, outcome, package_id);

CREATE TABLE outcome_counts (
    repository_id INTEGER NOT NULL,
    arch TEXT NOT NULL,
    outcome TEXT NOT NULL,
    packages INTEGER NOT NULL,
    PRIMARY KEY (repository_id, arch, outcome)
) WITHOUT ROWID;

CREATE TRIGGER outcome_counted AFTER INSERT ON package_outcomes
BEGIN
    INSERT INTO outcome_counts (repository_id, arch, outcome, packages)
        VALUES (NEW.repository_id, NEW.arch, NEW.outcome, 1)
        ON CONFLICT DO UPDATE SET packages = packages + 1;
END;

CREATE TRIGGER outcome_counted_again AFTER UPDATE OF outcome ON package_outcomes WHEN NEW.outcome <> OLD.outcome
BEGIN
    UPDATE outcome_counts SET packages = packages - 1
        WHERE repository_id = OLD.repository_id AND arch = OLD.arch AND outcome = OLD.outcome;
    INSERT INTO outcome_counts (repository_id, arch, outcome, packages)
        VALUES (NEW.repository_id, NEW.arch, NEW.outcome, 1)
        ON CONFLICT DO UPDATE SET packages = packages + 1;
END;

CREATE TRIGGER outcome_uncounted AFTER DELETE ON package_outcomes
BEGIN
    UPDATE outcome_counts SET packages = packages - 1
        WHERE repository_id = OLD.repository_id AND arch = OLD.arch AND outcome = OLD.outcome;
END;

INSERT INTO package_outcomes (package_id, repository_id, arch, project_id, task_id, outcome)
    SELECT t.package_id, t.repository_id, t.arch, t.project_id, t.id, t.outcome FROM tasks t
    WHERE t.id IN (SELECT MAX(id) FROM tasks WHERE package_id IS NOT NULL GROUP BY package_id, repository_id, arch);

CREATE TRIGGER task_has_outcome AFTER INSERT ON tasks WHEN NEW.package_id IS NOT NULL
BEGIN
    INSERT INTO package_outcomes (package_id, repository_id, arch, project_id, task_id, outcome)
        VALUES (NEW.package_id, NEW.repository_id, NEW.arch, NEW.project_id, NEW.id, NEW.outcome)
        ON CONFLICT DO UPDATE SET task_id = excluded.task_id, outcome = excluded.outcome
        WHERE excluded.task_id >= task_id;
END;

CREATE TRIGGER task_changes_outcome AFTER UPDATE OF package_id, state, verdict, failure ON tasks
WHEN NEW.package_id IS NOT NULL AND (OLD.package_id IS NOT NEW.package_id OR OLD.outcome <> NEW.outcome)
BEGIN
    INSERT INTO package_outcomes (package_id, repository_id, arch, project_id, task_id, outcome)
        VALUES (NEW.package_id, NEW.repository_id, NEW.arch, NEW.project_id, NEW.id, NEW.outcome)
        ON CONFLICT DO UPDATE SET task_id = excluded.task_id, outcome = excluded.outcome
        WHERE excluded.task_id >= task_id;
END;

CREATE TRIGGER task_leaves_package AFTER UPDATE OF package_id ON tasks
WHEN OLD.package_id IS NOT NULL AND OLD.package_id IS NOT NEW.package_id
BEGIN
    DELETE FROM package_outcomes WHERE package_id = OLD.package_id AND repository_id = OLD.repository_id
        AND arch = OLD.arch AND task_id = OLD.id;
    INSERT INTO package_outcomes (package_id, repository_id, arch, project_id, task_id, outcome)
        SELECT t.package_id, t.repository_id, t.arch, t.project_id, t.id, t.outcome FROM tasks t
        WHERE t.id = (SELECT MAX(n.id) FROM tasks n WHERE n.package_id = OLD.package_id
            AND n.repository_id = OLD.repository_id AND n.arch = OLD.arch)
        ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER task_without_outcome AFTER DELETE ON tasks WHEN OLD.package_id IS NOT NULL
BEGIN
    DELETE FROM package_outcomes WHERE package_id = OLD.package_id AND repository_id = OLD.repository_id
        AND arch = OLD.arch AND task_id = OLD.id;
    INSERT INTO package_outcomes (package_id, repository_id, arch, project_id, task_id, outcome)
        SELECT t.package_id, t.repository_id, t.arch, t.project_id, t.id, t.outcome FROM tasks t
        WHERE t.id = (SELECT MAX(n.id) FROM tasks n WHERE n.package_id = OLD.package_id
            AND n.repository_id = OLD.repository_id AND n.arch = OLD.arch)
        ON CONFLICT DO NOTHING;
END;
