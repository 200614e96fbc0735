use std::path::PathBuf;

use crate::config::decode::Complaint;
use crate::config::tree::shortened;

/// The longest path that a Unix socket can have (`sun_path` of unix(7), with the byte that ends it).
const MAX_BYTES: usize = 107;

/// The path of a Unix socket, in `text` behind `unix:`; `text` is what there is to complain about.
pub(super) fn socket_path(path: &str, text: &str) -> Result<PathBuf, Complaint> {
    let shown = shortened(text);
    let help = "write `unix:` and an absolute path, such as `unix:/run/orders.sock`";
    if !path.starts_with('/') || path.ends_with('/') {
        return Err(Complaint::new(format!("`{shown}` is not a Unix socket")).help(help));
    }
    if path.len() > MAX_BYTES {
        let message = format!("`{shown}` is longer than a Unix socket's path can be");
        let help = format!("write a path of at most {MAX_BYTES} bytes");
        return Err(Complaint::new(message).help(help));
    }
    Ok(path.into())
}
