//! Entry points for fuzzing.

use std::path::Path;

use super::{Loaded, Nowhere};

/// Reads any bytes as a configuration, and renders whatever comes of it. Must not panic.
pub fn fuzz_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Loaded::parse("fuzz.yaml", text, Path::new("."), &Nowhere) {
        Ok(loaded) => drop(loaded.config.normalized()),
        Err(report) => drop(report.render(false)),
    }
}
