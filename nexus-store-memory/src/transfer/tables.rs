//! All tables with a tenant's rows.

use super::legacy_calls;
use super::table::Number::{Of, Own, Passage, Plain, Since};
use super::table::Space::{Corpus, Model, Version};
use super::table::Table;

/// Returns all tables with a tenant's rows. A row follows those whose numbers it names.
pub(super) fn tables() -> impl Iterator<Item = &'static Table> {
    TABLES.iter().chain(legacy_calls::TABLES)
}

const TABLES: &[Table] = &[
    Table {
        name: "corpus",
        rows: "SELECT ordinal, tenant, id, body, watermark FROM corpus WHERE tenant = ?1 ORDER BY ordinal",
        columns: &[("ordinal", Own(Corpus)), ("tenant", Plain), ("id", Plain), ("body", Plain), ("watermark", Plain)],
    },
    Table {
        name: "model",
        rows: "SELECT id, name FROM model WHERE id IN (SELECT x.model FROM version AS v
               JOIN vector AS x ON x.passage >= v.ordinal << 24 AND x.passage < (v.ordinal + 1) << 24
               WHERE v.tenant = ?1) ORDER BY id",
        columns: &[("id", Own(Model)), ("name", Plain)],
    },
    Table {
        name: "version",
        rows: "SELECT ordinal, tenant, corpus, document, number, state, changed, published, passages, model, vectors,
               languages, described, dimension FROM version WHERE tenant = ?1 AND state <> 'retired' ORDER BY ordinal",
        columns: &[
            ("ordinal", Own(Version)),
            ("tenant", Plain),
            ("corpus", Of(Corpus)),
            ("document", Plain),
            ("number", Plain),
            ("state", Plain),
            ("changed", Plain),
            ("published", Plain),
            ("passages", Plain),
            ("model", Of(Model)),
            ("vectors", Plain),
            ("languages", Plain),
            ("described", Plain),
            ("dimension", Since(4)),
        ],
    },
    Table {
        name: "passage",
        rows: "SELECT p.id, p.text, p.span_start, p.span_end, p.page, p.headings, p.tokens, p.hash, p.language
               FROM version AS v JOIN passage AS p ON p.id >= v.ordinal << 24 AND p.id < (v.ordinal + 1) << 24
               WHERE v.tenant = ?1",
        columns: &[
            ("id", Passage),
            ("text", Plain),
            ("span_start", Plain),
            ("span_end", Plain),
            ("page", Plain),
            ("headings", Plain),
            ("tokens", Plain),
            ("hash", Plain),
            ("language", Plain),
        ],
    },
    Table {
        name: "vector",
        rows: "SELECT x.passage, x.model, x.numbers FROM version AS v
               JOIN vector AS x ON x.passage >= v.ordinal << 24 AND x.passage < (v.ordinal + 1) << 24
               WHERE v.tenant = ?1",
        columns: &[("passage", Passage), ("model", Of(Model)), ("numbers", Plain)],
    },
    Table {
        name: "document",
        rows: "SELECT tenant, id, corpus, status, hash, live, newest, body FROM document WHERE tenant = ?1",
        columns: &[
            ("tenant", Plain),
            ("id", Plain),
            ("corpus", Of(Corpus)),
            ("status", Plain),
            ("hash", Plain),
            ("live", Of(Version)),
            ("newest", Plain),
            ("body", Plain),
        ],
    },
    Table {
        name: "job",
        rows: "SELECT tenant, id, document, CASE WHEN state IN ('queued', 'processing') THEN version ELSE 0 END,
               state, token, lease_until, reindex, body FROM job WHERE tenant = ?1 ORDER BY seq",
        columns: &[
            ("tenant", Plain),
            ("id", Plain),
            ("document", Plain),
            ("version", Of(Version)),
            ("state", Plain),
            ("token", Plain),
            ("lease_until", Plain),
            ("reindex", Plain),
            ("body", Plain),
        ],
    },
    Table {
        name: "access",
        rows: "SELECT tenant, document, grantee, permission, expires_at, id, granted_by, created_at FROM access
               WHERE tenant = ?1 ORDER BY seq",
        columns: &[
            ("tenant", Plain),
            ("document", Plain),
            ("grantee", Plain),
            ("permission", Plain),
            ("expires_at", Plain),
            ("id", Plain),
            ("granted_by", Plain),
            ("created_at", Plain),
        ],
    },
    Table {
        name: "session",
        rows: "SELECT tenant, id, owner, touched, body FROM session WHERE tenant = ?1",
        columns: &[("tenant", Plain), ("id", Plain), ("owner", Plain), ("touched", Plain), ("body", Plain)],
    },
    Table {
        name: "message",
        rows: "SELECT tenant, session, body FROM message WHERE tenant = ?1 ORDER BY seq",
        columns: &[("tenant", Plain), ("session", Plain), ("body", Plain)],
    },
    Table {
        name: "run",
        rows: "SELECT tenant, id, owner, session, closed, version, pruned, evidence, body FROM run
               WHERE tenant = ?1 ORDER BY seq",
        columns: &[
            ("tenant", Plain),
            ("id", Plain),
            ("owner", Plain),
            ("session", Plain),
            ("closed", Plain),
            ("version", Plain),
            ("pruned", Plain),
            ("evidence", Plain),
            ("body", Plain),
        ],
    },
    Table {
        name: "event",
        rows: "SELECT tenant, run, seq, body FROM event WHERE tenant = ?1",
        columns: &[("tenant", Plain), ("run", Plain), ("seq", Plain), ("body", Plain)],
    },
    Table {
        name: "erasure",
        rows: "SELECT tenant, subject, chain FROM erasure WHERE tenant = ?1",
        columns: &[("tenant", Plain), ("subject", Plain), ("chain", Plain)],
    },
    Table {
        name: "audit_record",
        rows: "SELECT tenant, run, seq, prev, body, leaf, mac FROM audit_record WHERE tenant = ?1
               ORDER BY run, seq",
        columns: &[
            ("tenant", Plain),
            ("run", Plain),
            ("seq", Plain),
            ("prev", Plain),
            ("body", Plain),
            ("leaf", Plain),
            ("mac", Plain),
        ],
    },
    Table {
        name: "audit_head",
        rows: "SELECT tenant, run, next_seq, last, closed FROM audit_head WHERE tenant = ?1",
        columns: &[("tenant", Plain), ("run", Plain), ("next_seq", Plain), ("last", Plain), ("closed", Plain)],
    },
    Table {
        name: "resource",
        rows: "SELECT tenant, kind, id, version, body, sealed, created_at, updated_at, updated_by FROM resource
               WHERE tenant = ?1",
        columns: &[
            ("tenant", Plain),
            ("kind", Plain),
            ("id", Plain),
            ("version", Plain),
            ("body", Plain),
            ("sealed", Plain),
            ("created_at", Plain),
            ("updated_at", Plain),
            ("updated_by", Plain),
        ],
    },
    Table {
        name: "resource_index",
        rows: "SELECT tenant, kind, id, name, value FROM resource_index WHERE tenant = ?1",
        columns: &[("tenant", Plain), ("kind", Plain), ("id", Plain), ("name", Plain), ("value", Plain)],
    },
    Table {
        name: "resource_history",
        rows: "SELECT tenant, kind, id, version, body FROM resource_history WHERE tenant = ?1",
        columns: &[("tenant", Plain), ("kind", Plain), ("id", Plain), ("version", Plain), ("body", Plain)],
    },
];
