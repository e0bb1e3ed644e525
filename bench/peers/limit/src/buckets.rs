//! Orders entries by a key: scatters them into buckets by the first bits of the key, and lets threads sort the buckets,
//! each of which fits in a cache.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

/// Two letters of five bits, and more of the next.
pub const BUCKET_BITS: u32 = 15;
pub const BUCKETS: usize = 1 << BUCKET_BITS;
const TASKS: usize = 64;

pub trait Entry: Copy + Send + Sync {
    /// The number of a bucket. Buckets in order hold keys in order.
    fn bucket(&self) -> usize;
}

/// Returns the entries of all lists, bucket by bucket, and where each bucket starts.
pub fn scatter<E: Entry>(lists: &[Vec<E>]) -> (Vec<E>, Vec<usize>) {
    let counts: Vec<Vec<usize>> = thread::scope(|scope| {
        let running: Vec<_> = lists.iter().map(|list| scope.spawn(move || count(list))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let total: usize = lists.iter().map(Vec::len).sum();
    let mut scattered: Vec<E> = Vec::with_capacity(total);
    let mut starts = vec![0; BUCKETS + 1];
    let mut places = vec![vec![0; BUCKETS]; lists.len()];
    let mut at = 0;
    for bucket in 0..BUCKETS {
        starts[bucket] = at;
        for (list, counts) in counts.iter().enumerate() {
            places[list][bucket] = at;
            at += counts[bucket];
        }
    }
    starts[BUCKETS] = at;
    let target = scattered.as_mut_ptr() as usize;
    thread::scope(|scope| {
        for (list, places) in lists.iter().zip(places.iter_mut()) {
            scope.spawn(move || {
                for entry in list {
                    let place = &mut places[entry.bucket()];
                    // SAFETY: the counts give each list places of its own, below the capacity.
                    unsafe { (target as *mut E).add(*place).write(*entry) };
                    *place += 1;
                }
            });
        }
    });
    // SAFETY: each of the `total` places was written once.
    unsafe { scattered.set_len(total) };
    (scattered, starts)
}

fn count<E: Entry>(list: &[E]) -> Vec<usize> {
    let mut counts = vec![0; BUCKETS];
    for entry in list {
        counts[entry.bucket()] += 1;
    }
    counts
}

/// Calls `work` for each bucket, in threads, and writes what it puts into the buffers to the file, in the order of the
/// buckets, and the tail after it.
pub fn write_sorted<E: Entry>(
    output: &str,
    threads: usize,
    (mut entries, starts): (Vec<E>, Vec<usize>),
    work: impl Fn(&mut [E], &mut Vec<u8>) + Sync,
    tail: Vec<u8>,
) -> io::Result<()> {
    let bounds = task_bounds(&starts);
    let mut rest = entries.as_mut_slice();
    let mut tasks = Vec::new();
    for pair in bounds.windows(2) {
        let (slice, after) = rest.split_at_mut(starts[pair[1]] - starts[pair[0]]);
        rest = after;
        tasks.push(Mutex::new(Some((slice, pair[0], pair[1]))));
    }
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Vec<u8>>> = tasks.iter().map(|_| Mutex::new(Vec::new())).collect();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(task) = tasks.get(index) else { break };
                let (slice, from, to) = task.lock().unwrap().take().unwrap();
                let mut text = Vec::new();
                let mut rest = slice;
                for bucket in from..to {
                    let (part, after) = rest.split_at_mut(starts[bucket + 1] - starts[bucket]);
                    rest = after;
                    work(part, &mut text);
                }
                *results[index].lock().unwrap() = text;
            });
        }
    });
    let mut parts: Vec<Vec<u8>> = results.into_iter().map(|part| part.into_inner().unwrap()).collect();
    parts.push(tail);
    write_parts(output, threads, parts)
}

/// The buckets where tasks begin, so that all have about as many entries.
fn task_bounds(starts: &[usize]) -> Vec<usize> {
    let total = starts[BUCKETS];
    let mut bounds = vec![0];
    for task in 1..TASKS {
        let bucket = starts.partition_point(|&start| start < total * task / TASKS).min(BUCKETS);
        if bucket > *bounds.last().unwrap() {
            bounds.push(bucket);
        }
    }
    if *bounds.last().unwrap() < BUCKETS {
        bounds.push(BUCKETS);
    }
    bounds
}

fn write_parts(output: &str, threads: usize, parts: Vec<Vec<u8>>) -> io::Result<()> {
    let file = File::create(output)?;
    let mut offsets = Vec::new();
    let mut at = 0;
    for part in &parts {
        offsets.push(at);
        at += part.len() as u64;
    }
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| -> io::Result<()> {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(part) = parts.get(index) else { return Ok(()) };
                        file.write_all_at(part, offsets[index])?;
                    }
                })
            })
            .collect();
        running.into_iter().try_for_each(|thread| thread.join().unwrap())
    })
}
