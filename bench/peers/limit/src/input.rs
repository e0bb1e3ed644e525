//! Reads a file in chunks, which threads take from a common counter.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

const CHUNK_BYTES: u64 = 4 << 20;
/// After the bytes of a chunk of words, so that eight bytes can be read from any place in it.
const PADDING: usize = 16;
/// Read after a chunk, to see where its last word ends.
const BEYOND_BYTES: u64 = 1 << 10;

pub struct Chunks {
    file: File,
    size: u64,
    next: AtomicU64,
}

impl Chunks {
    pub fn open(path: &str) -> io::Result<Chunks> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Chunks { file, size, next: AtomicU64::new(0) })
    }

    /// Returns the range of the next chunk, until all are taken.
    pub fn take(&self) -> Option<(u64, u64)> {
        let start = self.next.fetch_add(CHUNK_BYTES, Ordering::Relaxed);
        (start < self.size).then(|| (start, self.size.min(start + CHUNK_BYTES)))
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills the buffer with the file from `at`; the file must be long enough.
    pub fn read(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, at)
    }

    /// Reads the next chunk into the buffer. Returns where in the buffer the words of this chunk begin; the last one ends
    /// after the range. A word belongs to the chunk in which it begins.
    pub fn take_words(&self, buffer: &mut Vec<u8>) -> io::Result<Option<Range<usize>>> {
        let Some((start, end)) = self.take() else { return Ok(None) };
        // One byte more on the left shows whether a word began before.
        let from = start.saturating_sub(1);
        let place = |at: u64| (at - from) as usize;
        let mut beyond = BEYOND_BYTES;
        loop {
            let until = self.size.min(end + beyond);
            buffer.clear();
            buffer.resize(place(until) + PADDING, 0);
            self.read(&mut buffer[..place(until)], from)?;
            let is_whole =
                buffer[place(end) - 1..place(until)].iter().any(|byte| !byte.is_ascii_alphabetic());
            if until == self.size || is_whole {
                break;
            }
            beyond *= 8;
        }
        let mut at = place(start);
        if start > 0 && buffer[0].is_ascii_alphabetic() {
            at += buffer[at..].iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap();
        }
        Ok(Some(at..place(end)))
    }
}
