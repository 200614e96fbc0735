//! Large bodies through TLS, and how soon what is under way is cut off.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::Resilience;
use crate::live::{Stage, bodies, revoke};
use crate::machine::described;

/// How often a caller is revoked.
const REVOCATIONS: usize = 5;

/// Carries large bodies, and revokes callers.
pub(super) fn measure(options: &Resilience, binary: &Path) -> Result<String> {
    let stage = Stage::set(Some(binary), true)?;
    let bytes = if options.quick { 128 << 20 } else { 1 << 30 };
    let mut text = format!("**Machine**: {}.\n\n", described());
    text.push_str(
        "| a body through TLS | MiB | RSS MiB before | RSS MiB at most |\n|---|---|---|---|\n",
    );
    for body in bodies(&stage, bytes)? {
        println!("{body}");
        writeln!(
            text,
            "| {}, {} | {} | {} | {} |",
            body.way,
            body.version,
            body.bytes >> 20,
            body.before,
            body.most
        )?;
    }
    let mut all: Vec<(&str, u128)> = Vec::new();
    for _ in 0..if options.quick { 1 } else { REVOCATIONS } {
        let cuts = revoke(&stage)?;
        let in_force = ("in force for new requests", cuts.in_force);
        for (name, after) in std::iter::once(in_force).chain(cuts.cuts) {
            let after = after.as_millis();
            match all.iter_mut().find(|(known, _)| *known == name) {
                Some((_, most)) => *most = after.max(*most),
                None => all.push((name, after)),
            }
        }
    }
    text.push_str("\n| when its caller is revoked | cut off after, at most, ms |\n|---|---|\n");
    for (name, after) in all {
        writeln!(text, "| {name} | {after} |")?;
    }
    Ok(text)
}
