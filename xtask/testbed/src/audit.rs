//! The audit log as an auditor's tool reads it: JSON lines in a folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// A decision record, as far as tests compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The id that the service sees in `x-request-id`.
    pub request_id: String,
    /// Whether it was allowed.
    pub allowed: bool,
    /// The status it was refused with, if it was.
    pub refused: Option<u16>,
    /// The method as judged.
    pub method: String,
    /// The host as judged, with its port if that is not the default one.
    pub host: String,
    /// The path as judged.
    pub path: String,
}

/// The files of the log in `folder`, in order.
///
/// # Errors
/// When there is no such folder.
pub fn segments(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("no audit log in {folder:?}"))? {
        let path = entry?.path();
        // Checkpoints stand beside the segments.
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("audit-") && name.ends_with(".jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Every record in `folder`. A line that is still being written is left out.
///
/// # Errors
/// When a file cannot be read, or a whole line is not JSON.
pub fn records(folder: &Path) -> Result<Vec<Value>> {
    let mut records = Vec::new();
    for file in segments(folder)? {
        let text = std::fs::read_to_string(&file)?;
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let record = serde_json::from_str(line).with_context(|| {
                format!("{} holds a line that is not JSON: {line}", file.display())
            })?;
            records.push(record);
        }
    }
    Ok(records)
}

/// Every decision in `folder`.
///
/// # Errors
/// As [`records`].
pub fn decisions(folder: &Path) -> Result<Vec<Decision>> {
    Ok(records(folder)?.iter().filter(|record| is(record, "decision")).map(decision).collect())
}

/// How the request called `id` ended, if its outcome is in `folder`.
///
/// # Errors
/// As [`records`].
pub fn ended(folder: &Path, id: &str) -> Result<Option<String>> {
    let outcome = records(folder)?.into_iter().find(|record| {
        is(record, "outcome")
            && record.pointer("/metadata/correlation_uid").and_then(Value::as_str) == Some(id)
    });
    let text =
        |record: &Value| record.pointer("/unmapped/doorward/ended")?.as_str().map(Into::into);
    Ok(outcome.as_ref().and_then(text))
}

/// The ids of all requests in `folder` that were allowed.
///
/// # Errors
/// As [`records`].
pub fn allowed(folder: &Path) -> Result<HashSet<String>> {
    let decisions = decisions(folder)?;
    Ok(decisions.into_iter().filter(|one| one.allowed).map(|one| one.request_id).collect())
}

fn decision(record: &Value) -> Decision {
    let text = |pointer: &str| {
        record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let hostname = text("/http_request/url/hostname");
    let host = match record.pointer("/http_request/url/port") {
        Some(port) => format!("{hostname}:{port}"),
        None => hostname,
    };
    // Methods that OCSF does not know stand in the name of the activity.
    let method = match text("/http_request/http_method") {
        method if method.is_empty() => text("/activity_name"),
        method => method,
    };
    Decision {
        request_id: text("/metadata/correlation_uid"),
        refused: record
            .pointer("/http_response/code")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok())
            .filter(|_| text("/unmapped/doorward/verdict") == "deny"),
        allowed: text("/unmapped/doorward/verdict") == "allow",
        method,
        host,
        path: text("/http_request/url/path"),
    }
}

fn is(record: &Value, kind: &str) -> bool {
    record.pointer("/unmapped/doorward/record").and_then(Value::as_str) == Some(kind)
}

/// The event and the code of what is on record about a visit to the gate's own pages, by its request's id, if it is.
///
/// # Errors
/// When there is no such folder, or what is in it is not a log.
pub fn sign_in_of(folder: &Path, id: &str) -> Result<Option<(String, String)>> {
    let text = |record: &Value, pointer: &str| {
        record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let records = records(folder)?;
    let record = records.iter().find(|record| {
        text(record, "/metadata/correlation_uid") == id
            && text(record, "/unmapped/doorward/record") == "sign_in"
    });
    let both = |record| {
        (text(record, "/unmapped/doorward/event"), text(record, "/unmapped/doorward/code"))
    };
    Ok(record.map(both))
}
