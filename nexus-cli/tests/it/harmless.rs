//! Nexus touches nothing but its own files: a copy of a home directory's shape is the same after every command, wherever
//! the data directory lies and whatever it is mistaken for.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use crate::bench::{Bench, Said};

const HASH: &str = "9e0be01ddf3792e80dbae4a471e61a4f7137e6188be67580fd4bddbf947383a9";
const ID: &str = "01a22bcc-7bae-71de-a873-525b155dd19c";

/// A home directory: hidden files, projects whose folders are called like those of a store, names that a store gives to
/// its files, links, deep folders.
fn home(dir: &Path) {
    let deep = (0..40).map(|level| format!("level{level}")).collect::<Vec<_>>().join("/") + "/";
    let files = [
        ".bashrc".to_owned(),
        ".config/app/settings.json".to_owned(),
        ".cache/answer.db".to_owned(),
        "notes.md".to_owned(),
        "book/text/chapter1/a.txt".to_owned(),
        "book/text/1/meta.json".to_owned(),
        "book/text/1/.managed.json".to_owned(),
        "book/text/2/notes.md".to_owned(),
        "book/blobs/images/x.png".to_owned(),
        format!("book/blobs/{HASH}/{HASH}"),
        format!("book/blobs/{HASH}/draft-{ID}"),
        format!("book/requests/cancel-{ID}.json"),
        format!("book/requests/.cancel-{ID}.json"),
        "book/cache/answer.db".to_owned(),
        "book/cache/answer.db-wal".to_owned(),
        "book/cache/embedding.db".to_owned(),
        "book/lock".to_owned(),
        "book/copying".to_owned(),
        "registry/blobs/sha256.txt".to_owned(),
        format!("registry/{HASH}/{HASH}"),
        format!("{deep}end.txt"),
        "read-only/letter.txt".to_owned(),
        "empty.txt".to_owned(),
    ];
    for file in &files {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("the user's own {file}")).unwrap();
    }
    fs::create_dir_all(dir.join("empty/folder")).unwrap();
    fs::set_permissions(dir.join("read-only/letter.txt"), fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(dir.join("book/text"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("notes.md", dir.join("link-to-file")).unwrap();
    symlink("book", dir.join("link-to-folder")).unwrap();
    symlink("nowhere", dir.join("link-to-nothing")).unwrap();
    symlink("..", dir.join("book/link-upwards")).unwrap();
}

/// Returns everything below `dir` except `except`: kind, mode, last change and content.
fn tree(dir: &Path, except: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        if path == except {
            continue;
        }
        let about = fs::symlink_metadata(&path).unwrap();
        let content = if about.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            String::new()
        } else if about.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else {
            String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
        };
        let changed = (about.mtime(), about.mtime_nsec());
        lines.push(format!("{} {:o} {changed:?} {content}", path.display(), about.mode()));
    }
    lines.sort();
    lines
}

/// Every command that opens a data directory.
const COMMANDS: [&str; 40] = [
    "ingest docs --corpus handbook",
    "ingest docs --corpus handbook --overwrite",
    "corpora list",
    "corpora show handbook",
    "corpora create other",
    "corpora set other --name Other",
    "docs list",
    "docs show handbook/leave.md",
    "docs grants handbook/leave.md",
    "docs grant handbook/leave.md role:reader read",
    "docs reindex handbook/leave.md",
    "corpora reindex handbook",
    "search --corpus handbook leave",
    "ask --corpus handbook leave?",
    "chat --corpus handbook",
    "runs list",
    "runs verify --all",
    "runs cancel 01a22bcc-7bae-71de-a873-525b155dd19c",
    "sessions list",
    "providers check",
    "models",
    "usage",
    "ledger list",
    "ledger export --csv -",
    "pricing list",
    "budget set --scope user --per month --usd 10",
    "budget show",
    "budget rm --scope user --per month",
    "kill-switch status",
    "kill-switch rearm",
    "tenants set local plan=starter",
    "tenants list",
    "tenants history local",
    "tenants rm local",
    "status",
    "export",
    "docs rm handbook/leave.md --dry-run",
    "docs rm handbook/leave.md",
    "corpora rm handbook --dry-run",
    "corpora rm handbook",
];

/// Runs every command on the data directory `data` and compares the home directory after each.
fn check(bench: &Bench, data: &str, expect: impl Fn(&str, &Said)) {
    let (home, data) = (bench.path("user"), bench.path(data));
    let before = tree(&home, &data);
    for command in COMMANDS {
        let mut arguments = vec!["--data", data.to_str().unwrap()];
        arguments.extend(command.split(' '));
        let said = bench.run(&arguments);
        expect(command, &said);
        assert_eq!(tree(&home, &data), before, "after `{command}` on {}", data.display());
    }
}

fn furnished() -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("user")).unwrap();
    home(&bench.path("user"));
    bench
}

/// A data directory inside is made beforehand, so that the directory above it does not change.
#[test]
fn a_home_directory_is_the_same_after_every_command_on_a_store_inside_it() {
    let bench = furnished();
    fs::create_dir(bench.path("user/book/nexus-data")).unwrap();
    check(&bench, "user/book/nexus-data", |command, said| {
        let fails = command.starts_with("runs cancel") || command == "kill-switch rearm";
        assert_eq!(said.code == Some(0), !fails, "{command}: {said:#?}");
    });
}

