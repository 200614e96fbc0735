//! "Did you mean": the known word that is nearest to a mistyped one.

/// What to say about `word`, which is not one of `known`: the nearest of them, or else all of them.
pub(super) fn help<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, what: &str) -> String {
    /// More than this many are not listed.
    const LISTED: usize = 24;
    let known: Vec<_> = known.into_iter().collect();
    if let Some(nearest) = nearest(word, known.iter().copied()) {
        return format!("did you mean `{nearest}`?");
    }
    if known.is_empty() {
        return format!("there is no {what} yet");
    }
    let listed: Vec<_> = known.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = if known.len() > LISTED { ", …" } else { "" };
    format!("expected {}{}{more}", if known.len() == 1 { "" } else { "one of " }, listed.join(", "))
}

/// The one of `known` that is nearest to `word`, if it is near enough to have been meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer words are not compared.
    const LONGEST: usize = 128;
    /// A shorter beginning of a word says little.
    const SHORTEST_PREFIX: usize = 3;
    if word.len() > LONGEST {
        return None;
    }
    let tolerated = (word.chars().count() / 3).clamp(1, 3);
    let word = word.to_ascii_lowercase().replace('-', "_");
    let near = |name: &str| {
        let name = name.to_ascii_lowercase().replace('-', "_");
        let abbreviated = name.len().min(word.len()) >= SHORTEST_PREFIX
            && (name.starts_with(&word) || word.starts_with(&name));
        if abbreviated {
            Some(1)
        } else {
            Some(distance(&word, &name)).filter(|it| *it <= tolerated)
        }
    };
    known
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .filter_map(|name| near(name).map(|distance| (distance, name)))
        .min()
        .map(|(_, name)| name)
}

/// How many insertions, deletions, replacements and swaps of neighbours lead from `left` to `right`.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, letter) in left.chars().enumerate() {
        let mut current = vec![row.saturating_add(1)];
        for (column, other) in right.iter().enumerate() {
            let at =
                |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX);
            let replaced = at(&last, column).saturating_add(usize::from(letter != *other));
            let inserted = at(&current, column).saturating_add(1);
            let deleted = at(&last, column.saturating_add(1)).saturating_add(1);
            let mut best = replaced.min(inserted).min(deleted);
            let before = column.checked_sub(1).and_then(|column| right.get(column));
            if previous == Some(*other) && before == Some(&letter) {
                best = best.min(at(&before_last, column.saturating_sub(1)).saturating_add(1));
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits_and_swaps() {
        for (left, right, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("route", "routes", 1),
            ("haeder", "header", 1),
            ("ab", "cd", 2),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_word_is_suggested_only_when_near() {
        let known = ["issuers", "services", "routes"];
        assert_eq!(nearest("isuers", known), Some("issuers"));
        assert_eq!(nearest("Routes", known), Some("routes"));
        assert_eq!(nearest("banana", known), None);
    }
}
