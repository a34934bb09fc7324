"""Fills a project of a server's database: PACKAGES packages against four targets, with every kind of outcome.

Usage: large_project.py DATABASE PROJECT PACKAGES. The project is there already, without packages.
"""
import json
import sqlite3
import sys
import time

database, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
now = int(time.time() * 1000)
db = sqlite3.connect(database, timeout=60, isolation_level=None)
db.execute("PRAGMA foreign_keys = ON")
db.execute("BEGIN IMMEDIATE")
project, owner = db.execute(
    "SELECT id, owner_id FROM projects WHERE name = ? AND deleted_at IS NULL", (name,)).fetchone()
targets = []
for repository, arch in [("debian-12", "x86_64"), ("debian-12", "aarch64"), ("fedora-44", "x86_64"), ("fedora-44", "aarch64")]:
    db.execute("INSERT INTO repositories (project_id, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
               (project, repository, now))
    row = db.execute("SELECT id FROM repositories WHERE project_id = ? AND name = ?", (project, repository)).fetchone()
    db.execute("INSERT INTO repository_arches (repository_id, arch, enabled, extra_packages) VALUES (?, ?, 1, '[]') "
               "ON CONFLICT DO NOTHING", (row[0], arch))
    targets.append((row[0], arch))

words = ["archive", "audio", "browser", "cache", "calendar", "daemon", "editor", "font", "graph", "image", "kernel",
         "library", "mail", "network", "parser", "queue", "reader", "shell", "theme", "viewer"]
problem = "nothing provides libtoolkit-dev (>= 4.12) needed by %s, nothing provides pkgconfig(wayland-client) needed by %s"


def outcome(place, target):
    """State, verdict and failure of a task."""
    kind = (place * 7 + target * 3) % 23
    package = "lib%s%05d" % (words[place % len(words)], place)
    if kind == 1:
        return "failed", None, {"code": "recipe", "step": "dpkg-buildpackage", "status": 2}
    if kind == 2:
        return "failed", None, {"code": "unresolvable", "problems": [problem % (package, package)]}
    if kind == 3:
        return "pending", {"code": "blocked", "by": ["%s-%05d" % (words[(place + n) % len(words)], place // 2 + n) for n in range(3)]}, None
    if kind == 4 and target > 1:
        return "skipped", {"code": "excluded", "reason": {"architecture": {"recipe": ["amd64", "arm64"]}}}, None
    return "succeeded", None, None


source = json.dumps({"kind": "url", "url": "http://example.org/x.dsc"})
reason = json.dumps({"code": "submitted", "by": "admin"})
for place in range(number):
    package = db.execute("INSERT INTO packages (project_id, name) VALUES (?, ?)",
                         (project, "%s-%05d" % (words[place % len(words)], place))).lastrowid
    build = db.execute(
        "INSERT INTO builds (project_id, owner_id, package_id, version, source, source_state, reason, network, "
        "extra_repositories, submitted_at, finished) VALUES (?, ?, ?, ?, ?, 'succeeded', ?, 0, '[]', ?, 1)",
        (project, owner, package, "1.%d-1" % (place % 9), source, reason, now)).lastrowid
    for target, (repository, arch) in enumerate(targets):
        state, verdict, failure = outcome(place, target)
        db.execute(
            "INSERT INTO tasks (build_id, project_id, owner_id, package_id, repository_id, arch, state, verdict, failure, "
            "started_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (build, project, owner, package, repository, arch, state, verdict and json.dumps(verdict),
             failure and json.dumps(failure), now, now))
db.execute("COMMIT")
