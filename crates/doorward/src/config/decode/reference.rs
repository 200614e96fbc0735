//! References: `${env:NAME}` and `${file:path}` in a text stand for what is there.

use std::cell::RefCell;
use std::path::Path;

use super::complaint::Complaint;
use crate::config::surroundings::Surroundings;

/// Follows references, and remembers what they stood for so that no message tells.
pub(in crate::config) struct References<'a> {
    pub(in crate::config) surroundings: &'a dyn Surroundings,
    /// What relative paths start at.
    pub(in crate::config) directory: &'a Path,
    followed: RefCell<Vec<Followed>>,
}

/// A reference that has been followed.
#[derive(Clone, PartialEq, Eq)]
struct Followed {
    written: String,
    stands_for: String,
}

/// What the references of a configuration stood for; good only for keeping it out of messages.
#[derive(Clone, Default)]
pub(in crate::config) struct Hidden(Vec<Followed>);

impl<'a> References<'a> {
    /// The most that one reference may stand for, in bytes.
    const MAX_BYTES: usize = 64 * 1024;

    /// References into `surroundings`; files are relative to `directory`.
    pub(in crate::config) fn new(surroundings: &'a dyn Surroundings, directory: &'a Path) -> Self {
        Self { surroundings, directory, followed: RefCell::new(Vec::new()) }
    }

    /// Whether `text` holds something that looks like a reference.
    pub(super) fn are_in(text: &str) -> bool {
        text.contains("${")
    }

    /// `text` with each reference replaced by what it stands for; that is not looked through again.
    pub(super) fn follow(&self, text: &str) -> Result<String, Complaint> {
        let mut resolved = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((reference, after)) = after.split_once('}') else {
                return Err(Complaint::new(format!("the reference in `{text}` has no end"))
                    .help("write `${env:NAME}` or `${file:path}`"));
            };
            let stands_for = self.look_up(reference)?;
            self.remember(format!("${{{reference}}}"), stands_for.clone());
            resolved.push_str(before);
            resolved.push_str(&stands_for);
            rest = after;
        }
        resolved.push_str(rest);
        self.remember(text.to_owned(), resolved.clone());
        Ok(resolved)
    }

    pub(in crate::config) fn hidden(&self) -> Hidden {
        let mut followed = self.followed.borrow().clone();
        // The longest first, so that a part never spoils the whole.
        followed.sort_by_key(|followed| std::cmp::Reverse(followed.stands_for.len()));
        Hidden(followed)
    }

    fn remember(&self, written: String, stands_for: String) {
        let followed = Followed { written, stands_for };
        let mut all = self.followed.borrow_mut();
        if followed.written != followed.stands_for && !all.contains(&followed) {
            all.push(followed);
        }
    }

    fn look_up(&self, reference: &str) -> Result<String, Complaint> {
        let stands_for = match reference.split_once(':') {
            Some(("env", name)) => self.environment(name),
            Some(("file", path)) => self.file(path),
            _ => Err(Complaint::new(format!("`${{{reference}}}` is not a reference"))
                .help("write `${env:NAME}` or `${file:path}`")),
        }?;
        if stands_for.len() > Self::MAX_BYTES {
            return Err(Complaint::new(format!("`${{{reference}}}` stands for more than 64 KiB"))
                .help("a reference is for a short text such as an address or a password"));
        }
        if stands_for.chars().any(char::is_control) {
            return Err(Complaint::new(format!(
                "`${{{reference}}}` stands for control characters"
            ))
            .help("it must stand for a single line of text"));
        }
        Ok(stands_for)
    }

    fn environment(&self, name: &str) -> Result<String, Complaint> {
        let named = |character: char| character.is_ascii_alphanumeric() || character == '_';
        if name.is_empty() || !name.chars().all(named) {
            return Err(Complaint::new(format!(
                "`{name}` is not the name of an environment variable"
            ))
            .help("write `${env:NAME}`, the name in letters, digits and `_`"));
        }
        self.surroundings.environment(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            Complaint::new(format!("the environment variable `{name}` is not set"))
                .help(format!("set `{name}` for Doorward, or write the value here"))
        })
    }

    fn file(&self, path: &str) -> Result<String, Complaint> {
        let read =
            self.surroundings.read(&self.directory.join(path), crate::config::MAX_FILE_BYTES);
        let bytes = read.map_err(|error| {
            Complaint::new(format!("the file `{path}` cannot be read: {}", plain(&error)))
                .help("a relative path starts at the directory of the configuration file")
        })?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Complaint::new(format!("the file `{path}` is not text in UTF-8"))
                .help("put the value in it, in one line")
        })?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        match text {
            "" => Err(Complaint::new(format!("the file `{path}` is empty"))
                .help("put the value in it, in one line")),
            text => Ok(text.to_owned()),
        }
    }
}

impl Hidden {
    /// Shorter values are not looked for: they stand in half of all words.
    const SHORTEST: usize = 4;

    /// `text` with everything that a reference stood for replaced by the reference.
    pub(in crate::config) fn hide(&self, text: &str) -> String {
        let long = self.0.iter().filter(|followed| followed.stands_for.len() >= Self::SHORTEST);
        long.fold(text.to_owned(), |text, followed| {
            text.replace(&followed.stands_for, &followed.written)
        })
    }
}

/// What went wrong with a file, without Rust's error number.
pub(in crate::config) fn plain(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}
