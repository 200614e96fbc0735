//! Getting the tools and counterparts that are not Rust crates. All are pinned, and go under `target/tools` where they can.

pub(crate) mod debian;
pub(crate) mod node;
pub(crate) mod python;
