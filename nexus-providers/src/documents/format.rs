//! Supported formats, their media types and the file extensions that hint at them.

/// Format with a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Markdown,
    Code,
    Html,
    Xml,
    Feed,
    Json,
    JsonLines,
    Notebook,
    Csv,
    Mail,
    Rtf,
    Pdf,
    Docx,
    Pptx,
    Xlsx,
    Xls,
    OpenDocument,
    Epub,
}

impl Format {
    /// Every format.
    pub(super) const ALL: [Self; 19] = [
        Self::Text,
        Self::Markdown,
        Self::Code,
        Self::Html,
        Self::Xml,
        Self::Feed,
        Self::Json,
        Self::JsonLines,
        Self::Notebook,
        Self::Csv,
        Self::Mail,
        Self::Rtf,
        Self::Pdf,
        Self::Docx,
        Self::Pptx,
        Self::Xlsx,
        Self::Xls,
        Self::OpenDocument,
        Self::Epub,
    ];

    /// Returns the media type for the report.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Markdown => "text/markdown",
            Self::Code => "text/x-source",
            Self::Html => "text/html",
            Self::Xml => "application/xml",
            Self::Feed => "application/rss+xml",
            Self::Json => "application/json",
            Self::JsonLines => "application/jsonl",
            Self::Notebook => "application/x-ipynb+json",
            Self::Csv => "text/csv",
            Self::Mail => "message/rfc822",
            Self::Rtf => "application/rtf",
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Xls => "application/vnd.ms-excel",
            Self::OpenDocument => "application/vnd.oasis.opendocument",
            Self::Epub => "application/epub+zip",
        }
    }

    /// Returns the format of this media type.
    pub(super) fn of_report(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.media_type() == media_type)
    }

    /// Returns the version of the format's reader. It rises when the text that the reader yields changes, so that
    /// documents of an earlier version can be named and read again.
    pub(super) const fn reader_version(self) -> u32 {
        match self {
            Self::Text
            | Self::Markdown
            | Self::Code
            | Self::Html
            | Self::Xml
            | Self::Feed
            | Self::Json
            | Self::JsonLines
            | Self::Notebook
            | Self::Csv
            | Self::Mail
            | Self::Rtf
            | Self::Pdf
            | Self::Docx
            | Self::Pptx
            | Self::Xlsx
            | Self::Xls
            | Self::OpenDocument
            | Self::Epub => 2,
        }
    }

    /// Returns the text format that a file name suggests.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        let extension = extension.to_ascii_lowercase();
        Some(match extension.as_str() {
            "txt" | "text" | "log" | "rst" | "org" | "adoc" | "asciidoc" | "srt" | "vtt" => Self::Text,
            "md" | "markdown" | "mdx" | "mkd" => Self::Markdown,
            "html" | "htm" | "xhtml" => Self::Html,
            "xml" => Self::Xml,
            "rss" | "atom" => Self::Feed,
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::JsonLines,
            "ipynb" => Self::Notebook,
            "csv" | "tsv" | "tab" => Self::Csv,
            "eml" | "mbox" => Self::Mail,
            extension if SOURCE_CODE.contains(&extension) => Self::Code,
            _ => return None,
        })
    }

    /// Returns the text format that a declared media type suggests.
    pub(super) fn of_media_type(claimed: &str) -> Option<Self> {
        let essence = claimed.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(match essence.as_str() {
            "text/plain" => Self::Text,
            "text/markdown" | "text/x-markdown" => Self::Markdown,
            "text/html" | "application/xhtml+xml" => Self::Html,
            "text/xml" | "application/xml" => Self::Xml,
            "application/rss+xml" | "application/atom+xml" => Self::Feed,
            "application/json" => Self::Json,
            "application/jsonl" | "application/x-ndjson" => Self::JsonLines,
            "application/x-ipynb+json" => Self::Notebook,
            "text/csv" | "text/tab-separated-values" => Self::Csv,
            "message/rfc822" => Self::Mail,
            _ => return None,
        })
    }
}

/// File extensions of programming, configuration and query languages.
const SOURCE_CODE: &[&str] = &[
    "asm",
    "awk",
    "bash",
    "bat",
    "bzl",
    "c",
    "cc",
    "cfg",
    "clj",
    "cljs",
    "cmake",
    "conf",
    "cpp",
    "cs",
    "css",
    "cu",
    "cxx",
    "dart",
    "dockerfile",
    "el",
    "elm",
    "erl",
    "ex",
    "exs",
    "f90",
    "fs",
    "fsx",
    "gd",
    "go",
    "gradle",
    "graphql",
    "groovy",
    "h",
    "hcl",
    "hh",
    "hpp",
    "hrl",
    "hs",
    "ini",
    "java",
    "jl",
    "js",
    "jsx",
    "kt",
    "kts",
    "less",
    "lisp",
    "lua",
    "m",
    "mk",
    "ml",
    "mli",
    "mm",
    "nim",
    "nix",
    "php",
    "pl",
    "pm",
    "properties",
    "proto",
    "ps1",
    "py",
    "pyi",
    "r",
    "rb",
    "rkt",
    "rs",
    "sass",
    "scala",
    "scm",
    "scss",
    "sh",
    "sol",
    "sql",
    "svelte",
    "swift",
    "tcl",
    "tex",
    "tf",
    "thrift",
    "toml",
    "ts",
    "tsx",
    "v",
    "vb",
    "vhd",
    "vim",
    "vue",
    "wat",
    "yaml",
    "yml",
    "zig",
    "zsh",
];
