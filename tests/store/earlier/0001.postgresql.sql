-- Made by mytracks 0.1.0, tables of revision 0001. Never changed: somebody has such a database.

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE setting (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	changed BIGINT NOT NULL,
	CONSTRAINT pk_setting PRIMARY KEY (name)
);

CREATE TABLE user_account (
	id BIGSERIAL NOT NULL,
	name TEXT NOT NULL,
	display TEXT NOT NULL,
	role INTEGER NOT NULL,
	password TEXT NOT NULL,
	totp BYTEA,
	disabled INTEGER NOT NULL,
	email TEXT NOT NULL,
	created BIGINT NOT NULL,
	settings TEXT NOT NULL,
	CONSTRAINT pk_user_account PRIMARY KEY (id),
	CONSTRAINT uq_user_account_name UNIQUE (name)
);

CREATE TABLE device (
	id BIGSERIAL NOT NULL,
	user_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	tid TEXT,
	platform INTEGER,
	client_id TEXT,
	created BIGINT NOT NULL,
	seen BIGINT NOT NULL,
	last_tst BIGINT,
	last_seq INTEGER,
	locations BIGINT DEFAULT 0 NOT NULL,
	card_id BIGINT,
	flags INTEGER DEFAULT 0 NOT NULL,
	fold_version BIGINT DEFAULT 0 NOT NULL,
	CONSTRAINT pk_device PRIMARY KEY (id),
	CONSTRAINT uq_device_user_id_name UNIQUE (user_id, name),
	CONSTRAINT fk_device_user_id FOREIGN KEY(user_id) REFERENCES user_account (id) ON DELETE CASCADE
);

CREATE TABLE web_session (
	token_hash BYTEA NOT NULL,
	user_id BIGINT NOT NULL,
	created BIGINT NOT NULL,
	seen BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	address TEXT NOT NULL,
	agent TEXT NOT NULL,
	CONSTRAINT pk_web_session PRIMARY KEY (token_hash),
	CONSTRAINT fk_web_session_user_id FOREIGN KEY(user_id) REFERENCES user_account (id) ON DELETE CASCADE
);

CREATE INDEX ix_web_session_user_id ON web_session (user_id);

CREATE TABLE context (
	id BIGSERIAL NOT NULL,
	device_id BIGINT NOT NULL,
	hash BYTEA NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_context PRIMARY KEY (id),
	CONSTRAINT uq_context_device_id_hash UNIQUE (device_id, hash),
	CONSTRAINT fk_context_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE
);

CREATE TABLE credential (
	id BIGSERIAL NOT NULL,
	user_id BIGINT NOT NULL,
	kind INTEGER NOT NULL,
	device_id BIGINT,
	secret_hash BYTEA NOT NULL,
	label TEXT NOT NULL,
	scopes TEXT NOT NULL,
	created BIGINT NOT NULL,
	last_used BIGINT,
	expires BIGINT,
	revoked BIGINT,
	CONSTRAINT pk_credential PRIMARY KEY (id),
	CONSTRAINT fk_credential_user_id FOREIGN KEY(user_id) REFERENCES user_account (id) ON DELETE CASCADE,
	CONSTRAINT fk_credential_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE,
	CONSTRAINT uq_credential_secret_hash UNIQUE (secret_hash)
);

CREATE INDEX ix_credential_device_id ON credential (device_id);

CREATE INDEX ix_credential_user_id ON credential (user_id);

CREATE TABLE location (
	device_id BIGINT NOT NULL,
	tst BIGINT NOT NULL,
	seq INTEGER NOT NULL,
	lat INTEGER NOT NULL,
	lon INTEGER NOT NULL,
	acc INTEGER,
	alt INTEGER,
	vac INTEGER,
	vel INTEGER,
	cog INTEGER,
	batt INTEGER,
	bs INTEGER,
	conn INTEGER,
	mode INTEGER,
	trig INTEGER,
	source INTEGER,
	via INTEGER NOT NULL,
	flags INTEGER NOT NULL,
	delay INTEGER,
	message_id INTEGER,
	reported INTEGER,
	context_id BIGINT,
	extra TEXT,
	CONSTRAINT pk_location PRIMARY KEY (device_id, tst, seq),
	CONSTRAINT fk_location_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE
);

