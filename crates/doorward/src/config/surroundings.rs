//! What a configuration may look at beside itself: environment variables and files.

use std::io;
use std::path::{Path, PathBuf};

/// Where references and paths lead.
pub trait Surroundings {
    /// The value of an environment variable, if it is set and is text.
    fn environment(&self, name: &str) -> Option<String>;

    /// The content of a file.
    ///
    /// # Errors
    /// When it cannot be read, or has more than `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// The names in a directory, in any order.
    ///
    /// # Errors
    /// When it cannot be read.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;

    /// How many processors there are to use.
    fn processors(&self) -> usize;
}

/// How large a configuration may be, or a file that it names, unless that is said to be larger.
pub const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The machine that this process runs on.
#[derive(Clone, Copy, Debug)]
pub struct Machine;

impl Surroundings for Machine {
    fn environment(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        use io::Read as _;
        let mut bytes = Vec::new();
        let most = limit.saturating_add(1);
        let read = std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
        if read as u64 > limit {
            let why = format!("it is larger than {} MiB", limit / (1024 * 1024));
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        Ok(bytes)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn processors(&self) -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }
}

/// Nowhere: no variable is set, no file exists.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Surroundings for Nowhere {
    fn environment(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn processors(&self) -> usize {
        1
    }
}
