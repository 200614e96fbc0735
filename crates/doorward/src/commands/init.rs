//! `doorward init`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use tokens::Algorithm;

use super::discovery::{self, Found};
use super::fail;
use super::printed;
use crate::config::{Loaded, Nowhere};

/// Write a first configuration, from what an issuer says about itself.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  doorward init --issuer https://idp.example.com --upstream http://127.0.0.1:9001 > doorward.yaml"
)]
pub(super) struct Init {
    /// The issuer's URL: the exact `iss` of its tokens.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The service to protect, such as `http://127.0.0.1:9001`.
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// The audience that opens the service: what its tokens have in `aud`.
    #[arg(long, value_name = "NAME", default_value = "my-service")]
    audience: String,
    /// The host that callers name.
    #[arg(long, value_name = "HOST", default_value = "*")]
    host: String,
    /// Write to this file, which must not exist, instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Init {
    pub(super) fn run(self) -> ExitCode {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let text = match runtime {
            Ok(runtime) => runtime.block_on(self.configuration()),
            Err(error) => return fail(&error),
        };
        match text {
            Ok(text) => self.hand_over(&text),
            Err(error) => fail(&error),
        }
    }

    async fn configuration(&self) -> Result<String, String> {
        let found = match discovery::client(None) {
            Ok(egress) => discovery::discover(&egress, &self.issuer, false).await,
            Err(error) => Err(error.into()),
        };
        let found = found.map_err(|error| {
            format!("there is no word from the issuer about itself: {error}\n  its URL must be exactly as its tokens have it in `iss`, and this machine must be able to reach it")
        })?;
        if found.metadata.issuer != self.issuer {
            let named = &found.metadata.issuer;
            return Err(format!(
                "`{}` says that the issuer is called `{named}`, not `{}`\n  try again with `--issuer {named}`",
                found.url, self.issuer
            ));
        }
        let text = self.text(&found)?;
        match Loaded::parse("doorward.yaml", &text, Path::new("."), &Nowhere) {
            Ok(_) => Ok(text),
            Err(report) => Err(format!(
                "these options make no good configuration:\n{}",
                report.render(std::io::stderr().is_terminal())
            )),
        }
    }

    fn text(&self, found: &Found) -> Result<String, String> {
        let published = &found.metadata.id_token_signing_alg_values_supported;
        let known: Vec<Algorithm> = published.iter().filter_map(|name| name.parse().ok()).collect();
        let (algorithms, why) = match (known.is_empty(), published.is_empty()) {
            (false, _) => {
                let names: Vec<_> = known.iter().map(|algorithm| algorithm.name()).collect();
                (names.join(", "), "as the issuer publishes them; keep only those that it uses")
            }
            (true, true) => ("ES256, RS256".to_owned(), "the issuer publishes none: the usual two"),
            (true, false) => {
                let published = published.join("`, `");
                return Err(format!(
                    "the issuer signs with `{published}` only, and none of these is accepted here\n  let it sign with ES256 or RS256"
                ));
            }
        };
        let fill = |text: &str| {
            text.replace("{issuer}", &quoted(&self.issuer))
                .replace("{algorithms}", &algorithms)
                .replace("{why}", why)
                .replace("{audience}", &quoted(&self.audience))
                .replace("{upstream}", &quoted(&self.upstream))
                .replace("{host}", &quoted(&self.host))
        };
        Ok(fill(TEMPLATE))
    }

    fn hand_over(&self, text: &str) -> ExitCode {
        let Some(path) = &self.output else {
            printed(format_args!("{text}"));
            return ExitCode::SUCCESS;
        };
        let written = std::fs::File::create_new(path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        match written {
            Ok(()) => {
                let shown = path.display();
                printed(format_args!(
                    "wrote {shown}; next: doorward check {shown} && doorward run {shown}\n"
                ));
                ExitCode::SUCCESS
            }
            Err(error) => fail(&format!("`{}` cannot be written: {error}", path.display())),
        }
    }
}

/// A text of any content in YAML; JSON's quotes are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const TEMPLATE: &str = r#"# yaml-language-server: $schema=doorward.schema.json
# (for editors; `doorward schema > doorward.schema.json` writes it)
#
# What is not allowed here is denied: a request needs a route, and a rule of it that allows.
#   doorward check FILE      every problem, with its line
#   doorward doctor          the issuer, its keys, the clock, a token
#   doorward run FILE        serve; a change of this file takes effect by itself

listen:
  http: 127.0.0.1:8080

# Whose tokens are believed: nobody else's.
issuers:
  main:
    issuer: {issuer}
    algorithms: [{algorithms}]   # {why}
    # groups: /groups            # where in its tokens the groups stand; Keycloak: /realm_access/roles

# The caller, signed, for services to check (docs/identity.md). Uncomment it with `identity` below.
# identity:
#   issuer: https://doorward.example.com
#   keys: { directory: keys }

# What stands behind the door. A token opens it only with this audience in `aud`.
services:
  app:
    audience: {audience}
    endpoints: [{upstream}]
    # identity: { token: Doorward-Identity, headers: { X-Forwarded-User: subject } }

routes:
  # Open to anyone, without a token. Uncomment it where a load balancer asks.
  # - name: health
  #   match: { host: {host}, path: /health, methods: [GET, HEAD] }
  #   service: app
  #   allow: [{ anyone: true }]

  # Everyone who is known. Narrow it: `allow: [{ groups: [support] }]`, `allow: [{ scopes: [read] }]`.
  - name: app
    match: { host: {host}, path: "/**", methods: ["*"] }
    service: app
    accept: [main]
    allow: [{ authenticated: true }]
"#;
