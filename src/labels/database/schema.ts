/**
 * The tables. `pictures` and `revisions` are what was handed in: rows are added and never changed (a trigger refuses it), but for the
 * group of a picture, which is found later. `fields`, `fieldClasses`, `counters`, `authors` and `slides` say again what the newest
 * revisions say, so that no query reads them all.
 */
const version1 = `
CREATE TABLE pictures (
  id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE,
  mediaType TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  widthPx INTEGER NOT NULL,
  heightPx INTEGER NOT NULL,
  addedAtMs INTEGER NOT NULL,
  thumbnail BLOB NOT NULL,
  signature BLOB NOT NULL,
  stain TEXT NOT NULL,
  lookAlike TEXT
);
CREATE INDEX picturesByGroup ON pictures (lookAlike, id);

CREATE TABLE fields (
  id INTEGER PRIMARY KEY,
  field TEXT NOT NULL UNIQUE,
  picture INTEGER NOT NULL REFERENCES pictures (id),
  revision INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  state TEXT NOT NULL,
  slide TEXT,
  lookAlike TEXT,
  counts TEXT NOT NULL,
  doubt TEXT NOT NULL,
  changed INTEGER NOT NULL,
  compared INTEGER NOT NULL,
  interest REAL NOT NULL
);
CREATE UNIQUE INDEX fieldsBySeq ON fields (seq);
CREATE INDEX fieldsByState ON fields (state, seq);
CREATE INDEX fieldsByPicture ON fields (picture);
CREATE INDEX fieldsByGroup ON fields (lookAlike, seq);
CREATE INDEX confirmedByGroup ON fields (lookAlike, seq) WHERE state = 'confirmed';
CREATE INDEX fieldsByInterest ON fields (interest) WHERE state IN ('proposed', 'corrected');

CREATE TABLE fieldClasses (
  cellClass TEXT NOT NULL,
  state TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (cellClass, state, seq)
) WITHOUT ROWID;

CREATE TABLE revisions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  field INTEGER NOT NULL REFERENCES fields (id),
  revision INTEGER NOT NULL,
  label TEXT NOT NULL UNIQUE,
  digest TEXT NOT NULL,
  state TEXT NOT NULL,
  author TEXT NOT NULL,
  atMs INTEGER NOT NULL,
  umPerPixel REAL,
  origin TEXT NOT NULL,
  cells TEXT NOT NULL,
  UNIQUE (field, revision)
);
CREATE TRIGGER revisionsStay BEFORE UPDATE ON revisions BEGIN SELECT RAISE(ABORT, 'revisions are never changed'); END;
CREATE TRIGGER revisionsAreKept BEFORE DELETE ON revisions BEGIN SELECT RAISE(ABORT, 'revisions are never deleted'); END;
CREATE TRIGGER picturesAreKept BEFORE DELETE ON pictures BEGIN SELECT RAISE(ABORT, 'pictures are never deleted'); END;

CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE authors (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE slides (slide TEXT PRIMARY KEY, cells INTEGER NOT NULL, changed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE confirmedStains (id INTEGER PRIMARY KEY, stain TEXT NOT NULL);
`;

/**
 * What a look at a picture tells came apart from what its header tells: a picture is kept at once and looked at later. `examined` is 0
 * until then, 1 after it, 2 where the picture turned out to be unreadable. Looks are numbered as they come.
 */
const version2 = `
CREATE TABLE looks (
  id INTEGER PRIMARY KEY,
  picture INTEGER NOT NULL UNIQUE REFERENCES pictures (id),
  thumbnail BLOB NOT NULL,
  signature BLOB NOT NULL,
  stain TEXT NOT NULL
);
INSERT INTO looks (picture, thumbnail, signature, stain) SELECT id, thumbnail, signature, stain FROM pictures ORDER BY id;
ALTER TABLE pictures DROP COLUMN thumbnail;
ALTER TABLE pictures DROP COLUMN signature;
ALTER TABLE pictures DROP COLUMN stain;
ALTER TABLE pictures ADD COLUMN examined INTEGER NOT NULL DEFAULT 0;
UPDATE pictures SET examined = 1;
CREATE INDEX picturesToExamine ON pictures (id) WHERE examined = 0;
CREATE INDEX picturesToGroup ON pictures (id) WHERE lookAlike IS NULL AND examined = 1;
`;

/** What has been released is never changed; a change is one more. */
export const migrations: readonly string[] = [version1, version2];
