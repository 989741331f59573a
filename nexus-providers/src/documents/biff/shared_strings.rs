//! Shared strings of a workbook: the runs of their texts that have fonts of their own.

use std::collections::BTreeMap;

use super::u16_at;

/// Start of a run, in units of UTF-16, and the number of its font.
pub(in super::super) type Run = (u16, u16);

/// Returns the runs of each shared string that has some, by its number. `parts` are the data of the record of shared
/// strings and of the records that continue it.
pub(super) fn runs(parts: &[&[u8]]) -> BTreeMap<u32, Vec<Run>> {
    let mut runs = BTreeMap::new();
    let Some((first, rest)) = parts.split_first() else { return runs };
    let mut data = Parts { data: first.get(8..).unwrap_or_default(), rest };
    for number in 0.. {
        let Some(found) = data.string() else { break };
        if !found.is_empty() {
            runs.insert(number, found);
        }
    }
    runs
}

/// Data of consecutive records.
struct Parts<'a> {
    data: &'a [u8],
    rest: &'a [&'a [u8]],
}

impl Parts<'_> {
    /// Reads a string and returns its runs. Returns nothing at the end.
    fn string(&mut self) -> Option<Vec<Run>> {
        let length = self.short()?;
        let [flags] = self.take()?;
        let runs = if flags & 0x08 > 0 { self.short()? } else { 0 };
        let extension = if flags & 0x04 > 0 { u32::from_le_bytes(self.take()?) } else { 0 };
        self.skip_characters(length.into(), flags & 0x01 > 0)?;
        let runs = (0..runs).map(|_| Some((self.short()?, self.short()?))).collect::<Option<_>>()?;
        (0..extension).try_for_each(|_| self.take::<1>().map(drop))?;
        Some(runs)
    }

    /// Skips characters. Where a record ends within them, the next one begins with a byte that says how wide they are.
    fn skip_characters(&mut self, mut left: usize, mut is_wide: bool) -> Option<()> {
        while left > 0 {
            if self.data.is_empty() {
                self.next()?;
                let [flags] = self.take()?;
                is_wide = flags & 0x01 > 0;
            }
            let width = if is_wide { 2 } else { 1 };
            let taken = left.min(self.data.len() / width);
            if taken == 0 {
                return None;
            }
            self.data = self.data.get(taken * width..)?;
            left -= taken;
        }
        Some(())
    }

    fn short(&mut self) -> Option<u16> {
        u16_at(&self.take::<2>()?, 0)
    }

    fn take<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        if self.data.is_empty() {
            self.next()?;
        }
        let (taken, rest) = self.data.split_first_chunk()?;
        self.data = rest;
        Some(*taken)
    }

    fn next(&mut self) -> Option<()> {
        let (next, rest) = self.rest.split_first()?;
        (self.data, self.rest) = (next, rest);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_across_records() {
        // Nine letters, of which the last four stand in the next record, with two runs and two bytes of an extension.
        let first = [&[0; 8][..], &[1, 0, 0, b'x', 9, 0, 0x0D, 2, 0, 2, 0, 0, 0, b'a', 0, b'b', 0]].concat();
        let second = [&[0][..], b"cdefghi", &[3, 0, 7, 0, 5, 0, 0, 0, 1, 1, 1, 0, 0, b'y']].concat();
        assert_eq!(runs(&[&first, &second]), [(1, vec![(3, 7), (5, 0)])].into());
        assert_eq!(runs(&[&first, &second[..4]]), BTreeMap::new());
    }
}
