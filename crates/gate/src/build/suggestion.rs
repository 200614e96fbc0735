//! What may have been meant by a name that there is not.

use super::Builder;

/// The most names that are listed when none is near.
const MAX_TOLD: usize = 10;

impl Builder<'_> {
    pub(super) fn did_you_mean<'b>(
        &self,
        wrong: &str,
        names: impl Iterator<Item = &'b str>,
    ) -> String {
        let names: Vec<_> = names.collect();
        let near = names.iter().map(|name| (distance(wrong, name), name)).min();
        match near {
            Some((near, name)) if near <= 2 => format!("did you mean `{name}`?"),
            _ if names.is_empty() => "there are none yet".to_owned(),
            _ if names.len() > MAX_TOLD => format!("there are {} others", names.len()),
            _ => format!("there are `{}`", names.join("`, `")),
        }
    }
}

/// The number of single-letter edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let edit = diagonal + usize::from(x != *y);
            diagonal = *cell;
            left = edit.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
