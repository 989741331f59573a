-- Documents by media type and reader version, so that those of an earlier reader are counted from an index.
CREATE INDEX document_by_reader ON document (
    tenant, json_extract(body, '$.report.content_type'), json_extract(body, '$.report.reader_version')
);
