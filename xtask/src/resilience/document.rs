//! docs/resilience.md, a section at a time.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::root;

/// Writes `text` in place of what the section called `name` was, and tells where.
pub(super) fn write(name: &str, text: &str) -> Result<PathBuf> {
    let file = root().join("docs/resilience.md");
    let old = std::fs::read_to_string(&file)?;
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->\n"));
    let new = replaced(&old, &begin, &end, text)
        .with_context(|| format!("{} has no section `{name}`", file.display()))?;
    std::fs::write(&file, new)?;
    Ok(file)
}

fn replaced(old: &str, begin: &str, end: &str, text: &str) -> Option<String> {
    let (before, rest) = old.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_between_the_marks_is_replaced_and_nothing_else() {
        let old = "top\n<b>\nold\n<e>\nbottom\n";
        assert_eq!(
            replaced(old, "<b>\n", "<e>\n", "new\n").unwrap(),
            "top\n<b>\nnew\n<e>\nbottom\n"
        );
        assert_eq!(replaced("top\n<b>\n", "<b>\n", "<e>\n", "new\n"), None);
    }
}
