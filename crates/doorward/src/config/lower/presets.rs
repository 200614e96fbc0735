use federation::provider::Protocol;
use federation::provider::presets::{Offline, Preset};
use gate::spec::Place;

use super::Lowering;
use crate::config::file;
use crate::config::tree::shortened;
use crate::config::value::Text;

impl Lowering<'_> {
    /// The preset that is named at `place`, and what it speaks with the parameters there.
    pub(super) fn preset(
        &mut self,
        preset: &file::Preset,
        place: &Place,
    ) -> Option<(&'static Preset, Protocol)> {
        let name = name(preset);
        let place = if parameters(preset).is_empty() { place.clone() } else { place.then(name) };
        for (key, Text(value)) in parameters(preset) {
            // What has more than one part would change whose issuer it is.
            if value.bytes().any(|byte| b"/?#@\\%".contains(&byte)) {
                let message = format!("`{}` has more than the {key}", shortened(value));
                let problem = self.problem(&place.then(key), message);
                self.report(problem.help("write it alone, without `https://` and path"));
                return None;
            }
        }
        let known = Preset::named(name)?;
        let issuer = issuer(preset);
        let protocol = known.protocol(issuer.as_deref());
        if protocol.is_none() {
            let shown = shortened(issuer.as_deref().unwrap_or_default());
            let message = format!("`{shown}` is no single provider of the kind `{name}`");
            let problem = self.problem(&place, message);
            self.report(
                problem.help("name one alone: what stands for many lets in whom others vouch for"),
            );
        }
        Some((known, protocol?))
    }
}

/// What a preset adds that it may be asked anew without the person: scopes, and parameters of the request.
pub(super) fn offline(
    preset: &Preset,
) -> (Option<&'static str>, &'static [(&'static str, &'static str)]) {
    match preset.offline {
        Offline::Nothing => (None, &[]),
        Offline::Parameters(parameters) => (None, parameters),
        Offline::Scope(scope) => (Some(scope), &[]),
    }
}

/// What configurations call it.
const fn name(preset: &file::Preset) -> &'static str {
    match preset {
        file::Preset::Auth0(_) => "auth0",
        file::Preset::Cognito(_) => "cognito",
        file::Preset::Entra(_) => "entra",
        file::Preset::Github => "github",
        file::Preset::Gitlab(_) => "gitlab",
        file::Preset::Google => "google",
        file::Preset::Keycloak(_) => "keycloak",
        file::Preset::Okta(_) => "okta",
    }
}

fn parameters(preset: &file::Preset) -> Vec<(&'static str, &Text)> {
    match preset {
        file::Preset::Auth0(it) | file::Preset::Gitlab(it) => vec![("host", &it.host)],
        file::Preset::Cognito(it) => vec![("region", &it.region), ("pool", &it.pool)],
        file::Preset::Entra(it) => vec![("tenant", &it.tenant)],
        file::Preset::Github | file::Preset::Google => Vec::new(),
        file::Preset::Keycloak(it) => vec![("host", &it.host), ("realm", &it.realm)],
        file::Preset::Okta(it) => {
            let server = it.server.iter().map(|server| ("server", server));
            std::iter::once(("host", &it.host)).chain(server).collect()
        }
    }
}

/// The issuer, where its parameters make one.
fn issuer(preset: &file::Preset) -> Option<String> {
    Some(match preset {
        file::Preset::Auth0(it) => format!("https://{}/", it.host.0),
        file::Preset::Cognito(it) => {
            format!("https://cognito-idp.{}.amazonaws.com/{}", it.region.0, it.pool.0)
        }
        file::Preset::Entra(it) => {
            format!("https://login.microsoftonline.com/{}/v2.0", it.tenant.0)
        }
        file::Preset::Github | file::Preset::Google => return None,
        file::Preset::Gitlab(it) => format!("https://{}", it.host.0),
        file::Preset::Keycloak(it) => format!("https://{}/realms/{}", it.host.0, it.realm.0),
        file::Preset::Okta(it) => {
            let server = it.server.as_ref().map_or("default", |server| &server.0);
            format!("https://{}/oauth2/{server}", it.host.0)
        }
    })
}
