//! `cargo xtask wycheproof`: the JOSE vectors of Project Wycheproof, whole.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokens::Digest;

use crate::command::{Run, cargo, program, target};

/// The commit that the vectors are from.
const COMMIT: &str = "dac1dd4729fd1f8dd9e1e9f3dce51d783da6c166";

/// The files, each with the SHA-256 of its text.
const FILES: [(&str, &str); 2] = [
    ("json_web_key_test.json", "be983255bce26406f97020ec5458b33930a90d5f868e604fcd569c300aba2862"),
    (
        "json_web_signature_test.json",
        "8e687a06fe8359f4ec51480f1a9f73c8faebd6f4c01b818b843b44eee54fd5d9",
    ),
];

/// Runs the vectors.
#[derive(Debug, clap::Args)]
pub(crate) struct Wycheproof {
    /// A checkout of github.com/C2SP/wycheproof; without it the two files are fetched from there
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
}

impl Wycheproof {
    /// Gets the files, at their pinned text, and judges every vector.
    pub(crate) fn run(&self) -> Result<()> {
        let folder = target("wycheproof");
        std::fs::create_dir_all(folder.join("testvectors_v1"))?;
        for (name, digest) in FILES {
            let path = Path::new("testvectors_v1").join(name);
            let kept = folder.join(&path);
            match &self.from {
                Some(checkout) => drop(std::fs::copy(checkout.join(&path), &kept)?),
                None if kept.is_file() => {}
                None => fetch(&path, &kept)?,
            }
            let found = Digest::of(&std::fs::read_to_string(&kept)?).to_string();
            ensure!(found == digest, "{}: expected {digest}, got {found}", kept.display());
        }
        cargo()
            .args(["test", "--package", "tokens", "--features", "wycheproof"])
            .args(["--test", "wycheproof", "--", "--nocapture"])
            .env("WYCHEPROOF_DIR", &folder)
            .done()
    }
}

fn fetch(path: &Path, to: &Path) -> Result<()> {
    let from = "https://raw.githubusercontent.com/C2SP/wycheproof";
    let url = format!("{from}/{COMMIT}/{}", path.display());
    program("curl")
        .args(["--fail", "--silent", "--show-error", "--location", "--output"])
        .arg(to)
        .arg(&url)
        .done()
        .with_context(|| format!("cannot fetch {url}; give a checkout with `--from DIR`"))
}
