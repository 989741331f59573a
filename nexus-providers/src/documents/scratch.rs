//! Temporary storage: [`Scratch`] keeps bytes in memory, and in an unnamed file when they are many.
//!
//! A confined worker may open no file, so [`prepare`] creates some files beforehand.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files of this process that were created in advance.
static PREPARED: Mutex<Prepared> = Mutex::new(Prepared { files: Vec::new(), fault: None });

struct Prepared {
    files: Vec<File>,
    /// Error that kept further files from being created.
    fault: Option<io::Error>,
}

fn prepared() -> MutexGuard<'static, Prepared> {
    PREPARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Creates this many files in the temporary directory, for a process that will lose the right to. An error is
/// reported when a file is needed.
pub(super) fn prepare(files: usize) {
    let mut prepared = prepared();
    for _ in 0..files {
        match tempfile::tempfile() {
            Ok(file) => prepared.files.push(file),
            Err(fault) => prepared.fault = Some(fault),
        }
    }
}

/// Temporary storage that is empty at first. Dropping it frees the space.
#[derive(Debug)]
pub(super) struct Scratch {
    place: Place,
    in_memory: usize,
}

#[derive(Debug)]
enum Place {
    Memory(Cursor<Vec<u8>>),
    /// File of its own, or a prepared one that is used again later.
    File {
        file: File,
        is_prepared: bool,
    },
}

impl Scratch {
    /// Creates a storage that keeps up to `in_memory` bytes in memory.
    pub(super) fn new(in_memory: usize) -> Self {
        Self { place: Place::Memory(Cursor::default()), in_memory }
    }

    /// Moves to a file if `more` bytes would exceed the memory limit.
    fn make_room(&mut self, more: usize) -> io::Result<()> {
        let Place::Memory(memory) = &self.place else { return Ok(()) };
        let end = memory.position().saturating_add(more as u64);
        if end <= self.in_memory as u64 {
            return Ok(());
        }
        let (mut file, is_prepared) = open()?;
        let moved =
            file.write_all(memory.get_ref()).and_then(|()| file.seek(SeekFrom::Start(memory.position())));
        self.place = match moved {
            Ok(_) => Place::File { file, is_prepared },
            Err(fault) => {
                give_back(file, is_prepared);
                return Err(fault);
            }
        };
        Ok(())
    }
}

/// Returns an empty file, and whether it was prepared.
fn open() -> io::Result<(File, bool)> {
    let mut prepared = prepared();
    if let Some(file) = prepared.files.pop() {
        return Ok((file, true));
    }
    match &prepared.fault {
        Some(fault) => Err(io::Error::new(fault.kind(), fault.to_string())),
        None => tempfile::tempfile().map(|file| (file, false)),
    }
}

fn give_back(mut file: File, is_prepared: bool) {
    // A file that cannot be truncated is not reusable.
    if is_prepared && file.rewind().and_then(|()| file.set_len(0)).is_ok() {
        prepared().files.push(file);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let place = std::mem::replace(&mut self.place, Place::Memory(Cursor::default()));
        if let Place::File { file, is_prepared } = place {
            give_back(file, is_prepared);
        }
    }
}

impl Read for Scratch {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::Memory(memory) => memory.read(into),
            Place::File { file, .. } => file.read(into),
        }
    }
}

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.make_room(bytes.len())?;
        match &mut self.place {
            Place::Memory(memory) => memory.write(bytes),
            Place::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Scratch {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.place {
            Place::Memory(memory) => memory.seek(to),
            Place::File { file, .. } => file.seek(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(parts: &[&str]) -> Scratch {
        let mut scratch = Scratch::new(8);
        for part in parts {
            scratch.write_all(part.as_bytes()).unwrap();
        }
        scratch
    }

    fn text(scratch: &mut Scratch) -> String {
        let mut text = String::new();
        scratch.rewind().unwrap();
        scratch.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn bytes_read_back_in_memory_or_on_disk_whatever_was_in_the_file_before() {
        prepare(1);
        for parts in
            [&["12345", "678"][..], &["12345", "67890", "more of it"], &["another", " one"], &["x"], &[]]
        {
            let (mut one, mut other) = (filled(parts), filled(parts));
            assert_eq!([text(&mut one), text(&mut other)], [parts.concat(), parts.concat()]);
            assert_eq!(one.seek(SeekFrom::End(0)).unwrap(), parts.concat().len() as u64);
        }
    }

    #[test]
    fn what_was_written_before_a_file_is_needed_is_overwritten_in_its_place() {
        let mut scratch = filled(&["1234567"]);
        scratch.seek(SeekFrom::Start(2)).unwrap();
        scratch.write_all(b"abcdefgh").unwrap();
        assert_eq!(text(&mut scratch), "12abcdefgh");
    }

    #[test]
    fn a_fault_of_the_machine_is_told_and_small_things_need_no_file() {
        for unfit in [File::open("/dev/null"), File::options().write(true).open("/dev/full")] {
            let mut scratch =
                Scratch { place: Place::File { file: unfit.unwrap(), is_prepared: false }, in_memory: 0 };
            assert!(scratch.write_all(b"12345").is_err());
        }
        assert_eq!(text(&mut filled(&["123"])), "123");
    }
}