#[test]
fn a_home_directory_is_the_same_after_every_command_on_a_store_with_links_into_it() {
    let bench = furnished();
    let data = bench.path("nexus-data");
    bench.run(&["ingest", "docs", "--corpus", "handbook"]).ends(0);
    for (link, target) in [("text", "book/text"), ("cache", "book/cache"), ("requests", "book/requests")] {
        let _ = fs::remove_dir_all(data.join(link));
        symlink(bench.path("user").join(target), data.join(link)).unwrap();
    }
    symlink(bench.path("user/registry").join(HASH), data.join("blobs").join(HASH)).unwrap();
    check(&bench, "nexus-data", |command, said| {
        let fails = command.starts_with("runs cancel") || command == "kill-switch rearm";
        assert_eq!(said.code == Some(0), !fails, "{command}: {said:#?}");
    });
}

#[test]
fn a_home_directory_that_is_mistaken_for_a_store_is_refused_and_left_as_it_is() {
    for mistaken in ["user", "user/book", "user/registry", "user/link-to-folder"] {
        let bench = furnished();
        let (home, data) = (bench.path("user"), bench.path(mistaken));
        let before = tree(&home, Path::new(""));
        for command in COMMANDS {
            let mut arguments = vec!["--data", data.to_str().unwrap(), "--json"];
            arguments.extend(command.split(' '));
            let said = bench.run(&arguments).ends(1);
            let code = said.error_code();
            let expected = if mistaken.contains("book") || mistaken.contains("folder") {
                "DATABASE_MISSING" // What is in it could be a store's.
            } else {
                "DATA_NOT_EMPTY"
            };
            assert_eq!(code, expected, "{command} on {mistaken}: {said:#?}");
            assert!(said.err.contains("hint"), "{said:#?}");
            assert_eq!(tree(&home, Path::new("")), before, "after `{command}` on {mistaken}");
        }
    }
}

#[test]
fn a_project_with_folders_called_like_those_of_a_store_keeps_them() {
    let bench = Bench::new();
    for file in ["proj/text/chapter1/a.txt", "proj/blobs/images/x.png"] {
        fs::create_dir_all(bench.path(file).parent().unwrap()).unwrap();
        bench.write(file, "mine");
    }
    let said = bench.run(&["--data", "proj", "ingest", "docs", "--corpus", "h", "--json"]).ends(1);
    assert_eq!(said.error_code(), "DATA_NOT_EMPTY");
    let names: Vec<_> =
        fs::read_dir(bench.path("proj")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(fs::read(bench.path("proj/text/chapter1/a.txt")).unwrap(), b"mine");
}

#[test]
fn a_database_that_is_away_for_a_moment_is_not_made_anew() {
    let bench = Bench::ingested();
    fs::rename(bench.path("nexus-data/nexus.db"), bench.path("away.db")).unwrap();
    let data = bench.path("nexus-data");
    let before = tree(&data, Path::new(""));
    for command in COMMANDS {
        let arguments: Vec<_> = command.split(' ').chain(["--json"]).collect();
        let said = bench.run(&arguments).ends(1);
        assert_eq!(said.error_code(), "DATABASE_MISSING", "{command}");
        assert_eq!(tree(&data, Path::new("")), before, "{command}");
    }
    let id = ID;
    bench.run(&["runs", "cancel", id]).ends(1);
    fs::rename(bench.path("away.db"), bench.path("nexus-data/nexus.db")).unwrap();
    bench.run(&["docs", "reindex", "handbook/leave.md"]).ends(0);
    bench.run(&["runs", "verify", "--all"]).ends(0);
}

#[test]
fn files_of_unknown_origin_are_removed_after_a_day_and_counted() {
    let bench = Bench::ingested();
    let homes = fs::read_dir(bench.path("nexus-data/blobs")).unwrap();
    let home = homes.map(|home| home.unwrap().path()).next().unwrap();
    let left = home.join(format!("draft-{ID}"));
    fs::write(&left, "half").unwrap();
    assert_eq!(bench.run(&["docs", "reindex", "handbook/leave.md"]).ends(0).err, "");
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(30);
    fs::File::options().write(true).open(&left).unwrap().set_modified(old).unwrap();
    let said = bench.run(&["docs", "reindex", "handbook/leave.md"]).ends(0);
    assert!(said.err.contains("removed 1 files"), "{said:#?}");
    assert!(!left.exists());
}

#[test]
fn no_file_of_the_users_is_written_over() {
    let bench = Bench::ingested();
    bench.write("mine", "mine");
    let commands: [&[&str]; 4] = [
        &["export", "mine", "--json"],
        &["ledger", "export", "--csv", "mine", "--json"],
        &["ask", "--corpus", "handbook", "--speak", "mine", "leave?", "--json"],
        &["backup", ".", "--json"],
    ];
    for command in commands {
        let said = bench.with(&[("TTS_PROVIDER", "fake")], command).ends(1);
        assert!(["FILE_EXISTS", "BACKUP_NOT_EMPTY"].contains(&&*said.error_code()), "{said:#?}");
        assert_eq!(fs::read(bench.path("mine")).unwrap(), b"mine");
    }
}