CREATE TABLE message (
	id BIGSERIAL NOT NULL,
	device_id BIGINT NOT NULL,
	received BIGINT NOT NULL,
	type INTEGER NOT NULL,
	topic TEXT NOT NULL,
	body BYTEA NOT NULL,
	CONSTRAINT pk_message PRIMARY KEY (id),
	CONSTRAINT fk_message_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE
);

CREATE INDEX ix_message_device_id_received ON message (device_id, received);

CREATE INDEX ix_message_received ON message (received);

CREATE TABLE quarantine (
	id BIGSERIAL NOT NULL,
	received BIGINT NOT NULL,
	source INTEGER NOT NULL,
	user_id BIGINT,
	device_id BIGINT,
	topic TEXT NOT NULL,
	reason TEXT NOT NULL,
	body BYTEA NOT NULL,
	CONSTRAINT pk_quarantine PRIMARY KEY (id),
	CONSTRAINT fk_quarantine_user_id FOREIGN KEY(user_id) REFERENCES user_account (id) ON DELETE CASCADE,
	CONSTRAINT fk_quarantine_device_id FOREIGN KEY(device_id) REFERENCES device (id) ON DELETE CASCADE
);

CREATE INDEX ix_quarantine_device_id ON quarantine (device_id);

CREATE INDEX ix_quarantine_user_id ON quarantine (user_id);

INSERT INTO alembic_version (version_num) VALUES ('0001');

INSERT INTO setting VALUES ('store.version', '0.1.0', 1785000000);
INSERT INTO setting VALUES ('people.setup', 'done', 1785000001);

INSERT INTO user_account VALUES (1, 'ana', 'Ana', 1, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA', '\x01027365616c6564', 0, 'ana@example.org', 1785000000, '{"units":"km","tz":"Europe/Berlin"}');
INSERT INTO user_account VALUES (2, 'ben', '', 0, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$b3RoZXI', NULL, 1, '', 1785000100, '{}');

INSERT INTO device VALUES (1, 1, 'phone', 'AP', 1, 'ana-phone', 1785000010, 1785009000, 1785008999, -77, 2, NULL, 1, 3);
INSERT INTO device VALUES (3, 2, 'Tablet ü', 'be', NULL, NULL, 1785000110, 1785000110, NULL, NULL, 0, NULL, 0, 0);

INSERT INTO credential VALUES (1, 1, 1, 1, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'phone', 'ingest', 1785000020, 1785009000, NULL, NULL);
INSERT INTO credential VALUES (2, 2, 1, 3, '\x202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f', '', '', 1785000120, NULL, 1795000000, 1785000130);

INSERT INTO web_session VALUES ('\x404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f', 1, 1785000030, 1785000040, 1785604830, '192.0.2.7', 'Mozilla/5.0 (X11)');

INSERT INTO location VALUES (1, 1785008000, 2147483647, 525200000, 134050000, 12, 34, 3, 0, 270, 87, 1, 1, 1, 2, 1, 1, 0, 5, -2147483648, 1785008001, 1, '{"acc":12.5}');
INSERT INTO location VALUES (1, 1785008999, -77, -900000000, 1800000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 2, 1, NULL, NULL, NULL, NULL, NULL);

INSERT INTO context VALUES (1, 1, '\x000102030405060708090a0b0c0d0e0f', '{"SSID":"home"}');

INSERT INTO message VALUES (1, 1, 1785000050, 3, 'owntracks/ana/phone/step', '\x7b225f74797065223a227374657073222c227374657073223a377d');

INSERT INTO quarantine VALUES (1, 1785000060, 1, NULL, NULL, 'odd/topic', 'not JSON', '\x00ff7b');
INSERT INTO quarantine VALUES (2, 1785000061, 2, 2, 3, 'owntracks/ben/Tablet', 'too large', '\x');

SELECT setval('user_account_id_seq', 2);
SELECT setval('device_id_seq', 4);
SELECT setval('credential_id_seq', 2);
SELECT setval('context_id_seq', 1);
SELECT setval('message_id_seq', 9);
SELECT setval('quarantine_id_seq', 2);
