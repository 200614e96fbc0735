use gate::spec::{Place, Revoked};

use super::Lowering;
use crate::config::file;
use crate::config::tree::shortened;

impl Lowering<'_> {
    pub(super) fn revoked(&mut self, revoked: file::Revoked) -> Revoked {
        let place = Place::key("revoked").then("subjects");
        let mut subjects = Vec::with_capacity(revoked.subjects.len());
        for (index, written) in revoked.subjects.iter().enumerate() {
            match written.split_once('/') {
                Some((issuer, subject)) if !issuer.is_empty() && !subject.is_empty() => {
                    self.resolve_issuer(issuer, &place.at(index));
                    subjects.push((issuer.to_owned(), subject.to_owned()));
                }
                _ => {
                    let message =
                        format!("`{}` does not say whose subject it is", shortened(written));
                    let issuer =
                        self.names("issuers").first().copied().unwrap_or("corp").to_owned();
                    let bare = written.trim_matches('/');
                    let problem = self.problem(&place.at(index), message).help(format!(
                        "write the issuer's name before it: `{issuer}/{}`",
                        shortened(bare)
                    ));
                    self.report(problem);
                }
            }
        }
        let tokens = revoked.tokens.into_iter().map(|digest| digest.0).collect();
        Revoked { subjects, tokens }
    }
}
