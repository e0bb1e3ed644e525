//! A word count: the runs of [A-Za-z] in lower case.
//!
//! A word of up to 16 letters is two integers, read and made lower case eight bytes at a time. Each thread folds its words
//! into a table that stays in the cache, batch by batch, with the slots fetched ahead. A table that is full of words which
//! do not repeat goes to a log, and the words after it too. Then the logs of all threads are scattered by their first
//! letters, and each bucket is sorted, and equal neighbours added up.

use crate::buckets::{scatter, write_sorted, Entry, BUCKETS, BUCKET_BITS};
use crate::input::Chunks;
use std::collections::HashMap;
use std::io;
use std::thread;

const SLOTS_FIRST: usize = 1 << 12;
/// 32 MiB: 600,000 words. With more, a table is no longer faster than the log.
const SLOTS_MAX: usize = 1 << 20;
const BATCH: usize = 64;
/// A full table that took fewer words than this per entry is no use.
const REPEATS_MIN: u64 = 2;
const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x80 * ONES;

#[derive(Clone, Copy)]
struct Word {
    /// The first eight letters and the next eight, most significant first, so that numbers sort as words do.
    first: u64,
    second: u64,
    /// 0 in an empty slot.
    count: u64,
}

impl Entry for Word {
    /// The lower five bits of the first three letters.
    #[inline]
    fn bucket(&self) -> usize {
        let letter = |at: u32| (self.first >> (56 - 8 * at)) as usize & 31;
        let bucket = (letter(0) << 10) | (letter(1) << 5) | letter(2);
        debug_assert!(bucket < BUCKETS && BUCKET_BITS == 15);
        bucket
    }
}

pub fn count(input: &str, output: &str, threads: usize) -> io::Result<()> {
    let chunks = Chunks::open(input)?;
    let folders: Vec<Folder> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| fold_chunks(&chunks))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect::<io::Result<_>>()
    })?;

    let mut long: HashMap<Vec<u8>, u64> = HashMap::new();
    let mut logs = Vec::new();
    for folder in folders {
        for (word, count) in folder.long {
            *long.entry(word).or_default() += count;
        }
        logs.push(folder.log);
    }
    let mut tail = Vec::new();
    for (word, count) in long {
        write_line(&word, count, &mut tail);
    }
    let entries = scatter(&logs);
    drop(logs);
    write_sorted(output, threads, entries, write_bucket, tail)
}

fn fold_chunks(chunks: &Chunks) -> io::Result<Folder> {
    let mut folder = Folder::new();
    let mut buffer = Vec::new();
    while let Some(words) = chunks.take_words(&mut buffer)? {
        folder.add_words(&buffer, words.start, words.end);
    }
    folder.finish();
    Ok(folder)
}

struct Folder {
    slots: Vec<Word>,
    used: usize,
    /// The words that this table took.
    taken: u64,
    /// Whether the words of this input repeat too rarely for a table.
    is_bypassed: bool,
    log: Vec<Word>,
    /// Words of more than 16 letters. They are rare, and come last in the output.
    long: HashMap<Vec<u8>, u64>,
}

impl Folder {
    fn new() -> Folder {
        Folder {
            slots: empty(SLOTS_FIRST),
            used: 0,
            taken: 0,
            is_bypassed: false,
            log: Vec::new(),
            long: HashMap::new(),
        }
    }

    /// Adds the words that begin in `bytes[at..end]`. After `end`, the last word ends before the padding does.
    fn add_words(&mut self, bytes: &[u8], mut at: usize, end: usize) {
        let mut batch = [(0u64, 0u64); BATCH];
        let mut filled = 0;
        loop {
            while at < end && !bytes[at].is_ascii_alphabetic() {
                at += 1;
            }
            if at >= end {
                break;
            }
            let (first, length) = letters(bytes, at);
            let (mut second, mut total) = (0, length);
            if length == 8 {
                let (more, length) = letters(bytes, at + 8);
                second = more;
                total += length;
                if total == 16 && bytes[at + 16].is_ascii_alphabetic() {
                    at = self.add_long(bytes, at);
                    continue;
                }
            }
            at += total;
            batch[filled] = (first, second);
            filled += 1;
            if filled == BATCH {
                self.add_batch(&batch);
                filled = 0;
            }
        }
        self.add_batch(&batch[..filled]);
    }

