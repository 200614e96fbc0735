//! Whether the files behind a configuration have changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What the files looked like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen(Vec<(PathBuf, Option<(SystemTime, u64)>)>);

impl Seen {
    /// The configuration, the files that it names, and their directories: a new policy file shows there.
    pub(super) fn of(config: &Path, files: &[PathBuf]) -> Self {
        let named = std::iter::once(config).chain(files.iter().map(PathBuf::as_path));
        let policies =
            files.iter().filter(|file| file.extension().is_some_and(|end| end == "cedar"));
        let directories = policies.filter_map(|file| file.parent());
        let mut paths: Vec<&Path> = named.chain(directories).collect();
        paths.sort_unstable();
        paths.dedup();
        Self(paths.into_iter().map(|path| (path.to_owned(), look(path))).collect())
    }
}

fn look(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
