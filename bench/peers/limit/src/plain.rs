//! A word count as a good Rust programmer writes it: one hash map per thread with a fast hash, keys in an arena, then the
//! maps merged by partition, sorted and written.

use crate::input::Chunks;
use crate::words::write_line;
use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{self, BufWriter, Write};
use std::thread;

type Counts = HashMap<&'static [u8], u64, BuildHasherDefault<FastHasher>>;

const ARENA_BYTES: usize = 1 << 20;

pub fn count(input: &str, output: &str, threads: usize) -> io::Result<()> {
    let chunks = Chunks::open(input)?;
    let maps: Vec<Vec<Counts>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| count_chunks(&chunks, threads))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect::<io::Result<_>>()
    })?;
    let partitions: Vec<Vec<Counts>> = transpose(maps, threads);
    let texts: Vec<Vec<u8>> = thread::scope(|scope| {
        let running: Vec<_> = partitions.into_iter().map(|maps| scope.spawn(|| sorted_text(maps))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut file = BufWriter::new(File::create(output)?);
    texts.iter().try_for_each(|text| file.write_all(text))?;
    file.flush()
}

/// Returns a map for each partition, which the first letter decides.
fn count_chunks(chunks: &Chunks, partitions: usize) -> io::Result<Vec<Counts>> {
    let mut maps = vec![Counts::default(); partitions];
    let mut arena = Arena { free: &mut [] };
    let (mut buffer, mut word) = (Vec::new(), Vec::new());
    while let Some(range) = chunks.take_words(&mut buffer)? {
        let mut at = range.start;
        while at < range.end {
            word.clear();
            while buffer[at].is_ascii_alphabetic() {
                word.push(buffer[at] | 0x20);
                at += 1;
            }
            if !word.is_empty() {
                let counts = &mut maps[usize::from(word[0]) % partitions];
                match counts.get_mut(word.as_slice()) {
                    Some(count) => *count += 1,
                    None => {
                        counts.insert(arena.keep(&word), 1);
                    }
                }
            }
            at += 1;
        }
    }
    Ok(maps)
}

/// Keeps words until the process ends.
struct Arena {
    free: &'static mut [u8],
}

impl Arena {
    fn keep(&mut self, word: &[u8]) -> &'static [u8] {
        if self.free.len() < word.len() {
            self.free = Box::leak(vec![0; ARENA_BYTES.max(word.len())].into_boxed_slice());
        }
        let (kept, free) = std::mem::take(&mut self.free).split_at_mut(word.len());
        self.free = free;
        kept.copy_from_slice(word);
        kept
    }
}

fn transpose(maps: Vec<Vec<Counts>>, partitions: usize) -> Vec<Vec<Counts>> {
    let mut transposed: Vec<Vec<Counts>> = (0..partitions).map(|_| Vec::new()).collect();
    for of_thread in maps {
        for (partition, counts) in of_thread.into_iter().enumerate() {
            transposed[partition].push(counts);
        }
    }
    transposed
}

fn sorted_text(maps: Vec<Counts>) -> Vec<u8> {
    let mut maps = maps.into_iter();
    let mut all = maps.next().unwrap();
    for counts in maps {
        // A map that grows while it takes the words of another in their order would have long runs of full slots.
        all.reserve(counts.len());
        for (word, count) in counts {
            *all.entry(word).or_default() += count;
        }
    }
    let mut counts: Vec<_> = all.into_iter().collect();
    counts.sort_unstable();
    let mut text = Vec::new();
    for (word, count) in counts {
        write_line(word, count, &mut text);
    }
    text
}

/// Multiplies and rotates, eight bytes at a time.
#[derive(Default)]
struct FastHasher(u64);

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while rest.len() >= 8 {
            self.add(u64::from_le_bytes(rest[..8].try_into().unwrap()));
            rest = &rest[8..];
        }
        let mut last = 0;
        for &byte in rest {
            last = (last << 8) | u64::from(byte);
        }
        self.add(last);
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        // The map takes the upper bits too.
        self.0.rotate_left(26)
    }
}

impl FastHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}