    #[inline]
    fn add_batch(&mut self, batch: &[(u64, u64)]) {
        if self.is_bypassed {
            self.log.extend(batch.iter().map(|&(first, second)| Word { first, second, count: 1 }));
            return;
        }
        if (self.used + batch.len()) * 2 > self.slots.len() {
            self.grow();
            return self.add_batch(batch);
        }
        let mask = self.slots.len() - 1;
        let mut places = [0; BATCH];
        for (place, &(first, second)) in places.iter_mut().zip(batch) {
            *place = hash(first, second) as usize & mask;
            prefetch(&self.slots[*place]);
        }
        for (&place, &(first, second)) in places.iter().zip(batch) {
            let mut place = place;
            loop {
                // SAFETY: the mask keeps it below the length.
                let slot = unsafe { self.slots.get_unchecked_mut(place) };
                if slot.count == 0 {
                    *slot = Word { first, second, count: 1 };
                    self.used += 1;
                    break;
                }
                if slot.first == first && slot.second == second {
                    slot.count += 1;
                    break;
                }
                place = (place + 1) & mask;
            }
        }
        self.taken += batch.len() as u64;
    }

    fn grow(&mut self) {
        if self.slots.len() < SLOTS_MAX {
            let words = std::mem::take(&mut self.slots);
            self.slots = empty(words.len() * 2);
            let mask = self.slots.len() - 1;
            for word in words.into_iter().filter(|word| word.count > 0) {
                let mut place = hash(word.first, word.second) as usize & mask;
                while self.slots[place].count > 0 {
                    place = (place + 1) & mask;
                }
                self.slots[place] = word;
            }
            return;
        }
        self.is_bypassed = self.taken < REPEATS_MIN * self.used as u64;
        self.drain();
    }

    fn drain(&mut self) {
        self.log.extend(self.slots.iter().filter(|word| word.count > 0));
        self.slots.fill(Word { first: 0, second: 0, count: 0 });
        self.used = 0;
        self.taken = 0;
    }

    /// Leaves all words in the log.
    fn finish(&mut self) {
        self.drain();
        self.slots = Vec::new();
    }

    #[cold]
    fn add_long(&mut self, bytes: &[u8], start: usize) -> usize {
        let length = bytes[start..].iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap();
        *self.long.entry(bytes[start..start + length].to_ascii_lowercase()).or_default() += 1;
        start + length
    }
}

fn empty(slots: usize) -> Vec<Word> {
    vec![Word { first: 0, second: 0, count: 0 }; slots]
}

/// Returns the letters at `at` in lower case, at most eight, in a number padded with zeros, and how many they are.
#[inline(always)]
fn letters(bytes: &[u8], at: usize) -> (u64, usize) {
    debug_assert!(at + 8 <= bytes.len());
    // SAFETY: the padding has 16 bytes, and a word begins and goes on before it.
    let raw = u64::from_le_bytes(unsafe { *(bytes.as_ptr().add(at) as *const [u8; 8]) });
    let lower = raw | (0x20 * ONES);
    // Adding without carries between bytes: the top bit is set from 'a' on, and above 'z'.
    let low = lower & !TOPS;
    let is_letter =
        (low + (0x80 - b'a' as u64) * ONES) & !(low + (0x7f - b'z' as u64) * ONES) & !lower & TOPS;
    let others = is_letter ^ TOPS;
    let length = (others.trailing_zeros() / 8) as usize;
    let kept = if length == 8 { lower } else { lower & ((1u64 << (8 * length)) - 1) };
    (kept.swap_bytes(), length)
}

#[inline(always)]
fn hash(first: u64, second: u64) -> u64 {
    let product = (first ^ 0x9e37_79b9_7f4a_7c15) as u128 * (second ^ 0xd6e8_feb8_6659_fd93) as u128;
    (product as u64) ^ (product >> 64) as u64
}

#[inline(always)]
fn prefetch(slot: &Word) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: prefetching has no effect but on the cache.
    unsafe {
        std::arch::x86_64::_mm_prefetch(slot as *const Word as *const i8, std::arch::x86_64::_MM_HINT_T0)
    };
    #[cfg(not(target_arch = "x86_64"))]
    std::hint::black_box(slot.count);
}

/// Sorts a bucket, adds up equal words and writes `word TAB count` lines.
fn write_bucket(bucket: &mut [Word], text: &mut Vec<u8>) {
    bucket.sort_unstable_by_key(|word| ((word.first as u128) << 64) | word.second as u128);
    let mut at = 0;
    while at < bucket.len() {
        let Word { first, second, mut count } = bucket[at];
        at += 1;
        while at < bucket.len() && bucket[at].first == first && bucket[at].second == second {
            count += bucket[at].count;
            at += 1;
        }
        let letters = (((first as u128) << 64) | second as u128).to_be_bytes();
        let zeros = (((first as u128) << 64) | second as u128).trailing_zeros() as usize / 8;
        write_line(&letters[..16 - zeros], count, text);
    }
}

pub fn write_line(word: &[u8], count: u64, text: &mut Vec<u8>) {
    text.extend_from_slice(word);
    text.push(b'\t');
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = count;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
    text.push(b'\n');
}
