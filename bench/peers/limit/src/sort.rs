//! Sorts lines by their first ten bytes. Lines of equal keys stay in the order of the input.
//!
//! An entry is ten bytes of key and six of the line's offset in one number. The lines themselves move once, to the output.

use crate::buckets::{scatter, write_sorted, Entry, BUCKET_BITS};
use crate::input::Chunks;
use std::io;
use std::thread;

const KEY_BYTES: usize = 10;
const OFFSET_BITS: u32 = 48;

impl Entry for u128 {
    #[inline]
    fn bucket(&self) -> usize {
        // Keys are printable, so the top bit is 0: leave it out.
        (*self >> (127 - BUCKET_BITS)) as usize & ((1 << BUCKET_BITS) - 1)
    }
}

pub fn sort(input: &str, output: &str, threads: usize) -> io::Result<()> {
    let chunks = Chunks::open(input)?;
    let size = chunks.size() as usize;
    let mut text = vec![0u8; size + KEY_BYTES];
    let target = text.as_mut_ptr() as usize;
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| -> io::Result<()> {
                    while let Some((start, end)) = chunks.take() {
                        // SAFETY: the chunks are disjoint and lie in the text.
                        let part = unsafe {
                            std::slice::from_raw_parts_mut(
                                (target + start as usize) as *mut u8,
                                (end - start) as usize,
                            )
                        };
                        chunks.read(part, start)?;
                    }
                    Ok(())
                })
            })
            .collect();
        running.into_iter().try_for_each(|thread| thread.join().unwrap())
    })?;

    let lines = &text[..size];
    let lists: Vec<Vec<u128>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|index| {
                let (start, end) = (
                    line_start(lines, size * index / threads),
                    line_start(lines, size * (index + 1) / threads),
                );
                let text = &text;
                scope.spawn(move || entries_of(text, start, end))
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let entries = scatter(&lists);
    drop(lists);
    write_sorted(
        output,
        threads,
        entries,
        |bucket, sorted| {
            bucket.sort_unstable();
            for entry in bucket {
                let start = (*entry & ((1 << OFFSET_BITS) - 1)) as usize;
                sorted.extend_from_slice(&lines[start..line_end(lines, start)]);
                if lines[line_end(lines, start) - 1] != b'\n' {
                    sorted.push(b'\n');
                }
            }
        },
        Vec::new(),
    )
}

fn entries_of(text: &[u8], start: usize, end: usize) -> Vec<u128> {
    let mut entries = Vec::with_capacity((end - start) / 100 + 1);
    let lines = &text[..text.len() - KEY_BYTES];
    let mut at = start;
    while at < end {
        let after = line_end(lines, at);
        let mut key = [0; 16];
        key[..KEY_BYTES].copy_from_slice(&text[at..at + KEY_BYTES]);
        let mut key = u128::from_be_bytes(key);
        // A line shorter than the key.
        let length = after - at - usize::from(text[after - 1] == b'\n');
        if length < KEY_BYTES {
            key &= !(u128::MAX >> (8 * length as u32));
        }
        entries.push(key | at as u128);
        at = after;
    }
    entries
}

/// The start of the first line at or after this place.
fn line_start(lines: &[u8], at: usize) -> usize {
    if at == 0 || at >= lines.len() || lines[at - 1] == b'\n' {
        return at.min(lines.len());
    }
    line_end(lines, at)
}

/// The place after the newline of the line at this place.
#[inline]
fn line_end(lines: &[u8], at: usize) -> usize {
    const NEWLINES: u64 = 0x0a0a_0a0a_0a0a_0a0a;
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut place = at;
    // Eight bytes at a time.
    while place + 8 <= lines.len() {
        let word = u64::from_le_bytes(lines[place..place + 8].try_into().unwrap()) ^ NEWLINES;
        let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if zeros != 0 {
            return place + zeros.trailing_zeros() as usize / 8 + 1;
        }
        place += 8;
    }
    lines[place..].iter().position(|&byte| byte == b'\n').map_or(lines.len(), |more| place + more + 1)
}
