use std::path::{Path, PathBuf};

use gate::spec::{Place, PolicyFile};

use super::Lowering;
use crate::config::decode::plain;
use crate::config::file::OneOrMany;
use crate::config::source::Source;
use crate::config::tree::shortened;

impl Lowering<'_> {
    pub(super) fn policies(
        &mut self,
        globs: Option<OneOrMany<String>>,
        key: &Place,
    ) -> (Vec<PolicyFile>, Vec<(Source, Place)>) {
        let mut files = Vec::new();
        let mut sources = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let Some(globs) = globs else { return (files, sources) };
        for (index, glob) in globs.values.iter().enumerate() {
            let place = if globs.listed { key.at(index) } else { key.clone() };
            for name in self.matching(glob, &place) {
                if !seen.insert(name.clone()) {
                    continue;
                }
                if let Some(text) = self.policy_text(&name, &place) {
                    sources.push((Source::new(&name, &text), place.clone()));
                    files.push(PolicyFile { name, text });
                }
            }
        }
        (files, sources)
    }

    fn policy_text(&mut self, name: &str, place: &Place) -> Option<String> {
        let bytes = self.read(name, place)?;
        let text = String::from_utf8(bytes).ok();
        if text.is_none() {
            let message = format!("the file `{}` is not text in UTF-8", shortened(name));
            let problem = self.problem(place, message);
            self.report(problem);
        }
        text
    }

    /// The files that `glob` stands for, named like it, in order; complains when there is none.
    fn matching(&mut self, glob: &str, place: &Place) -> Vec<String> {
        let path = Path::new(glob);
        let (directory, pattern) = (path.parent(), path.file_name().and_then(|name| name.to_str()));
        let (Some(directory), Some(pattern)) = (directory, pattern) else {
            self.bad_glob(glob, place);
            return Vec::new();
        };
        let starred_directory = directory.to_str().is_none_or(|directory| directory.contains('*'));
        if !pattern.ends_with(".cedar") || pattern.contains("**") || starred_directory {
            self.bad_glob(glob, place);
            return Vec::new();
        }
        if !pattern.contains('*') {
            return vec![glob.to_owned()];
        }
        let listed = match self.surroundings.list(&self.directory.join(directory)) {
            Ok(listed) => listed,
            Err(error) => {
                let shown = shortened(&directory.to_string_lossy());
                let message =
                    format!("the directory `{shown}` cannot be read: {}", no_directory(&error));
                let problem = self.problem(place, message);
                self.report(
                    problem
                        .help("a relative path starts at the directory of the configuration file"),
                );
                return Vec::new();
            }
        };
        let names = listed.iter().filter_map(|path| path.file_name()?.to_str());
        let mut matching: Vec<String> = names
            .filter(|name| !name.starts_with('.') && matches(pattern, name))
            .filter_map(|name| PathBuf::from(directory).join(name).to_str().map(str::to_owned))
            .collect();
        matching.sort();
        if matching.is_empty() {
            let message = format!("`{}` matches no file", shortened(glob));
            let problem = self.problem(place, message);
            self.report(problem.help("add the policies, or remove this until there are some"));
        }
        matching
    }

    fn bad_glob(&mut self, glob: &str, place: &Place) {
        let message = format!("`{}` does not name policy files", shortened(glob));
        let problem = self.problem(place, message);
        self.report(problem.help("write a path that ends in `.cedar`, with `*` only in the file name: `policies/*.cedar`"));
    }
}

fn no_directory(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such directory".to_owned(),
        _ => plain(error),
    }
}

/// Whether `name` is `pattern`, in which each `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    let rest =
        parts.iter().try_fold(rest, |rest, part| rest.split_once(part).map(|(_, after)| after));
    rest.is_some_and(|rest| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_part_of_a_file_name() {
        for (pattern, name, expected) in [
            ("a.cedar", "a.cedar", true),
            ("a.cedar", "ab.cedar", false),
            ("*.cedar", "a.cedar", true),
            ("*.cedar", "a.cedar.bak", false),
            ("or*-*.cedar", "orders-read.cedar", true),
            ("or*-*.cedar", "orders.cedar", false),
            ("a*a.cedar", "a.cedar", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
