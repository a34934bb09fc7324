-- How people say who they are, beside tokens: passwords, SSH keys, identities of other providers; and the sessions that
-- follow. Of what is secret only a digest is kept.

CREATE TABLE passwords (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- As the password hashing competition writes it: algorithm, costs, salt, hash.
    hash TEXT NOT NULL,
    set_at INTEGER NOT NULL
);

CREATE TABLE web_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    secret_sha256 TEXT NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Of a browser after the login page, or of a command-line client.
    kind TEXT NOT NULL,
    -- What the client calls itself.
    agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX web_sessions_by_user ON web_sessions (user_id, id);
CREATE INDEX web_sessions_by_expiry ON web_sessions (expires_at);

CREATE TABLE ssh_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the key, which says whether two are the same.
    fingerprint TEXT NOT NULL,
    -- Algorithm and key as in a file of public keys.
    key TEXT NOT NULL,
    comment TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (user_id, fingerprint)
);

CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_user ON identities (user_id);
