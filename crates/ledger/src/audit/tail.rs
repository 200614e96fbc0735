//! Reading a log as it grows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokens::Timestamp;

use super::line::Line;
use super::segment::Segment;

/// How often a log is looked at for new records while it is followed.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(100);

/// Which records are wanted: those that meet every condition that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `allow` or `deny`.
    pub verdict: Option<String>,
    /// The route's name.
    pub route: Option<String>,
    /// The service's name.
    pub service: Option<String>,
    /// The caller, as its issuer writes it.
    pub subject: Option<String>,
    /// The issuer's, or the provider's, name.
    pub issuer: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// Not before this.
    pub since: Option<Timestamp>,
    /// The request's id.
    pub request_id: Option<String>,
}

impl Filter {
    /// Whether a record is wanted.
    #[must_use]
    pub fn takes(&self, line: &Line) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        is(&self.verdict, line.verdict())
            && is(&self.route, line.route())
            && is(&self.service, line.service())
            && is(&self.subject, line.subject())
            && is(&self.issuer, line.issuer())
            && is(&self.request_id, line.request_id())
            && self.status.is_none_or(|status| line.status() == Some(status))
            && self.since.is_none_or(|since| line.time() >= since)
    }
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailFrom {
    /// Behind the last record there is.
    End,
    /// At the oldest record that is kept.
    Start,
}

/// The records of a log, from segment to segment. As an iterator it ends with the last whole record there is, and can be
/// asked again for what was added since.
#[derive(Debug)]
pub struct Tail {
    dir: PathBuf,
    filter: Filter,
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    segment: Segment,
    file: BufReader<File>,
    /// Where the next line begins.
    at: u64,
}

impl Reading {
    /// The next line, if its end is there. What a line begins with is read anew each time: after a crash it is cut off,
    /// and another line stands in its place.
    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        self.file.read_until(b'\n', &mut line)?;
        if line.pop_if(|byte| *byte == b'\n').is_none() {
            self.file.seek(SeekFrom::Start(self.at))?;
            return Ok(None);
        }
        self.at += line.len() as u64 + 1;
        Ok(Some(line))
    }
}

/// Reads the log in `dir`.
///
/// # Errors
/// If the directory cannot be read.
pub fn tail(dir: &Path, from: TailFrom, filter: Filter) -> Result<Tail, TailError> {
    let mut tail = Tail { dir: dir.to_owned(), filter, reading: None };
    let segments = Segment::list(dir).map_err(|error| failed(dir, error))?;
    if from == TailFrom::End
        && let Some(last) = segments.into_iter().next_back()
    {
        tail.begin(last)?;
        // Lines that are there already are read and left, so that none is met in its middle.
        while tail.next_line()?.is_some() {}
    }
    Ok(tail)
}

impl Tail {
    /// The next record, waiting for it as long as it takes. It needs a tokio runtime with a timer.
    ///
    /// # Errors
    /// As the iterator.
    pub async fn follow(&mut self) -> Result<Line, TailError> {
        loop {
            match self.next() {
                Some(line) => return line,
                None => tokio::time::sleep(FOLLOW_EVERY).await,
            }
        }
    }

    fn step(&mut self) -> Result<Option<Line>, TailError> {
        loop {
            let raw = match self.next_line()? {
                Some(raw) => raw,
                None => {
                    let Some(next) = self.next_segment()? else { return Ok(None) };
                    // That the next segment is there means that this one is complete; it may not have been before.
                    match self.next_line()? {
                        Some(raw) => raw,
                        None => {
                            self.begin(next)?;
                            continue;
                        }
                    }
                }
            };
            match std::str::from_utf8(&raw).ok().and_then(Line::parse) {
                Some(line) if self.filter.takes(&line) => return Ok(Some(line)),
                Some(_) => {}
                None => return Err(TailError::NotARecord { file: self.file_name() }),
            }
        }
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, TailError> {
        let Some(reading) = &mut self.reading else { return Ok(None) };
        reading.next_line().map_err(|error| failed(&reading.segment.path, error))
    }

    fn next_segment(&self) -> Result<Option<Segment>, TailError> {
        let segments = Segment::list(&self.dir).map_err(|error| failed(&self.dir, error))?;
        let current = self.reading.as_ref().map_or(0, |reading| reading.segment.first_seq);
        Ok(segments.into_iter().find(|segment| segment.first_seq > current))
    }

    fn file_name(&self) -> String {
        self.reading.as_ref().map(|reading| reading.segment.name.clone()).unwrap_or_default()
    }

    fn begin(&mut self, segment: Segment) -> Result<(), TailError> {
        let file = File::open(&segment.path).map_err(|error| failed(&segment.path, error))?;
        self.reading = Some(Reading { segment, file: BufReader::new(file), at: 0 });
        Ok(())
    }
}

impl Iterator for Tail {
    type Item = Result<Line, TailError>;

    fn next(&mut self) -> Option<Result<Line, TailError>> {
        self.step().transpose()
    }
}

/// Why a log cannot be read on.
#[derive(Debug, Error)]
pub enum TailError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line is not a record; the one after it is read next.
    #[error("`{file}` has a line that is not a record; `doorward audit verify` says more")]
    NotARecord {
        /// In which segment.
        file: String,
    },
}

fn failed(path: &Path, source: io::Error) -> TailError {
    TailError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;
