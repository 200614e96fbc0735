use std::collections::HashMap;
use std::fmt::Write as _;

use tokens::{Absence, ClaimSpec};

use super::{Kind, Kinds};
use crate::policy::{kind_name, quoted};

/// The schema of what is declared, in Cedar's own syntax.
pub(crate) fn schema_text(kinds: &Kinds) -> String {
    let mut text = String::from("// Generated from `authzen` in the configuration.\n");
    for (namespace, family) in [("Subject", &kinds.subjects), ("Resource", &kinds.resources)] {
        let _ = writeln!(text, "namespace {namespace} {{");
        for (_, kind) in sorted(family) {
            let name = kind.cedar_name();
            let (_, name) = name.rsplit_once("::").unwrap_or(("", &name));
            let properties = record(&kind.properties);
            let _ = writeln!(
                text,
                "  entity {name} = {{ id: __cedar::String, properties: {properties} }};"
            );
        }
        text.push_str("}\n");
    }
    let names = |family: &HashMap<String, Kind>| {
        let names: Vec<_> = sorted(family).into_iter().map(|(_, kind)| kind.cedar_name()).collect();
        names.join(", ")
    };
    let (principals, resources) = (names(&kinds.subjects), names(&kinds.resources));
    let environment = record(&kinds.context);
    for (name, kind) in sorted(&kinds.actions) {
        let _ = write!(
            text,
            "action {} appliesTo {{\n  principal: [{principals}],\n  resource: [{resources}],\n  context: {{\n    \
             // The properties of the action.\n    action: {},\n    \
             // What the one who asks says of the circumstances.\n    environment: {environment},\n    \
             // Who asks, as its issuer knows it.\n    caller: {{ issuer: __cedar::String, subject: __cedar::String }},\n    \
             time: __cedar::datetime,\n  }},\n}};\n",
            quoted(name),
            record(&kind.properties),
        );
    }
    text
}

/// A record of properties. One that may be absent has to be asked for with `has`.
fn record(properties: &[ClaimSpec]) -> String {
    let mut members: Vec<_> = properties
        .iter()
        .map(|property| {
            let optional = if property.absent == Absence::Ignore { "?" } else { "" };
            let kind = kind_name(property.kind).replace("String", "__cedar::String");
            let kind = match kind.as_str() {
                "Bool" | "Long" => format!("__cedar::{kind}"),
                _ => kind,
            };
            format!("{}{optional}: {kind}", quoted(&property.name))
        })
        .collect();
    members.sort_unstable();
    if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join(", ")) }
}

fn sorted(family: &HashMap<String, Kind>) -> Vec<(&String, &Kind)> {
    let mut kinds: Vec<_> = family.iter().collect();
    kinds.sort_unstable_by_key(|(name, _)| *name);
    kinds
}
