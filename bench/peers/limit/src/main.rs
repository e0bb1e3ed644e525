//! One task in Rust, as a limit for what any program takes: `limit <task> <input> <output> <threads> [pattern]`.
//!
//! It holds everything in memory, trusts its input, and checks nothing that the job does not need.

mod buckets;
mod input;
mod plain;
mod sort;
mod words;

use std::process::exit;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, input, output, threads, ..] = arguments.as_slice() else {
        eprintln!("usage: limit <task> <input> <output> <threads>");
        exit(2);
    };
    let threads: usize = threads.parse().expect("<threads> is a number");
    let done = match task.as_str() {
        "word-count" | "token-count" => words::count(input, output, threads),
        "word-count-direct" | "token-count-direct" => plain::count(input, output, threads),
        "sort" => sort::sort(input, output, threads),
        _ => {
            eprintln!(
                "limit: unknown task {task}; it has word-count, token-count, their -direct forms, and sort"
            );
            exit(2);
        }
    };
    if let Err(error) = done {
        eprintln!("limit: {error}");
        exit(1);
    }
}
