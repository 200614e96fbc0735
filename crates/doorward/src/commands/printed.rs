use std::fmt::Display;
use std::io::{ErrorKind, Write as _};

/// Prints text. Whoever reads it may have seen enough, and then there is nothing left to do.
pub(crate) fn printed(text: impl Display) {
    let mut output = std::io::stdout().lock();
    let Err(error) = write!(output, "{text}").and_then(|()| output.flush()) else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("doorward: cannot print: {error}");
    std::process::exit(1);
}
