//! What well-known providers with SAML need, as data: a preset fills in what a configuration leaves out, and nothing else.

use tokens::JsonPointer;

const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

/// Where Entra ID has the groups of a subject, and what it has instead where they are too many: a link to them.
const ENTRA_GROUPS: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups";
/// <https://learn.microsoft.com/entra/identity-platform/reference-saml-tokens>: the claim for more than 150 groups.
pub(super) const ENTRA_LINK: &str = "http://schemas.microsoft.com/claims/groups.link";

/// What a provider of a known kind fixes.
#[derive(Debug)]
pub struct SamlPreset {
    /// What configurations call it.
    pub name: &'static str,
    /// The attribute that names the subject for good; none for the NameID.
    subject: Option<&'static str>,
    /// The attributes with groups.
    groups: &'static [&'static str],
    /// The format of the NameID that is asked for.
    pub name_format: Option<&'static str>,
    /// Whether it is asked to encrypt.
    pub encrypted: bool,
}

/// Every preset, by name.
pub const SAML_PRESETS: [SamlPreset; 7] = [
    // AD FS sends what its claim rules issue; these are the types that its own templates use (MS-ADFSOD §2). The NameID has
    // to be issued by a rule too.
    SamlPreset {
        name: "adfs",
        subject: None,
        groups: &["http://schemas.xmlsoap.org/claims/Group"],
        name_format: None,
        encrypted: false,
    },
    // The NameID is the user principal name unless the application says otherwise, and that can be given to another person.
    SamlPreset {
        name: "entra",
        subject: Some("http://schemas.microsoft.com/identity/claims/objectidentifier"),
        groups: &[ENTRA_GROUPS],
        name_format: None,
        encrypted: false,
    },
    // https://support.google.com/a/answer/6087519: the NameID is the primary e-mail address by default; groups go into the
    // attribute that the administrator names, for which Google's own example is this.
    SamlPreset {
        name: "google",
        subject: None,
        groups: &["groups"],
        name_format: Some(EMAIL),
        encrypted: false,
    },
    // The list of roles that every client has (`role_list`).
    SamlPreset {
        name: "keycloak",
        subject: None,
        groups: &["Role"],
        name_format: Some(PERSISTENT),
        encrypted: false,
    },
    // Attributes are the administrator's; Okta's guides call the one for groups so.
    SamlPreset {
        name: "okta",
        subject: None,
        groups: &["groups"],
        name_format: None,
        encrypted: false,
    },
    // OASIS saml-subject-id-attr-v1.0 §3.3; isMemberOf of eduMember. It answers nobody for whom it cannot encrypt
    // (`encryptionOptional` is false), with AES-GCM since version 4.
    SamlPreset {
        name: "shibboleth",
        subject: Some("urn:oasis:names:tc:SAML:attribute:subject-id"),
        groups: &["urn:oid:1.3.6.1.4.1.5923.1.5.1.1"],
        name_format: None,
        encrypted: true,
    },
    SamlPreset {
        name: "simplesamlphp",
        subject: None,
        groups: &["groups"],
        name_format: Some(PERSISTENT),
        encrypted: false,
    },
];

impl SamlPreset {
    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SAML_PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Where the subject stands.
    #[must_use]
    pub fn subject(&self) -> Option<JsonPointer> {
        match self.subject {
            None => JsonPointer::parse("/name_id").ok(),
            Some(name) => JsonPointer::parse(&format!("{}/0", attribute(name))).ok(),
        }
    }

    /// Where groups stand.
    #[must_use]
    pub fn groups(&self) -> Vec<JsonPointer> {
        self.groups.iter().filter_map(|name| JsonPointer::parse(&attribute(name)).ok()).collect()
    }
}

/// The pointer to the groups of Entra ID.
pub(super) fn entra_groups() -> String {
    attribute(ENTRA_GROUPS)
}

/// The pointer to an attribute (RFC 6901 §3).
fn attribute(name: &str) -> String {
    format!("/attributes/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name_and_says_where_the_subject_stands() {
        for preset in &SAML_PRESETS {
            assert_eq!(SamlPreset::named(preset.name).unwrap().name, preset.name);
            assert_eq!(preset.groups().len(), preset.groups.len(), "{}", preset.name);
            assert!(preset.subject().is_some(), "{}", preset.name);
        }
        let entra = SamlPreset::named("entra").unwrap();
        assert_eq!(
            entra.subject().unwrap().as_str(),
            "/attributes/http:~1~1schemas.microsoft.com~1identity~1claims~1objectidentifier/0"
        );
        assert_eq!(entra.groups()[0].as_str(), entra_groups());
        assert!(SamlPreset::named("other").is_none());
    }
}
