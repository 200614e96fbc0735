//! The binary.

use std::process::ExitCode;

use rustix::thread::disable_transparent_huge_pages;

/// A request takes and gives back some hundred small pieces of memory, and this allocator does that in half the time of
/// the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // It asks for pages of 2 MiB, of which an idle process would use a few bytes each. A system that does not know them
    // gives none.
    let _ = disable_transparent_huge_pages(true);
    doorward::commands::run()
}
