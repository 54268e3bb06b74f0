//! How many pools of memory the threads of a program share, and when what is free goes back to the system.
//!
//! glibc makes up to eight for each processor, and each keeps what its threads freed: memory then follows how many threads
//! came and went, and not what is in use. It also keeps large pieces once one of their size was freed. Both are read when a
//! program begins, so a program that takes in much begins again, as the same process, with few.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variable that glibc reads; whoever runs the program may set it.
pub const VARIABLE: &str = "MALLOC_ARENA_MAX";
/// Few, and yet no thread waits for another: what is checked and written in bulk is allocated by the message.
pub const FEW: &str = "2";

/// Bytes from which on a piece is the system's again when it is freed: those of the search index are of 1 MiB, messages are
/// smaller and are used again at once. And how much of what is free at the end of a pool stays there; without it, named
/// beside the first, it would be taken back with every message.
pub const GIVEN_BACK: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "1000000"), ("MALLOC_TRIM_THRESHOLD_", "4194304")];

/// Begins again with few; returns where the environment says how many, or where the system does not allow it.
pub fn few() {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // It returns only where it failed: then this program goes on as it is.
        let _ = Command::new(program)
            .args(std::env::args_os().skip(1))
            .env(VARIABLE, FEW)
            .envs(GIVEN_BACK)
            .exec();
    }
}
