//! What well-known providers need, as data: a preset fills in what a configuration leaves out, and nothing else.

use std::collections::BTreeMap;

use tokens::{Algorithm, GroupPlace, GroupSource, JsonPointer, PointerError};

use super::options::{OAuth, Openid, Protocol};

/// What a provider of a known kind fixes.
#[derive(Debug)]
pub struct Preset {
    /// What configurations call it.
    pub name: &'static str,
    /// What its issuer looks like.
    pub issuer: IssuerShape,
    /// What is asked for unless the configuration says otherwise.
    pub scopes: &'static [&'static str],
    /// The scope or the parameters without which there is no refresh token.
    pub offline: Offline,
    /// Where the subject stands.
    pub subject: &'static str,
    /// Where groups stand.
    pub groups: &'static [PresetGroups],
    /// Whether groups stand in what the userinfo endpoint says, and not in the ID token.
    pub userinfo: bool,
    /// Places of a provider without OpenID Connect.
    pub places: Option<&'static Places>,
}

/// What an issuer looks like. `{…}` stands for one label or segment of the operator's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerShape {
    /// There is but this one.
    Fixed(&'static str),
    /// It has none.
    None,
    /// One of this shape, and none in which a place has one of these names: they stand for many issuers at once.
    Shape(&'static str, &'static [&'static str]),
}

/// How a provider is asked for a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offline {
    /// It gives one anyway, or never.
    Nothing,
    /// By parameters of the authorization request.
    Parameters(&'static [(&'static str, &'static str)]),
    /// By a scope.
    Scope(&'static str),
}

/// Where groups stand, in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresetGroups {
    /// An array of strings.
    At(&'static str),
    /// An array of strings in the member that is called as the client is, between the two, each with the client's name and
    /// a `/` before it: every client of a provider has its own `admin`.
    OfClient(&'static str, &'static str),
    /// An array of objects, and where the parts of a name stand in each.
    Each(&'static str, &'static [&'static str]),
}

/// Places of a provider without OpenID Connect.
#[derive(Debug)]
pub struct Places {
    authorization: &'static str,
    token: &'static str,
    userinfo: &'static [(&'static str, &'static str)],
}

/// What a provider signs with unless it was told otherwise: RSA with SHA-256, with every one of these.
pub const ALGORITHMS: [Algorithm; 1] = [Algorithm::Rs256];

/// Every preset, by name.
pub const PRESETS: [Preset; 8] = [
    // https://auth0.com/docs/get-started/apis/scopes/sample-use-cases-scopes-and-claims: the issuer ends in `/`; roles
    // are custom claims, which must be namespaced, and so have no fixed place.
    Preset {
        name: "auth0",
        issuer: IssuerShape::Shape("https://{domain}/", &[]),
        scopes: &["openid", "profile", "email"],
        offline: Offline::Scope("offline_access"),
        subject: "/sub",
        groups: &[],
        userinfo: false,
        places: None,
    },
    // https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html
    Preset {
        name: "cognito",
        issuer: IssuerShape::Shape("https://cognito-idp.{region}.amazonaws.com/{pool}", &[]),
        scopes: &["openid", "profile", "email"],
        offline: Offline::Nothing,
        subject: "/sub",
        groups: &[PresetGroups::At("/cognito:groups")],
        userinfo: false,
        places: None,
    },
    // https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference: `groups` are object IDs, and are
    // named in `_claim_names` beyond 200, which is refused; `roles` are those of the application. `common` and its like
    // stand for every tenant there is (https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc).
    Preset {
        name: "entra",
        issuer: IssuerShape::Shape(
            "https://login.microsoftonline.com/{tenant}/v2.0",
            &["common", "consumers", "organizations"],
        ),
        scopes: &["openid", "profile", "email"],
        offline: Offline::Scope("offline_access"),
        subject: "/sub",
        groups: &[PresetGroups::At("/groups"), PresetGroups::At("/roles")],
        userinfo: false,
        places: None,
    },
    // https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps and
    // https://docs.github.com/rest/teams/teams#list-teams-for-the-authenticated-user: a login can be given up and taken
    // by somebody else, `id` cannot; a team is its organization's.
    Preset {
        name: "github",
        issuer: IssuerShape::None,
        scopes: &["read:user", "read:org"],
        offline: Offline::Nothing,
        subject: "/user/id",
        groups: &[
            PresetGroups::Each("/orgs", &["/login"]),
            PresetGroups::Each("/teams", &["/organization/login", "/slug"]),
        ],
        userinfo: false,
        places: Some(&Places {
            authorization: "https://github.com/login/oauth/authorize",
            token: "https://github.com/login/oauth/access_token",
            userinfo: &[
                ("orgs", "https://api.github.com/user/orgs?per_page=100"),
                ("teams", "https://api.github.com/user/teams?per_page=100"),
                ("user", "https://api.github.com/user"),
            ],
        }),
    },
    // https://docs.gitlab.com/integration/openid_connect_provider/#shared-information: `groups` is in the userinfo
    // answer, `groups_direct` in the ID token.
    Preset {
        name: "gitlab",
        issuer: IssuerShape::Shape("https://{domain}", &[]),
        scopes: &["openid", "profile", "email"],
        offline: Offline::Nothing,
        subject: "/sub",
        groups: &[PresetGroups::At("/groups")],
        userinfo: true,
        places: None,
    },
    // https://developers.google.com/identity/openid-connect/openid-connect: no groups; `hd` is the domain of a
    // Workspace account. A refresh token comes with the first consent only, hence `prompt`.
    Preset {
        name: "google",
        issuer: IssuerShape::Fixed("https://accounts.google.com"),
        scopes: &["openid", "profile", "email"],
        offline: Offline::Parameters(&[("access_type", "offline"), ("prompt", "consent")]),
        subject: "/sub",
        groups: &[],
        userinfo: false,
        places: None,
    },
    // https://www.keycloak.org/docs/latest/server_admin/#_protocol-mappers: roles stand in the ID token once the mappers
    // `realm roles` and `client roles` say so (`Add to ID token`), groups once there is a mapper for them.
    Preset {
        name: "keycloak",
        issuer: IssuerShape::Shape("https://{domain}/realms/{realm}", &[]),
        scopes: &["openid", "profile", "email"],
        offline: Offline::Nothing,
        subject: "/sub",
        groups: &[
            PresetGroups::At("/groups"),
            PresetGroups::At("/realm_access/roles"),
            PresetGroups::OfClient("/resource_access/", "/roles"),
        ],
        userinfo: false,
        places: None,
    },
    // https://developer.okta.com/docs/guides/customize-tokens-groups-claim/main/: `groups` is a claim that the
    // authorization server is told to add. The organization's own server is `https://{domain}`, and has no path.
    Preset {
        name: "okta",
        issuer: IssuerShape::Shape("https://{domain}/oauth2/{server}", &[]),
        scopes: &["openid", "profile", "email", "groups"],
        offline: Offline::Scope("offline_access"),
        subject: "/sub",
        groups: &[PresetGroups::At("/groups")],
        userinfo: false,
        places: None,
    },
];

impl Preset {
    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        const { &PRESETS }.iter().find(|preset| preset.name == name)
    }

    /// What the provider speaks, at this issuer if it has one; `None` if the issuer is not of its shape, or is missing.
    #[must_use]
    pub fn protocol(&self, issuer: Option<&str>) -> Option<Protocol> {
        if let Some(places) = self.places {
            let userinfo: BTreeMap<_, _> = places
                .userinfo
                .iter()
                .map(|(name, url)| ((*name).to_owned(), (*url).to_owned()))
                .collect();
            let (authorization, token) = (places.authorization.into(), places.token.into());
            return Some(Protocol::OAuth(OAuth { issuer: None, authorization, token, userinfo }));
        }
        let issuer = match (self.issuer, issuer) {
            (IssuerShape::Fixed(fixed), None) => fixed,
            (shape, Some(issuer)) if shape.is_of(issuer) => issuer,
            _ => return None,
        };
        let openid = Openid::new(issuer, ALGORITHMS.to_vec());
        Some(Protocol::Openid(Openid { userinfo: self.userinfo, ..openid }))
    }

    /// Where groups stand for the client that the provider calls `client_id`.
    ///
    /// # Errors
    /// Never: the places above are pointers.
    pub fn groups(&self, client_id: &str) -> Result<Vec<GroupSource>, PointerError> {
        self.groups.iter().map(|groups| groups.source(client_id)).collect()
    }
}

impl IssuerShape {
    /// Whether `issuer` is of this shape.
    #[must_use]
    pub fn is_of(self, issuer: &str) -> bool {
        match self {
            Self::Fixed(fixed) => issuer == fixed,
            Self::None => false,
            Self::Shape(shape, refused) => is_of(shape, refused, issuer),
        }
    }
}

impl PresetGroups {
    fn source(&self, client_id: &str) -> Result<GroupSource, PointerError> {
        match self {
            Self::At(place) => Ok(GroupSource::at(JsonPointer::parse(place)?)),
            Self::OfClient(before, behind) => {
                let member = client_id.replace('~', "~0").replace('/', "~1");
                let place = JsonPointer::parse(&format!("{before}{member}{behind}"))?;
                Ok(GroupSource { prefix: format!("{client_id}/").into(), ..GroupSource::at(place) })
            }
            Self::Each(list, name) => {
                let list = JsonPointer::parse(list)?;
                let name = name.iter().map(|part| JsonPointer::parse(part));
                let place = GroupPlace::Each { list, name: name.collect::<Result<_, _>>()? };
                // The provider has the list, or is another one.
                Ok(GroupSource { place, prefix: "".into(), required: true })
            }
        }
    }
}

/// `{…}` takes what goes up to the character behind it, of which there is at least one and no `/`.
fn is_of(shape: &str, refused: &[&str], issuer: &str) -> bool {
    let Some((before, rest)) = shape.split_once('{') else { return issuer == shape };
    let Some((_, behind)) = rest.split_once('}') else { return false };
    let Some(tail) = issuer.strip_prefix(before) else { return false };
    let end = match behind.chars().next() {
        Some(next) => tail.find([next, '/']),
        None => Some(tail.find('/').unwrap_or(tail.len())),
    };
    let Some((taken, left)) = end.and_then(|end| tail.split_at_checked(end)) else { return false };
    !taken.is_empty() && !refused.contains(&taken) && is_of(behind, refused, left)
}

#[cfg(test)]
#[path = "presets_tests.rs"]
mod tests;
